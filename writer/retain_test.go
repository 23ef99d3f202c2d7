package writer

import (
	"testing"
	"time"

	"github.com/urlite/urlite/store"
)

// failing has a fake's method fail, or none.
func (f *fake) failing(method string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = func(at string, _ int) error {
		if at == method {
			return errDisk
		}
		return nil
	}
}

// retains has a fake's Retain answer so.
func (f *fake) retains(done store.Retained) { f.retained = &done }

func TestThePastIsLookedThroughOnceWhereAllOfItIsKept(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	for range 50 {
		write(t, w, incr("n"))
		w.maintainIdle()
		c.advance(10_000)
	}
	if n := f.count("Retain"); n != 1 {
		t.Errorf("it was looked through %d times", n)
	}
	if w.upkeep.sweepAt, w.upkeep.emptied = never, true; w.upkeep.retainAt != never {
		t.Errorf("it is looked through again at %d", w.upkeep.retainAt)
	}
	if wait, ok := w.idleFor(); ok {
		t.Errorf("an idle writer waits %v for something", wait)
	}
}

func TestUnderWritesThePastIsLookedThroughOnceASecond(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	f.retains(store.Retained{Limited: true})
	commits := f.commits
	for range 101 {
		write(t, w, incr("n"))
		c.advance(100)
	}
	if n := f.count("Retain"); n != 11 {
		t.Errorf("it was looked through %d times in ten seconds", n)
	}
	if f.commits-commits != 101 {
		t.Errorf("it took %d commits of its own", f.commits-commits-101)
	}
}

func TestAnIdleWriterLooksThroughThePastOnceAMinute(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c, idleSoon)
	f.retains(store.Retained{Limited: true})
	write(t, w, incr("n"))
	for range 600 {
		c.advance(1000)
		w.maintainIdle()
	}
	// With the write, a second after it, and then once a minute.
	if n := f.count("Retain"); n < 11 || n > 12 {
		t.Errorf("it was looked through %d times in ten minutes", n)
	}
	if wait, ok := w.idleFor(); !ok || wait <= time.Second || wait > time.Minute {
		t.Errorf("it waits %v, %v", wait, ok)
	}
}

// Whoever was idle is not late for what is written then.
func TestAfterAnIdleTimeThePastIsSoonLookedThroughUnderWrites(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c, idleSoon)
	f.retains(store.Retained{Limited: true})
	write(t, w, incr("n"))
	for range 30 {
		c.advance(1000)
		w.maintainIdle()
	}
	before := f.count("Retain")
	for range 100 {
		write(t, w, incr("n"))
		c.advance(100)
	}
	if n := f.count("Retain") - before; n < 9 || n > 11 {
		t.Errorf("it was looked through %d times in ten seconds of writes", n)
	}
}

func TestWhereThereIsMoreThePastIsLookedThroughAgainAtOnce(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	f.retains(store.Retained{Limited: true, More: true, Entries: 7})
	for range 10 { // in passing
		write(t, w, incr("n"))
		c.advance(sweepMillisMin)
	}
	for range 10 { // and when nobody waits
		w.maintainIdle()
		if wait, ok := w.idleFor(); !ok || wait != sweepMillisMin*time.Millisecond {
			t.Fatalf("it waits %v, %v", wait, ok)
		}
		c.advance(sweepMillisMin)
	}
	if n := f.count("Retain"); n != 20 || w.metrics.folded.Get() != 140 {
		t.Errorf("it was looked through %d times, %d entries were counted", n, w.metrics.folded.Get())
	}
	f.retains(store.Retained{Limited: true})
	for range 10 {
		write(t, w, incr("n"))
		c.advance(sweepMillisMin)
	}
	if n := f.count("Retain"); n != 21 {
		t.Errorf("without more to do it was looked through %d times", n-20)
	}
}

func TestWhatIsKeptIsHeededAtOnceWhenItIsSettled(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	write(t, w, incr("n"))
	settle := keepEntries(5)
	if n := w.commitNext([]*Call{settle}); n != 1 || await(settle) != nil {
		t.Fatal(n, settle.err)
	}
	w.maintain()
	if n := f.count("Retain"); n != 2 {
		t.Errorf("it was looked through %d times", n)
	}
	// One that was refused, or not committed, changes nothing for good.
	f.failing("Commit")
	f.retains(store.Retained{Limited: true})
	if refused := keepEntries(7); w.commitNext([]*Call{refused}) != 1 || await(refused) == nil {
		t.Error("it was acknowledged")
	}
	f.failing("")
	write(t, w, incr("n"))
	if f.was.keep["t"].Entries != 5 {
		t.Errorf("%d entries are kept", f.was.keep["t"].Entries)
	}
}

// A retention that fails is nobody's wish: nobody is refused for it, and it is tried
// again in its time.
func TestARetentionThatFailsHarmsNobody(t *testing.T) {
	for _, method := range []string{"Retain", "Sweep"} {
		f, c := newFake(t), newClock()
		w := still(f, c)
		f.retains(store.Retained{Limited: true, More: true})
		f.failing(method)
		for i := range 10 {
			if i == 5 {
				settle := keepEntries(5)
				if n := w.commitNext([]*Call{settle}); n != 1 || await(settle) != nil {
					t.Fatal(n, settle.err)
				}
			}
			write(t, w, incr("n"))
			w.maintainIdle()
		}
		if n := f.count("Retain") + f.count("Sweep"); f.value("n") != "10" || n > 6 {
			t.Errorf("%s: n = %s, it was tried %d times in one moment", method, f.value("n"), n)
		}
		if wait, ok := w.idleFor(); !ok || wait <= 0 || wait > w.limits.IdleAfter {
			t.Errorf("%s: it waits %v, %v", method, wait, ok)
		}
		f.failing("")
		before := f.count("Retain")
		c.advance(w.limits.IdleAfter.Milliseconds())
		w.maintainIdle()
		if n := f.count("Retain") - before; n != 1 {
			t.Errorf("%s: %d times when it was time again", method, n)
		}
		f.checkPast()
	}
}

// A retention that works and then can't be committed is undone with its group, and
// others are not refused for it more than once.
func TestARetentionGoesWithItsGroup(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	f.retains(store.Retained{Limited: true, Entries: 3})
	f.failing("Commit")
	for range 3 {
		c.advance(retainMillis)
		if refused := call(incr("n")); w.commitNext([]*Call{refused}) != 1 || await(refused) == nil {
			t.Error("it was acknowledged")
		}
		w.maintain()
	}
	f.failing("")
	c.advance(retainMillis)
	before := f.count("Retain")
	write(t, w, incr("n"))
	if n := f.count("Retain") - before; n != 1 || f.value("n") != "1" {
		t.Errorf("n = %s after %d retentions", f.value("n"), n)
	}
}

// A wish to keep all that was not committed must not end the retention of what is settled.
func TestAKeepThatIsNotCommittedDoesNotEndRetention(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	write(t, w, incr("n"))
	settle := keepEntries(5)
	if n := w.commitNext([]*Call{settle}); n != 1 || await(settle) != nil {
		t.Fatal(n, settle.err)
	}
	w.maintain()
	f.failing("Commit")
	if refused := keepEntries(0); w.commitNext([]*Call{refused}) != 1 || await(refused) == nil {
		t.Fatal("it was acknowledged")
	}
	w.maintain()
	f.failing("")
	before := f.count("Retain")
	for range 10 {
		c.advance(retainMillis)
		write(t, w, incr("n"))
	}
	if n := f.count("Retain") - before; n != 10 {
		t.Errorf("it was looked through %d times in ten seconds", n)
	}
}
