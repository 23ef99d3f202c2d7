package past

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/urlite/urlite/kv"
)

// memory is a table that lies in maps, and counts what it is asked. What it lends it
// lends in the arena that it is given, and what is good until the next call is spoiled
// by the next call.
type memory struct {
	keys    map[string]*life
	horizon int64
	asked   asked
	open    int // walks that nobody has closed
}

// asked counts calls of a source.
type asked struct{ rows, entries, links, frames, cuts, horizons int }

// life is a key: its row, and its chain as a file holds it, oldest first. after is what
// a witness saw right after each entry, nil for those that nobody could see.
type life struct {
	row   kv.Row
	chain []Entry
	after []*kv.Row
	// seen is what a witness saw after each write, and blurred says that entries were
	// taken away or never written, so that history may say otherwise.
	seen    []sighting
	blurred bool
}

type sighting struct {
	at  int64
	row kv.Row
}

// lend is a value in the arena.
func lend(v kv.Value, arena []byte) (kv.Value, []byte) {
	start := len(arena)
	arena = append(arena, v.Bytes...)
	if v.Bytes != nil {
		v.Bytes = arena[start:len(arena):len(arena)]
	}
	v.Document = false
	return v, arena
}

func (m *memory) Row(key string, row *kv.Row, arena []byte) ([]byte, error) {
	m.asked.rows++
	*row = kv.Row{}
	l := m.keys[key]
	if l == nil {
		return arena, nil
	}
	*row = l.row
	row.Undone = l.undone()
	row.Value, arena = lend(l.row.Value, arena)
	return arena, nil
}

// undone tells whether the latest entry tells the row, though it has a version of its own.
func (l *life) undone() bool {
	row, head := &l.row, l.find(l.row.Head)
	return row.Exists && row.Head != 0 && row.Version != row.Head && head != nil && head.Op != kv.EntryUnrecorded
}

func (l *life) find(id int64) *Entry {
	i, found := slices.BinarySearchFunc(l.chain, id, func(e Entry, id int64) int { return cmp.Compare(e.ID, id) })
	if !found {
		return nil
	}
	return &l.chain[i]
}

func (m *memory) Entry(key string, id int64, into *Entry, arena []byte) ([]byte, error) {
	m.asked.entries++
	*into = Entry{}
	l := m.keys[key]
	if l == nil || l.find(id) == nil {
		return arena, ErrMissing
	}
	*into = *l.find(id)
	into.Value, arena = lend(into.Value, arena)
	into.Delta, arena = lend(into.Delta, arena)
	return arena, nil
}

func (m *memory) Link(key string, id int64) (Link, error) {
	m.asked.links++
	l := m.keys[key]
	if l == nil || l.find(id) == nil {
		return Link{}, ErrMissing
	}
	return linkOf(l.find(id)), nil
}

func linkOf(e *Entry) Link {
	return Link{ID: e.ID, OpNumber: e.OpNumber, Prev: e.Prev, At: e.At, Op: e.Op, HasState: e.HasState}
}

func (m *memory) Frame(key string, opNumber int64) (int64, error) {
	m.asked.frames++
	if l := m.keys[key]; l != nil && opNumber%kv.KeyframeEvery == 0 {
		i, found := slices.BinarySearchFunc(l.chain, opNumber, func(e Entry, number int64) int { return cmp.Compare(e.OpNumber, number) })
		if found {
			return l.chain[i].ID, nil
		}
	}
	return 0, nil
}

func (m *memory) FirstFrame(key string) (Link, error) {
	m.asked.frames++
	if l := m.keys[key]; l != nil {
		for i := range l.chain {
			if l.chain[i].OpNumber%kv.KeyframeEvery == 0 {
				return linkOf(&l.chain[i]), nil
			}
		}
	}
	return Link{}, nil
}

// Cut answers one more than the newest id, if all entries are older.
func (m *memory) Cut(at int64) (int64, error) {
	m.asked.cuts++
	newest, first := int64(0), int64(math.MaxInt64)
	for _, l := range m.keys {
		if n := len(l.chain); n > 0 {
			newest = max(newest, l.chain[n-1].ID)
		}
		i, _ := slices.BinarySearchFunc(l.chain, at, func(e Entry, at int64) int { return cmp.Compare(e.At, at) })
		if i < len(l.chain) {
			first = min(first, l.chain[i].ID)
		}
	}
	return min(first, newest+1), nil
}

