package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// The statements of one KV table, as the writer uses them.
const (
	insertRow = `INSERT INTO main."$table"(key, content_type, created_at, updated_at, expire_at, version, op_number, head, value)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`
	// A row is only written over in the version that was read. It has no other, unless
	// a trigger of a client has changed it since.
	updateRow = `UPDATE main."$table" SET content_type = ?2, created_at = ?3, updated_at = ?4, expire_at = ?5,
		version = ?6, op_number = ?7, head = ?8, value = ?9 WHERE key = ?1 AND version = ?10`
	// updateValue is for writes that leave type and lifetime alone: it has fewer
	// bindings and does not look at the expiry index.
	updateValue = `UPDATE main."$table" SET updated_at = ?2, version = ?3, op_number = ?4, head = ?5, value = ?6 WHERE key = ?1 AND version = ?7`
	// updateBare is updateValue for a row that has no history and gets none.
	updateBare = `UPDATE main."$table" SET updated_at = ?2, version = ?3, value = ?6 WHERE key = ?1 AND version = ?7`
	// updateLife is for writes that leave the value alone, which may not be loaded.
	updateLife = `UPDATE main."$table" SET updated_at = ?2, version = ?3, op_number = ?4, head = ?5, expire_at = ?6 WHERE key = ?1 AND version = ?7`
	deleteRow  = `DELETE FROM main."$table" WHERE key = ?1 AND version = ?2`

	selectDeleted = `SELECT version, op_number, head, updated_at FROM main."_urlite_$table_deleted" WHERE key = ?1`
	insertDeleted = `INSERT OR REPLACE INTO main."_urlite_$table_deleted"(key, version, op_number, head, updated_at) VALUES (?1, ?2, ?3, ?4, ?5)`
	forgetDeleted = `DELETE FROM main."_urlite_$table_deleted" WHERE key = ?1`

	insertEntry = `INSERT INTO main."$table_history"(id, key, op_number, op, at, prev, actor, arg)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`
	insertFullEntry = `INSERT INTO main."$table_history"(id, key, op_number, op, at, prev, actor, arg, path, content_type, expire_at, value)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`
	// Only gaps are closed, whatever version somebody gave the row.
	closeEntry = `UPDATE main."$table_history" SET arg = ?2, content_type = ?3, expire_at = ?4, value = ?5 WHERE id = ?1 AND op = 11`

	// reopenEntry takes back what a gap was closed with, deleteEntry an entry as a whole.
	reopenEntry = `UPDATE main."$table_history" SET arg = NULL, content_type = NULL, expire_at = NULL, value = NULL WHERE id = ?1 AND op = 11`
	deleteEntry = `DELETE FROM main."$table_history" WHERE id = ?1`
	// selectMarks tell what a row is whose version is not that of its latest entry.
	selectMarks = `SELECT (SELECT version FROM main."_urlite_$table_undone" WHERE key = ?1), (SELECT op FROM main."$table_history" WHERE id = ?2)`
	markUndone  = `INSERT OR REPLACE INTO main."_urlite_$table_undone"(key, version) VALUES (?1, ?2)`
	markDone    = `DELETE FROM main."_urlite_$table_undone" WHERE key = ?1`

	// makeBase makes an entry that tells its state the oldest of its key, makeBaseState one
	// that does not.
	makeBase      = `UPDATE main."$table_history" SET prev = 0 WHERE id = ?1`
	makeBaseState = `UPDATE main."$table_history" SET prev = 0, content_type = ?2, expire_at = ?3, value = ?4 WHERE id = ?1`
	agedEntries   = `SELECT id, key, at FROM main."$table_history" WHERE id > ?1 ORDER BY id LIMIT ?2`
	// forgetAside forgets a chain that a trigger has set aside for a change that came to
	// nothing: its end may be folded away.
	forgetAside = `DELETE FROM main."_urlite_$table_deleted" WHERE key = ?1 AND version < 0`
	goneKeys    = `SELECT key, head, updated_at FROM main."_urlite_$table_deleted" WHERE updated_at < ?1 AND version >= 0 ORDER BY updated_at LIMIT ?2`

	// The step removes what a group can afford; the index finds it. Plain SQL may have
	// written an expiry of 0, which is none, and keys that are no text, which are none.
	expireRows = `SELECT key, version, op_number, head, expire_at FROM main."$table"
		WHERE expire_at <= ?1 AND expire_at <> 0 AND typeof(key) = 'text' ORDER BY expire_at LIMIT ?2`
	nextExpiry = `SELECT min(expire_at) FROM main."$table"
		WHERE expire_at IS NOT NULL AND expire_at <> 0 AND typeof(key) = 'text'`
	// closeExpired keeps the state that unrecorded writes left, as kv does it when a
	// recorded one follows them.
	closeExpired = `UPDATE main."$table_history" SET (arg, content_type, expire_at, value) =
		(SELECT updated_at, content_type, expire_at, value FROM main."$table" WHERE key = ?2) WHERE id = ?1 AND op = 11`
)

