package writer

import (
	"runtime"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/store"
)

// Config is what a writer is made with.
type Config struct {
	Limits Limits
	// Keep is how much of the past is kept where a table does not say.
	Keep past.Keep
	// Now answers the time in Unix ms.
	Now func() int64
	// Unblock is called when the write-ahead log can't be emptied because of long
	// readers: it should interrupt them. It may be nil.
	Unblock func()
	// Log is what waits to be written to the query history; nil for none.
	Log     *querylog.Ring
	Metrics *Metrics
}

// Writer commits what many callers want written to one database, in groups. It
// owns its disk and runs one goroutine.
type Writer struct {
	config  Config
	limits  Limits
	disk    Disk
	inbox   *inbox
	metrics *Metrics
	stopped chan struct{}

	// All below belongs to the writer's goroutine.
	overlay  overlay
	outcome  kv.Outcome   // of the operation at hand
	failed   kv.Failed    // conditions of the call at hand
	recalled store.Answer // to the call at hand
	sequence int64
	clock    int64 // the time of the latest entry
	now      int64
	upkeep   upkeep
	log      logUpkeep

	// item is the item at hand of a transaction with SQL, and guilty the one whose row
	// was last refused by the file.
	item, guilty int
	// behind says that the file may have come further than sequence and clock tell.
	behind bool
	answer []byte // to the item at hand
}

// New starts a writer on disk, which is the writer's from now on.
func New(disk Disk, config Config) *Writer {
	w := &Writer{
		config:  config,
		limits:  config.Limits,
		disk:    disk,
		inbox:   newInbox(config.Limits.InboxCallsMax, config.Limits.InboxBytesMax),
		metrics: config.Metrics,
		stopped: make(chan struct{}),
	}
	w.upkeep.checkpointAt = w.limits.CheckpointFrames
	w.upkeep.recount = true
	w.log.at = never
	w.outcome.Scratch = &w.overlay.scratch
	go w.run()
	return w
}

// Do has the call committed and returns when it is durable, or was refused: then
// nothing of it was kept. The caller may not give up before: what it lent is in use.
func (w *Writer) Do(c *Call) error {
	c.bytes = c.weigh()
	if err := w.inbox.push(c); err != nil {
		return err
	}
	<-c.done
	return c.err
}

// Close refuses new calls, commits those that wait, empties the log into the file
// and closes the disk.
func (w *Writer) Close() error {
	w.inbox.close()
	<-w.stopped
	return w.disk.Close()
}

// run is the life of the writer's goroutine.
func (w *Writer) run() {
	defer close(w.stopped)
	var calls []*Call
	for {
		w.yield()
		var closed bool
		calls, closed = w.inbox.take(calls[:0])
		for rest := calls; len(rest) > 0; {
			rest = rest[w.commitNext(rest):]
			w.maintain()
		}
		clear(calls) // acknowledged calls are their callers'
		if len(calls) > 0 {
			continue // more has gathered meanwhile
		}
		if closed {
			w.writeLast()
			w.disk.Checkpoint(store.Truncate)
			return
		}
		w.idle()
	}
}

// yieldsMax bounds how often the writer steps aside before it takes a group.
const yieldsMax = 4

// yield lets those who can run now run first: handlers about to push a call, and
// those just acknowledged, whose clients' next writes then share a commit instead of
// waiting for one each. It waits for nobody, so a lonely caller loses nothing.
func (w *Writer) yield() {
	for range yieldsMax {
		before := w.inbox.len()
		runtime.Gosched()
		if w.inbox.len() == before {
			return
		}
	}
}

// idle waits for calls, and does what is better done while nobody waits.
func (w *Writer) idle() {
	wait, ok := w.idleFor()
	if !ok {
		<-w.inbox.wake
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.inbox.wake:
	case <-timer.C:
		w.maintainIdle()
	}
}
