package writer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

func TestNobodyIsAcknowledgedBeforeCommitReturnedAndAllAreInOrder(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	gate := f.hold()
	var calls []*Call
	for i := range 100 {
		calls = append(calls, submit(t, w, call(set(fmt.Sprint(i), "v"))))
	}
	<-f.entered
	for i, c := range calls {
		if len(c.done) != 0 {
			t.Fatalf("call %d was acknowledged before its commit returned", i)
		}
	}
	close(gate)
	last := calls[len(calls)-1]
	if err := await(last); err != nil {
		t.Fatal(err)
	}
	for i, c := range calls[:len(calls)-1] {
		if len(c.done) != 1 {
			t.Fatalf("call %d was not acknowledged before the last one", i)
		}
		await(c)
		if i > 0 && c.Replies[0].Version <= calls[i-1].Replies[0].Version {
			t.Fatalf("call %d was worked before call %d", i, i-1)
		}
	}
}

func TestAThousandIncrementsThatGatherAreOneSaveAndAThousandLines(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	var calls []*Call
	for range 1000 {
		calls = append(calls, submit(t, w, call(incr("hits"))))
	}
	commits, saves, records := f.count("Commit"), f.count("Save"), f.count("Record")
	release()
	for i, c := range calls {
		if err := await(c); err != nil || c.Replies[0].Value != int64(i+1) {
			t.Fatal(i, err, c.Replies)
		}
	}
	await(first)
	if n := f.count("Commit") - commits; n != 1 {
		t.Errorf("%d commits", n)
	}
	if n := f.count("Save") - saves; n != 1 {
		t.Errorf("%d saves", n)
	}
	if n := f.count("Record") - records; n != 1000 {
		t.Errorf("%d lines of history", n)
	}
	if got := f.value("hits"); got != "1000" {
		t.Errorf("hits = %s", got)
	}
}