// writeTable is a KV table that the writer has found or made, with its statements.
type writeTable struct {
	numbers                             numbers
	row, rowAll                         *sqlite.Stmt
	insert, update, value, life, delete *sqlite.Stmt
	bare                                *sqlite.Stmt
	deleted, bury, unbury               *sqlite.Stmt
	entry, fullEntry, closes            *sqlite.Stmt
	expired, expiry, closeExpired       *sqlite.Stmt
	marks, undone, done                 *sqlite.Stmt
	forget, reopen                      *sqlite.Stmt
	base, baseState, aged, gone, count  *sqlite.Stmt
	chunks                              *chunkWriter
	chunksRead                          *chunkReader
	past                                pastTable
	forgetAside                         *sqlite.Stmt
	retention                           *retention
	// grown is by how many rows the table has grown in this transaction.
	grown int64
}

// prepareWriteTable prepares the statements of a table that exists.
func prepareWriteTable(conn *sqlite.Conn, table string) (*writeTable, error) {
	t := &writeTable{chunks: newChunkWriter(conn, table), chunksRead: newChunkReader(conn, table), past: pastTable{name: string([]byte(table))}}
	for _, s := range []struct {
		stmt **sqlite.Stmt
		sql  string
	}{
		{&t.row, selectRow}, {&t.rowAll, selectRowAll},
		{&t.insert, insertRow}, {&t.update, updateRow}, {&t.value, updateValue}, {&t.bare, updateBare}, {&t.life, updateLife}, {&t.delete, deleteRow},
		{&t.deleted, selectDeleted}, {&t.bury, insertDeleted}, {&t.unbury, forgetDeleted},
		{&t.entry, insertEntry}, {&t.fullEntry, insertFullEntry}, {&t.closes, closeEntry},
		{&t.expired, expireRows}, {&t.expiry, nextExpiry}, {&t.closeExpired, closeExpired},
		{&t.marks, selectMarks}, {&t.undone, markUndone}, {&t.done, markDone}, {&t.forget, deleteEntry}, {&t.reopen, reopenEntry},
		{&t.base, makeBase}, {&t.baseState, makeBaseState}, {&t.aged, agedEntries}, {&t.gone, goneKeys},
		{&t.count, moveCount}, {&t.forgetAside, forgetAside},
	} {
		stmt, _, err := conn.PrepareTransient(forTable(s.sql, table))
		if err != nil {
			t.finalize()
			return nil, err
		}
		*s.stmt = stmt
	}
	return t, nil
}

