package writer

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"pgregory.net/rapid"

	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/refusal"
)

// noting is a writer that stands still, with a ring.
func noting(f *fake, c *clock, change ...func(*Limits)) (*Writer, *querylog.Ring) {
	w := still(f, c, change...)
	w.config.Log, w.log.at = querylog.NewRing(f.was.log.last), never
	w.upkeep.sweepAt, w.upkeep.retainAt, w.upkeep.emptied = never, never, true
	return w, w.config.Log
}

func note(r *querylog.Ring, text string) { r.Add(&querylog.Entry{SQL: text}) }

// texts are what the file has of the query history.
func (f *fake) texts() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.was.log.entries {
		all = append(all, fmt.Sprint(e.ID, " ", e.SQL))
	}
	return all
}

func wantTexts(t testing.TB, f *fake, want ...string) {
	t.Helper()
	if got := f.texts(); !slices.Equal(got, want) {
		t.Fatalf("the file has %v, want %v", got, want)
	}
}

func unlog(id int64) *Call {
	c := NewCall()
	c.Unlog = &Unlog{ID: id, All: id == 0}
	return c
}

// workCall commits a call on a writer that stands still.
func workCall(w *Writer, c *Call) error {
	w.commitNext([]*Call{c})
	return await(c)
}

func TestTheQueryHistoryIsWrittenWithAGroupOrWhenIdle(t *testing.T) {
	f, c := newFake(t), newClock()
	w, ring := noting(f, c)
	if _, ok := w.idleFor(); ok {
		t.Fatal("it waits for something, and there is nothing")
	}
	write(t, w, incr("n"))
	note(ring, "a")
	write(t, w, incr("n")) // too early
	wantTexts(t, f)
	c.advance(logMillis - 1)
	note(ring, "b")
	write(t, w, incr("n"))
	wantTexts(t, f)
	c.advance(1)
	commits := f.commits
	write(t, w, incr("n"))
	wantTexts(t, f, "1 a", "2 b")
	if f.commits != commits+1 || ring.Len() != 0 {
		t.Fatalf("%d commits, %d wait", f.commits-commits, ring.Len())
	}
	write(t, w, incr("n"))
	if n := f.count("Log"); n != 1 {
		t.Fatalf("written %d times", n)
	}
	// Nobody writes: it has its own commit, no later than it must.
	w.upkeep.emptied = true
	note(ring, "c")
	if wait, ok := w.idleFor(); !ok || wait.Milliseconds() != logMillis {
		t.Fatalf("it waits %v", wait)
	}
	w.maintainIdle()
	wantTexts(t, f, "1 a", "2 b")
	c.advance(logMillis)
	w.maintainIdle()
	wantTexts(t, f, "1 a", "2 b", "3 c")
	if w.nextLog() != never {
		t.Error("it is still to be written")
	}
	if f.brief != 1 {
		t.Errorf("%d transactions were for nobody's call, want 1", f.brief)
	}
}

// A second of reads costs one commit, and not the emptying of the log as well; but empty it
// is in the end, and what writes have left in it is emptied in its time.
func TestTheLogIsEmptiedWhateverIsRead(t *testing.T) {
	f, c := newFake(t), newClock()
	w, ring := noting(f, c)
	until := func(millis int64) {
		for end := c.now() + millis; c.now() < end; c.advance(100) {
			note(ring, "GET k")
			w.maintainIdle()
		}
	}
	until(9_000)
	if n := f.count("Truncate"); n != 0 || f.count("Log") < 9 {
		t.Fatalf("emptied %d times, written %d times", n, f.count("Log"))
	}
	until(3_000)
	if n := f.count("Truncate"); n != 1 {
		t.Fatalf("emptied %d times in 12 s", n)
	}
	write(t, w, incr("n"))
	until(w.limits.IdleAfter.Milliseconds() + 200)
	if n := f.count("Truncate"); n != 2 {
		t.Fatalf("emptied %d times, and there was a write", n)
	}
	c.advance(logIdleMillis)
	w.maintainIdle()
	c.advance(logIdleMillis)
	w.maintainIdle()
	if f.Frames() != 0 || ring.Len() != 0 {
		t.Errorf("%d pages, %d entries are left", f.Frames(), ring.Len())
	}
	if _, ok := w.idleFor(); ok {
		t.Error("the writer does not come to rest")
	}
}

