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
	ensured bool
	read    *sqlite.Stmt
	move    *sqlite.Stmt
	numbers numbers
}

// position is how far a file has come: the latest number of its write sequence, and the
// latest time, in ms, of an entry of history.
type position struct{ sequence, clock int64 }

const (
	readPosition = `SELECT value, (SELECT value FROM main._urlite_meta WHERE name = 'clock') FROM main._urlite_meta WHERE name = 'sequence'`
	movePosition = `UPDATE main._urlite_meta SET value = CASE name WHEN 'sequence' THEN ?1 ELSE max(value, ?2) END WHERE name IN ('sequence', 'clock')`
	seedMeta     = `INSERT OR IGNORE INTO main._urlite_meta(name, value) VALUES ('format', ?1), ('sequence', ?2), ('file_id', ?3), ('clock', 0)`
)

// position answers how far the file has come. It is read anew for every group: another
// process may have moved it. A file that lost its number goes on from the largest one
// in use.
func (m *meta) position() (p position, err error) {
	if m.read == nil {
		columns, err := columnsOf(m.conn, metaTable)
		if err != nil {
			return p, err
		}
		if len(columns) == 0 {
			p.sequence, err = largestInUse(m.conn)
			return p, err
		}
		if err := m.prepare(); err != nil {
			return p, err
		}
	}
	found, err := m.numbers.get(m.conn, m.read, 2)
	switch {
	case err != nil:
		m.forget()
		return p, err
	case !found:
		m.ensured = false
		p.sequence, err = largestInUse(m.conn)
		return p, err
	}
	return position{sequence: m.numbers[0], clock: m.numbers[1]}, nil
}

func (m *meta) prepare() error {
	read, _, err := m.conn.PrepareTransient(readPosition)
	if err != nil {
		return err
	}
	move, _, err := m.conn.PrepareTransient(movePosition)
	if err != nil {
		read.Finalize()
		return err
	}
	m.read, m.move = read, move
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
	if err := run(m.conn, metaSchema, actorsSchema, tablesSchema); err != nil {
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
	if m.read == nil {
		if err := m.prepare(); err != nil {
			return err
		}
	}
	m.ensured = true
	return nil
}

func (m *meta) moveTo(p position) error {
	m.numbers[0], m.numbers[1] = p.sequence, p.clock
	err := m.numbers.put(m.conn, m.move, 2)
	if err != nil {
		m.forget()
	}
	return err
}

// forget drops what was believed of the tables, after a rollback or an error.
func (m *meta) forget() {
	m.ensured = false
	if m.read != nil {
		m.read.Finalize()
		m.move.Finalize()
		m.read, m.move = nil, nil
	}
}

// newFileID is the identity of a file's sequence: numbers of another file, or of a
// copy put in its place, can be told apart.
func newFileID() string {
	var id [8]byte
	rand.Read(id[:]) // never fails, since Go 1.24
	return hex.EncodeToString(id[:])
}
