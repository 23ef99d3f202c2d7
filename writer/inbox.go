package writer

import (
	"sync"

	"github.com/urlite/urlite/refusal"
)

var (
	errInboxFull = refusal.New(refusal.Unavailable, "too many writes are waiting")
	// ErrClosed answers a call that came after Close.
	ErrClosed = refusal.New(refusal.Unavailable, "the database is closing")
)

// inbox is where calls wait: a slice that the writer swaps for an empty one.
// There is no timer: what gathers while a group commits is the next group.
type inbox struct {
	callsMax, bytesMax int
	// wake holds a token while calls wait that the writer may not know of.
	wake chan struct{}

	mu     sync.Mutex
	calls  []*Call
	bytes  int
	closed bool
}

func newInbox(callsMax, bytesMax int) *inbox {
	return &inbox{callsMax: callsMax, bytesMax: bytesMax, wake: make(chan struct{}, 1)}
}

// push adds a call, or refuses it. A call larger than all the room there is may
// still come alone.
func (in *inbox) push(c *Call) error {
	in.mu.Lock()
	switch {
	case in.closed:
		in.mu.Unlock()
		return ErrClosed
	case len(in.calls) >= in.callsMax, len(in.calls) > 0 && in.bytes+c.bytes > in.bytesMax:
		in.mu.Unlock()
		return errInboxFull
	}
	in.calls = append(in.calls, c)
	in.bytes += c.bytes
	first := len(in.calls) == 1
	in.mu.Unlock()
	if first {
		in.ring()
	}
	return nil
}

// take swaps the waiting calls for spare, which must be empty.
func (in *inbox) take(spare []*Call) (calls []*Call, closed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	calls, in.calls, in.bytes = in.calls, spare, 0
	return calls, in.closed
}

// close refuses all calls from now on. Those that wait are still worked.
func (in *inbox) close() {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	in.ring()
}

func (in *inbox) ring() {
	select {
	case in.wake <- struct{}{}:
	default: // a token is there already
	}
}

// len is the number of waiting calls.
func (in *inbox) len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.calls)
}
