package store

import (
	"crypto/rand"
	"encoding/hex"

	"crawshaw.io/sqlite"
)

// meta is the server's own table of named values, with the names of those who
// write beside it. A file may lack it: then no key-value write has touched it yet.
type meta struct {
	conn *sqlite.Conn
	// ensured says that the tables and their rows are there.
	ensured  bool
	sequence *sqlite.Stmt
	move     *sqlite.Stmt
	number   number
}

const (
	readSequence = "SELECT value FROM main._urlite_meta WHERE name = 'sequence'"
	moveSequence = "UPDATE main._urlite_meta SET value = ?1 WHERE name = 'sequence'"
	seedMeta     = `INSERT OR IGNORE INTO main._urlite_meta(name, value) VALUES ('format', ?1), ('sequence', ?2), ('file_id', ?3)`
)

// readSequenceNumber answers the write sequence number of the file. It is read
// anew for every group: another process may have moved it. A file that lost its
// number goes on from the largest one in use.
func (m *meta) readSequenceNumber() (int64, error) {
	if m.sequence == nil {
		columns, err := columnsOf(m.conn, metaTable)
		if err != nil {
			return 0, err
		}
		if len(columns) == 0 {
			return largestInUse(m.conn)
		}
		if err := m.prepare(); err != nil {
			return 0, err
		}
	}
	n, found, err := m.number.get(m.conn, m.sequence)
	switch {
	case err != nil:
		m.forget()
		return 0, err
	case !found:
		m.ensured = false
		return largestInUse(m.conn)
	}
	return n, nil
}

func (m *meta) prepare() error {
	sequence, _, err := m.conn.PrepareTransient(readSequence)
	if err != nil {
		return err
	}
	move, _, err := m.conn.PrepareTransient(moveSequence)
	if err != nil {
		sequence.Finalize()
		return err
	}
	m.sequence, m.move = sequence, move
	return nil
}

// largestInUse walks the KV tables for the largest number they hold. It runs only
// on files without a sequence.
func largestInUse(conn *sqlite.Conn) (int64, error) {
	tables, err := keyValueTables(conn)
	if err != nil {
		return 0, err
	}
	var largest int64
	for _, table := range tables {
		n, err := queryInt(conn, forTable(`SELECT max(
			(SELECT coalesce(max(version), 0) FROM main."$table"),
			(SELECT coalesce(max(version), 0) FROM main."_urlite_$table_deleted"),
			(SELECT coalesce(max(id), 0) FROM main."$table_history"))`, table))
		if noKeyValueTable(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		largest = max(largest, n)
	}
	return largest, nil
}

// beyondHistory raises a sequence number past every entry of history: SQL of a
// client may have written entries of its own.
func beyondHistory(conn *sqlite.Conn, sequence int64) (int64, error) {
	tables, err := keyValueTables(conn)
	if err != nil {
		return 0, err
	}
	for _, table := range tables {
		n, err := queryInt(conn, forTable(`SELECT coalesce(max(id), 0) FROM main."$table_history"`, table))
		if err != nil && !noKeyValueTable(err) {
			return 0, err
		}
		sequence = max(sequence, n)
	}
	return sequence, nil
}

// ensure makes the tables and their rows, inside the caller's transaction. A new
// sequence starts at least.
func (m *meta) ensure(least int64) error {
	if m.ensured {
		return nil
	}
	if err := run(m.conn, metaSchema, actorsSchema); err != nil {
		return err
	}
	stmt, _, err := m.conn.PrepareTransient(seedMeta)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	stmt.BindInt64(1, fileFormat)
	stmt.BindInt64(2, least)
	bindText(stmt, 3, newFileID())
	if _, err := stmt.Step(); err != nil {
		return err
	}
	if m.sequence == nil {
		if err := m.prepare(); err != nil {
			return err
		}
	}
	m.ensured = true
	return nil
}

func (m *meta) moveSequenceTo(n int64) error {
	err := putNumber(m.conn, m.move, n)
	if err != nil {
		m.forget()
	}
	return err
}

// forget drops what was believed of the tables, after a rollback or an error.
func (m *meta) forget() {
	m.ensured = false
	if m.sequence != nil {
		m.sequence.Finalize()
		m.move.Finalize()
		m.sequence, m.move = nil, nil
	}
}

// newFileID is the identity of a file's sequence: numbers of another file, or of a
// copy put in its place, can be told apart.
func newFileID() string {
	var id [8]byte
	rand.Read(id[:]) // never fails, since Go 1.24
	return hex.EncodeToString(id[:])
}
