package store

import (
	"strings"
	"time"

	"crawshaw.io/sqlite"
)

// How many rows a table has is asked with every snapshot of it, and SQLite would have to
// read all of its pages. So the number is kept beside the table and moved with it, by whoever
// writes rows with us. Everybody else makes it unknown: SQL by our triggers, by the
// authorizer, and by the writer, which notices that another connection has committed. It
// is counted again when nobody waits.

const (
	moveCount  = `UPDATE main._urlite_tables SET rows = rows + ?2 WHERE name = ?1`
	startCount = `INSERT INTO main._urlite_tables(name, rows) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET rows = ?2`
	doubtCount = `UPDATE main._urlite_tables SET rows = NULL WHERE name = ?1 AND rows IS NOT NULL`
	doubtAll   = `UPDATE main._urlite_tables SET rows = NULL WHERE rows IS NOT NULL`
	uncounted  = `SELECT name FROM main._urlite_tables WHERE rows IS NULL`

	// recountMax bounds the counting of a table, for which the writer stops. A larger one
	// stays uncounted until it is opened again.
	recountMax = 200 * time.Millisecond
)

// beginCount begins the count of a table: with nothing, if it is new.
func beginCount(conn *sqlite.Conn, table string, isNew bool) error {
	stmt, _, err := conn.PrepareTransient(startCount)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	if isNew {
		stmt.BindInt64(2, 0)
	}
	_, err = stmt.Step()
	return err
}

// settleCounts moves the counts of the tables that have grown in the transaction.
func (w *WriteConn) settleCounts() error {
	for name, t := range w.tables {
		if t.grown == 0 {
			continue
		}
		bindText(t.count, 1, name)
		t.count.BindInt64(2, t.grown)
		if err := step(t.count); err != nil {
			return err
		}
		t.grown = 0
	}
	return nil
}

// doubtCounts forgets the counts if another connection has committed since the last
// transaction.
func (w *WriteConn) doubtCounts() error {
	committed, err := w.others.committed()
	if err != nil || !committed || w.meta.read == nil {
		return err
	}
	err = run(w.conn, doubtAll)
	if primary(err) == sqlite.SQLITE_ERROR {
		return nil // a file of ours that has no counts yet
	}
	return err
}

// doubtWritten forgets the counts of the tables that SQL of a client may have written rows to.
func (w *WriteConn) doubtWritten() error {
	written := w.foreign.authorizer.written
	defer clear(written)
	if len(written) == 0 || w.meta.read == nil {
		return nil
	}
	if err := w.list(); err != nil {
		return err
	}
	for _, name := range w.names {
		if !written[strings.ToLower(name)] {
			continue
		}
		if err := w.doubtCount(name); err != nil {
			return err
		}
	}
	return nil
}

func (w *WriteConn) doubtCount(table string) error {
	stmt, _, err := w.conn.PrepareTransient(doubtCount)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	_, err = stmt.Step()
	return err
}

// Recount counts the rows of a table whose number nobody knows, inside the transaction. It
// tells whether there may be more of them.
func (w *WriteConn) Recount() (more bool, err error) {
	if w.meta.read == nil {
		return false, nil
	}
	name, err := w.uncountedTable()
	if err != nil || name == "" {
		return false, refuse(w.conn, err)
	}
	w.foreign.stopper.arm(recountMax)
	defer w.foreign.stopper.arm(ownTimeMax)
	rows, err := queryInt(w.conn, forTable(`SELECT count(*) FROM main."$table"`, name))
	if err != nil {
		w.large[name] = true // too large to be counted in passing, or no table any more
		return true, nil
	}
	stmt, _, err := w.conn.PrepareTransient(startCount)
	if err != nil {
		return false, refuse(w.conn, err)
	}
	defer stmt.Finalize()
	bindText(stmt, 1, name)
	stmt.BindInt64(2, rows)
	_, err = stmt.Step()
	return true, refuse(w.conn, err)
}

// uncountedTable is a KV table whose rows are to be counted, empty if there is none.
func (w *WriteConn) uncountedTable() (string, error) {
	if err := w.list(); err != nil {
		return "", err
	}
	stmt, _, err := w.conn.PrepareTransient(uncounted)
	if primary(err) == sqlite.SQLITE_ERROR {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer stmt.Finalize()
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return "", err
		}
		name := stmt.ColumnText(0)
		for _, known := range w.names {
			if name == known && !w.large[name] {
				return name, nil
			}
		}
	}
}

// otherWriters notices commits of other connections, whatever program they belong to.
type otherWriters struct {
	conn    *sqlite.Conn
	read    *sqlite.Stmt
	numbers numbers
	version int64
}

// committed tells whether anybody else has committed since the last call.
func (o *otherWriters) committed() (bool, error) {
	if o.read == nil {
		stmt, _, err := o.conn.PrepareTransient("PRAGMA main.data_version")
		if err != nil {
			return false, err
		}
		o.read = stmt
	}
	version, err := o.numbers.first(o.conn, o.read)
	if err != nil {
		return false, err
	}
	was := o.version
	o.version = version
	return was != 0 && was != version, nil
}

func (o *otherWriters) close() {
	if o.read != nil {
		o.read.Finalize()
		o.read = nil
	}
}
