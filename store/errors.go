package store

import (
	"errors"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// primary cuts an extended result code to its primary one
// (https://sqlite.org/rescode.html).
func primary(err error) sqlite.ErrorCode {
	var e sqlite.Error
	if !errors.As(err, &e) {
		return sqlite.SQLITE_OK
	}
	return e.Code & 0xff
}

// messageMax bounds what is told of an error: RAISE() says whatever a client likes, of any
// length, and each item of a transaction may say it.
const messageMax = 2000

// refuse turns an error on conn into a refusal. These are the faults of the file
// and the machine; what is wrong with a stranger's SQL is refuseSQL's.
func refuse(conn *sqlite.Conn, err error) error {
	if err == nil {
		return nil
	}
	var r *refusal.Refusal
	if errors.As(err, &r) {
		return r
	}
	err = withoutSQL(err)
	switch primary(err) {
	case sqlite.SQLITE_BUSY, sqlite.SQLITE_LOCKED:
		return refusal.Wrap(refusal.DatabaseBusy, "the database is locked by another process", err)
	case sqlite.SQLITE_FULL:
		return refusal.Wrap(refusal.Unavailable, "the disk is full", err)
	case sqlite.SQLITE_READONLY:
		return refusal.Wrap(refusal.DatabaseReadOnly, "the database is read-only", err)
	case sqlite.SQLITE_INTERRUPT:
		return refusal.Wrap(refusal.RequestTimeout, "the request ran out of time", err)
	case sqlite.SQLITE_NOTADB:
		return refusal.Wrap(refusal.InvalidSQLiteHeader, "the file is not a SQLite database", err)
	case sqlite.SQLITE_CONSTRAINT:
		return refusal.Wrap(refusal.SQLConstraint, message(conn), err)
	case sqlite.SQLITE_ERROR, sqlite.SQLITE_AUTH, sqlite.SQLITE_TOOBIG:
		if conn != nil {
			// Our statements are sound: a client's trigger or table is in their way.
			return refusal.Wrap(refusal.SQLError, message(conn), err)
		}
	}
	return refusal.Wrap(refusal.DatabaseError, "internal database error", err)
}

// withoutSQL drops the statement from an error, which goes to a log: its literals
// are somebody's data. Its text may be as long as they like, too.
func withoutSQL(err error) error {
	var e sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	e.Query, e.Msg = "", refusal.Shown(e.Msg, messageMax)
	return e
}

// refuseSQL is refuse for SQL that somebody sent: what its author can mend is
// told in SQLite's own words.
func refuseSQL(conn *sqlite.Conn, err error) *refusal.Refusal {
	err = withoutSQL(err)
	switch primary(err) {
	case sqlite.SQLITE_ERROR, sqlite.SQLITE_AUTH, sqlite.SQLITE_MISMATCH, sqlite.SQLITE_TOOBIG, sqlite.SQLITE_MISUSE:
		return refusal.Wrap(refusal.SQLError, message(conn), err)
	case sqlite.SQLITE_RANGE:
		return refusal.Wrap(refusal.SQLBindError, message(conn), err)
	}
	return refusal.Of(refuse(conn, err))
}
