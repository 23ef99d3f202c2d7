package past

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// told is an entry of a history, to compare.
func (told *Told) text() string {
	e := &told.Entry
	return fmt.Sprintf("%d. %v id %d prev %d at %d by %s, arg %d, path %q, delta %q, before %s, after %s",
		e.OpNumber, e.Op, e.ID, e.Prev, e.At, e.Actor, e.Arg, e.Path, e.Delta.Append(nil), seenAs(told.Before), seenAs(told.After))
}

func seenAs(s *State) string {
	if s.Fate == There || s.Fate == Expired {
		return s.Fate.String() + " " + shown(&s.Row)
	}
	return s.Fate.String()
}

// wasTold is what History has to tell, told from what the witness saw.
func (w *world) wasTold(key string, before int64, limit int) (all []string) {
	l := w.key(key)
	for i := len(l.chain) - 1; i >= 0 && len(all) < limit; i-- {
		e := l.chain[i]
		if before > 0 && e.OpNumber >= before {
			continue
		}
		if i == 0 && e.OpNumber > 1 {
			break
		}
		state := func(row *kv.Row, now int64) *State {
			switch {
			case row == nil:
				return &State{Fate: Unknown}
			case !row.Exists:
				return &State{Fate: Absent}
			case !row.Live(now):
				return &State{Fate: Expired, Row: *row}
			}
			return &State{Fate: There, Row: *row}
		}
		told := Told{Entry: e, After: state(l.after[i], 0)}
		switch {
		case i > 0:
			told.Before = state(l.after[i-1], e.At)
		case e.Op == kv.EntryUnrecorded:
			told.Before = &State{Fate: Unknown}
		default:
			told.Before = &State{Fate: Absent}
		}
		all = append([]string{told.text()}, all...)
	}
	return all
}

func TestAHistoryIsItsEntriesWithTheStatesAroundThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		table := w.table()
		for range 10 {
			key := oneOf(t, "key", append(worldKeys, "never")...)
			before := oneOf(t, "before", 0, 1, 2, w.key(key).row.OpNumber, w.key(key).row.OpNumber+1, 65, -3, maxInt64)
			if n := w.key(key).row.OpNumber; n > 0 && rapid.Bool().Draw(t, "anywhere") {
				before = rapid.Int64Range(1, n).Draw(t, "any before")
			}
			limit := oneOf(t, "limit", 0, 1, 3, 70, 1000)
			var got []string
			hasGaps, err := table.History(key, before, limit, func(told *Told) error {
				got = append(got, told.text())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := w.wasTold(key, before, limit)
			if len(got) != len(want) {
				t.Fatalf("%d entries before %d, want %d\n%s", len(got), before, len(want), w.story(key))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("told  %s\nwant  %s\n%s", got[i], want[i], w.story(key))
				}
			}
			row := &w.key(key).row
			gaps, _ := w.Gaps(key, 0, maxInt64)
			if want := gaps > 0 || (row.Head == 0 && row.Exists); hasGaps != want {
				t.Fatalf("has gaps: %v\n%s", hasGaps, w.story(key))
			}
		}
	})
}

func TestPagesOfAHistoryAreTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		key, size := oneOf(t, "key", worldKeys...), 1+fairly(t, 80, "size")
		var paged []string
		for before := int64(0); ; {
			var page []string
			oldest := int64(0)
			if _, err := w.table().History(key, before, size, func(told *Told) error {
				if page = append(page, told.text()); oldest == 0 {
					oldest = told.OpNumber
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			paged, before = append(page, paged...), oldest
		}
		if want := w.wasTold(key, 0, len(w.key(key).chain)); fmt.Sprint(paged) != fmt.Sprint(want) {
			t.Fatalf("in pages of %d: %d entries, want %d\n%s", size, len(paged), len(want), w.story(key))
		}
	})
}

func TestAHistoryEndsWithTheErrorOfItsReader(t *testing.T) {
	w := newWorld()
	w.do(set("one"))
	w.do(set("two"))
	enough, n := errors.New("enough"), 0
	_, err := w.table().History("k", 0, 10, func(*Told) error {
		n++
		return enough
	})
	if err != enough || n != 1 {
		t.Errorf("%v after %d entries", err, n)
	}
}

func TestAHistoryTellsWhatIsLeftAroundAHole(t *testing.T) {
	for _, missing := range []int{0, 1, 63, 64, 100, 198} {
		w, last := holed(missing), int64(0)
		_, err := w.table().History("k", 0, 1000, func(told *Told) error {
			if told.After.Fate != Unknown && (told.After.Fate != There || told.After.Row.Value.Int != told.OpNumber) {
				t.Errorf("without entry %d: %s", missing+1, told.text())
			}
			if last != 0 && told.OpNumber != last+1 {
				t.Errorf("without entry %d: after %d comes %d", missing+1, last, told.OpNumber)
			}
			last = told.OpNumber
			return nil
		})
		if err != nil || last != 200 {
			t.Errorf("without entry %d: up to entry %d, %v", missing+1, last, err)
		}
	}
}