func TestACallWhoseLastOperationIsRefusedLeavesNothing(t *testing.T) {
	f := newFake(t)
	w, _, release := blocked(t, f, newClock())
	before := submit(t, w, call(set("a", "1"), set("b", "1"), incr("n")))
	refused := submit(t, w, call(incr("n"), set("a", "2"), del("b"), set("c", "2"), incr("n"), set("a", "3"), del("nobody")))
	after := submit(t, w, call(incr("n"), incr("a")))
	release()
	if err := await(before); err != nil {
		t.Fatal(err)
	}
	if err := await(refused); err != kv.KeyNotFound || len(refused.Replies) != 7 {
		t.Fatal(err, len(refused.Replies))
	}
	if err := await(after); err != nil || after.Replies[0].Value != 2 || after.Replies[1].Value != 2 {
		t.Fatal(err, after.Replies)
	}
	for key, want := range map[string]string{"a": "2", "b": "1", "c": "", "n": "2"} {
		if got := f.value(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if n := f.was.sequence; n != 6 {
		t.Errorf("the sequence is at %d: a refused call took numbers", n)
	}
}

// The rows of a refused call are loaded with what they need; those after it may
// need more of them.
func TestARefusedCallLeavesRowsThatCanStillBeWorked(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	if err := w.Do(call(set("a", "5"), set("b", "x"))); err != nil {
		t.Fatal(err)
	}
	gate := f.hold()
	first := submit(t, w, call(set("first", "1")))
	<-f.entered
	refused := submit(t, w, call(set("a", "9"), incr("b")))
	after := submit(t, w, call(incr("a")))
	last := submit(t, w, call(del("a"), incr("a")))
	close(gate)
	await(first)
	if err := await(refused); refusal.Of(err).Kind != refusal.InvalidParameters {
		t.Fatal(err)
	}
	if err := await(after); err != nil || after.Replies[0].Value != 6 {
		t.Fatal(err, after.Replies)
	}
	if err := await(last); err != nil || last.Replies[1].Value != 1 {
		t.Fatal(err, last.Replies)
	}
}

func TestATableThatIsNoneIsRefusedAndItsNeighboursGoOn(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	stranger := call(set("k", "v"))
	stranger.Table = "people"
	submit(t, w, stranger)
	neighbour := submit(t, w, call(set("k", "v")))
	release()
	await(first)
	if err := await(stranger); refusal.Of(err).Kind != refusal.InvalidParameters {
		t.Fatal(err)
	}
	if err := await(neighbour); err != nil {
		t.Fatal(err)
	}
	if f.count("Rollback") != 0 {
		t.Error("the group was rolled back for it")
	}
}

func TestAfterAFailedCommitEachRunsAloneAndOnlyTheGuiltyFails(t *testing.T) {
	for _, method := range []string{"Commit", "Save", "Record"} {
		f := newFake(t)
		w, first, release := blocked(t, f, newClock())
		failed := false
		f.fail = func(at string, _ int) error {
			if at == method && !failed {
				failed = true
				return errDisk
			}
			if _, guilty := f.is.rows[place{"t", "guilty"}]; guilty && at == "Commit" {
				return errDisk
			}
			return nil
		}
		var calls []*Call
		for _, key := range []string{"a", "b", "guilty", "c"} {
			calls = append(calls, submit(t, w, call(incr(key), incr("n"))))
		}
		release()
		await(first)
		for i, c := range calls {
			err := await(c)
			if guilty := i == 2; guilty != (err != nil) || guilty != errors.Is(err, errDisk) {
				t.Errorf("%s: call %d: %v", method, i, err)
			}
		}
		if got := f.value("a") + f.value("b") + f.value("guilty") + f.value("c") + " " + f.value("n"); got != "111 3" {
			t.Errorf("%s: the file holds %s", method, got)
		}
		if n := w.metrics.retries.Get(); n != 1 {
			t.Errorf("%d retries are counted", n)
		}
		f.fail = nil
	}
}

func TestWhenNoTransactionCanBeginAllAreRefusedAndTheNextAreNot(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	busy := refusal.New(refusal.DatabaseBusy, "busy")
	failed := false
	f.fail = func(method string, _ int) error {
		if method == "Begin" && !failed {
			failed = true
			return busy
		}
		return nil
	}
	var calls []*Call
	for range 10 {
		calls = append(calls, submit(t, w, call(incr("n"))))
	}
	release()
	if err := await(first); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		if err := await(c); err != busy {
			t.Fatal(err)
		}
	}
	if err := w.Do(call(incr("n"))); err != nil || f.value("n") != "1" {
		t.Fatal(err, f.value("n"))
	}
}

func TestAGroupIsCutAtItsCaps(t *testing.T) {
	sizes := func(change func(*Limits), calls ...*Call) (sizes []int) {
		f := newFake(t)
		w, first, release := blocked(t, f, newClock(), change)
		for _, c := range calls {
			submit(t, w, c)
		}
		f.mu.Lock()
		f.steps = nil
		f.mu.Unlock()
		release()
		await(first)
		for _, c := range calls {
			if err := await(c); err != nil {
				t.Fatal(err)
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		n := 0
		for _, step := range f.steps {
			switch step {
			case "Save":
				n++
			case "Commit":
				sizes, n = append(sizes, n), 0
			}
		}
		return sizes
	}
	many := func(n, bytes int) (calls []*Call) {
		for i := range n {
			calls = append(calls, call(set(fmt.Sprintf("%03d", i), strings.Repeat("x", bytes))))
		}
		return calls
	}
	f := func(change func(*Limits), calls []*Call, want ...int) {
		t.Helper()
		if got := sizes(change, calls...); !slices.Equal(got, want) {
			t.Errorf("groups of %v, want %v", got, want)
		}
	}
	f(func(l *Limits) { l.GroupOpsMax = 4 }, many(10, 1), 4, 4, 2)
	f(func(l *Limits) { l.GroupOpsMax = 1 }, many(3, 1), 1, 1, 1)
	f(func(l *Limits) { l.GroupBytesMax = 300 }, many(5, 87), 3, 2) // 100 bytes each
	f(func(l *Limits) { l.GroupBytesMax = 10 }, many(3, 87), 1, 1, 1)
	f(func(l *Limits) { l.HoldMax = 0 }, many(40, 1), 16, 16, 8) // it looks at the clock every 16 calls
	f(func(l *Limits) {}, many(40, 1), 40)

	wide := []*Call{call(set("a", "1"), set("b", "1"), set("c", "1")), call(set("d", "1")), call(set("e", "1"))}
	f(func(l *Limits) { l.GroupOpsMax = 2 }, wide, 3, 2) // one call is never cut
}

func TestAFullInboxRefusesAtOnceAndTheWritersTurnEmptiesIt(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock(), func(l *Limits) { l.InboxCallsMax, l.InboxBytesMax = 10, 1000 })
	refused := func(c *Call) {
		t.Helper()
		if err := w.Do(c); err != errInboxFull || refusal.Of(err).Kind != refusal.Unavailable {
			t.Fatal(err)
		}
	}
	large := submit(t, w, call(set("large", strings.Repeat("x", 5000)))) // alone it may be of any size
	refused(call(set("k", "v")))
	release()
	await(first)
	if err := await(large); err != nil {
		t.Fatal(err)
	}

	gate := f.hold()
	first = submit(t, w, call(set("first", "1")))
	<-f.entered
	var calls []*Call
	for range 10 {
		calls = append(calls, submit(t, w, call(incr("n"))))
	}
	refused(call(incr("n")))
	close(gate)
	await(first)
	for _, c := range calls {
		if err := await(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Do(call(incr("n"))); err != nil || f.value("n") != "11" {
		t.Fatal(err, f.value("n"))
	}
}

func TestACallThatIsLateIsRefusedAndNotDone(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w, first, release := blocked(t, f, c)
	deadline := func(at int64, c *Call) *Call {
		c.Deadline = at
		return submit(t, w, c)
	}
	late := deadline(birth+1000, call(incr("n")))
	lateSQL := deadline(birth+1000, sqlCall("set t s v"))
	inTime := deadline(birth+1001, call(incr("n")))
	patient := submit(t, w, call(incr("n")))
	c.advance(1000)
	release()
	await(first)
	for _, c := range []*Call{late, lateSQL} {
		if err := await(c); err != errLate {
			t.Error(err)
		}
	}
	for i, c := range []*Call{inTime, patient} {
		if err := await(c); err != nil || c.Replies[0].Value != int64(i+1) {
			t.Error(err, c.Replies)
		}
	}
	if f.count("RunItem") != 0 {
		t.Error("late SQL was run")
	}
}

// What committed is a success, however late.
func TestACallThatWasBegunInTimeSucceedsHoweverLate(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w := start(t, f, c)
	gate := f.hold()
	begun := call(incr("n"))
	begun.Deadline = birth + 1
	submit(t, w, begun)
	<-f.entered
	c.advance(1000)
	close(gate)
	if err := await(begun); err != nil {
		t.Fatal(err)
	}
}

func TestCloseCommitsAllThatWaitAndRefusesTheRest(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	var group sync.WaitGroup
	errs := make([]error, 1000)
	ready := make(chan struct{}, len(errs))
	for i := range errs {
		group.Go(func() {
			ready <- struct{}{}
			c := call(set(fmt.Sprint(i), "v"))
			errs[i] = w.Do(c)
			c.Release()
		})
	}
	for range errs {
		<-ready
	}
	closed := make(chan error)
	go func() { closed <- w.Close() }()
	eventually(t, "closed", func() bool {
		w.inbox.mu.Lock()
		defer w.inbox.mu.Unlock()
		return w.inbox.closed
	})
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	group.Wait()
	await(first)
	committed := 0
	for i, err := range errs {
		there := f.value(fmt.Sprint(i)) == "v"
		switch {
		case err == nil && there:
			committed++
		case err != ErrClosed || there:
			t.Fatalf("call %d: %v, in the file: %v", i, err, there)
		}
	}
	t.Logf("%d of %d were committed", committed, len(errs))
	if err := w.Do(call(incr("n"))); err != ErrClosed {
		t.Fatal(err)
	}
	select {
	case <-w.stopped:
	default:
		t.Error("the writer's goroutine is left")
	}
	if last := f.steps[len(f.steps)-2:]; !slices.Equal(last, []string{"Truncate", "Close"}) {
		t.Errorf("the last steps were %v", last)
	}
}

func TestWritesWithoutHistoryAreOneGapHoweverTheyAreGrouped(t *testing.T) {
	quietly := func(op kv.Op) kv.Op { op.Unrecorded = true; return op }
	for _, together := range []bool{false, true} {
		f := newFake(t)
		c := newClock()
		w := start(t, f, c)
		ops := []kv.Op{set("k", "1"), quietly(set("k", "5")), quietly(incr("k")), incr("k"), quietly(del("k")), set("k", "9")}
		if together {
			if err := w.Do(call(ops...)); err != nil {
				t.Fatal(err)
			}
		} else {
			for _, op := range ops {
				if err := w.Do(call(op)); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got []string
		for _, l := range f.was.lines {
			got = append(got, fmt.Sprintf("%d:%s/%v", l.entry.Op, l.entry.Value.Append(nil), l.entry.Absent))
		}
		if want := "1:1/false 11:6/false 4:0/false 11:/true 1:9/false"; strings.Join(got, " ") != strings.ReplaceAll(want, "4:0", "4:") {
			t.Errorf("together %v: %v", together, got)
		}
	}
}

func TestHistorySaysWhoDidItAndWhen(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w := start(t, f, c)
	c.advance(5)
	mine := call(set("k", "v"))
	mine.Actor = "ann"
	if err := w.Do(mine); err != nil {
		t.Fatal(err)
	}
	if l := f.was.lines[0]; l.actor != "ann" || l.entry.At != birth+5 || l.table != "t" || l.key != "k" {
		t.Fatalf("%+v", l)
	}
	c.advance(-1000) // the machine's clock was set back
	if err := w.Do(call(set("k", "w"))); err != nil {
		t.Fatal(err)
	}
	if l := f.was.lines[1]; l.entry.At != birth+5 {
		t.Errorf("time ran backwards to %d", l.entry.At-birth)
	}
}

func TestALonelyCallerDoesNotLinger(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	commits := f.count("Commit")
	started := time.Now()
	for range 100 {
		if err := w.Do(call(incr("n"))); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("100 calls took %v", took)
	}
	if n := f.count("Commit") - commits; n != 100 {
		t.Errorf("%d commits", n)
	}
}
