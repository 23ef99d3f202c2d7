package writer

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

// still is a writer without its goroutine: the test is its goroutine.
func still(f *fake, c *clock, change ...func(*Limits)) *Writer {
	limits := DefaultLimits()
	for _, change := range change {
		change(&limits)
	}
	w := &Writer{
		config: Config{Limits: limits, Now: c.now, Metrics: NewMetrics(metrics.NewSet(), "test")},
		limits: limits,
		disk:   f,
		inbox:  newInbox(limits.InboxCallsMax, limits.InboxBytesMax),
	}
	w.metrics = w.config.Metrics
	w.upkeep.checkpointAt = limits.CheckpointFrames
	w.outcome.Scratch = &w.overlay.scratch
	return w
}

// write commits one call on a writer that stands still.
func write(t testing.TB, w *Writer, ops ...kv.Op) {
	t.Helper()
	c := call(ops...)
	if n := w.commitNext([]*Call{c}); n != 1 || await(c) != nil {
		t.Fatal(n, c.err)
	}
	w.maintain()
}

// expiring puts rows into the file that expire at a time.
func (f *fake) expiring(n int, at int64) {
	for i := range n {
		f.was.rows[place{"t", fmt.Sprint("old", i, at)}] = kv.Row{Exists: true, Value: kv.IntegerValue(1), ExpireAt: at}
	}
}

func (f *fake) living() (n int) {
	for _, row := range f.was.rows {
		if row.Exists {
			n++
		}
	}
	return n
}

func TestExpiredRowsAreSweptInPassingAFewAtATime(t *testing.T) {
	f, c := newFake(t), newClock()
	f.expiring(10, birth)
	w := still(f, c, func(l *Limits) { l.SweepRows = 4 })
	for _, want := range []int{7, 3, 1, 1} {
		write(t, w, set("k", "v"))
		if n := f.living(); n != want {
			t.Fatalf("%d rows, want %d", n, want)
		}
	}
	if f.commits != 4 {
		t.Errorf("sweeping took commits of its own: %d", f.commits)
	}
	if n := f.count("Sweep"); n != 3 {
		t.Errorf("%d sweeps, when 3 found all", n)
	}
}

func TestNothingIsSweptBeforeItExpires(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	write(t, w, set("k", "v"))
	short := set("short", "v")
	short.TTLSeconds = 5
	write(t, w, short)
	sweeps := f.count("Sweep")
	for range 10 {
		c.advance(499)
		write(t, w, set("k", "v"))
	}
	if n := f.count("Sweep"); n != sweeps || f.living() != 2 {
		t.Fatalf("%d sweeps too early", n-sweeps)
	}
	c.advance(10)
	write(t, w, set("k", "v"))
	if f.count("Sweep") != sweeps+1 || f.living() != 1 {
		t.Fatal("not swept in time")
	}
	if wait, _ := w.idleFor(); wait > w.limits.IdleAfter {
		t.Errorf("waits %v", wait)
	}
}

// An expired row that can't be removed, and a sweep that fails, are tried again in
// their time: never at once, and never at a caller's cost.
func TestASweepThatGetsNowhereIsPostponed(t *testing.T) {
	for _, failing := range []bool{false, true} {
		f, c := newFake(t), newClock()
		w := still(f, c)
		f.swept = &store.Swept{More: true, Next: 5}
		if failing {
			f.fail = func(method string, _ int) error {
				if method == "Sweep" {
					return errDisk
				}
				return nil
			}
		}
		for range 10 {
			write(t, w, incr("n"))
			w.maintainIdle()
		}
		if n := f.count("Sweep"); n != 1 {
			t.Errorf("failing %v: %d sweeps in one moment", failing, n)
		}
		if wait, ok := w.idleFor(); !ok || wait <= 0 {
			t.Errorf("failing %v: waits %v", failing, wait)
		}
		c.advance(w.limits.IdleAfter.Milliseconds())
		w.maintainIdle()
		if n := f.count("Sweep"); n != 2 {
			t.Errorf("failing %v: %d sweeps when it was time again", failing, n)
		}
		if f.value("n") != "10" {
			t.Errorf("failing %v: n = %s", failing, f.value("n"))
		}
	}
}

