package writer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// memory is what the file should hold by the calls that were acknowledged, with what
// each key was: a model so plain that it can't be wrong.
type memory struct {
	lives map[string][]moment // the recorded entries of a key
	bare  map[string]string   // what SQL wrote, of which there is no history
	keep  int64
}

// moment is a key after one of its entries; of one that is gone the value is empty.
type moment struct {
	at    int64
	value string
}

// unknown is the value of a moment that nobody can tell.
const unknown = "?"

func (m memory) clone() memory {
	lives := map[string][]moment{}
	for key, life := range m.lives {
		lives[key] = slices.Clone(life)
	}
	return memory{lives, maps.Clone(m.bare), m.keep}
}

// value is what a key is now.
func (m memory) value(key string) string {
	if life := m.lives[key]; len(life) > 0 {
		return life[len(life)-1].value
	}
	return m.bare[key]
}

func (m memory) add(key string, at int64, value string) {
	m.lives[key] = append(m.lives[key], moment{at, value})
}

// do applies a call to a copy, and answers it with what the call replies; ok is false
// for one that is refused.
func (m memory) do(c *Call, now int64) (after memory, reply string, ok bool) {
	after = m.clone()
	switch {
	case c.Undo != nil:
		life := after.lives[c.Undo.Key]
		n := min(int(c.Undo.Steps), len(life))
		if n == 0 || (n == len(life) && life[0].value == unknown) {
			return m, "", false
		}
		after.lives[c.Undo.Key] = life[:len(life)-n]
		return after, fmt.Sprint(n), true
	case c.Return != nil:
		counts := after.goBack(c.Return.Until, c.Return.Keys, now)
		return after, counts, counts != ""
	case c.Keep != nil:
		after.keep = c.Keep.Entries
		return after, fmt.Sprint(after.keep), true
	case c.SQL != nil:
		words := strings.Fields(c.SQL.Items[0].SQL)
		after.bare[words[2]] = words[3]
		return after, "", true
	}
	for i := range c.Ops {
		op := &c.Ops[i]
		was := after.value(op.Key)
		switch op.Code {
		case kv.Set:
			after.add(op.Key, now, string(op.Value.Bytes))
		case kv.Delete:
			if was == "" {
				return m, "", false
			}
			after.add(op.Key, now, "")
		case kv.Incr:
			number, _ := strconv.Atoi(was)
			reply = fmt.Sprint(number + 1)
			after.add(op.Key, now, reply)
		}
	}
	return after, reply, true
}

// goBack answers what a return counts, nothing if it is refused.
func (m memory) goBack(until int64, keys []string, now int64) string {
	rolledBack, deleted, restored, untouched := 0, 0, 0, 0
	if keys == nil {
		untouched = len(m.bare)
		keys = slices.Sorted(maps.Keys(m.lives))
	}
	for _, key := range keys {
		was, is := "", m.value(key)
		for _, state := range m.lives[key] {
			if state.at < until {
				was = state.value
			} else if state.value == unknown {
				return "" // it was there before, as nobody knows what
			}
		}
		switch {
		case was == unknown:
			return ""
		case was == is:
			continue
		case was == "":
			deleted++
		case is == "":
			restored++
		default:
			rolledBack++
		}
		m.add(key, now, was)
	}
	return fmt.Sprint(rolledBack, deleted, restored, untouched)
}

// repliedPast is what a call answered, in the words of the model.
func repliedPast(c *Call) string {
	switch {
	case c.Undo != nil:
		return fmt.Sprint(c.Undone)
	case c.Return != nil:
		return fmt.Sprint(c.Returned.RolledBack, c.Returned.Deleted, c.Returned.Restored, len(c.Returned.Untouched))
	case c.Keep != nil:
		return fmt.Sprint(c.Kept.Entries)
	case len(c.Ops) > 0 && c.Ops[len(c.Ops)-1].Code == kv.Incr:
		return fmt.Sprint(c.Replies[len(c.Ops)-1].Value)
	}
	return ""
}