func TestAFileOfSomebodyElsesGetsAHistoryWithItsFirstWrite(t *testing.T) {
	f, c := newFake(t), newClock()
	f.was.log.absent = true
	w, ring := noting(f, c)
	note(ring, "read")
	for range 5 {
		c.advance(5 * logMillis)
		w.maintainIdle()
	}
	if n := f.count("Log"); n > 1 || !f.was.log.absent {
		t.Fatalf("written %d times, no place for it: %v", n, f.was.log.absent)
	}
	if _, ok := w.idleFor(); ok {
		t.Fatal("the writer does not come to rest")
	}
	write(t, w, incr("n"))
	wantTexts(t, f, "1 read")
	// A client has put something else in its place.
	f.was.log.strange = true
	note(ring, "kept")
	for range 5 {
		c.advance(5 * logMillis)
		write(t, w, incr("n"))
		w.maintainIdle()
	}
	if ring.Len() != 1 || f.count("Rollback") != 0 {
		t.Fatalf("%d wait, %d groups were rolled back", ring.Len(), f.count("Rollback"))
	}
	f.was.log.strange = false
	c.advance(logRetryMillisMax)
	write(t, w, incr("n"))
	wantTexts(t, f, "1 read", "2 kept")
}

// Whichever call of the disk fails: nobody is refused because of the query history, each
// entry is told once, and it is tried again, less and less often.
func TestAWritingThatFailsIsNobodysButItsOwn(t *testing.T) {
	const more = 2 * querylog.EntriesMax
	for _, method := range []string{"Log", "Commit"} {
		f, c := newFake(t), newClock()
		w, ring := noting(f, c)
		tries, inLog := 0, false
		f.fail = func(m string, _ int) error {
			switch m {
			case "Begin":
				inLog = false
			case "Log":
				inLog = true
				tries++
			}
			if inLog && m == method {
				return errDisk
			}
			return nil
		}
		note(ring, "a")
		for range 600 {
			c.advance(1000)
			write(t, w, incr("n"))
			w.maintainIdle()
		}
		if f.value("n") != "600" || tries < 10 || tries > 25 || ring.Len() != 1 {
			t.Fatalf("%s: n = %s after %d tries, %d wait", method, f.value("n"), tries, ring.Len())
		}
		f.fail = nil
		for range more {
			note(ring, "more")
		}
		c.advance(logRetryMillisMax)
		write(t, w, incr("n"))
		if got := f.texts(); len(got) != querylog.EntriesMax || ring.Len() != 0 || got[0] != fmt.Sprint(2+more-querylog.EntriesMax, " more") {
			t.Fatalf("%s: %d are in the file, from %s", method, len(got), got[0])
		}
	}
}

