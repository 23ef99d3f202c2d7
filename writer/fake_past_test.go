package writer

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// row is a row as a load tells it.
func (c *contents) row(at place) kv.Row {
	row := c.rows[at]
	if e := c.entry(at, row.Head); row.Exists && e != nil {
		row.Undone = row.Version != row.Head && e.Op != kv.EntryUnrecorded
	}
	return row
}

// entry finds the entry of a key, nil if there is none.
func (c *contents) entry(at place, id int64) *kv.Entry {
	for i := range c.lines {
		if l := &c.lines[i]; l.place == at && l.entry.ID == id {
			return &l.entry
		}
	}
	return nil
}

// record adds a line of history, or tells the end of a gap, or takes it back.
func (c *contents) record(at place, actor string, e kv.Entry) (ok bool) {
	if !e.Closes {
		c.lines = append(c.lines, line{at, actor, e})
		return true
	}
	was := c.entry(at, e.ID)
	if was == nil || was.Op != kv.EntryUnrecorded {
		return false
	}
	open := kv.Entry{ID: was.ID, OpNumber: was.OpNumber, Op: was.Op, At: was.At, Prev: was.Prev}
	if e.HasState {
		open.HasState, open.Absent, open.Arg = true, e.Absent, e.Arg
		open.Value, open.ContentType, open.ExpireAt = e.Value, e.ContentType, e.ExpireAt
	}
	*was = open
	return true
}

// setBySQL is what SQL does to a row, with the triggers that watch over it: of a key
// that has no history, they record none.
func (c *contents) setBySQL(at place, value string, now int64) {
	row := c.row(at)
	if row.Head == 0 {
		c.rows[at] = kv.Row{Exists: true, Value: kv.BytesValue([]byte(value), "text/plain"), ContentType: "text/plain"}
		return
	}
	c.clock = max(c.clock, now)
	op, outcome := set(at.key, value), kv.Outcome{}
	op.Unrecorded = true
	if why := kv.Decide(&op, &row, c.clock, &outcome); why != nil {
		panic(why)
	}
	for _, e := range outcome.Apply(&op, &row, c.clock, &c.sequence, nil) {
		c.record(at, "", e)
	}
	c.rows[at] = row
}

// remembered is the past of one table of a fake's transaction.
type remembered struct {
	f     *fake
	table string
}

func (f *fake) Past(table string, limit time.Duration) (past.Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if limit <= 0 || limit > callTimeMax {
		f.t.Errorf("Past with the limit %v", limit)
	}
	if table == "people" {
		return nil, refusal.New(refusal.InvalidParameters, "no key-value table")
	}
	if err := f.enter("Past", true); err != nil {
		return nil, err
	}
	f.telling = true
	return &remembered{f, strings.Clone(table)}, nil
}

func (f *fake) EndPast() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.telling {
		f.t.Error("EndPast, and nobody began")
	}
	f.telling = false
}

