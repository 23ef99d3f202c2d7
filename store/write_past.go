package store

import "github.com/urlite/urlite/past"

// Forget takes the newest entries of key away, newest first: those after the one with the
// number to, 0 for all. Nothing may lead to them any more once the row is saved; nor does a
// chain that a trigger has set aside.
func (w *WriteConn) Forget(table, key string, ids []int64, to int64) error {
	t, err := w.table(table, false)
	if err != nil || t == nil {
		return refuse(w.conn, err)
	}
	if err := t.disinter(key); err != nil {
		return refuse(w.conn, err)
	}
	return refuse(w.conn, t.forgetEntries(key, ids, to))
}

// forgetEntries takes entries of key away: all that are older than the one with the number
// next, or all that are newer. Without such a one, these are all.
func (t *writeTable) forgetEntries(key string, ids []int64, next int64) error {
	for _, id := range ids {
		t.forget.BindInt64(1, id)
		if err := step(t.forget); err != nil {
			return err
		}
	}
	if err := t.chunks.drop(ids, key, next); err != nil || next != 0 {
		return err
	}
	return t.chunks.dropAll(key)
}

// rebase makes the base of a fold the oldest entry of its key. It tells its state from
// then on, if it did not.
func (t *writeTable) rebase(f *past.Fold) error {
	if f.Tells || f.Base.Absent {
		t.base.BindInt64(1, f.Base.ID)
		return step(t.base)
	}
	t.baseState.BindInt64(1, f.Base.ID)
	bindState(t.baseState, 2, &f.Base)
	return step(t.baseState)
}