func TestEntriesAreForgotten(t *testing.T) {
	f, c := newFake(t), newClock()
	w, ring := noting(f, c)
	for _, text := range []string{"a", "b", "c"} {
		note(ring, text)
	}
	// One that still waits is found by the ID that it was shown with.
	if err := workCall(w, unlog(ring.Read(0).Entries[1].ID)); err != nil {
		t.Fatal(err)
	}
	wantTexts(t, f, "1 a", "3 c")
	if err := workCall(w, unlog(2)); refusal.Of(err) != errNotLogged {
		t.Fatal(err)
	}
	note(ring, "d")
	if err := workCall(w, unlog(0)); err != nil || ring.Len() != 0 {
		t.Fatal(err, ring.Len())
	}
	wantTexts(t, f)
	note(ring, "e")
	c.advance(logMillis)
	w.maintainIdle()
	c.advance(logMillis)
	w.maintainIdle()
	wantTexts(t, f, "5 e")
	// In one group: what is forgotten is not written in passing.
	note(ring, "f")
	calls := []*Call{unlog(6), unlog(0), call(incr("n")), unlog(5)}
	w.now += 10 * logMillis
	w.commitNext(calls)
	for i, c := range calls {
		if err := await(c); (err != nil) != (i == 3) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	wantTexts(t, f)
	if ring.Len() != 0 {
		t.Errorf("%d wait", ring.Len())
	}
}

func TestWhatWaitsIsWrittenBeforeTheWriterEnds(t *testing.T) {
	f, c := newFake(t), newClock()
	ring := querylog.NewRing(0)
	w := startNoting(t, f, c, ring)
	for i := range 3 {
		note(ring, fmt.Sprint(i))
	}
	if err := errors.Join(w.Do(call(incr("n"))), w.Close()); err != nil {
		t.Fatal(err)
	}
	wantTexts(t, f, "1 0", "2 1", "3 2")
	if f.Frames() != 0 {
		t.Errorf("%d pages are left in the log", f.Frames())
	}
}

// startNoting runs a writer with a ring until the test ends.
func startNoting(t testing.TB, f *fake, c *clock, ring *querylog.Ring) *Writer {
	t.Helper()
	limits := DefaultLimits()
	quiet(&limits)
	w := New(f, Config{Limits: limits, Now: c.now, Log: ring, Metrics: NewMetrics(metrics.NewSet(), "test")})
	t.Cleanup(func() {
		if !f.isClosed() {
			w.Close()
		}
	})
	return w
}

func (f *fake) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// What nobody but the clock brings about happens with the writer's own goroutine, too.
func TestAWakeBringsAnIdleWriterToWrite(t *testing.T) {
	f, c := newFake(t), newClock()
	ring := querylog.NewRing(0)
	w := startNoting(t, f, c, ring)
	for i := range 3 {
		if ring.Add(&querylog.Entry{SQL: "GET k"}) {
			w.Wake()
		}
		eventually(t, "noticed", func() bool { c.advance(1); return len(f.texts()) == i+1 })
	}
}

// The model is a list: every request is noted, its IDs grow by one, the latest thousand are
// told. Groups, idle moments, failures, restarts and deletions must not show in it, but that
// a crash loses what was noted since the latest writing.
func TestTheQueryHistoryIsTheLatestOfAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f, c := newFake(t), newClock()
		w, ring := noting(f, c)
		var model []querylog.Entry
		next, cleared := int64(1), int64(0) // the ID to come, and the one at which all were forgotten
		failing := 0
		f.fail = func(method string, k int) error {
			if method != "Rollback" && failing > 0 && k%failing == 0 {
				return errDisk
			}
			return nil
		}
		kept := func() { model = model[max(0, len(model)-querylog.EntriesMax):] }
		rt.Repeat(map[string]func(*rapid.T){
			"note": func(rt *rapid.T) {
				for range rapid.SampledFrom([]int{1, 3, 400}).Draw(rt, "times") {
					e := querylog.Entry{ID: next, SQL: fmt.Sprint("q", next), At: c.now()}
					ring.Add(&e)
					model = append(model, e)
					next++
				}
				kept()
			},
			"write": func(*rapid.T) { workCall(w, call(incr("n"))); w.maintain() },
			"idle":  func(rt *rapid.T) { c.advance(rapid.Int64Range(0, 3000).Draw(rt, "ms")); w.maintainIdle() },
			"fail":  func(rt *rapid.T) { failing = rapid.IntRange(0, 6).Draw(rt, "every") },
			"forget one": func(rt *rapid.T) {
				id := rapid.Int64Range(max(1, next-20), next).Draw(rt, "id")
				err := workCall(w, unlog(id))
				at := slices.IndexFunc(model, func(e querylog.Entry) bool { return e.ID == id })
				switch {
				case err == nil && at < 0:
					rt.Fatalf("%d was forgotten, and never was", id)
				case err == nil:
					model = slices.Delete(model, at, at+1)
				case refusal.Of(err) == errNotLogged && at >= 0 && w.log.failures == 0:
					rt.Fatalf("%d is there", id)
				}
			},
			"forget all": func(*rapid.T) {
				if workCall(w, unlog(0)) == nil {
					model, cleared = nil, next
				}
			},
			"restart": func(*rapid.T) {
				failing = 0
				w.writeLast()
				w, ring = noting(f, c)
			},
			"crash": func(*rapid.T) {
				w, ring = noting(f, c)
				model = slices.DeleteFunc(model, func(e querylog.Entry) bool { return e.ID > f.was.log.last })
				next = f.was.log.last + 1
			},
			"": func(rt *rapid.T) {
				var told []querylog.Entry
				v := querylog.View{Waiting: ring.Read(0).Entries, Tell: func(e *querylog.Entry) { told = append(told, *e) }}
				stored := f.was.log.entries
				for i := len(stored) - 1; i >= 0 && v.Stored(&stored[i]); i-- {
				}
				v.End()
				slices.Reverse(told)
				// Where newer ones were forgotten or lost, older ones may still be in the file.
				older := max(0, len(told)-len(model))
				if !slices.Equal(told[older:], model) {
					rt.Fatalf("%d are told, %d in the model: %v", len(told), len(model), firstDifference(told[older:], model))
				}
				if older > 0 && (told[0].ID < cleared || len(told) > querylog.EntriesMax || (len(model) > 0 && told[older-1].ID >= model[0].ID)) {
					rt.Fatalf("%d are told, from %d, and all were forgotten at %d", len(told), told[0].ID, cleared)
				}
			},
		})
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

func firstDifference(a, b []querylog.Entry) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%+v, want %+v", a[i], b[i])
		}
	}
	return "one is longer"
}

