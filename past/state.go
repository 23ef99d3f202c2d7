package past

import "github.com/urlite/urlite/kv"

// Fate is what became of a key by a moment.
type Fate uint8

// The fates. Only of a key that was There a state tells more.
const (
	There   Fate = iota + 1
	Absent       // it was not there: never, or not any more
	Expired      // its lifetime was over
	Unknown      // the moment lies in a gap: unrecorded writes came before it
	Folded       // the moment lies before what is kept of the past
)

// State is a key at a moment. Its memory is its own, and is used again when it is told
// another state.
type State struct {
	Fate Fate
	// Row is the value, its type and its lifetime, of a key that was There; of one that
	// was Expired as well.
	Row kv.Row
	// OpNumber and At are those of the entry that made the state; 0 without one.
	OpNumber, At int64
	// Oldest is, of a Folded state, the earliest moment in ms that can be told.
	Oldest int64

	id           int64 // of the entry that made the state
	arena, delta []byte
}

// reset forgets the state, and keeps its memory.
func (s *State) reset(fate Fate) {
	*s = State{Fate: fate, arena: s.arena[:0], delta: s.delta[:0]}
}

// madeBy notes the entry that made the state.
func (s *State) madeBy(l *Link) { s.id, s.OpNumber, s.At = l.ID, l.OpNumber, l.At }

// take takes a state that a row tells.
func (s *State) take(row *kv.Row) {
	s.Row = kv.Row{}
	if s.Fate = Absent; row.Exists {
		s.Fate = There
		s.Row = kv.Row{Exists: true, Value: row.Value, ContentType: row.ContentType, ExpireAt: row.ExpireAt}
	}
}

// endBy has the key be gone if its lifetime was over before until.
func (s *State) endBy(until int64) {
	if s.Fate == There && !s.Row.Live(until-1) {
		s.Fate = Expired
	}
}

// At tells the state of key at a moment: with all that was written before until (ms).
func (t *Table) At(key string, until int64, into *State) error {
	into.reset(Absent)
	arena, err := t.source.Row(key, &into.Row, into.arena)
	if into.arena = arena; err != nil {
		return err
	}
	return t.tell(key, &into.Row, until, into)
}

// tellFrom is At of a key whose newest entry before the moment is known. That is all that
// it takes, unless it stands in a gap or is not there: then known is false.
func (t *Table) tellFrom(key string, id, until int64, into *State) (known bool, err error) {
	if id == 0 {
		return false, nil
	}
	into.reset(Unknown)
	var entry Entry
	row := &into.Row
	into.arena, known, err = t.fold(key, id, &entry, row, into.arena)
	if err != nil || entry.Op == kv.EntryUnrecorded {
		return false, err
	}
	made := Link{ID: entry.ID, OpNumber: entry.OpNumber, Prev: entry.Prev, At: entry.At, Op: entry.Op, HasState: entry.HasState}
	switch {
	case !known:
		return false, nil
	case entry.HasState:
		told := *row
		into.take(&told)
		into.madeBy(&made)
	default:
		if err := t.rebuild(key, made, into); err != nil {
			return false, err
		}
	}
	into.endBy(until)
	return true, nil
}

