package store

import (
	"slices"
	"time"

	"crawshaw.io/sqlite"
)

// How many rows a table has is asked with every snapshot of it, and SQLite would have to
// look at all of its pages. So the number is kept beside the table and moved with it by
// whoever writes rows with us. Whatever else may have written makes all of the file's numbers
// unknown: SQL of a client, a client's triggers, a commit of another connection, which the writer
// sees when it begins, and our triggers where they notice one. When nobody waits, they are
// counted again.
//
// Until the writer begins again, a reader may be told a number that another program has made
// wrong in a way that our triggers don't notice: by rows with a version of their own, or by
// deleting some that have no history.

const (
	moveCount  = `UPDATE main._urlite_tables SET rows = rows + ?2 WHERE name = ?1`
	startCount = `INSERT INTO main._urlite_tables(name, rows) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET rows = ?2`
	// A table that is made anew has nothing of the one that had its name.
	newCount  = `INSERT OR REPLACE INTO main._urlite_tables(name, rows) VALUES (?1, 0)`
	doubtAll  = `UPDATE main._urlite_tables SET rows = NULL WHERE rows IS NOT NULL`
	uncounted = `SELECT name FROM main._urlite_tables WHERE rows IS NULL`

	clientsTriggers = `SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'trigger' AND name NOT LIKE '\_urlite%' ESCAPE '\')`

	// recountMax bounds the counting of a table, for which the writer stops. A larger one
	// is left to those who ask.
	recountMax = 200 * time.Millisecond
)

// counts is what the writer knows of the numbers that the file tells.
type counts struct {
	// doubted says that somebody else may have written rows since they were right;
	// triggered, that a client's triggers may with any write.
	doubted, triggered bool
	disturbed          bool
	others             otherWriters
	// large are tables that took too long to count.
	large map[string]bool
}

// beginCount begins the count of a table: with nothing, if it is new.
func beginCount(conn *sqlite.Conn, table string, isNew bool) error {
	sql := startCount
	if isNew {
		sql = newCount
	}
	stmt, _, err := conn.PrepareTransient(sql)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	_, err = stmt.Step()
	return err
}

// settleCounts makes the numbers of the file right, or unknown, before the transaction is
// committed.
func (w *WriteConn) settleCounts() error {
	unknown := w.counts.doubted || w.counts.triggered
	for name, t := range w.tables {
		if t.grown == 0 {
			continue
		}
		bindText(t.count, 1, name)
		t.count.BindInt64(2, t.grown)
		t.grown = 0
		if unknown {
			continue
		}
		if err := step(t.count); err != nil {
			return err
		}
	}
	if !unknown || w.meta.read == nil {
		return nil
	}
	err := run(w.conn, doubtAll)
	if primary(err) == sqlite.SQLITE_ERROR {
		return nil // a file that has none yet
	}
	return err
}

// Disturbed tells whether, when the transaction began, somebody else had committed since the
// one before.
func (w *WriteConn) Disturbed() bool { return w.counts.disturbed }

// watchOthers notices, at the begin of a transaction, that somebody else has committed.
func (w *WriteConn) watchOthers() error {
	committed, err := w.counts.others.committed()
	if w.counts.disturbed = committed; committed {
		w.counts.doubted = true
		for _, r := range w.retentions {
			r.known = false // another server may have settled something
		}
	}
	return err
}

// Recount counts the rows of a table whose number nobody knows, inside the transaction. It
// tells whether there may be more of them.
func (w *WriteConn) Recount() (more bool, err error) {
	if w.meta.read == nil || w.counts.triggered {
		return false, nil
	}
	if err := w.settleCounts(); err != nil {
		return false, refuse(w.conn, err)
	}
	w.counts.doubted = false // they are unknown, or right; a rollback doubts them again
	name, err := w.uncountedTable()
	if err != nil || name == "" {
		return false, refuse(w.conn, err)
	}
	w.foreign.stopper.arm(recountMax)
	defer w.foreign.stopper.arm(ownTimeMax)
	rows, err := queryInt(w.conn, forTable(`SELECT count(*) FROM main."$table"`, name))
	if err != nil {
		w.counts.large[name] = true
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
		if name := stmt.ColumnText(0); slices.Contains(w.names, name) && !w.counts.large[name] {
			return name, nil
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

// committed tells whether anybody else has committed since the last call, or may have.
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
	return was != version, nil
}

func (o *otherWriters) close() {
	if o.read != nil {
		o.read.Finalize()
		o.read = nil
	}
}
