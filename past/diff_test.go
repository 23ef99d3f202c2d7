package past

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// compared is what a diff tells, to compare.
type compared struct {
	changes, gaps []string
	stats         Stats
	err           error
}

func changeText(key string, from, to *State, between []Entry) string {
	text := fmt.Sprintf("%s: %s, then %s, by", key, from.text(), to.text())
	for i := range between {
		e := &between[i]
		text += fmt.Sprintf(" %d %v %q %d %v", e.OpNumber, e.Op, e.Path, e.Arg, e.Value.Kind == kv.Stored && e.Delta.Kind == kv.Stored)
	}
	return text
}

func (w *world) diff(t *rapid.T, from, until int64, keys []string) (got compared) {
	got.stats, got.err = w.table().Diff(from, until, keys, func(c *Change) error {
		got.changes = append(got.changes, changeText(c.Key, c.From, c.To, c.Between))
		return nil
	}, func(key string) { got.gaps = append(got.gaps, key) })
	w.mustClose(t)
	return got
}

// wasCompared is what a diff has to tell of keys, or of all.
func (w *world) wasCompared(from, until int64, keys []string) (want compared) {
	all := keys == nil
	if all {
		keys = w.within("", "")
	}
	keys = slices.Clone(keys)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		a, b := w.was(key, from), w.was(key, until)
		was, is := a.Fate == There, b.Fate == There
		var between []Entry
		switch {
		case !a.isKnown() || !b.isKnown():
			want.gaps = append(want.gaps, key)
			continue
		case was && is && kv.SameValue(&a.Row, &b.Row), !was && !is:
			if !all || a.OpNumber != b.OpNumber {
				want.stats.Unchanged++
			}
			continue
		case !was:
			want.stats.Created++
		case !is:
			want.stats.Deleted++
		default:
			want.stats.Modified++
			for _, e := range slices.Backward(w.keys[key].chain) {
				if e.At >= from && e.At < until && len(between) < BetweenMax {
					e.Value, e.Delta = kv.Value{}, kv.Value{}
					between = append(between, e)
				}
			}
		}
		want.changes = append(want.changes, changeText(key, a, b, between))
	}
	return want
}

func twoMoments(t *rapid.T, w *world) (from, until int64) {
	from, until = max(w.moment(t), w.horizon+1), max(w.moment(t), w.horizon+1)
	return min(from, until), max(from, until)
}

func TestADiffTellsWhatWasSomethingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for range 10 {
			from, until := twoMoments(t, w)
			keys := oneOf(t, "keys", nil, nil, []string{}, []string{"b", "a", "b", "never"}, worldKeys)
			got, want := w.diff(t, from, until, keys), w.wasCompared(from, until, keys)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("from %d until %d of %q:\n%s\n%+v\nwant\n%s\n%+v", from-birth, until-birth, keys,
					strings.Join(got.changes, "\n"), got, strings.Join(want.changes, "\n"), want)
			}
		}
	})
}

func TestADiffFromBeyondTheHorizonIsRefused(t *testing.T) {
	w := newWorld()
	w.horizon = birth
	if _, err := w.table().Diff(birth, birth+1, nil, nil, nil); err == nil || err.Error() != Beyond(birth).Error() {
		t.Errorf("%v", err)
	}
}

func TestADiffAppliedToASnapshotIsTheLaterSnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		from, until := twoMoments(t, w)
		table := func(until int64) (map[string]string, []string) {
			keys, gaps := map[string]string{}, []string{}
			if _, err := w.table().Snapshot(until, &Page{Limit: -1, Values: true}, func(f *Found) error {
				keys[f.Key] = string(f.Row.Value.Append(nil)) + f.Row.ContentType
				return nil
			}, func(key string) { gaps = append(gaps, key) }); err != nil {
				t.Fatal(err)
			}
			return keys, gaps
		}
		got, gaps := table(from)
		want, later := table(until)
		if _, err := w.table().Diff(from, until, nil, func(c *Change) error {
			if c.From.Fate == There && got[c.Key] != string(c.From.Row.Value.Append(nil))+c.From.Row.ContentType {
				t.Fatalf("%s was %q, of %v", c.Key, c.From.Row.Value.Append(nil), got)
			}
			delete(got, c.Key)
			if c.To.Fate == There {
				got[c.Key] = string(c.To.Row.Value.Append(nil)) + c.To.Row.ContentType
			}
			return nil
		}, func(key string) {
			if !slices.Contains(gaps, key) && !slices.Contains(later, key) {
				t.Fatalf("a gap of %q in the diff alone", key)
			}
		}); err != nil {
			t.Fatal(err)
		}
		for _, key := range append(gaps, later...) {
			delete(got, key)
			delete(want, key)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v\nwant %v", got, want)
		}
	})
}

// It leaves no trace but in its entries that a key expired and was written again.
func TestADiffSeesWhatExpiredBetweenAndWasWrittenSince(t *testing.T) {
	w := newWorld()
	op := set("one")
	op.TTLSeconds, op.TTLSent = 1, true
	w.do(op)
	w.now += 5000
	w.do(set("two"))
	f := func(from, until int64, want Stats) {
		t.Helper()
		stats, err := w.table().Diff(birth+from, birth+until, nil, func(*Change) error { return nil }, nil)
		if err != nil || stats != want {
			t.Errorf("%+v, %v, want %+v", stats, err, want)
		}
	}
	f(1, 1000, Stats{})
	f(500, 2000, Stats{Deleted: 1})
	f(2000, 3000, Stats{})
	f(2000, 6000, Stats{Created: 1})
	f(500, 6000, Stats{Modified: 1})
	f(0, 6000, Stats{Created: 1})
	f(0, 2000, Stats{Unchanged: 1})
}
