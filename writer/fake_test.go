package writer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// fake is a database in memory. Like the real one it copies what it is given, has
// transactions, and holds its user to the protocol; unlike it, it fails where a
// test wants it to, and waits in Commit until it is let go.
type fake struct {
	t testing.TB

	mu      sync.Mutex
	was, is contents // committed, and as the open transaction sees it
	open    bool     // in a transaction
	broken  bool     // only Rollback is left
	ended   bool     // SQL ended the transaction
	inSQL   bool     // between BeginSQL and EndSQL
	marks   []contents
	closed  bool
	frames  int
	steps   []string // what was done, in order
	commits int
	brief   int // transactions that were begun for nobody's call
	calls   int // of methods that may fail

	// fail, if not nil, is asked before every method that may fail; k counts them.
	fail func(method string, k int) error
	// gate, if not nil, is what the next Commit waits for after it told entered.
	gate    chan struct{}
	entered chan struct{}
	// reader is in the way of checkpoints.
	reader bool
	// swept, if not nil, is what Sweep answers instead of sweeping, and retained what
	// Retain answers, which has nothing to do by itself.
	swept    *store.Swept
	retained *store.Retained
	// telling says that a past is being told.
	telling bool
	// sqlTime is the time by which SQL writes history, as the machine's is for triggers.
	sqlTime int64
}

type place struct{ table, key string }

// line is one entry of a key's history as the file holds it.
type line struct {
	place
	actor string
	entry kv.Entry
}

type contents struct {
	rows     map[place]kv.Row // living and, with Exists false, the chains of the deleted
	lines    []line
	answers  map[string]store.Answer
	keep     map[string]store.Keep
	sequence int64
	clock    int64
	log      logFile
}

func (c contents) clone() contents {
	rows := make(map[place]kv.Row, len(c.rows))
	for at, row := range c.rows {
		rows[at] = row
	}
	return contents{rows, slices.Clone(c.lines), maps.Clone(c.answers), maps.Clone(c.keep), c.sequence, c.clock, c.log.clone()}
}

func newFake(t testing.TB) *fake {
	return &fake{t: t, was: contents{rows: map[place]kv.Row{}, answers: map[string]store.Answer{}, keep: map[string]store.Keep{}}, entered: make(chan struct{}, 1000)}
}

// enter begins a method that may fail.
func (f *fake) enter(method string, inTransaction bool) error {
	f.steps = append(f.steps, method)
	if f.closed {
		f.t.Errorf("%s after Close", method)
	}
	if f.open != inTransaction || f.broken {
		f.t.Errorf("%s: in a transaction: %v, broken: %v; after %v", method, f.open, f.broken, f.steps)
	}
	if f.telling && slices.Contains([]string{"Commit", "Past", "BeginSQL", "Retain", "Sweep"}, method) {
		f.t.Errorf("%s while a past is told; after %v", method, f.steps)
	}
	k := f.calls
	f.calls++
	if f.fail == nil {
		return nil
	}
	err := f.fail(method, k)
	if err != nil && inTransaction {
		f.broken = true
	}
	return err
}

func (f *fake) Begin() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Begin", false); err != nil {
		return 0, err
	}
	f.open, f.is = true, f.was.clone()
	return f.is.sequence, nil
}

func (f *fake) BeginBriefly() (int64, error) {
	f.mu.Lock()
	f.brief++
	f.mu.Unlock()
	return f.Begin()
}

func (f *fake) Load(table, key string, withValue bool, row *kv.Row) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if table == "people" {
		return refusal.New(refusal.InvalidParameters, "no key-value table")
	}
	if err := f.enter("Load", true); err != nil {
		return err
	}
	*row = f.is.row(place{table, key})
	switch {
	case row.Exists && !withValue:
		row.Value = kv.Value{Kind: kv.Stored}
	default:
		row.Value.Bytes = bytes.Clone(row.Value.Bytes)
	}
	return nil
}

func (f *fake) Save(table, key string, was, now *kv.Row) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Save", true); err != nil {
		return err
	}
	at := place{strings.Clone(table), strings.Clone(key)}
	if old := f.is.rows[at]; old.Exists != was.Exists || old.Version != was.Version || old.Head != was.Head {
		f.t.Errorf("Save(%s): the row was %+v, said to be %+v", key, old, *was)
	}
	row := *now
	if row.Exists && row.Value.Kind == kv.Stored {
		if !was.Exists {
			f.t.Errorf("Save(%s) without a value", key)
		}
		row.Value = f.is.rows[at].Value
	}
	row.Value.Bytes, row.ContentType = bytes.Clone(row.Value.Bytes), strings.Clone(row.ContentType)
	if !row.Exists {
		row = kv.Row{Version: row.Version, OpNumber: row.OpNumber, Head: row.Head, UpdatedAt: row.UpdatedAt}
	}
	f.is.rows[at] = row
	if !row.Exists && row.Head == 0 {
		delete(f.is.rows, at)
	}
	return nil
}

