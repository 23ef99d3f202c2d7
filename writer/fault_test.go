package writer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// world is what the file should hold by the calls that were acknowledged: a model
// so plain that it can't be wrong.
type world map[string]int

// do applies a call to a copy and answers it, or false if the call is one that is
// refused.
func (m world) do(c *Call) (after world, replies []int, ok bool) {
	after = world{}
	for key, n := range m {
		after[key] = n
	}
	if c.SQL != nil {
		for i := range c.SQL.Items {
			var key string
			var n int
			if scanned, _ := fmt.Sscanf(c.SQL.Items[i].SQL, "set t %s %d", &key, &n); scanned != 2 {
				return m, nil, false
			}
			after[key] = n
		}
		return after, nil, true
	}
	for i := range c.Ops {
		op := &c.Ops[i]
		n, there := after[op.Key]
		switch op.Code {
		case kv.Set:
			fmt.Sscan(string(op.Value.Bytes), &n)
			after[op.Key] = n
		case kv.Incr:
			n++
			after[op.Key] = n
		case kv.Delete:
			if !there {
				return m, nil, false
			}
			delete(after, op.Key)
		}
		replies = append(replies, n)
	}
	return after, replies, true
}

// check holds the file against the model.
func (m world) check(t testing.TB, f *fake, how string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	there := 0
	for at, row := range f.was.rows {
		if !row.Exists {
			continue
		}
		there++
		if got, want := string(row.Value.Append(nil)), fmt.Sprint(m[at.key]); got != want {
			t.Fatalf("%s: %s = %s, want %s", how, at.key, got, want)
		}
	}
	if there != len(m) {
		t.Fatalf("%s: %d rows, want %v", how, there, m)
	}
}

// scenario is two rounds of calls that gather, with all that can go on in a group.
func scenario() [][]*Call {
	expiring := set("expiring", "1")
	expiring.TTLSeconds = 1
	quiet := incr("q")
	quiet.Unrecorded = true
	return [][]*Call{
		{call(set("a", "1")), call(expiring), call(set("b", "1"), incr("n"), del("nobody")), sqlCall("set t s 3"),
			call(incr("n"), set("a", "2")), sqlCall("set t x 1", "fail"), call(quiet), call(del("a"))},
		{call(incr("n"))},
		{call(quiet), call(incr("q"), incr("n")), sqlCall("set t s2 4"), sqlCall("end"), call(incr("n")), call(set("b", "5"))},
	}
}

// play runs the scenario on a file whose failures fail chooses, and checks that every
// call is answered once and that the file holds exactly what was acknowledged.
func play(t *testing.T, how string, fail func(method string, k int) error) (failed int) {
	t.Helper()
	f, c := newFake(t), newClock()
	w := start(t, f, c, func(l *Limits) { l.CheckpointFrames = 2 })
	f.mu.Lock()
	f.fail, f.calls = fail, 0
	f.mu.Unlock()
	model := world{}
	for _, round := range scenario() {
		gate := f.hold()
		first := submit(t, w, call(incr("first")))
		held := false
		select {
		case <-f.entered:
			held = true
		case <-first.done: // it failed before it could commit
			first.done <- struct{}{}
		}
		for _, c := range round {
			submit(t, w, c)
		}
		close(gate)
		for i, c := range append([]*Call{first}, round...) {
			err := await(c)
			after, replies, ok := model.do(c)
			switch {
			case err == nil && !ok:
				t.Fatalf("%s: call %d was to be refused", how, i)
			case err == nil:
				model = after
				for n, want := range replies {
					if got := c.Replies[n]; c.Ops[n].Code == kv.Incr && got.Value != int64(want) {
						t.Fatalf("%s: call %d answers %d, want %d", how, i, got.Value, want)
					}
				}
			case ok:
				failed++
				if !errors.Is(err, errDisk) {
					t.Fatalf("%s: call %d: %v", how, i, err)
				}
			}
			if len(c.done) != 0 {
				t.Fatalf("%s: call %d was answered twice", how, i)
			}
		}
		if !held {
			f.mu.Lock()
			f.gate = nil
			f.mu.Unlock()
		}
		c.advance(1500)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if row := f.was.rows[place{"t", "expiring"}]; !row.Exists {
		delete(model, "expiring")
	}
	model.check(t, f, how)
	f.checkPast()
	return failed
}

func TestWhicheverDiskCallFailsTheFileHoldsWhatWasAcknowledged(t *testing.T) {
	for k := 0; ; k++ {
		failedAt := ""
		failed := play(t, fmt.Sprintf("call %d failed once", k), func(method string, n int) error {
			if n == k {
				failedAt = method
				return errDisk
			}
			return nil
		})
		if failedAt == "" {
			t.Logf("%d disk calls", k)
			if failed != 0 {
				t.Fatalf("%d calls failed without a fault", failed)
			}
			return
		}
		// Nobody is refused for what nobody asked for.
		if (failedAt == "Sweep" || failedAt == "Passive" || failedAt == "Truncate") && failed != 0 {
			t.Errorf("%d calls failed because %s did (call %d)", failed, failedAt, k)
		}
		if failedAt != "Begin" && failed > 1 {
			t.Errorf("%d calls failed because %s did once (call %d)", failed, failedAt, k)
		}
	}
}

func TestWhenTheDiskFailsForGoodEveryCallIsStillAnswered(t *testing.T) {
	for k := 0; ; k++ {
		broken := false
		play(t, fmt.Sprintf("all from call %d on failed", k), func(method string, n int) error {
			broken = broken || n >= k
			if broken {
				return errDisk
			}
			return nil
		})
		if !broken {
			return
		}
	}
}

func TestARollbackThatSaysItFailedIsReportedAndNothingIsKept(t *testing.T) {
	for k := 0; ; k++ {
		failed := false
		play(t, fmt.Sprintf("call %d and the rollbacks failed", k), func(method string, n int) error {
			if n == k {
				failed = true
				return errDisk
			}
			if method == "Rollback" && failed {
				return errDisk
			}
			return nil
		})
		if !failed {
			return
		}
	}
}

func TestARefusalOfTheDiskIsTheAnswer(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	full := refusal.New(refusal.Unavailable, "the disk is full")
	f.mu.Lock()
	f.fail = func(method string, _ int) error {
		if method == "Commit" {
			return full
		}
		return nil
	}
	f.mu.Unlock()
	if err := w.Do(call(incr("n"))); err != full {
		t.Fatal(err)
	}
}
