package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/past"
)

// Keep is how much of one table's past is kept, as far as it was settled for it.
type Keep struct {
	Entries, Seconds       int64
	EntriesSet, SecondsSet bool
}

// Or is what is kept of the table on a server that keeps so much of any.
func (k Keep) Or(usual past.Keep) past.Keep {
	if k.EntriesSet {
		usual.Entries = k.Entries
	}
	if k.SecondsSet {
		usual.Seconds = k.Seconds
	}
	return usual
}

const (
	selectKeep = `SELECT keep_entries, keep_seconds FROM main._urlite_tables WHERE name = ?1`
	upsertKeep = `INSERT INTO main._urlite_tables(name, keep_entries, keep_seconds) VALUES (?1, ?2, ?3)
		ON CONFLICT(name) DO UPDATE SET keep_entries = coalesce(?2, keep_entries), keep_seconds = coalesce(?3, keep_seconds)`
	raiseHorizon = `INSERT INTO main._urlite_tables(name, horizon) VALUES (?1, ?2)
		ON CONFLICT(name) DO UPDATE SET horizon = max(horizon, ?2)`
)

// Keep answers what was settled for a table; nothing was for one that is not there.
func (r *ReadConn) Keep(table string) (Keep, error) {
	columns, err := columnsOf(r.conn, "_urlite_tables")
	if err != nil || len(columns) == 0 {
		return Keep{}, refuse(r.conn, err)
	}
	keep, err := keepOf(r.conn, table)
	return keep, refuse(r.conn, err)
}

func keepOf(conn *sqlite.Conn, table string) (keep Keep, err error) {
	stmt, _, err := conn.PrepareTransient(selectKeep)
	if err != nil {
		return keep, err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	found, err := stmt.Step()
	if err != nil || !found {
		return keep, err
	}
	keep.EntriesSet, keep.Entries = stmt.ColumnType(0) != sqlite.SQLITE_NULL, stmt.ColumnInt64(0)
	keep.SecondsSet, keep.Seconds = stmt.ColumnType(1) != sqlite.SQLITE_NULL, stmt.ColumnInt64(1)
	return keep, nil
}

// SetKeep settles what is set in keep, and fills in what was settled before. It makes
// the table if there is none.
func (w *WriteConn) SetKeep(table string, keep *Keep) error {
	t, err := w.table(table, true)
	if err != nil {
		return refuse(w.conn, err)
	}
	stmt, _, err := w.conn.PrepareTransient(upsertKeep)
	if err != nil {
		return refuse(w.conn, err)
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	if keep.EntriesSet {
		stmt.BindInt64(2, keep.Entries)
	}
	if keep.SecondsSet {
		stmt.BindInt64(3, keep.Seconds)
	}
	if _, err := stmt.Step(); err != nil {
		return refuse(w.conn, err)
	}
	if *keep, err = keepOf(w.conn, table); err != nil {
		return refuse(w.conn, err)
	}
	*t.retention = retention{keep: *keep, known: true} // all is looked through anew
	t.retention.count(keep.Entries > 0, w.position.sequence)
	return nil
}
