package store

import (
	"crawshaw.io/sqlite"
)

// answersSchema holds the answers to requests with an Idempotency-Key, each committed
// with what it answers.
const answersSchema = `CREATE TABLE IF NOT EXISTS main._urlite_answers(
	key TEXT PRIMARY KEY NOT NULL,
	at INTEGER NOT NULL,
	request BLOB NOT NULL,
	version INTEGER NOT NULL,
	answer
) WITHOUT ROWID`

const answersIndex = `CREATE INDEX IF NOT EXISTS main._urlite_answers_at ON _urlite_answers(at)`

const answersTable = "_urlite_answers"

// Answer is what a request with an Idempotency-Key was answered.
type Answer struct {
	// At is when, in ms.
	At int64
	// Request is the fingerprint of the request.
	Request []byte
	// Version is the ETag that went with it, 0 for none.
	Version int64
	// Body is what was answered.
	Body []byte
}

// answers is the table, which a file has once it was needed.
type answers struct {
	conn                      *sqlite.Conn
	find, put, oldest, forget *sqlite.Stmt
	request                   []byte // what C may see of a caller's memory is a copy
	// missing says that there is no table, as far as is known.
	missing bool
	numbers numbers
}

// Recall reads the answer stored under key; what it reads is good until the next call
// of Recall. found is false without one.
func (w *WriteConn) Recall(key string, into *Answer) (found bool, err error) {
	found, err = w.answers.recall(key, into)
	return found, refuse(w.conn, err)
}

// Remember stores an answer under key, inside the transaction. One that is there is
// replaced.
func (w *WriteConn) Remember(key string, answer *Answer) error {
	return refuse(w.conn, w.answers.remember(key, answer))
}

func (a *answers) recall(key string, into *Answer) (bool, error) {
	if there, err := a.prepare(false); err != nil || !there {
		return false, err
	}
	bindText(a.find, 1, key)
	found, err := a.find.Step()
	if err != nil {
		return false, err
	}
	if found {
		into.At, into.Version = a.find.ColumnInt64(0), a.find.ColumnInt64(2)
		into.Request = append(into.Request[:0], columnBytes(a.find, 1)...)
		into.Body = append(into.Body[:0], columnBytes(a.find, 3)...)
	}
	return found, a.find.Reset()
}

func (a *answers) remember(key string, answer *Answer) error {
	if _, err := a.prepare(true); err != nil {
		return err
	}
	bindText(a.put, 1, key)
	a.put.BindInt64(2, answer.At)
	a.request = append(a.request[:0], answer.Request...)
	bindBlob(a.put, 3, a.request)
	a.put.BindInt64(4, answer.Version)
	bindBlob(a.put, 5, answer.Body)
	defer a.put.ClearBindings() // it may be large
	return step(a.put)
}

// sweep removes up to rowsMax answers from before the time, and tells when the oldest
// of the others was given, 0 without one.
func (a *answers) sweep(before int64, rowsMax int) (removed int, oldest int64, err error) {
	if there, err := a.prepare(false); err != nil || !there {
		return 0, 0, err
	}
	if oldest, err = a.numbers.first(a.conn, a.oldest); err != nil || oldest == 0 || oldest >= before {
		return 0, oldest, err
	}
	a.forget.BindInt64(1, before)
	a.forget.BindInt64(2, int64(rowsMax))
	if err := step(a.forget); err != nil {
		return 0, 0, err
	}
	removed = a.conn.Changes()
	oldest, err = a.numbers.first(a.conn, a.oldest)
	return removed, oldest, err
}

// prepare prepares the statements, and makes the table if asked to.
func (a *answers) prepare(make bool) (there bool, err error) {
	if a.find != nil {
		return true, nil
	}
	if a.missing && !make {
		return false, nil
	}
	if make {
		if err := run(a.conn, answersSchema, answersIndex); err != nil {
			return false, err
		}
	} else if columns, err := columnsOf(a.conn, answersTable); err != nil || len(columns) == 0 {
		a.missing = err == nil
		return false, err
	}
	a.missing = false
	for _, s := range []struct {
		stmt **sqlite.Stmt
		sql  string
	}{
		{&a.find, "SELECT at, request, version, answer FROM main._urlite_answers WHERE key = ?1"},
		{&a.put, "INSERT OR REPLACE INTO main._urlite_answers(key, at, request, version, answer) VALUES (?1, ?2, ?3, ?4, ?5)"},
		{&a.oldest, "SELECT coalesce(min(at), 0) FROM main._urlite_answers"},
		{&a.forget, `DELETE FROM main._urlite_answers WHERE key IN
			(SELECT key FROM main._urlite_answers WHERE at < ?1 ORDER BY at LIMIT ?2)`},
	} {
		if *s.stmt, _, err = a.conn.PrepareTransient(s.sql); err != nil {
			a.close()
			return false, err
		}
	}
	return true, nil
}

// close lets go of the statements: the table may be gone, or there.
func (a *answers) close() {
	a.missing = false
	for _, stmt := range []**sqlite.Stmt{&a.find, &a.put, &a.oldest, &a.forget} {
		if *stmt != nil {
			(*stmt).Finalize()
			*stmt = nil
		}
	}
}
