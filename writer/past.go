package writer

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// Undo is the wish to take back the newest entries of a key.
type Undo struct {
	Key   string
	Steps int64
}

// Return is the wish that a table be what it was in the end of a second.
type Return struct {
	past.Return
	// To is the second, as history tells it.
	To int64
}

// Returned is what a return has done.
type Returned struct {
	past.Counts
	// Untouched are the keys that it left alone, since their past is not recorded; at most
	// untouchedMax of them.
	Untouched []string
	Cut       bool // there are more
	Millis    int64
}

// untouchedMax bounds the keys that a return names as untouched: a table may hold a
// million rate limits.
const untouchedMax = 10_000

// Keep is how much of a table's past is kept, as far as it is settled for it.
type Keep = store.Keep

// workPast does what needs to know what was. It works on the file: what was decided
// before it has to be there, and what follows sees what it did.
func (w *Writer) workPast(c *Call) error {
	if err := w.flush(); err != nil {
		return err
	}
	if c.Keep != nil {
		return w.keep(c)
	}
	source, err := w.disk.Past(c.Table, w.timeLeft(c))
	if err != nil {
		why, err := theCallers(err)
		if why != nil {
			c.err = why
		}
		return err
	}
	defer w.disk.EndPast()
	table := past.Of(source)
	changed := false
	if c.Undo != nil {
		changed, err = w.undo(c, table)
	} else {
		changed, err = w.goBack(c, table)
	}
	if err != nil {
		if !changed && theirs(err) {
			c.err = err
			return nil
		}
		return err // what was done of it has to be undone
	}
	w.upkeep.distrust()
	return w.catchUp()
}

// theirs tells a refusal of what was asked from a fault of the disk.
func theirs(err error) bool {
	switch refusal.Of(err).Kind {
	case refusal.HistoryEntryNotFound, refusal.TimeTravelChainGap, refusal.KeyNotFound, refusal.InvalidParameters:
		return true
	}
	return false
}

// undo takes back the newest entries of a key.
func (w *Writer) undo(c *Call, table *past.Table) (changed bool, err error) {
	u, err := table.Undo(c.Undo.Key, c.Undo.Steps)
	if err != nil {
		return false, err
	}
	row := u.Row
	kv.UndoTo(&row, &u.Then.Row, &u.To, w.now, &w.sequence)
	if err := w.disk.Reserve(w.sequence, w.clock); err != nil {
		return true, err
	}
	if err := w.disk.Forget(c.Table, c.Undo.Key, u.Gone, u.To.OpNumber); err != nil {
		return true, err
	}
	if row.Exists && u.To.Op == kv.EntryUnrecorded { // its gap goes on from here
		if err := w.disk.Record(c.Table, c.Undo.Key, c.Actor, &kv.Entry{ID: u.To.ID, Closes: true}); err != nil {
			return true, err
		}
	}
	c.Undone = int64(len(u.Gone))
	if row.Exists {
		c.undoneVersion = row.Version
	}
	return true, w.disk.Save(c.Table, c.Undo.Key, &u.Row, &row)
}

// numbersAhead is how many numbers are reserved at a time for a return, which does not
// know how many it will need.
const numbersAhead = 1024

// goBack carries out the plan of a return, step by step as it is made: neither it nor
// the table has to be held in memory.
func (w *Writer) goBack(c *Call, table *past.Table) (changed bool, err error) {
	started, reserved := w.config.Now(), w.sequence
	wish := c.Return.Return
	wish.Now = w.now
	var entries [kv.EntriesMax]kv.Entry
	counts, err := table.Plan(&wish, func(step *past.Step) error {
		// A trigger of a client may have taken numbers beyond ours for a key that comes now.
		newest := max(step.Row.Version, step.Row.Head)
		if w.sequence+kv.EntriesMax > reserved || w.sequence < newest {
			if err := w.reserveAhead(); err != nil {
				return err
			}
			reserved = w.sequence + numbersAhead
		}
		changed = true
		row := *step.Row
		for _, entry := range kv.ReturnTo(&row, step.Then, w.now, c.Return.To, &w.sequence, entries[:0]) {
			w.stamp(&entry)
			if err := w.disk.Record(c.Table, step.Key, c.Actor, &entry); err != nil {
				return err
			}
		}
		return w.disk.Save(c.Table, step.Key, step.Row, &row)
	}, func(key string) {
		if c.Returned.Cut = len(c.Returned.Untouched) == untouchedMax; !c.Returned.Cut {
			c.Returned.Untouched = append(c.Returned.Untouched, string([]byte(key)))
		}
	})
	c.Returned.Counts = counts
	c.Returned.Millis = w.config.Now() - started
	return changed, err
}

// reserveAhead reserves numbers from where the file stands: triggers may have taken some.
func (w *Writer) reserveAhead() error {
	if err := w.catchUp(); err != nil {
		return err
	}
	w.clock = max(w.clock, w.now)
	return w.disk.Reserve(w.sequence+numbersAhead, w.clock)
}

// keep settles how much of the table's past is kept.
func (w *Writer) keep(c *Call) error {
	keep := *c.Keep // a group that fails is worked again
	if err := w.disk.SetKeep(c.Table, &keep); err != nil {
		why, err := theCallers(err)
		if why != nil {
			c.err = why
		}
		return err
	}
	c.Kept = keep.Or(w.config.Keep)
	w.upkeep.retainAt = 0
	return nil
}
