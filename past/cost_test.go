package past

import (
	"testing"

	"github.com/urlite/urlite/kv"
)

// No question about a key may cost more than the entries that it needs, however long
// its past is.
func TestNoQuestionCostsMoreInALongPast(t *testing.T) {
	const entries = 100_000
	w := newWorld()
	for range entries {
		w.do(kv.Op{Code: kv.Incr, Key: "k", Delta: 1})
		w.now++
	}
	var most asked
	count := func(about string, number int64, linksMax, entriesMax int, ask func(table *Table) error) {
		t.Helper()
		w.asked = asked{}
		if err := ask(w.table()); err != nil {
			t.Fatalf("%s %d: %v", about, number, err)
		}
		a := w.asked
		if a.links > linksMax || a.entries > entriesMax || a.frames > 20 || a.rows > 1 || a.cuts > 1 {
			t.Errorf("%s %d: %+v", about, number, a)
		}
		most.links, most.entries, most.frames = max(most.links, a.links), max(most.entries, a.entries), max(most.frames, a.frames)
	}
	const links = nearMax + 2*kv.KeyframeEvery + 2
	var state State
	mustBe := func(number int64) {
		t.Helper()
		if state.Fate != There || state.Row.Value.Int != number {
			t.Errorf("%d: %s", number, state.text())
		}
	}
	for number := int64(1); number <= entries; number += 1 + number%397 {
		count("at", number, links, kv.KeyframeEvery, func(table *Table) error { return table.At("k", birth+number, &state) })
		mustBe(number)
		count("after", number, links, kv.KeyframeEvery, func(table *Table) error { return table.After("k", number, &state) })
		mustBe(number)
		count("history before", number+1, links+10, kv.KeyframeEvery+10, func(table *Table) error {
			_, err := table.History("k", number+1, 10, func(*Told) error { return nil })
			return err
		})
		count("fold of all but", number, 2*links, kv.KeyframeEvery+2, func(table *Table) error {
			_, err := table.Fold("k", Keep{Entries: number}, w.now)
			return err
		})
	}
	count("undo", 10, links, kv.KeyframeEvery, func(table *Table) error {
		_, err := table.Undo("k", 10)
		return err
	})
	t.Logf("%+v at most", most)
}

// What changed since a moment is asked for, and of the rest what the page tells.
func TestASnapshotCostsItsPageAndWhatChanged(t *testing.T) {
	w := newWorld()
	key := func(n int) string {
		return string([]byte{'k', byte('a' + n/676), byte('a' + n/26%26), byte('a' + n%26)})
	}
	for n := range 5000 {
		w.do(kv.Op{Code: kv.Incr, Key: key(n), Delta: 1})
	}
	w.now++
	for n := range 50 {
		w.do(kv.Op{Code: kv.Incr, Key: key(n * 100), Delta: 1})
	}
	f := func(page Page, rowsMax int) {
		t.Helper()
		w.asked = asked{}
		total, err := w.table().Snapshot(w.now, &page, func(f *Found) error {
			if f.Row.Value.Kind == kv.Integer && f.Row.Value.Int != 1 {
				t.Errorf("%s: %s", f.Key, f.text())
			}
			return nil
		}, nil)
		if err != nil || (page.Counted && total != 5000) || w.asked.rows > rowsMax || w.asked.cuts > 1 || w.asked.horizons > 1 {
			t.Errorf("%+v: total %d, %+v, %v", page, total, w.asked, err)
		}
	}
	f(Page{Limit: 100}, 102)
	f(Page{Limit: 100, Values: true}, 102)
	f(Page{Limit: 100, Counted: true}, 152)
	f(Page{Limit: 100, Counted: true, After: key(4000)}, 152)
	f(Page{Limit: 0, Counted: true}, 50)
	f(Page{Limit: 0}, 0)
}
