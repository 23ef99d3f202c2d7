package store

import (
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/querylog"
)

// The query history is a table that clients may read, change and drop. So it is ours only
// while it has our columns; what else has its name is left alone, and so is a file of
// somebody else's until something is written to it through us.

// queryLogTable is a table of ours that has no name of ours: the API owns it.
const queryLogTable = "_query_history"

const (
	lastLogged = `SELECT max(
		coalesce((SELECT max(id) FROM main._query_history WHERE id < 9007199254740992), 0),
		coalesce((SELECT value FROM main._urlite_meta WHERE name = 'logged'), 0))`
	insertLogged = `INSERT INTO main._query_history(id, sql, timestamp, execution_time_ms, success, error, row_count, is_statement, source, client_ip)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`
	// A client may have filled the table: that is taken away in steps.
	trimLogged = `DELETE FROM main._query_history WHERE id IN (SELECT id FROM main._query_history ORDER BY id DESC LIMIT 2000 OFFSET ?1)`
	// An ID is not given again when its entry was deleted: somebody may delete it twice.
	moveLogged     = `INSERT INTO main._urlite_meta(name, value) VALUES ('logged', ?1) ON CONFLICT(name) DO UPDATE SET value = max(value, ?1)`
	countQuiet     = `INSERT INTO main._urlite_meta(name, value) VALUES ('quiet', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1`
	triggersLogged = `SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name COLLATE NOCASE IN ('_query_history', '_urlite_meta'))`
	clearLogged    = `DELETE FROM main._query_history`
	removeLogged   = `DELETE FROM main._query_history WHERE id = ?1`
	selectLogged   = `SELECT id, substr(sql, 1, ?2), timestamp, execution_time_ms, success, substr(error, 1, ?2), row_count, is_statement, source, substr(client_ip, 1, ?2)
		FROM main._query_history ORDER BY id DESC LIMIT ?1`

	// logTimeMax bounds the writing of entries, which takes milliseconds but for a trigger
	// of a client: the calls of a group wait for it.
	logTimeMax = 250 * time.Millisecond
)

// queryLog is the table on the writer's connection.
type queryLog struct {
	conn                     *sqlite.Conn
	last, insert, trim, move *sqlite.Stmt
	numbers                  numbers
	// changesBefore is how many rows the connection had changed when the transaction began,
	// and changes how many of those since are of the query history.
	changesBefore, changes int
	// made says that the transaction has made the table.
	made bool
	// triggered says that triggers run when entries are written. One that writes a row of its
	// own instead of ours changes as many rows as we did.
	triggered bool
}

// begin notes where a transaction begins.
func (l *queryLog) begin() { l.changesBefore, l.changes, l.made = totalChanges(l.conn), 0, false }

// Log appends entries, at least one and the oldest first, to the query history of the
// file inside the transaction, and takes away what is beyond the latest. The last of them
// has the ID that is answered, those before it the ones before. It is 0 if there is no
// such table; with make, it is made unless something else has its name.
//
// It must be the last that is done in a transaction: a trigger of a client may change
// anything.
func (w *WriteConn) Log(entries []querylog.Entry, make bool) (last int64, err error) {
	if ready, err := w.prepareLog(make); err != nil || !ready {
		return 0, refuse(w.conn, err)
	}
	w.foreign.stopper.arm(logTimeMax)
	last, err = w.log.write(entries)
	w.foreign.stopper.arm(ownTimeMax)
	return last, refuse(w.conn, err)
}

// prepareLog prepares the statements, and makes the table if asked to.
func (w *WriteConn) prepareLog(make bool) (ready bool, err error) {
	l := &w.log
	if l.insert != nil {
		return true, nil
	}
	state, err := inspectLog(w.conn)
	if err != nil || state == logStrange || (state == logMissing && !make) {
		return false, err
	}
	if make {
		if err := w.meta.ensure(w.position.sequence); err != nil {
			return false, err
		}
		if state == logMissing {
			if err := run(w.conn, queryHistorySchema); err != nil {
				return false, err
			}
			l.made = true
		}
	} else if columns, err := columnsOf(w.conn, metaTable); err != nil || len(columns) == 0 {
		return false, err
	}
	triggers, err := queryInt(w.conn, triggersLogged)
	if err != nil {
		return false, err
	}
	l.triggered = triggers != 0
	for _, s := range []struct {
		stmt **sqlite.Stmt
		sql  string
	}{{&l.last, lastLogged}, {&l.insert, insertLogged}, {&l.trim, trimLogged}, {&l.move, moveLogged}} {
		if *s.stmt, _, err = w.conn.PrepareTransient(s.sql); err != nil {
			l.close()
			return false, err
		}
	}
	return true, nil
}

