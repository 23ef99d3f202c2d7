package past

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// wasUndone is what Undo has to plan, or the refusal.
func (w *world) wasUndone(key string, steps int) (text string) {
	l := w.key(key)
	first := 0 // of what may be undone
	if len(l.chain) > 0 && l.chain[0].OpNumber > 1 {
		first = 1
	}
	if len(l.chain) == first {
		return nothingToUndo.Error()
	}
	left := max(first, len(l.chain)-steps)
	var gone []int64
	for i := len(l.chain) - 1; i >= left; i-- {
		gone = append(gone, l.chain[i].ID)
	}
	if left == 0 {
		if l.chain[0].Op == kv.EntryUnrecorded {
			return undoneIntoGap.Error()
		}
		return fmt.Sprintf("to absent of entry 0, without %v", gone)
	}
	to := &l.chain[left-1]
	fate := Absent
	if l.after[left-1].Exists {
		fate = There
	}
	return fmt.Sprintf("to %s of entry %d, without %v", seenAs(&State{Fate: fate, Row: *l.after[left-1]}), to.ID, gone)
}

func TestUndoingGoesBackToTheStateBeforeTheEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for range 10 {
			key, steps := oneOf(t, "key", append(worldKeys, "never")...), oneOf(t, "steps", 1, 1, 2, 3, 10, 70, UndoMax)
			want := w.wasUndone(key, steps)
			u, err := w.table().Undo(key, int64(steps))
			if err != nil {
				if err.Error() != want {
					t.Fatalf("%d steps: %v, want %s\n%s", steps, err, want, w.story(key))
				}
				continue
			}
			got := fmt.Sprintf("to %s of entry %d, without %v", seenAs(u.Then), u.To.ID, u.Gone)
			if got != want || shown(&u.Row) != shown(&w.key(key).row) {
				t.Fatalf("%d steps: %s\nwant %s\n%s", steps, got, want, w.story(key))
			}
			if rapid.Bool().Draw(t, "do it") {
				// What was told of it before is told of it still.
				w.undo(key, u)
				var state State
				if err := w.table().At(key, w.now+1, &state); err != nil || state.text() != w.was(key, w.now+1).text() {
					t.Fatalf("after it, there is %s (%v), want %s\n%s", state.text(), err, w.was(key, w.now+1).text(), w.story(key))
				}
				if to := u.To; to.ID != 0 && to.Op != kv.EntryUnrecorded && u.Then.Row.Live(w.now) && shown(&state.Row) != shown(&u.Then.Row) {
					t.Fatalf("after it, there is %s, want %s", state.text(), u.Then.text())
				}
			}
		}
	})
}

func TestUndoRefusesWhatItCantTell(t *testing.T) {
	unrecorded := set("secret")
	unrecorded.Unrecorded = true
	f := func(about string, steps int64, want string, ops ...kv.Op) {
		t.Helper()
		w := newWorld()
		for _, op := range ops {
			w.now++
			w.do(op)
		}
		u, err := w.table().Undo("k", steps)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintf("%d to %s", len(u.Gone), seenAs(u.Then))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", about, got, want)
		}
	}
	const gap = "TIME_TRAVEL_CHAIN_GAP: the state to return to lies in a gap of unrecorded writes"
	f("a key that never was", 1, "No history entries to roll back")
	f("a row without history", 1, "No history entries to roll back", unrecorded)
	f("the first entry", 1, "1 to absent", set("one"))
	f("more than there are", 9, "1 to absent", set("one"))
	f("no step is one", 0, "1 to absent", set("one"))
	f("an open gap", 1, `1 to there one (kind 2, type "text/plain", expires 0)`, set("one"), unrecorded)
	f("what came after a gap", 1, `1 to there secret (kind 2, type "text/plain", expires 0)`, set("one"), unrecorded, set("two"))
	f("a gap and what came after it", 2, `2 to there one (kind 2, type "text/plain", expires 0)`, set("one"), unrecorded, set("two"))
	f("what came after the beginning in a gap", 1, `1 to there secret (kind 2, type "text/plain", expires 0)`, unrecorded, set("two"))
	f("the beginning in a gap", 2, gap, unrecorded, set("two"))
	f("more than the beginning in a gap", 9, gap, unrecorded, set("two"))
}

func TestUndoStopsAtAHole(t *testing.T) {
	for _, missing := range []int{0, 100, 198, 199} {
		w := holed(missing)
		if u, err := w.table().Undo("k", 200); err != undoneIntoGap {
			t.Errorf("without entry %d: %+v, %v", missing+1, u, err)
		}
	}
}
