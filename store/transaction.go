package store

import (
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// Results collects the answer of a SQL request, item by item.
type Results interface {
	Output
	EndRows(truncated bool)
	Updated(rows, rowid int64) error
	UpdatedBatch(rows []int64, skipped []sqltx.RowError, rowid int64) error
	Passed() error
	Failed(why *refusal.Refusal) error
	Mark() int
	Rewind(mark int)
}

// marks is where a transaction may go back to.
type marks struct {
	// save, stand and back are statements on savepoints of one name: SQLite takes the
	// latest.
	save, stand, back *sqlite.Stmt
	open              []mark
}

// mark is what was so when it was made.
type mark struct {
	changes  int
	reserved bool
}

func (m *marks) prepare(conn *sqlite.Conn) (err error) {
	for _, s := range []struct {
		stmt **sqlite.Stmt
		sql  string
	}{{&m.save, "SAVEPOINT mark"}, {&m.stand, "RELEASE mark"}, {&m.back, "ROLLBACK TO mark"}} {
		if *s.stmt, _, err = conn.PrepareTransient(s.sql); err != nil {
			return err
		}
	}
	return nil
}

func (m *marks) finalize() {
	for _, stmt := range []*sqlite.Stmt{m.save, m.stand, m.back} {
		if stmt != nil {
			stmt.Finalize()
		}
	}
}

// Mark begins what may have to be taken back. Marks nest.
func (w *WriteConn) Mark() error {
	if err := step(w.marks.save); err != nil {
		return refuse(w.conn, err)
	}
	w.marks.open = append(w.marks.open, mark{changes: totalChanges(w.conn), reserved: w.reserved})
	return nil
}

// Unmark ends what the latest mark began: it stands, or with back all of it is taken back.
func (w *WriteConn) Unmark(back bool) error {
	last := len(w.marks.open) - 1
	was := w.marks.open[last]
	w.marks.open = w.marks.open[:last]
	if back {
		if err := w.goBack(was); err != nil {
			return refuse(w.conn, err)
		}
	}
	return refuse(w.conn, step(w.marks.stand))
}

// goBack takes back all since the latest mark, and forgets what was believed since.
func (w *WriteConn) goBack(was mark) error {
	touched, err := w.schema.differs()
	if err != nil {
		return err
	}
	if err := step(w.marks.back); err != nil {
		return err
	}
	w.reserved = was.reserved
	if !touched && totalChanges(w.conn) == was.changes {
		return nil
	}
	w.whole = false
	w.counts.doubted = true // rows were counted that are gone
	w.actors.forget()
	w.meta.forget()
	w.answers.close()
	w.forgetTables()
	return nil
}

// BeginSQL begins the request of a client, which may take as long as limit: all until
// EndSQL is its doing, and is taken back if it is refused.
func (w *WriteConn) BeginSQL(limit time.Duration) error {
	if err := w.makeWhole(); err != nil {
		return refuse(w.conn, err)
	}
	if err := w.Mark(); err != nil {
		return err
	}
	w.inRequest = true
	w.inserts.begin()
	w.foreign.account.open()
	w.foreign.stopper.arm(limit)
	return nil
}

// EndSQL ends the request: it stands, or with back it is taken back. A refusal says why it
// can't stand; then it was taken back, too.
func (w *WriteConn) EndSQL(back bool) (why *refusal.Refusal, err error) {
	w.leaveRequest()
	w.foreign.stopper.arm(ownTimeMax)
	if !back {
		found, err := w.numbers.get(w.conn, w.temporary, 1)
		if err != nil {
			return nil, refuse(w.conn, err)
		}
		if back = found; back {
			why = errTemporary
		}
	}
	if err := w.Unmark(back); err != nil {
		return why, err
	}
	return why, refuse(w.conn, w.noticeSchema())
}

// leaveRequest ends what begins with a request, also if the transaction ended with it.
func (w *WriteConn) leaveRequest() {
	if w.inRequest {
		w.inRequest = false
		w.inserts.end()
	}
}

// TransactionEnded tells whether a statement ended the transaction by itself.
func (w *WriteConn) TransactionEnded() bool { return w.conn.GetAutocommit() }

// errTemporary refuses what the authorizer can't tell from its like: CREATE
// TRIGGER temp.t ON main.u. The connection is shared, so it would stay for others.
var errTemporary = refusal.New(refusal.SQLError, "temporary triggers are not supported")

// RunItem runs the SQL of one item of a request. Whatever it refuses is the item's, of
// which some may have been done: that is taken back with the mark before it. When
// TransactionEnded, nothing but Rollback is left.
func (w *WriteConn) RunItem(item *sqltx.Item, rowsMax int, out Results) error {
	before, schema := totalChanges(w.conn), w.schema.version
	w.foreignRan = true
	w.foreign.authorizer.foreign = true
	w.inserts.beginItem()
	err := w.runItem(item, rowsMax, out)
	w.foreign.authorizer.foreign = false
	w.counts.doubted = w.counts.doubted || totalChanges(w.conn) != before
	w.ranSQL = w.ranSQL || w.inserts.wroteHistory()
	switch {
	case err != nil:
		return w.foreign.refuse(err)
	case w.TransactionEnded():
		return errTransactionEnded
	}
	err = w.noticeSchema()
	w.ranSQL = w.ranSQL || w.schema.version != schema // a history may have got its name by it
	return refuse(w.conn, err)
}

func (w *WriteConn) runItem(item *sqltx.Item, rowsMax int, out Results) error {
	switch {
	case item.Kind == sqltx.Condition:
		if err := w.foreign.holds(item); err != nil {
			return err
		}
		return out.Passed()
	case item.Batch != nil:
		did, err := w.foreign.runBatch(item, item.NoFail)
		if err != nil {
			return err
		}
		if item.Tally != nil {
			item.Tally.Take(did.changed, did.errors)
			return out.Updated(item.Tally.Rows, 0)
		}
		return out.UpdatedBatch(did.changed, did.errors, w.inserts.endItem())
	}
	did, err := w.foreign.runAll(item, out, rowsMax)
	rowid := w.inserts.endItem()
	switch {
	case err != nil:
		return err
	case did.rows:
		out.EndRows(did.truncated)
		return nil
	}
	return out.Updated(did.changed, rowid)
}
