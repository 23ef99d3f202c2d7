package writer

import (
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/store"
)

// nowhere is a disk that keeps one counter and costs nothing.
type nowhere struct {
	fake
	row      kv.Row
	sequence int64
}

func (d *nowhere) Begin() (int64, error)        { return d.sequence, nil }
func (d *nowhere) BeginBriefly() (int64, error) { return d.sequence, nil }
func (d *nowhere) Load(_, _ string, _ bool, row *kv.Row) error {
	*row = d.row
	return nil
}
func (d *nowhere) Save(_, _ string, _, now *kv.Row) error {
	d.row = *now
	return nil
}
func (d *nowhere) Record(_, _, _ string, _ *kv.Entry) error     { return nil }
func (d *nowhere) Sweep(int64, int64, int) (store.Swept, error) { return store.Swept{}, nil }
func (d *nowhere) Retain(past.Keep, int64, int) (store.Retained, error) {
	return store.Retained{}, nil
}
func (d *nowhere) Clock() int64                                  { return 0 }
func (d *nowhere) Sequence() (int64, error)                      { return d.sequence, nil }
func (d *nowhere) Commit() error                                 { return nil }
func (d *nowhere) Rollback() error                               { return nil }
func (d *nowhere) Frames() int                                   { return 0 }
func (d *nowhere) Checkpoint(store.CheckpointMode) (bool, error) { return true, nil }
func (d *nowhere) Close() error                                  { return nil }
func (d *nowhere) Reserve(sequence, clock int64) error {
	d.sequence = sequence
	return nil
}

// increment is what a handler does for an increment, but for HTTP.
func increment(w *Writer) error {
	c := NewCall()
	c.Table, c.Actor = "t", "tester"
	op := c.Add(kv.Incr)
	op.Key, op.Delta = "hits", 1
	err := w.Do(c)
	c.Release()
	return err
}

func TestAnIncrementThatNobodyElseWaitsWithCostsAtMostOneAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := still(nil, newClock())
	w = New(&nowhere{}, w.config)
	defer w.Close()
	if got := testing.AllocsPerRun(10_000, func() {
		if err := increment(w); err != nil {
			t.Fatal(err)
		}
	}); got > 1 {
		t.Errorf("%v allocations", got)
	}
}

func TestAnIncrementInAGroupCostsAtMostOneAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := still(nil, newClock())
	w.disk = &nowhere{}
	calls := make([]*Call, 256)
	if got := testing.AllocsPerRun(100, func() {
		for i := range calls {
			c := NewCall()
			c.Table, c.Actor = "t", "tester"
			op := c.Add(kv.Incr)
			op.Key, op.Delta = "hits", 1
			calls[i] = c
		}
		for rest := calls; len(rest) > 0; {
			rest = rest[w.commitNext(rest):]
		}
		for _, c := range calls {
			if err := await(c); err != nil {
				t.Fatal(err)
			}
			c.Release()
		}
	}); got > float64(len(calls)+25) { // a garbage collection may empty the pool in between
		t.Errorf("%v allocations for %d increments", got, len(calls))
	}
}
