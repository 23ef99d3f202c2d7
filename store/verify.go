package store

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

var (
	errNoHeader = refusal.New(refusal.InvalidSQLiteHeader, "not a SQLite database")
	errCut      = refusal.New(refusal.InvalidSQLiteHeader, "not a sound SQLite database: it ends in the middle")
	errEncoding = refusal.New(refusal.InvalidSQLiteHeader, "not a sound SQLite database: its text encoding is unknown")
	errNotOurs  = refusal.New(refusal.InvalidSQLiteHeader, "the database has tables of the server's own that are not as the server makes them")
)

// sqliteHeader is what every SQLite file begins with.
const sqliteHeader = "SQLite format 3\x00"

// The header is of headerBytes. At encodingAt it has the number of the encoding of texts, 0 in
// a file without any. SQLite opens one with a number that means nothing, and refuses it when
// the schema has changed.
const (
	headerBytes = 100
	encodingAt  = 56
	encodingMax = 3
)

// How far a file of ours can have come: numbers that are exact in JSON, and times that can be
// written as a date (Unix ms, the year 9999). Of one that claims to be further the next number
// would be negative.
const (
	sequenceMax = 1 << 53
	clockMax    = 253_402_300_799_999
)

// Verify refuses a file that is no sound database, within limit. It may come from anybody:
// none of its triggers and views runs, and what its schema calls has no side effects.
// Nobody else may know the file at path.
func Verify(path string, limit time.Duration) error {
	if err := verifyHeader(path); err != nil {
		return err
	}
	conn, err := openAlien(path)
	if err != nil {
		return refuseAlien(err)
	}
	defer conn.Close()
	s := stopper{conn: conn}
	if err := run(conn, "PRAGMA query_only = 1", "PRAGMA cell_size_check = 1"); err != nil {
		return refuseAlien(err)
	}
	if err := verifyLength(conn, path); err != nil {
		return refuseAlien(err)
	}
	var found string
	err = within(&s, limit, func() (err error) {
		found, err = queryText(conn, "PRAGMA main.quick_check(1)")
		return err
	})
	switch {
	case err != nil:
		return refuseAlien(err)
	case found != "ok":
		return refusal.Newf(refusal.InvalidSQLiteHeader, "not a sound SQLite database: %s", found)
	}
	return nil
}

func verifyHeader(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fileFault(err)
	}
	defer file.Close()
	var header [headerBytes]byte
	_, err = io.ReadFull(file, header[:])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errNoHeader
	case err != nil:
		return fileFault(err)
	case string(header[:len(sqliteHeader)]) != sqliteHeader:
		return errNoHeader
	case binary.BigEndian.Uint32(header[encodingAt:]) > encodingMax:
		return errEncoding
	}
	return nil
}

// verifyLength refuses a file that ends before its last page does. SQLite would take the
// rest for zeros, and where it is part of a long value no check tells.
func verifyLength(conn *sqlite.Conn, path string) error {
	pages, err := queryInt(conn, "PRAGMA main.page_count")
	if err != nil {
		return err
	}
	size, err := queryInt(conn, "PRAGMA main.page_size")
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return fileFault(err)
	}
	if info.Size() < pages*size {
		return errCut
	}
	return nil
}

// openAlien opens a file of which nobody knows what it is.
func openAlien(path string) (*sqlite.Conn, error) {
	conn, err := openConn(path, sqlite.SQLITE_OPEN_READWRITE, Options{})
	if err != nil {
		return nil, err
	}
	setTriggers(conn, false)
	setViews(conn, false)
	return conn, nil
}

// refuseAlien is refuse for what is wrong with a file that somebody sent.
func refuseAlien(err error) error {
	if err == nil {
		return nil
	}
	switch primary(err) {
	case sqlite.SQLITE_CORRUPT, sqlite.SQLITE_NOTADB, sqlite.SQLITE_ERROR, sqlite.SQLITE_READONLY,
		sqlite.SQLITE_TOOBIG, sqlite.SQLITE_CONSTRAINT, sqlite.SQLITE_MISMATCH:
		return refusal.Wrap(refusal.InvalidSQLiteHeader, "not a sound SQLite database", withoutSQL(err))
	}
	return refuse(nil, err)
}

// renameFile gives the file an identity of its own. What was counted in it may have been
// counted by others.
const renameFile = `UPDATE main._urlite_meta SET value = ?1 WHERE name = 'file_id'`

// Adopt makes a verified database, which nobody else knows, one to be put into place,
// within limit: in write-ahead mode, by itself, and on disk. If it is one of ours, its change
// cursors are its own. If the file whose place it takes had come to a write sequence, other
// than 0, its rows get versions beyond that, and beyond its own: no ETag that was given of
// the one or the other comes again.
func Adopt(path string, sequence int64, limit time.Duration) error {
	conn, err := openAlien(path)
	if err != nil {
		return refuseAlien(err)
	}
	mode, err := journalMode(conn)
	if err == nil && mode != "wal" {
		err = errNotOurs
	}
	if err == nil {
		err = run(conn, "PRAGMA synchronous = FULL", "BEGIN IMMEDIATE")
	}
	if err == nil {
		err = within(&stopper{conn: conn}, limit, func() error { return makeOwn(conn, sequence) })
	}
	if err == nil {
		err = run(conn, "COMMIT")
	}
	// Closing the last connection empties the log into the file.
	if closing := conn.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return refuseAlien(err)
	}
	if FilesOf(path) != 1 {
		return refusal.New(refusal.DatabaseError, "the log of a new database was not emptied")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		return fileFault(err)
	}
	return syncPath(path)
}

func makeOwn(conn *sqlite.Conn, sequence int64) error {
	ours, err := queryInt(conn, "SELECT count(*) FROM main.sqlite_master WHERE name = '"+metaTable+"'")
	if err != nil || ours == 0 {
		return err
	}
	own := meta{conn: conn}
	defer own.forget()
	at, err := own.position()
	if err != nil {
		return err
	}
	if at.sequence < 0 || at.sequence > sequenceMax || at.clock < 0 || at.clock > clockMax {
		return errNotOurs
	}
	if err := own.ensure(at.sequence); err != nil {
		return err
	}
	if sequence > 0 { // ETags were given
		if at.sequence, err = renumber(conn, max(at.sequence, sequence)); err != nil {
			return err
		}
	}
	if err := own.moveTo(at); err != nil {
		return err
	}
	stmt, _, err := conn.PrepareTransient(renameFile)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, newFileID())
	if _, err := stmt.Step(); err != nil {
		return err
	}
	return run(conn, doubtAll)
}
