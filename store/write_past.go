package store

import "github.com/urlite/urlite/kv"

// Forget takes the newest entries of key away, newest first. Nothing may lead to them any
// more once the row is saved; nor does a chain that a trigger has set aside.
func (w *WriteConn) Forget(table, key string, ids []int64) error {
	t, err := w.table(table, false)
	if err != nil || t == nil {
		return refuse(w.conn, err)
	}
	if err := t.disinter(key); err != nil {
		return refuse(w.conn, err)
	}
	return refuse(w.conn, w.forget(t, key, ids, 0))
}

// forget is Forget. Nothing of the key is older than base from then on.
func (w *WriteConn) forget(t *writeTable, key string, ids []int64, base int64) error {
	for _, id := range ids {
		t.forget.BindInt64(1, id)
		if err := step(t.forget); err != nil {
			return err
		}
	}
	return nil
}

// rebase makes an entry the oldest of its key. It tells its state from then on, if it
// did not.
func (t *writeTable) rebase(e *kv.Entry) error {
	if !e.HasState || e.Absent {
		t.base.BindInt64(1, e.ID)
		return step(t.base)
	}
	t.baseState.BindInt64(1, e.ID)
	bindState(t.baseState, 2, e)
	return step(t.baseState)
}
