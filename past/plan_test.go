package past

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// laid is what a plan tells, to compare.
type laid struct {
	steps, untouched []string
	counts           Counts
	err              string
}

func (w *world) plan(t *rapid.T, wish *Return, each func(*Step)) (got laid) {
	counts, err := w.table().Plan(wish, func(step *Step) error {
		got.steps = append(got.steps, fmt.Sprintf("%s: %d from %s to %s, %d entries", step.Key, step.Action, liveOr(step.Row, wish.Now), liveOr(step.Then, wish.Now), step.Operations))
		each(step)
		return nil
	}, func(key string) { got.untouched = append(got.untouched, key) })
	w.mustClose(t)
	if got.counts = counts; err != nil {
		got = laid{err: fmt.Sprint(err)}
	}
	return got
}

// liveOr is a row as far as it is there at now.
func liveOr(row *kv.Row, now int64) string {
	if !row.Live(now) {
		return "nothing"
	}
	return shown(row)
}

// wasLaid is what a plan has to tell.
func (w *world) wasLaid(t *rapid.T, wish *Return) (want laid) {
	keys := slices.Clone(wish.Keys)
	if keys == nil {
		if wish.Until <= w.horizon {
			return laid{err: Beyond(w.horizon).Error()}
		}
		for _, key := range w.within("", "") {
			// Those that nothing happened to since may be looked at, or not.
			if l := w.keys[key]; len(l.chain) > 0 && l.chain[len(l.chain)-1].At >= wish.Until ||
				l.row.Exists && l.row.Version != l.row.Head && !l.undone() ||
				l.row.Exists && l.row.ExpireAt >= max(wish.Until, 1) || !l.row.Exists && l.row.UpdatedAt >= wish.Until {
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if wish.Exclude[key] {
			continue
		}
		want.counts.Total++
		var row kv.Row
		if l := w.keys[key]; l != nil {
			row = l.row
		}
		if row.Head == 0 && row.Exists {
			want.untouched = append(want.untouched, key)
			continue
		}
		then := w.was(key, wish.Until)
		switch then.Fate {
		case Unknown:
			return laid{err: "time-travel: chain gap straddles target timestamp"}
		case Folded:
			return laid{err: Beyond(then.Oldest).Error()}
		}
		operations := int64(0)
		if l := w.keys[key]; l != nil {
			for i := range l.chain {
				if e := &l.chain[i]; e.OpNumber > then.OpNumber && e.Op != kv.EntryUnrecorded {
					operations++
				}
			}
		}
		is, was := liveOr(&row, wish.Now), liveOr(&then.Row, wish.Now)
		var action kv.Action
		switch {
		case is == was:
			continue
		case is == "nothing":
			action = kv.BringBack
			want.counts.Restored++
		case was == "nothing":
			action = kv.TakeAway
			want.counts.Deleted++
		case !kv.SameValue(&row, &then.Row):
			action = kv.RollBack
			want.counts.RolledBack++
		case row.ExpireAt != then.Row.ExpireAt:
			action = kv.Relive
			want.counts.Relived++
		default: // how the value is stored says nothing
			continue
		}
		if action != kv.Relive {
			want.counts.Operations += operations
		}
		want.steps = append(want.steps, fmt.Sprintf("%s: %d from %s to %s, %d entries", key, action, is, was, operations))
	}
	return want
}

func TestAPlanTellsWhatMakesTheTableWhatItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for range 10 {
			wish := Return{Until: w.moment(t), Now: w.now, Keys: oneOf(t, "keys", nil, nil, []string{}, []string{"b", "a", "b", "never"}, worldKeys)}
			if rapid.Bool().Draw(t, "exclude") {
				wish.Exclude = map[string]bool{"c": true, oneOf(t, "but", worldKeys...): true}
			}
			got, want := w.plan(t, &wish, func(*Step) {}), w.wasLaid(t, &wish)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("until %d, %+v:\n%s\n%+v\nwant\n%s\n%+v", wish.Until-birth, wish, strings.Join(got.steps, "\n"), got, strings.Join(want.steps, "\n"), want)
			}
		}
	})
}

// seen is what a client sees of the table now.
func (w *world) seen() map[string]string {
	seen := map[string]string{}
	for key, l := range w.keys {
		if l.row.Live(w.now) {
			seen[key] = visible(&l.row)
		}
	}
	return seen
}

// visible is what a client sees of a row: not whether a number is stored as its digits.
func visible(row *kv.Row) string {
	return fmt.Sprintf("%s (type %q, expires %d)", row.Value.Append(nil), row.ContentType, row.ExpireAt)
}

func TestAReturnMakesTheTableWhatItWasAndCanBeReturned(t *testing.T) {
	carried := 0
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		w.now += 1 + int64(fairly(t, 3, "later"))
		wish := Return{Until: min(w.moment(t), w.now), Now: w.now}
		before := w.seen()
		planned := w.wasLaid(t, &wish)
		if planned.err != "" {
			return
		}
		untouched := map[string]bool{}
		for _, key := range planned.untouched {
			untouched[key] = true
		}
		want := map[string]string{}
		for _, key := range w.within("", "") {
			if s := w.was(key, wish.Until); untouched[key] {
				want[key] = visible(&w.keys[key].row)
			} else if s.Row.Live(w.now) {
				want[key] = visible(&s.Row)
			}
		}
		maps.DeleteFunc(want, func(key, _ string) bool { return !w.keys[key].row.Live(w.now) && untouched[key] })
		got := w.plan(t, &wish, w.carryOut)
		if fmt.Sprint(got) != fmt.Sprint(planned) {
			t.Fatalf("carried out %+v\nplanned %+v", got, planned)
		}
		if carried += len(got.steps); fmt.Sprint(w.seen()) != fmt.Sprint(want) {
			t.Fatalf("%v\nwant %v", w.seen(), want)
		}
		if again := w.plan(t, &wish, func(*Step) {}); len(again.steps) > 0 || again.err != "" {
			t.Fatalf("there is still to do: %+v", again)
		}

		// The return is history, too, unless the state before it was in a gap.
		back := Return{Until: w.now, Now: w.now}
		if got := w.plan(t, &back, w.carryOut); got.err == "" && fmt.Sprint(w.seen()) != fmt.Sprint(before) {
			t.Fatalf("returned to %v\nwant %v\nby %+v", w.seen(), before, got)
		}
	})
	if carried == 0 {
		t.Error("nothing was carried out")
	}
}

func TestWhatHasExpiredSinceIsNotBroughtBack(t *testing.T) {
	w := newWorld()
	op := set("one")
	op.TTLSeconds, op.TTLSent = 1, true
	w.do(op)
	w.now += 10
	w.do(kv.Op{Code: kv.Delete, Key: "k"})
	f := func(now int64, want Counts) {
		t.Helper()
		counts, err := w.table().Plan(&Return{Until: birth + 5, Now: birth + now}, func(*Step) error { return nil }, nil)
		if err != nil || counts != want {
			t.Errorf("%+v, %v, want %+v", counts, err, want)
		}
	}
	f(999, Counts{Total: 1, Restored: 1, Operations: 1})
	f(1000, Counts{Total: 1})
}

func TestAPlanEndsWithTheErrorOfItsReader(t *testing.T) {
	w, enough := newWorld(), errors.New("enough")
	w.do(set("one"))
	if _, err := w.table().Plan(&Return{Until: birth, Now: birth}, func(*Step) error { return enough }, nil); err != enough {
		t.Errorf("%v", err)
	}
	w.mustClose(t)
}