func (m *memory) Gaps(key string, after, upTo int64) (n int64, err error) {
	if l := m.keys[key]; l != nil {
		for i := range l.chain {
			if e := &l.chain[i]; e.Op == kv.EntryUnrecorded && e.OpNumber > after && e.OpNumber <= upTo {
				n++
			}
		}
	}
	return n, nil
}

// within are the keys with the prefix, after a key, in the order of their bytes.
func (m *memory) within(prefix, after string) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		if strings.HasPrefix(key, prefix) && (after == "" || key > after) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (m *memory) Changed(span *Span) (Keys, error) {
	changed := &changedWalk{m: m}
	for _, key := range m.within(span.Prefix, span.After) {
		l := m.keys[key]
		within := func(at int64) bool { return at >= span.From && at < span.To }
		wrote := slices.ContainsFunc(l.chain, func(e Entry) bool { return e.ID >= span.FromID && e.ID < span.ToID })
		switch {
		case wrote,
			l.row.Exists && l.row.ExpireAt != 0 && within(l.row.ExpireAt),
			!l.row.Exists && within(l.row.UpdatedAt),
			l.row.Exists && l.row.Version != l.row.Head && !l.undone():
			c := ChangedKey{Key: key, Counted: counted(l, span.From)}
			for i := range l.chain {
				if e := &l.chain[i]; e.ID >= span.FromID && e.ID < span.ToID && e.Prev < span.FromID {
					c.Before = e.Prev
				}
			}
			changed.keys = append(changed.keys, c)
		}
	}
	m.open++
	return changed, nil
}

func counted(l *life, goneBefore int64) bool {
	row := &l.row
	return row.Exists && (row.Version == row.Head || l.undone()) && (row.ExpireAt == 0 || row.ExpireAt >= goneBefore)
}

type changedWalk struct {
	m    *memory
	keys []ChangedKey
	last ChangedKey
}

func (w *changedWalk) Next() (*ChangedKey, bool, error) {
	w.last = ChangedKey{Key: "spoiled"}
	if len(w.keys) == 0 {
		return nil, false, nil
	}
	w.last, w.keys = w.keys[0], w.keys[1:]
	return &w.last, true, nil
}

func (w *changedWalk) Close() error {
	w.m.open--
	return nil
}

type keyWalk struct {
	m    *memory
	keys []string
}

func (w *keyWalk) Next() (string, bool, error) {
	if len(w.keys) == 0 {
		return "", false, nil
	}
	key := w.keys[0]
	w.keys = w.keys[1:]
	return key, true, nil
}

func (w *keyWalk) Close() error {
	w.m.open--
	return nil
}

func (m *memory) Rows(walk *Walk) (Rows, error) {
	m.open++
	return &rowWalk{keyWalk: keyWalk{m: m, keys: m.within(walk.Prefix, walk.After)}, values: walk.Values}, nil
}

type rowWalk struct {
	keyWalk
	values bool
	row    WalkedRow
	arena  []byte
}

func (w *rowWalk) Next() (*WalkedRow, bool, error) {
	for i := range w.arena {
		w.arena[i] = 0xdb
	}
	for {
		key, ok, _ := w.keyWalk.Next()
		if !ok {
			w.row = WalkedRow{}
			return nil, false, nil
		}
		l := w.m.keys[key]
		if !l.row.Exists {
			continue
		}
		w.m.asked.rows++
		w.row = WalkedRow{Key: key, Size: int64(l.row.Value.Size()), Row: l.row}
		if w.row.Value = (kv.Value{}); w.values {
			w.row.Value, w.arena = lend(l.row.Value, w.arena[:0])
		}
		return &w.row, true, nil
	}
}

func (m *memory) Count(prefix string, goneBefore int64) (n int64, err error) {
	for _, key := range m.within(prefix, "") {
		if counted(m.keys[key], goneBefore) {
			n++
		}
	}
	return n, nil
}

func (m *memory) Horizon() (int64, error) {
	m.asked.horizons++
	return m.horizon, nil
}