func (l *queryLog) write(entries []querylog.Entry) (last int64, err error) {
	if last, err = l.numbers.first(l.conn, l.last); err != nil {
		return 0, err
	}
	further := max(last+1-entries[0].ID, 0) // another process has written some
	for i := range entries {
		if err := l.put(&entries[i], further); err != nil {
			return 0, err
		}
	}
	l.changes += len(entries)
	l.trim.BindInt64(1, querylog.EntriesMax)
	if err := step(l.trim); err != nil {
		return 0, err
	}
	l.changes += l.conn.Changes()
	last = entries[len(entries)-1].ID + further
	l.move.BindInt64(1, last)
	l.changes++
	return last, step(l.move)
}

// settleQuiet counts the transaction among the quiet ones, if nothing was written in it
// but the query history: for everybody else the file is as it was before.
func (w *WriteConn) settleQuiet() error {
	l := &w.log
	if l.changes == 0 || l.made || l.triggered || w.foreignRan || totalChanges(w.conn)-l.changesBefore != l.changes {
		return nil
	}
	return run(w.conn, countQuiet)
}

// ClearLog removes the query history inside the transaction. The IDs up to last, and those
// that it removes, are not given again.
func (w *WriteConn) ClearLog(last int64) error {
	ready, err := w.prepareLog(false)
	if err != nil || !ready {
		return refuse(w.conn, err)
	}
	newest, err := w.log.numbers.first(w.conn, w.log.last)
	if err != nil {
		return refuse(w.conn, err)
	}
	w.log.move.BindInt64(1, max(newest, last))
	if err := step(w.log.move); err != nil {
		return refuse(w.conn, err)
	}
	return refuse(w.conn, run(w.conn, clearLogged))
}

// Unlog removes one entry of it. found is false if there is none.
func (w *WriteConn) Unlog(id int64) (found bool, err error) {
	state, err := inspectLog(w.conn)
	if err != nil || state != logReady {
		return false, refuse(w.conn, err)
	}
	stmt, _, err := w.conn.PrepareTransient(removeLogged)
	if err != nil {
		return false, refuse(w.conn, err)
	}
	defer stmt.Finalize()
	stmt.BindInt64(1, id)
	if _, err := stmt.Step(); err != nil {
		return false, refuse(w.conn, err)
	}
	return w.conn.Changes() > 0, nil
}

// LastLogged is the ID of the latest entry of the query history, 0 if there is none or
// it can't be told: then the IDs to come are only told wrong until they are written.
func (w *WriteConn) LastLogged() int64 {
	last, _ := queryInt(w.conn, lastLogged)
	return last
}

// close lets go of the statements: the table may be gone, or another one.
func (l *queryLog) close() {
	for _, stmt := range []**sqlite.Stmt{&l.last, &l.insert, &l.trim, &l.move} {
		if *stmt != nil {
			(*stmt).Finalize()
			*stmt = nil
		}
	}
}

// logState is what stands under the name of the query history.
type logState uint8

const (
	logMissing logState = iota
	logReady
	logStrange // something of a client's
)

func inspectLog(conn *sqlite.Conn) (logState, error) {
	columns, err := columnsOf(conn, queryLogTable)
	if err != nil || len(columns) == 0 {
		return logMissing, err
	}
	for _, name := range []string{"id", "sql", "timestamp", "execution_time_ms", "success", "error", "row_count", "is_statement", "source", "client_ip"} {
		if !columns[name] {
			return logStrange, nil
		}
	}
	if view, err := isView(conn, queryLogTable); err != nil || view {
		return logStrange, err
	}
	return logReady, nil
}

// QueryLog tells the latest entries of the query history, the newest first, until tell
// answers false or EntriesMax are told. The entry is good until tell returns.
func (r *ReadConn) QueryLog(tell func(e *querylog.Entry) (more bool)) error {
	state, err := inspectLog(r.conn)
	if err != nil || state != logReady {
		return refuse(r.conn, err)
	}
	stmt, _, err := r.conn.PrepareTransient(selectLogged)
	if err != nil {
		return refuse(r.conn, err)
	}
	defer stmt.Finalize()
	stmt.BindInt64(1, querylog.EntriesMax)
	stmt.BindInt64(2, querylog.SQLBytesMax)
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return refuse(r.conn, err)
		}
		e := querylog.Entry{
			ID: stmt.ColumnInt64(0), SQL: stmt.ColumnText(1), At: stmt.ColumnInt64(2), Took: tookOf(stmt.ColumnFloat(3)),
			Success: stmt.ColumnInt64(4) != 0, Error: stmt.ColumnText(5), Rows: stmt.ColumnInt64(6),
			Statement: stmt.ColumnInt64(7) != 0, Client: stmt.ColumnText(9),
		}
		if stmt.ColumnText(8) == querylog.KV.String() {
			e.Source = querylog.KV
		}
		if !tell(&e) {
			return nil
		}
	}
}

// LastLogged is that of WriteConn, for a file that can't be written.
func (r *ReadConn) LastLogged() int64 {
	last, _ := queryInt(r.conn, lastLogged)
	return last
}

// tookMillisMax is some three years. SQL of a client may have written anything.
const tookMillisMax = 1e11

func tookOf(millis float64) time.Duration {
	return time.Duration(min(max(millis, 0), tookMillisMax) * float64(time.Millisecond)).Round(time.Microsecond)
}
