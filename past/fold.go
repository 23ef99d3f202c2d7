package past

import "github.com/urlite/urlite/kv"

// Keep is how much of the past is kept; zeros are for ever.
type Keep struct {
	Entries int64 // of each key, the newest
	Seconds int64 // of each key, those that are not older
}

// Fold is what takes the oldest entries of a key away and keeps the rest exact.
type Fold struct {
	// Base is the entry that is the oldest then, with its state. An ID of 0 says that
	// there is nothing to fold.
	Base kv.Entry
	// Tells says that it told its state before: nothing of it changes but Prev.
	Tells bool
	// Gone are the ids of the entries before it, newest first.
	Gone []int64
	// More says that another fold may follow this one at once.
	More bool
}

// foldBytesMax bounds a state that a fold writes into an entry that has none: beyond
// it, the entries before stay until one that tells its state is old enough.
const foldBytesMax = 16 << 10

// Fold plans to take away entries of key that are beyond keep at now (ms). The newest entry
// beyond it stays, as the base: what is within keep stays exact. One fold takes away
// few entries (walkMax at the most), all those before its base, so that the chain is
// whole after each.
//
// The base may be an UNRECORDED entry: what comes after its gap is replayed from the
// state at its end, and the moments within it stay as unknown as they were.
func (t *Table) Fold(key string, keep Keep, now int64) (_ *Fold, err error) {
	f := folding{t: t, key: key}
	if t.unread, err = t.source.Row(key, &f.row, t.unread[:0]); err != nil || f.row.Head == 0 {
		return &Fold{}, err
	}
	target, found, err := f.target(keep, now)
	if err != nil || !found || target.Prev == 0 {
		return &Fold{}, err
	}
	frame, found, err := f.frame(&target)
	if err != nil {
		return &Fold{}, err
	}
	if found {
		return f.to(frame, true)
	}
	return f.to(target, false)
}

// folding is one fold, being planned.
type folding struct {
	t     *Table
	key   string
	row   kv.Row
	state State
}

// target finds the newest entry that is beyond keep.
func (f *folding) target(keep Keep, now int64) (target Link, found bool, err error) {
	head, found, err := f.t.head(f.key, &f.row)
	if err != nil || !found {
		return head, false, err
	}
	found = false
	if keep.Entries > 0 && keep.Entries < head.OpNumber {
		l, how, err := f.t.numbered(f.key, head, head.OpNumber-keep.Entries)
		if err != nil {
			return l, false, err
		}
		target, found = l, how == reached
	}
	if keep.Seconds > 0 && keep.Seconds < now/1000 {
		l, how, err := f.t.newest(f.key, head, now-keep.Seconds*1000)
		if err != nil {
			return l, false, err
		}
		if how == reached && (!found || l.OpNumber > target.OpNumber) {
			target, found = l, true
		}
	}
	return target, found, nil
}

// isOpen tells of an entry whose gap goes on: what state it has is not that of its end.
func (f *folding) isOpen(l *Link) bool { return l.ID == f.row.Head && f.row.GapOpen() }

// canBase tells of an entry that may be the base as it is.
func (f *folding) canBase(l *Link) bool { return l.HasState && !f.isOpen(l) }

// frame finds the oldest keyframe between the base and the target, which is the next
// base on the way to it.
func (f *folding) frame(target *Link) (frame Link, found bool, err error) {
	frame, err = f.t.source.FirstFrame(f.key)
	if err != nil || frame.ID == 0 {
		return frame, false, err
	}
	if frame.Prev == 0 { // it is the base
		if frame.OpNumber > target.OpNumber-kv.KeyframeEvery {
			return frame, false, nil
		}
		id, err := f.t.source.Frame(f.key, frame.OpNumber+kv.KeyframeEvery)
		if err != nil || id == 0 {
			return frame, false, err
		}
		if frame, found, err = f.t.link(f.key, id); err != nil || !found {
			return frame, false, err
		}
	}
	return frame, frame.OpNumber < target.OpNumber && f.canBase(&frame), nil
}

// to folds to an entry, or, if that can't be the base, to the newest before it that can.
// Where the chain has a hole, it folds nothing.
func (f *folding) to(l Link, more bool) (*Fold, error) {
	fold := &Fold{More: more}
	for steps := 0; l.Prev != 0; steps++ {
		if fold.Base.ID == 0 {
			if err := f.base(fold, &l, steps == 0); err != nil {
				return &Fold{}, err
			}
		}
		previous, found, err := f.t.before(f.key, &l)
		if err != nil || !found || steps == walkMax {
			return &Fold{}, err
		}
		if l = previous; fold.Base.ID != 0 {
			fold.Gone = append(fold.Gone, l.ID)
		}
	}
	if len(fold.Gone) == 0 {
		return &Fold{}, nil
	}
	return fold, nil
}

// base makes the entry l the base, if it tells its state, or may be made to.
func (f *folding) base(fold *Fold, l *Link, mayBeMade bool) error {
	var entry Entry
	var err error
	switch {
	case f.canBase(l):
		fold.Tells = true
		f.state.arena, err = f.t.source.Entry(f.key, l.ID, &entry, f.state.arena[:0])
	case mayBeMade && l.Op != kv.EntryUnrecorded:
		err = f.t.rebuild(f.key, *l, &f.state)
		if err != nil || f.state.Fate == Unknown || f.state.Row.Value.Size() > foldBytesMax {
			return err
		}
		f.state.delta, err = f.t.source.Entry(f.key, l.ID, &entry, f.state.delta[:0])
		entry.tellState(&f.state)
	}
	if err != nil || !entry.HasState {
		return unlessMissing(err)
	}
	fold.Base = entry.Entry
	fold.Base.Prev = 0
	return nil
}

// tellState has an entry tell the state after it.
func (e *Entry) tellState(s *State) {
	e.Delta = kv.Value{}
	e.HasState, e.Absent = true, s.Fate == Absent
	e.Value, e.ContentType, e.ExpireAt = s.Row.Value, s.Row.ContentType, s.Row.ExpireAt
}