func TestARowThatLivesForAgesDoesNotKeepTheWriterBusy(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c)
	ages := set("ages", "v")
	ages.TTLSeconds = 100_000_000_000
	write(t, w, ages)
	w.upkeep.emptied = true
	if wait, ok := w.idleFor(); !ok || wait < time.Minute {
		t.Fatalf("waits %v", wait)
	}
	w.upkeep.sweepAt = never
	if _, ok := w.idleFor(); ok {
		t.Fatal("waits for something, though there is nothing")
	}
	w.upkeep.sweepAt = math.MaxInt64 - 1
	if wait, ok := w.idleFor(); !ok || wait < time.Minute {
		t.Fatalf("waits %v", wait)
	}
}

func TestAnIdleWriterSweepsAndEmptiesTheLogOnce(t *testing.T) {
	f, c := newFake(t), newClock()
	f.expiring(5, birth+20)
	w := start(t, f, c, idleSoon, func(l *Limits) { l.SweepRows = 2 })
	living := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.living()
	}
	if n := living(); n != 5 {
		t.Fatalf("%d rows before their time", n)
	}
	c.advance(20)
	eventually(t, "swept", func() bool { return living() == 0 })
	if err := w.Do(call(incr("n"))); err != nil {
		t.Fatal(err)
	}
	truncated := f.count("Truncate")
	c.advance(5)
	eventually(t, "the log is emptied", func() bool { return f.count("Truncate") == truncated+1 && f.Frames() == 0 })
	c.advance(5000)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := f.count("Truncate"); n > truncated+2 {
		t.Errorf("an empty log was emptied %d times", n-truncated)
	}
}

func TestTheLogIsCopiedAtItsThresholdAndNotBefore(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c, func(l *Limits) { l.CheckpointFrames = 3 })
	for i := 1; i <= 9; i++ {
		write(t, w, incr("n"))
		if n := f.count("Passive"); n != i/3 {
			t.Fatalf("%d checkpoints after %d commits", n, i)
		}
	}
}

func TestAReaderInTheWayMakesTheWriterBackOffAndAtTheBoundIsInterrupted(t *testing.T) {
	f, c := newFake(t), newClock()
	f.reader = true
	w := still(f, c, func(l *Limits) { l.CheckpointFrames, l.LogFramesMax = 32, 128 })
	var unblocked []int
	w.config.Unblock = func() { unblocked = append(unblocked, f.Frames()) }
	at := func(commits int) int {
		for f.commits < commits {
			write(t, w, incr("n"))
		}
		return f.count("Passive")
	}
	for _, step := range []struct{ commits, checkpoints int }{{31, 0}, {32, 1}, {63, 1}, {64, 2}, {96, 3}, {127, 3}, {128, 4}} {
		if got := at(step.commits); got != step.checkpoints {
			t.Fatalf("%d checkpoints after %d commits, want %d", got, step.commits, step.checkpoints)
		}
	}
	if fmt.Sprint(unblocked) != "[128]" {
		t.Fatalf("readers were interrupted at %v frames", unblocked)
	}
	at(130)
	if fmt.Sprint(unblocked) != "[128 130]" {
		t.Fatalf("readers were interrupted at %v frames", unblocked)
	}
	f.reader = false
	at(133)
	if f.Frames() != 1 || w.upkeep.checkpointAt != 32 {
		t.Fatalf("%d frames, next checkpoint at %d", f.Frames(), w.upkeep.checkpointAt)
	}
}

func TestACheckpointThatFailsIsTriedLater(t *testing.T) {
	f, c := newFake(t), newClock()
	w := still(f, c, func(l *Limits) { l.CheckpointFrames = 2 })
	f.fail = func(method string, _ int) error {
		if method == "Passive" {
			return errDisk
		}
		return nil
	}
	for range 8 {
		write(t, w, incr("n"))
	}
	if n := f.count("Passive"); n != 4 {
		t.Errorf("%d checkpoints", n)
	}
}
