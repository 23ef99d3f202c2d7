package writer

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/store"
)

// remembered is the past of one table of a fake's transaction.
type remembered struct {
	f     *fake
	table string
}

func (f *fake) Past(table string, limit time.Duration) (past.Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if limit <= 0 {
		f.t.Errorf("Past with the limit %v", limit)
	}
	return &remembered{f, strings.Clone(table)}, f.enter("Past", true)
}

func (f *fake) EndPast() {}

func (f *fake) Forget(table, key string, ids []int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Forget", true); err != nil {
		return err
	}
	f.is.lines = slices.DeleteFunc(f.is.lines, func(l line) bool {
		return l.place == place{table, key} && slices.Contains(ids, l.entry.ID)
	})
	return nil
}

func (f *fake) SetKeep(table string, keep *Keep) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("SetKeep", true); err != nil {
		return err
	}
	was := f.is.keep[table]
	if !keep.EntriesSet {
		keep.Entries, keep.EntriesSet = was.Entries, was.EntriesSet
	}
	if !keep.SecondsSet {
		keep.Seconds, keep.SecondsSet = was.Seconds, was.SecondsSet
	}
	f.is.keep[strings.Clone(table)] = *keep
	return nil
}

func (r *remembered) Row(key string, row *kv.Row, arena []byte) ([]byte, error) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	*row = r.f.is.rows[place{r.table, key}]
	row.Value.Bytes = bytes.Clone(row.Value.Bytes)
	return arena, nil
}

func (r *remembered) find(match func(l *line) bool) *line {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	for i := range r.f.is.lines {
		if l := &r.f.is.lines[i]; l.table == r.table && match(l) {
			return l
		}
	}
	return nil
}

func (r *remembered) Entry(key string, id int64, into *past.Entry, arena []byte) ([]byte, error) {
	l := r.find(func(l *line) bool { return l.key == key && l.entry.ID == id })
	if l == nil {
		return arena, past.ErrMissing
	}
	*into = past.Entry{Entry: l.entry, Actor: l.actor}
	return arena, nil
}

func (r *remembered) Link(key string, id int64) (past.Link, error) {
	l := r.find(func(l *line) bool { return l.key == key && l.entry.ID == id })
	if l == nil {
		return past.Link{}, past.ErrMissing
	}
	return linkOf(l), nil
}

func linkOf(l *line) past.Link {
	e := &l.entry
	return past.Link{ID: e.ID, OpNumber: e.OpNumber, Prev: e.Prev, At: e.At, Op: e.Op, HasState: e.HasState}
}

func (r *remembered) Frame(key string, opNumber int64) (int64, error) {
	l := r.find(func(l *line) bool { return l.key == key && l.entry.OpNumber == opNumber })
	if l == nil {
		return 0, nil
	}
	return l.entry.ID, nil
}

func (r *remembered) FirstFrame(key string) (past.Link, error) {
	l := r.find(func(l *line) bool { return l.key == key && l.entry.OpNumber%kv.KeyframeEvery == 0 })
	if l == nil {
		return past.Link{}, nil
	}
	return linkOf(l), nil
}

func (r *remembered) Cut(at int64) (int64, error) {
	l := r.find(func(l *line) bool { return l.entry.At >= at })
	if l == nil {
		return math.MaxInt64, nil
	}
	return l.entry.ID, nil
}

func (r *remembered) Gaps(key string, after, upTo int64) (n int64, err error) {
	r.find(func(l *line) bool {
		if l.key == key && l.entry.Op == kv.EntryUnrecorded && l.entry.OpNumber > after && l.entry.OpNumber <= upTo {
			n++
		}
		return false
	})
	return n, nil
}

// Changed names every key that there is or was: more than it has to, which is allowed.
func (r *remembered) Changed(*past.Span) (past.Keys, error) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	keys := map[string]bool{}
	for at := range r.f.is.rows {
		if at.table == r.table {
			keys[at.key] = true
		}
	}
	all := &keyList{}
	for key := range keys {
		all.keys = append(all.keys, key)
	}
	slices.Sort(all.keys)
	return all, nil
}

type keyList struct{ keys []string }

func (l *keyList) Next() (key string, ok bool, err error) {
	if len(l.keys) == 0 {
		return "", false, nil
	}
	key, l.keys = l.keys[0], l.keys[1:]
	return key, true, nil
}

func (l *keyList) Close() error { return nil }

func (r *remembered) Rows(*past.Walk) (past.Rows, error) { panic("no writer asks for it") }
func (r *remembered) Count(string, int64) (int64, error) { panic("no writer asks for it") }
func (r *remembered) Horizon() (int64, error)            { return 0, nil }

var _ past.Source = (*remembered)(nil)

func (f *fake) Retain(past.Keep, int64, int) (store.Retained, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return store.Retained{}, f.enter("Retain", true)
}