func (t *writeTable) finalize() {
	t.chunks.finalize()
	t.chunksRead.finalize()
	t.past.finalize()
	for _, stmt := range []*sqlite.Stmt{
		t.row, t.rowAll, t.insert, t.update, t.value, t.bare, t.life, t.delete,
		t.deleted, t.bury, t.unbury, t.entry, t.fullEntry, t.closes, t.expired, t.expiry, t.closeExpired,
		t.marks, t.undone, t.done, t.forget, t.reopen, t.base, t.baseState, t.aged, t.gone, t.count, t.forgetAside,
	} {
		if stmt != nil {
			stmt.Finalize()
		}
	}
}

// step runs a statement that answers no rows and makes it ready for the next.
func step(stmt *sqlite.Stmt) error {
	if _, err := stmt.Step(); err != nil {
		return err
	}
	return stmt.Reset()
}

// errKept answers a write that a client's trigger took back with RAISE(IGNORE), or
// was ahead of.
var errKept = refusal.New(refusal.SQLConstraint, "a trigger kept the row from being written")

// oneChanged is for a statement that had to change one row, and went as err tells.
func oneChanged(conn *sqlite.Conn, err error) error {
	if err == nil && conn.Changes() == 0 {
		return errKept
	}
	return err
}

// load reads the row of key, or the chain of a deleted one. It answers w's arena,
// where the row's value lies.
func (t *writeTable) load(w *WriteConn, key string, withValue bool, row *kv.Row) ([]byte, error) {
	stmt := t.row
	if withValue {
		stmt = t.rowAll
	}
	arena, err := w.rows.get(w.conn, stmt, key, withValue, row, w.arena)
	if err != nil {
		return arena, err
	}
	if row.Exists {
		if row.Head != 0 && row.Version != row.Head {
			err = t.numbers.mark(w.conn, t.marks, key, row)
		}
		return arena, err
	}
	bindText(t.deleted, 1, key)
	found, err := t.deleted.Step()
	if err != nil {
		return arena, err
	}
	if found {
		row.Version = t.deleted.ColumnInt64(0)
		row.OpNumber = t.deleted.ColumnInt64(1)
		row.Head = t.deleted.ColumnInt64(2)
		row.UpdatedAt = t.deleted.ColumnInt64(3)
		if row.Version == asideWithoutGap {
			row.Version = row.Head
		}
	}
	return arena, t.deleted.Reset()
}

// mark tells what a row is whose version is not that of its latest entry, with a statement of
// selectMarks.
func (n *numbers) mark(conn *sqlite.Conn, marks *sqlite.Stmt, key string, row *kv.Row) error {
	n[0] = row.Head
	_, err := n.ask(conn, marks, key, 1, 2)
	row.Undone = n[0] == row.Version
	row.Unseen = !row.Undone && n[1] != 0 && kv.EntryOp(n[1]) != kv.EntryUnrecorded
	return err
}

// save brings the file from was, the row as loaded, to now.
func (t *writeTable) save(conn *sqlite.Conn, key string, was, now *kv.Row) error {
	if was.Undone || now.Undone {
		if err := t.saveMark(key, now); err != nil {
			return err
		}
	}
	switch {
	case now.Exists && !was.Exists:
		if was.Head != 0 {
			if err := t.disinter(key); err != nil {
				return err
			}
		}
		t.grown++
		return oneChanged(conn, putRow(conn, t.insert, &t.numbers, key, now, nil))
	case now.Exists && now.Value.Kind == kv.Stored:
		return t.saveLife(conn, key, was, now)
	case now.Exists && was.Head == 0 && now.Head == 0 && sameLife(was, now):
		return oneChanged(conn, putValue(conn, t.bare, &t.numbers, key, now, was.Version))
	case now.Exists && sameLife(was, now):
		return oneChanged(conn, putValue(conn, t.value, &t.numbers, key, now, was.Version))
	case now.Exists:
		return oneChanged(conn, putRow(conn, t.update, &t.numbers, key, now, was))
	case was.Exists:
		return t.remove(conn, key, was.Version, now)
	case now.Head != 0:
		return t.buryChain(key, now)
	case was.Head != 0:
		return t.disinter(key) // nothing is left of its chain
	}
	return nil
}