// check holds the file against the model, and the past of each key.
func (m memory) check(t testing.TB, f *fake, how string) {
	t.Helper()
	got := memory{lives: map[string][]moment{}, bare: map[string]string{}, keep: f.was.keep["t"].Entries}
	states := map[string]kv.Row{}
	for _, l := range f.was.lines {
		state := states[l.key]
		known := l.entry.Fold(&state)
		states[l.key] = state
		value := string(state.Value.Append(nil))
		if l.entry.Op == kv.EntryUnrecorded || !known {
			value = unknown
		}
		got.add(l.key, l.entry.At, value)
	}
	for at, row := range f.was.rows {
		if row.Head == 0 {
			got.bare[at.key] = string(row.Value.Append(nil))
		}
	}
	for key, life := range m.lives {
		if len(life) == 0 {
			delete(m.lives, key)
		} else if value := f.value(key); value != m.value(key) && m.value(key) != unknown {
			t.Fatalf("%s: %s = %q, want %q", how, key, value, m.value(key))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(m) {
		t.Fatalf("%s: the file holds\n%v\nwant\n%v", how, got, m)
	}
}

// pastScenario is rounds of calls that gather. A call is made anew for each run.
func pastScenario() [][]*Call {
	return [][]*Call{
		{call(set("a", "1"), set("b", "1")), call(incr("n")), sqlCall("set t s 3"), call(set("z", "1"))},
		// All of these go together.
		{call(incr("n")), undo("n", 1), call(incr("n"), incr("m")), backTo(birthSecond + 10), undo("m", 2), call(set("c", "1")), call(del("b")),
			undo("nobody", 1), backTo(birthSecond), undo("b", 1), call(incr("n")), keepEntries(9), undo("a", 9), sqlCall("set t s2 4"), call(set("a", "5"))},
		// g has a gap, into which a return of all runs after it has written some.
		{call(set("g", "2")), call(set("a", "6")), backTo(birthSecond), undo("g", 1), undo("g", 9), backTo(birthSecond, "z", "g", "n"), call(incr("n")),
			backTo(birthSecond, "z", "a", "n", "nobody"), undo("z", 1), keepEntries(3), call(incr("m"))},
		{undo("a", 1), once("return", "", backTo(birthSecond+20, "n", "m")), call(incr("n")), once("undo", "", undo("n", 1)), backTo(birthSecond - 5), call(incr("m"))},
	}
}

// playPast runs the scenario on a file whose failures fail chooses, and checks that
// every call is answered once and that the file and its past are what was acknowledged.
func playPast(t *testing.T, how string, fail func(method string, k int) error) (failed int) {
	t.Helper()
	f, c := newFake(t), newClock()
	w := start(t, f, c, func(l *Limits) { l.CheckpointFrames = 2 })
	model := memory{lives: map[string][]moment{"g": {{birth, unknown}}}, bare: map[string]string{}}
	do(t, w, call(unrecorded(set("g", "1"))))
	do(t, w, call(set("g", "2")))
	model.add("g", birth, "2")
	f.mu.Lock()
	f.retained = &store.Retained{Limited: true}
	f.fail, f.calls = fail, 0
	f.mu.Unlock()
	for _, round := range pastScenario() {
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
		for i, call := range append([]*Call{first}, round...) {
			err := await(call)
			after, reply, ok := model.do(call, c.now())
			switch {
			case err == nil && !ok:
				t.Fatalf("%s: call %d of the round was to be refused: %+v", how, i, call.Undo)
			case err == nil:
				if model = after; repliedPast(call) != reply {
					t.Fatalf("%s: call %d answers %s, want %s", how, i, repliedPast(call), reply)
				}
			case errors.Is(err, errDisk):
				failed++
			case ok:
				t.Fatalf("%s: call %d: %v", how, i, err)
			default:
				if kind := refusal.Of(err).Kind; kind != refusal.HistoryEntryNotFound && kind != refusal.TimeTravelChainGap && kind != refusal.KeyNotFound {
					t.Fatalf("%s: call %d: %v", how, i, err)
				}
			}
			if len(call.done) != 0 {
				t.Fatalf("%s: call %d was answered twice", how, i)
			}
		}
		if !held {
			f.mu.Lock()
			f.gate = nil
			f.mu.Unlock()
		}
		c.advance(10_000)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	model.check(t, f, how)
	f.checkPast()
	return failed
}

func TestWhicheverDiskCallFailsThePastIsWhatWasAcknowledged(t *testing.T) {
	for k := 0; ; k++ {
		failedAt := ""
		failed := playPast(t, fmt.Sprintf("call %d failed once", k), func(method string, n int) error {
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
		if slices.Contains([]string{"Sweep", "Retain", "Passive", "Truncate"}, failedAt) && failed != 0 {
			t.Errorf("%d calls failed because %s did (call %d)", failed, failedAt, k)
		}
		if failedAt != "Begin" && failed > 1 {
			t.Errorf("%d calls failed because %s did once (call %d)", failed, failedAt, k)
		}
	}
}

func TestWhenTheDiskFailsForGoodNothingOfThePastIsHalfDone(t *testing.T) {
	for k := 0; ; k++ {
		broken := false
		playPast(t, fmt.Sprintf("all from call %d on failed", k), func(method string, n int) error {
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
