package past

import "github.com/urlite/urlite/kv"

// UndoMax bounds the entries that are taken back at once.
const UndoMax = 50_000

// Undo is what takes back the newest entries of a key.
type Undo struct {
	Row  kv.Row // the key now
	Then *State // what it was after the entry To: There or Absent
	// To is the entry that is the newest then, without what it did; its ID is 0 if none
	// is left.
	To kv.Entry
	// Gone are the ids of those to take away, newest first.
	Gone []int64
}

// Undo plans to take back the newest entries of key, as many as steps, or as there are
// or may be taken back at once. A base is not among them. It refuses a key without
// entries as HistoryEntryNotFound, and a state that lies in a gap as TimeTravelChainGap.
func (t *Table) Undo(key string, steps int64) (*Undo, error) {
	u := &Undo{Then: &State{}}
	if _, err := t.source.Row(key, &u.Row, nil); err != nil {
		return nil, err
	}
	if u.Row.Head == 0 {
		return nil, nothingToUndo
	}
	l, found, err := t.head(key, &u.Row)
	if err != nil {
		return nil, err
	}
	if found && l.isBase() {
		return nil, nothingToUndo
	}
	for steps = max(1, min(steps, UndoMax)); found && steps > 0 && !l.isBase(); steps-- {
		u.Gone = append(u.Gone, l.ID)
		if l.Prev == 0 {
			return t.undoAll(u, &l)
		}
		if l, found, err = t.before(key, &l); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, undoneIntoGap
	}
	u.To = kv.Entry{ID: l.ID, OpNumber: l.OpNumber, Op: l.Op, At: l.At, Prev: l.Prev}
	if err := t.rebuild(key, l, u.Then); err != nil {
		return nil, err
	}
	if u.Then.Fate == Unknown {
		return nil, undoneIntoGap
	}
	return u, nil
}

// undoAll takes back the whole chain, of which first is the oldest entry.
func (t *Table) undoAll(u *Undo, first *Link) (*Undo, error) {
	if first.Op == kv.EntryUnrecorded {
		return nil, undoneIntoGap // it was there before, as nobody knows what
	}
	u.Then.reset(Absent)
	return u, nil
}
