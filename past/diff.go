package past

import (
	"slices"

	"github.com/urlite/urlite/kv"
)

// Change is a key that was something else at one moment than at another. It is good
// until the next one.
type Change struct {
	Key      string
	From, To *State // There or not
	// Between are the entries between, newest first and without their values, at most
	// BetweenMax of them, if the key was there at both.
	Between []Entry
}

// BetweenMax bounds the entries of a change.
const BetweenMax = 1000

// Stats counts the keys that a diff has looked at.
type Stats struct{ Created, Modified, Deleted, Unchanged int64 }

// Diff tells which keys were something else at the moment until than at from; a key is
// modified if its value or its type is another. keys, if not nil, are those to look at;
// without them, Unchanged are those that were written to between and came to the same.
// A key that can't be told about is handed to gap. A moment before the horizon is refused.
//
// It looks at all that changed since from, and not only until the later moment: a key that
// expired between, or had unrecorded writes, and was written to since leaves no other trace.
func (t *Table) Diff(from, until int64, keys []string, each func(*Change) error, gap func(key string)) (Stats, error) {
	d := diff{t: t, from: from, until: until, all: keys == nil, each: each, gap: gap}
	if err := t.withinHorizon(from); err != nil {
		return d.stats, err
	}
	span, err := t.since(from)
	if err != nil {
		return d.stats, err
	}
	err = t.eachKey(&span, keys, d.compare)
	return d.stats, err
}

// since is the time from a moment to now.
func (t *Table) since(from int64) (Span, error) {
	cut, err := t.cut(from)
	return Span{FromID: cut, ToID: maxInt64, From: from, To: maxInt64}, err
}

// eachKey looks at keys, in the order of their bytes and each once; without any at those
// that changed in the span.
func (t *Table) eachKey(span *Span, keys []string, look func(key *ChangedKey) error) error {
	if keys == nil {
		changed, err := t.source.Changed(span)
		if err != nil {
			return err
		}
		defer changed.Close()
		for {
			key, ok, err := changed.Next()
			if err != nil || !ok {
				return err
			}
			if err := look(key); err != nil {
				return err
			}
		}
	}
	keys = slices.Clone(keys)
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if err := look(&ChangedKey{Key: key}); err != nil {
			return err
		}
	}
	return nil
}

// diff compares keys at two moments.
type diff struct {
	t           *Table
	from, until int64
	all         bool // and not only keys that somebody named
	each        func(*Change) error
	gap         func(key string)
	stats       Stats

	row                 kv.Row
	arena, betweenArena []byte
	then, later         State
	between             []Entry
}

func (d *diff) compare(changed *ChangedKey) (err error) {
	key := changed.Key
	if d.arena, err = d.t.source.Row(key, &d.row, d.arena[:0]); err != nil {
		return err
	}
	if err := d.t.tell(key, &d.row, d.until, &d.later); err != nil {
		return err
	}
	if err := d.tellThen(changed); err != nil {
		return err
	}
	if !d.then.isKnown() || !d.later.isKnown() {
		d.gap(key)
		return nil
	}
	change := Change{Key: key, From: &d.then, To: &d.later}
	switch was, is := d.then.Fate == There, d.later.Fate == There; {
	case is && !was:
		d.stats.Created++
	case was && !is:
		d.stats.Deleted++
	case !is || kv.SameValue(&d.then.Row, &d.later.Row):
		if !d.all || d.then.id != d.later.id {
			d.stats.Unchanged++
		}
		return nil
	default:
		d.stats.Modified++
		if err := d.readBetween(key); err != nil {
			return err
		}
		change.Between = d.between
	}
	return d.each(&change)
}

// tellThen tells the earlier state. If the entry that made the later one is older, it made
// both, and nothing has to be replayed again.
func (d *diff) tellThen(changed *ChangedKey) error {
	if d.later.id == 0 || d.later.At >= d.from || d.later.Fate == Absent {
		known, err := d.t.tellFrom(changed.Key, changed.Before, d.from, &d.then)
		if known || err != nil {
			return err
		}
		return d.t.tell(changed.Key, &d.row, d.from, &d.then)
	}
	d.then.reset(There)
	d.then.take(&d.later.Row)
	d.then.id, d.then.OpNumber, d.then.At = d.later.id, d.later.OpNumber, d.later.At
	d.then.endBy(d.from)
	return nil
}

// isKnown tells of a state that is one, and not only why there is none.
func (s *State) isKnown() bool { return s.Fate != Unknown && s.Fate != Folded }

// readBetween reads the entries from the one that made the later state back to the
// earlier moment.
func (d *diff) readBetween(key string) error {
	d.between = d.between[:0]
	for id := d.later.id; id != 0 && len(d.between) < BetweenMax; {
		var entry Entry
		arena, err := d.t.source.Entry(key, id, &entry, d.betweenArena[:0])
		d.betweenArena = arena
		if err != nil {
			return unlessMissing(err)
		}
		if entry.At < d.from || entry.Prev >= id {
			return nil
		}
		entry.Value, entry.Delta = kv.Value{}, kv.Value{}
		d.between = append(d.between, entry)
		id = entry.Prev
	}
	return nil
}