// tell is At of a key with this row, which may be into's, and whose memory the state may
// share.
func (t *Table) tell(key string, row *kv.Row, until int64, into *State) error {
	now := *row
	into.reset(Absent)
	over := !now.Exists || (now.ExpireAt != 0 && now.ExpireAt < until) // swept or not
	if now.Head == 0 {
		if !over {
			into.Fate = Unknown
			return nil
		}
		return t.traceless(until, into)
	}
	head, found, err := t.head(key, &now)
	if err != nil || !found {
		into.Fate = Unknown
		return err
	}
	l, how, err := t.newest(key, head, until)
	switch {
	case err != nil:
		return err
	case how == lost:
		into.Fate = Unknown
		return nil
	case how == beyond:
		return t.beforeFirst(&l, until, into)
	case l.Op == kv.EntryUnrecorded:
		if l.ID == head.ID && over && (now.Exists || now.UpdatedAt < until) {
			into.madeBy(&l)
			return nil // it went in the gap, or with it
		}
		into.Fate = Unknown
		return nil
	case l.ID == head.ID && now.Unseen:
		into.Fate = Unknown // who knows since when
		return nil
	case l.ID == head.ID && now.Exists && !now.GapOpen():
		into.take(&now) // nothing has to be replayed
		into.madeBy(&l)
	default:
		if err := t.rebuild(key, l, into); err != nil {
			return err
		}
	}
	into.endBy(until)
	return nil
}

// beforeFirst tells the state before l, the oldest entry of its chain.
func (t *Table) beforeFirst(l *Link, until int64, into *State) error {
	switch {
	case l.isBase():
		into.Fate, into.Oldest = Folded, l.At
		return nil
	case l.Op == kv.EntryUnrecorded:
		into.Fate = Unknown // it was there without history
		return nil
	}
	return t.traceless(until, into)
}

// traceless tells the state of a key of which there is no trace.
func (t *Table) traceless(until int64, into *State) error {
	horizon, err := t.horizon()
	if err == nil && until <= horizon {
		into.Fate, into.Oldest = Folded, horizon
	}
	return err
}

// After tells the state of key right after its entry opNumber, whatever time it was: it
// is never Expired. An entry that does not exist is refused as HistoryEntryNotFound; the
// state after an UNRECORDED one is Unknown.
func (t *Table) After(key string, opNumber int64, into *State) error {
	into.reset(Unknown)
	arena, err := t.source.Row(key, &into.Row, into.arena)
	if into.arena = arena; err != nil {
		return err
	}
	now := into.Row
	into.Row = kv.Row{}
	if now.Head == 0 || opNumber < 1 || opNumber > now.OpNumber {
		return entryNotFound
	}
	head, found, err := t.head(key, &now)
	if err != nil || !found {
		return err
	}
	l, how, err := t.numbered(key, head, opNumber)
	switch {
	case err != nil || how == lost:
		return err
	case how == beyond:
		into.Fate, into.Oldest = Folded, l.At
		return nil
	case l.Op == kv.EntryUnrecorded:
		return nil
	case l.ID == head.ID && now.Exists && !now.GapOpen():
		into.take(&now)
		into.madeBy(&l)
		return nil
	}
	return t.rebuild(key, l, into)
}

// rebuild tells the state after the entry l: it replays the entries from the newest one
// that tells its state on. It holds one state and one entry at a time.
func (t *Table) rebuild(key string, l Link, into *State) error {
	var between [walkMax]int64
	n, made := 0, l
	for !l.HasState {
		previous, found, err := t.before(key, &l)
		if err != nil || !found || n == len(between) {
			into.reset(Unknown)
			return err
		}
		between[n] = l.ID
		n, l = n+1, previous
	}
	into.reset(Unknown)
	var entry Entry
	var row kv.Row
	arena, known, err := t.fold(key, l.ID, &entry, &row, into.arena)
	into.arena = arena
	for n--; n >= 0 && known && err == nil; n-- {
		into.delta, known, err = t.fold(key, between[n], &entry, &row, into.delta[:0])
	}
	if err != nil || !known {
		return err
	}
	into.take(&row)
	into.madeBy(&made)
	return nil
}

// fold reads an entry and replays it on the state before it. known is false if the entry
// does not tell the state after it, or is not there.
func (t *Table) fold(key string, id int64, entry *Entry, row *kv.Row, arena []byte) (_ []byte, known bool, err error) {
	if arena, err = t.source.Entry(key, id, entry, arena); err != nil {
		return arena, false, unlessMissing(err)
	}
	return arena, entry.Fold(row), nil
}
