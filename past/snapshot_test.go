package past

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// taken is what a snapshot tells, to compare.
type taken struct {
	keys  []string // with their states
	gaps  []string
	total int64
	err   error
}

func (w *world) snapshot(t *rapid.T, until int64, page *Page) (got taken) {
	got.total, got.err = w.table().Snapshot(until, page, func(f *Found) error {
		if f.Size != int64(f.Row.Value.Size()) && f.Row.Value.Kind != kv.Stored {
			t.Fatalf("%s: %d bytes of %s", f.Key, f.Size, shown(&f.Row))
		}
		if (f.Row.Value.Kind == kv.Stored) == page.Values && f.At == 0 {
			t.Fatalf("%s: %s, values asked for %v", f.Key, f.text(), page.Values)
		}
		value := shown(&f.Row)
		if !page.Values {
			value = f.Row.ContentType
		}
		got.keys = append(got.keys, fmt.Sprintf("%s: %s by %d", f.Key, value, f.OpNumber))
		return nil
	}, func(key string) { got.gaps = append(got.gaps, key) })
	w.mustClose(t)
	return got
}

// wasTaken is what a snapshot of everything has to tell.
func (w *world) wasTaken(until int64, page *Page) (want taken) {
	for _, key := range w.within(page.Prefix, "") {
		s := w.was(key, until)
		switch s.Fate {
		case There:
			value := shown(&s.Row)
			if !page.Values {
				value = s.Row.ContentType
			}
			want.total++
			if page.After == "" || key > page.After {
				want.keys = append(want.keys, fmt.Sprintf("%s: %s by %d", key, value, s.OpNumber))
			}
		case Unknown, Folded:
			want.gaps = append(want.gaps, key)
		}
	}
	want.keys = want.keys[min(page.Offset, len(want.keys)):]
	if page.Limit >= 0 {
		want.keys = want.keys[:min(page.Limit, len(want.keys))]
	}
	return want
}

func TestASnapshotIsTheTableAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for range 10 {
			until := w.moment(t)
			page := Page{
				Prefix: oneOf(t, "prefix", "", "", "a", "b", "b/", "x"), After: oneOf(t, "after", "", "", "a", "aa", "b", "ž"),
				Offset: oneOf(t, "offset", 0, 0, 1, 3, 100), Limit: oneOf(t, "limit", -1, -1, 0, 1, 2, 100),
				Values: rapid.Bool().Draw(t, "values"), Counted: rapid.Bool().Draw(t, "counted"),
			}
			got := w.snapshot(t, until, &page)
			if until <= w.horizon {
				if got.err == nil || got.err.Error() != Beyond(w.horizon).Error() || len(got.keys)+len(got.gaps) > 0 {
					t.Fatalf("beyond the horizon: %+v", got)
				}
				continue
			}
			want := w.wasTaken(until, &page)
			if got.err != nil || !slices.Equal(got.keys, want.keys) {
				t.Fatalf("before %d, %+v:\n%s (%v)\nwant\n%s", until-birth, page, strings.Join(got.keys, "\n"), got.err, strings.Join(want.keys, "\n"))
			}
			if page.Counted && got.total != want.total {
				t.Fatalf("before %d, %+v: %d keys, want %d", until-birth, page, got.total, want.total)
			}
			if whole := page.Counted || (page.Limit < 0 && page.After == ""); whole && !slices.Equal(got.gaps, want.gaps) {
				t.Fatalf("before %d, %+v: gaps %q, want %q", until-birth, page, got.gaps, want.gaps)
			}
			for i, key := range got.gaps {
				if !slices.Contains(want.gaps, key) || slices.Contains(got.gaps[:i], key) {
					t.Fatalf("before %d, %+v: gaps %q, of %q", until-birth, page, got.gaps, want.gaps)
				}
			}
		}
	})
}

func TestPagesOfASnapshotAreTheSnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		until, size := max(w.moment(t), w.horizon+1), 1+fairly(t, 4, "size")
		all := w.snapshot(t, until, &Page{Limit: -1, Values: true})
		var byOffset, byAfter []string
		for after := ""; len(byOffset) < len(all.keys); {
			byOffset = append(byOffset, w.snapshot(t, until, &Page{Limit: size, Offset: len(byOffset), Values: true}).keys...)
			next := w.snapshot(t, until, &Page{Limit: size, After: after, Values: true}).keys
			byAfter = append(byAfter, next...)
			after, _, _ = strings.Cut(next[len(next)-1], ":")
		}
		if !slices.Equal(byOffset, all.keys) || !slices.Equal(byAfter, all.keys) {
			t.Fatalf("by offset %q\nby after %q\nat once %q", byOffset, byAfter, all.keys)
		}
	})
}

// The row of a table that somebody filled before it had triggers looks like a recorded
// one, but for its chain.
func TestARowThatWasNeverCountedIsAGap(t *testing.T) {
	w := newWorld()
	w.keys["k"] = &life{row: kv.Row{Exists: true, Value: kv.IntegerValue(1)}}
	var gaps []string
	_, err := w.table().Snapshot(birth, &Page{Limit: -1}, func(f *Found) error {
		t.Errorf("told of %s", f.Key)
		return nil
	}, func(key string) { gaps = append(gaps, key) })
	if err != nil || !slices.Equal(gaps, []string{"k"}) {
		t.Errorf("gaps %q, %v", gaps, err)
	}
}

func TestASnapshotEndsWithTheErrorOfItsReader(t *testing.T) {
	w, enough := newWorld(), errors.New("enough")
	w.do(set("one"))
	until := w.now + 1
	for range 2 { // unchanged since, and changed
		_, err := w.table().Snapshot(until, &Page{Limit: -1, Counted: true}, func(*Found) error { return enough }, nil)
		if err != enough {
			t.Errorf("%v", err)
		}
		w.mustClose(t)
		w.now += 10
		w.do(set("two"))
	}
}