// Each call of the disk fails once: those that write the query history cost nobody an answer,
// and whichever it was, every entry is in the file in the end, once.
func TestWhicheverDiskCallFailsTheQueryHistoryIsWhole(t *testing.T) {
	for k := 0; ; k++ {
		f, c := newFake(t), newClock()
		w, ring := noting(f, c)
		failed := ""
		f.fail = func(method string, n int) error {
			if n == k && method != "Rollback" {
				failed = method
				return errDisk
			}
			return nil
		}
		noted, refused := 0, 0
		ask := func(calls ...*Call) {
			for range calls {
				note(ring, "q")
				noted++
			}
			for rest := calls; len(rest) > 0; {
				rest = rest[w.commitNext(rest):]
				w.maintain()
			}
			for _, one := range calls {
				if await(one) != nil {
					refused++
				}
			}
		}
		for range 3 {
			ask(call(incr("n")), sqlCall("set t k v"), call(incr("m"), incr("n")))
			c.advance(2 * logMillis)
			w.maintainIdle()
		}
		if failed == "Log" && refused > 0 {
			t.Fatalf("call %d, %s: %d were refused", k, failed, refused)
		}
		gone := []*Call{unlog(2), unlog(10)} // one is in the file, one waits
		ask(gone...)
		for range 3 {
			c.advance(2 * logRetryMillisMax)
			w.maintainIdle()
		}
		var want []string
		for id := 1; id <= noted; id++ {
			if !(id == 2 && gone[0].err == nil) && !(id == 10 && gone[1].err == nil) {
				want = append(want, fmt.Sprint(id, " q"))
			}
		}
		if got := f.texts(); !slices.Equal(got, want) || ring.Len() != 0 {
			t.Fatalf("call %d, %s: the file has %v, want %v; %d wait", k, failed, got, want, ring.Len())
		}
		if failed == "" && refused > 0 {
			t.Fatalf("%d were refused, and nothing failed", refused)
		}
		if failed == "" {
			return
		}
	}
}

// Another process has given IDs of its own: from the next writing on, those of the ring are
// beyond them, so that an entry is told with the ID that it is going to have.
func TestIDsOfAnotherProcessAreStoodClearOf(t *testing.T) {
	f, c := newFake(t), newClock()
	w, ring := noting(f, c)
	note(ring, "a")
	f.was.log.last = 7
	for _, want := range []int64{8, 9} {
		c.advance(logMillis)
		w.maintainIdle()
		c.advance(logMillis)
		w.maintainIdle()
		if f.was.log.last != want {
			t.Fatalf("the latest is %d, want %d", f.was.log.last, want)
		}
		note(ring, "b")
		if id := ring.Read(0).Entries[0].ID; id != want+1 {
			t.Fatalf("the next is told with the ID %d, want %d", id, want+1)
		}
	}
}