func (f *fake) Forget(table, key string, ids []int64, to int64) error {
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
	if table == "people" {
		return refusal.New(refusal.InvalidParameters, "no key-value table")
	}
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

// read begins a read of the past, which may fail.
func (r *remembered) read() (unlock func(), err error) {
	r.f.mu.Lock()
	if !r.f.telling {
		r.f.t.Error("the past is read after EndPast")
	}
	return r.f.mu.Unlock, r.f.enter("Read", true)
}

func (r *remembered) Row(key string, row *kv.Row, arena []byte) ([]byte, error) {
	unlock, err := r.read()
	defer unlock()
	*row = r.f.is.row(place{r.table, key})
	row.Value.Bytes = bytes.Clone(row.Value.Bytes)
	return arena, err
}

// find reads the first line that matches, nil if none does.
func (r *remembered) find(match func(l *line) bool) (*line, error) {
	unlock, err := r.read()
	defer unlock()
	if err != nil {
		return nil, err
	}
	for i := range r.f.is.lines {
		if l := r.f.is.lines[i]; l.table == r.table && match(&l) {
			return &l, nil
		}
	}
	return nil, nil
}

func (r *remembered) Entry(key string, id int64, into *past.Entry, arena []byte) ([]byte, error) {
	l, err := r.find(func(l *line) bool { return l.key == key && l.entry.ID == id })
	if err == nil && l == nil {
		err = past.ErrMissing
	}
	if err != nil {
		return arena, err
	}
	*into = past.Entry{Entry: l.entry, Actor: l.actor}
	return arena, nil
}

func (r *remembered) Link(key string, id int64) (past.Link, error) {
	l, err := r.find(func(l *line) bool { return l.key == key && l.entry.ID == id })
	if err == nil && l == nil {
		err = past.ErrMissing
	}
	return linkOf(l), err
}

// linkOf is the link of a line, an empty one of nil.
func linkOf(l *line) past.Link {
	if l == nil {
		return past.Link{}
	}
	e := &l.entry
	return past.Link{ID: e.ID, OpNumber: e.OpNumber, Prev: e.Prev, At: e.At, Op: e.Op, HasState: e.HasState}
}

func (r *remembered) Frame(key string, opNumber int64) (int64, error) {
	l, err := r.find(func(l *line) bool { return l.key == key && l.entry.OpNumber == opNumber })
	return linkOf(l).ID, err
}

func (r *remembered) FirstFrame(key string) (past.Link, error) {
	l, err := r.find(func(l *line) bool { return l.key == key && l.entry.OpNumber%kv.KeyframeEvery == 0 })
	return linkOf(l), err
}

func (r *remembered) Cut(at int64) (int64, error) {
	l, err := r.find(func(l *line) bool { return l.entry.At >= at })
	if l == nil {
		return math.MaxInt64, err
	}
	return l.entry.ID, nil
}

func (r *remembered) Gaps(key string, after, upTo int64) (n int64, err error) {
	_, err = r.find(func(l *line) bool {
		if l.key == key && l.entry.Op == kv.EntryUnrecorded && l.entry.OpNumber > after && l.entry.OpNumber <= upTo {
			n++
		}
		return false
	})
	return n, err
}

// Changed names every key that there is or was: more than it has to, which is allowed.
func (r *remembered) Changed(*past.Span) (past.Keys, error) {
	unlock, err := r.read()
	defer unlock()
	if err != nil {
		return nil, err
	}
	all := &keyList{}
	for at := range r.f.is.rows {
		if at.table == r.table {
			all.keys = append(all.keys, past.ChangedKey{Key: at.key})
		}
	}
	slices.SortFunc(all.keys, func(a, b past.ChangedKey) int { return strings.Compare(a.Key, b.Key) })
	return all, nil
}

type keyList struct{ keys []past.ChangedKey }

func (l *keyList) Next() (key *past.ChangedKey, ok bool, err error) {
	if len(l.keys) == 0 {
		return nil, false, nil
	}
	key, l.keys = &l.keys[0], l.keys[1:]
	return key, true, nil
}

func (l *keyList) Close() error { return nil }

func (r *remembered) Rows(*past.Walk) (past.Rows, error) { panic("no writer asks for it") }
func (r *remembered) Count(string, int64) (int64, error) { panic("no writer asks for it") }
func (r *remembered) Horizon() (int64, error)            { return 0, nil }

var _ past.Source = (*remembered)(nil)

// Retain answers what it is told to, or that there is nothing to do.
func (f *fake) Retain(_ past.Keep, _ int64, entriesMax int) (done store.Retained, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if entriesMax <= 0 {
		f.t.Errorf("Retain of %d entries", entriesMax)
	}
	if err := f.enter("Retain", true); err != nil {
		return done, err
	}
	if f.retained != nil {
		return *f.retained, nil
	}
	for _, keep := range f.is.keep {
		done.Limited = done.Limited || keep.Entries+keep.Seconds > 0
	}
	return done, nil
}

// checkPast holds the history of every key against its row.
func (f *fake) checkPast() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	last, states, clock, id := map[place]kv.Entry{}, map[place]kv.Row{}, int64(0), int64(0)
	for _, l := range f.was.lines {
		if l.entry.At < clock || l.entry.ID <= id || l.entry.ID > f.was.sequence {
			f.t.Errorf("%s: entry %d of %d comes after entry %d of %d; the sequence is at %d", l.key, l.entry.ID, l.entry.At, id, clock, f.was.sequence)
		}
		clock, id = l.entry.At, l.entry.ID
		before, state := last[l.place], states[l.place]
		if l.entry.OpNumber != before.OpNumber+1 || l.entry.Prev != before.ID {
			f.t.Errorf("%s: after %+v comes %+v", l.key, before, l.entry)
		}
		if before.Op == kv.EntryUnrecorded && !before.HasState {
			f.t.Errorf("%s: a gap is open in the middle: %+v", l.key, before)
		}
		l.entry.Fold(&state)
		last[l.place], states[l.place] = l.entry, state
	}
	if clock > f.was.clock {
		f.t.Errorf("an entry of %d is later than the clock, %d", clock, f.was.clock)
	}
	for at, e := range last {
		if row := f.was.rows[at]; row.Head != e.ID {
			f.t.Errorf("%s: nothing leads to %+v; its row is %+v", at.key, e, row)
		}
	}
	versions := map[int64]string{}
	for at := range f.was.rows {
		row, e, state := f.was.row(at), last[at], states[at]
		if row.Head != e.ID || row.OpNumber != e.OpNumber || row.Version > f.was.sequence || row.Version < row.Head {
			f.t.Errorf("%s: the row %+v does not go with its latest entry %+v", at.key, row, e)
		}
		told := row.Head != 0 && (row.Version == row.Head || row.Undone)
		if row.Exists && told && show(&row) != show(&state) {
			f.t.Errorf("%s: the row is %s, its past says %s", at.key, show(&row), show(&state))
		}
		if !row.Exists && told && state.Live(row.UpdatedAt) {
			f.t.Errorf("%s: the row is gone, its past says %s", at.key, show(&state))
		}
		if other, used := versions[row.Version]; used && row.Version != 0 {
			f.t.Errorf("%s and %s have the version %d", at.key, other, row.Version)
		}
		versions[row.Version] = at.key
	}
}

func (f *fake) Disturbed() bool { return false }

func (f *fake) Recount() (more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return false, f.enter("Recount", true)
}