// saveMark marks a row that is undone, or takes its mark away.
func (t *writeTable) saveMark(key string, now *kv.Row) error {
	if !now.Undone {
		bindText(t.done, 1, key)
		return step(t.done)
	}
	bindText(t.undone, 1, key)
	t.undone.BindInt64(2, now.Version)
	return step(t.undone)
}

func sameLife(was, now *kv.Row) bool {
	return was.CreatedAt == now.CreatedAt && was.ExpireAt == now.ExpireAt && was.ContentType == now.ContentType
}

// saveLife writes all of a row but its value and its type.
func (t *writeTable) saveLife(conn *sqlite.Conn, key string, was, now *kv.Row) error {
	bindText(t.life, 1, key)
	t.life.BindInt64(2, now.UpdatedAt)
	t.life.BindInt64(3, now.Version)
	t.life.BindInt64(4, now.OpNumber)
	t.life.BindInt64(5, now.Head)
	bindMoment(t.life, 6, now.ExpireAt)
	t.life.BindInt64(7, was.Version)
	return oneChanged(conn, step(t.life))
}

// remove deletes the row of key in the version that was read, and keeps its chain, if it has one. The chain comes
// first: by it our trigger knows that the deletion is ours.
func (t *writeTable) remove(conn *sqlite.Conn, key string, was int64, chain *kv.Row) error {
	if chain.Head != 0 {
		if err := t.buryChain(key, chain); err != nil {
			return err
		}
	}
	bindText(t.delete, 1, key)
	t.delete.BindInt64(2, was)
	err := oneChanged(conn, step(t.delete))
	if err == nil {
		t.grown--
	}
	return err
}

// disinter takes back the chain of a row that is there after all.
func (t *writeTable) disinter(key string) error {
	bindText(t.unbury, 1, key)
	return step(t.unbury)
}

func (t *writeTable) buryChain(key string, chain *kv.Row) error {
	bindText(t.bury, 1, key)
	t.bury.BindInt64(2, chain.Version)
	t.bury.BindInt64(3, chain.OpNumber)
	t.bury.BindInt64(4, chain.Head)
	t.bury.BindInt64(5, chain.UpdatedAt)
	return step(t.bury)
}

// record writes one line of history.
func (t *writeTable) record(conn *sqlite.Conn, key string, actor int64, e *kv.Entry) error {
	t.retention.watch(key, e)
	if e.Closes && !e.HasState {
		t.reopen.BindInt64(1, e.ID)
		return step(t.reopen)
	}
	if e.Closes {
		t.closes.BindInt64(1, e.ID)
		t.closes.BindInt64(2, e.Arg)
		bindState(t.closes, 3, e)
		return step(t.closes)
	}
	if isChunked(e) {
		apart := *e
		apart.Value = kv.Value{}
		if err := putFullEntry(conn, t.fullEntry, &t.numbers, key, actor, &apart); err != nil {
			return err
		}
		return t.chunks.put(e.ID, key, e.OpNumber, &e.Value)
	}
	if (e.HasState && !e.Absent) || e.Path != "" || e.Expires || e.Delta.Kind != kv.Stored {
		return putFullEntry(conn, t.fullEntry, &t.numbers, key, actor, e)
	}
	return putEntry(conn, t.entry, &t.numbers, key, actor, e)
}

// bindState binds the three columns of the state after an entry, NULL where the
// key was absent.
func bindState(stmt *sqlite.Stmt, first int, e *kv.Entry) {
	if e.Absent {
		stmt.BindNull(first)
		stmt.BindNull(first + 1)
		stmt.BindNull(first + 2)
		return
	}
	bindText(stmt, first, e.ContentType)
	bindMoment(stmt, first+1, e.ExpireAt)
	bindValue(stmt, first+2, &e.Value)
}