func (f *fake) Record(table, key, actor string, entry *kv.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Record", true); err != nil {
		return err
	}
	e := *entry
	e.Value.Bytes, e.ContentType = bytes.Clone(e.Value.Bytes), strings.Clone(e.ContentType)
	if !f.is.record(place{strings.Clone(table), strings.Clone(key)}, strings.Clone(actor), e) {
		f.t.Errorf("entry %d of %s closes a gap that nobody opened", e.ID, key)
	}
	return nil
}

func (f *fake) Reserve(sequence, clock int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Reserve", true); err != nil {
		return err
	}
	if sequence < f.is.sequence {
		f.t.Errorf("the sequence goes back from %d to %d", f.is.sequence, sequence)
	}
	f.is.sequence, f.is.clock = sequence, max(f.is.clock, clock)
	return nil
}

func (f *fake) Clock() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.is.clock
}

func (f *fake) Sequence() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.is.sequence, f.enter("Sequence", true)
}

func (f *fake) Recall(key string, into *store.Answer) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Recall", true); err != nil {
		return false, err
	}
	answer, found := f.is.answers[key]
	*into = answer
	return found, nil
}

func (f *fake) Remember(key string, answer *store.Answer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Remember", true); err != nil {
		return err
	}
	kept := *answer
	kept.Request, kept.Body = bytes.Clone(answer.Request), bytes.Clone(answer.Body)
	f.is.answers[strings.Clone(key)] = kept
	return nil
}

func (f *fake) TransactionEnded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

func (f *fake) Sweep(now, answeredBefore int64, rowsMax int) (swept store.Swept, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Sweep", true); err != nil {
		return swept, err
	}
	if f.swept != nil {
		return *f.swept, nil
	}
	for key, answer := range f.is.answers {
		switch {
		case answer.At >= answeredBefore:
			if next := answer.At + now - answeredBefore + 1; swept.Next == 0 || next < swept.Next {
				swept.Next = next
			}
		case swept.Answers == rowsMax:
			swept.More = true
		default:
			swept.Answers++
			delete(f.is.answers, key)
		}
	}
	for at, row := range f.is.rows {
		switch {
		case !row.Exists || row.ExpireAt == 0:
		case row.Live(now):
			if swept.Next == 0 || row.ExpireAt < swept.Next {
				swept.Next = row.ExpireAt
			}
		case swept.Rows == rowsMax:
			swept.More = true
		default:
			swept.Rows++
			row = f.is.row(at)
			for _, e := range row.ExpireNow(nil) {
				f.is.record(at, "", e)
			}
			if f.is.rows[at] = row; row.Head == 0 {
				delete(f.is.rows, at)
			}
		}
	}
	return swept, nil
}

func (f *fake) Commit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Commit", true); err != nil {
		return err
	}
	if gate := f.gate; gate != nil {
		f.gate = nil
		f.mu.Unlock()
		f.entered <- struct{}{}
		<-gate
		f.mu.Lock()
	}
	if len(f.marks) > 0 {
		f.t.Errorf("Commit with %d marks; after %v", len(f.marks), f.steps)
	}
	f.was, f.is, f.open = f.is, contents{}, false
	f.commits++
	f.frames++
	return nil
}

func (f *fake) Rollback() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, "Rollback")
	if !f.open || f.telling {
		f.t.Errorf("Rollback: in a transaction: %v, while a past is told: %v", f.open, f.telling)
	}
	f.is, f.open, f.broken, f.ended, f.inSQL, f.marks = contents{}, false, false, false, false, nil
	if f.fail != nil {
		return f.fail("Rollback", -1)
	}
	return nil
}

func (f *fake) Frames() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frames
}

func (f *fake) LogBytes() int64 { return 0 }

func (f *fake) Checkpoint(mode store.CheckpointMode) (whole bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(map[store.CheckpointMode]string{store.Passive: "Passive", store.Truncate: "Truncate"}[mode], false); err != nil {
		return false, err
	}
	if f.reader {
		return false, nil
	}
	f.frames = 0
	return true, nil
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps = append(f.steps, "Close")
	if f.open || f.closed {
		f.t.Errorf("Close in a transaction: %v, twice: %v", f.open, f.closed)
	}
	f.closed = true
	return nil
}

// hold makes the next Commit wait until the gate is closed by the test. It tells
// entered when it waits.
func (f *fake) hold() (gate chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = make(chan struct{})
	return f.gate
}

var _ Disk = (*fake)(nil)

var errDisk = errors.New("the disk failed")

// value is what a key holds for good.
func (f *fake) value(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	row := f.was.rows[place{"t", key}]
	return string(row.Value.Append(nil))
}

// committed is what there is for good.
func (f *fake) committed() contents {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.was.clone()
}

// count is how often a method was called.
func (f *fake) count(method string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, step := range f.steps {
		if step == method {
			n++
		}
	}
	return n
}

func show(row *kv.Row) string {
	return fmt.Sprintf("%v %q of %q until %d", row.Exists, row.Value.Append(nil), row.ContentType, row.ExpireAt)
}
