package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// Exclusive is a database file that nobody else has open, in whatever process, until it
// is closed. It is what it takes to remove a file, or to put another in its place.
type Exclusive struct {
	path string
	// conn holds the lock. It is nil for a file that is damaged: SQLite locks only what
	// it can read.
	conn *sqlite.Conn
	// sequence is how far the file had come.
	sequence int64
	// remove is os.Remove, but in tests that let it fail.
	remove func(path string) error
}

var errInUse = refusal.New(refusal.DatabaseBusy, "another process has the database open")

// Seize locks the database at path, which this process must not have open. It waits for
// others as long as for any lock, but no longer than limit, then it is DatabaseBusy. A file
// without write permission is DatabaseReadOnly: somebody wants it kept.
func Seize(path string, options Options, limit time.Duration) (*Exclusive, error) {
	if err := mayWrite(path); err != nil {
		return nil, err
	}
	options.BusyWait = min(options.busyWait(), max(limit, time.Millisecond))
	e := &Exclusive{path: path, remove: os.Remove}
	conn, err := openConn(path, sqlite.SQLITE_OPEN_READWRITE, options)
	if err != nil {
		return nil, refuse(nil, err)
	}
	e.conn = conn
	// In this mode a lock is kept until the connection is closed; in write-ahead mode it
	// is one that nobody gets while anybody has the file open.
	err = run(conn, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE")
	if err == nil {
		err = e.readSequence()
	}
	if err == nil {
		err = run(conn, "COMMIT")
	}
	switch primary(err) {
	case sqlite.SQLITE_OK:
		return e, nil
	case sqlite.SQLITE_CORRUPT, sqlite.SQLITE_NOTADB:
		e.Close()
		return e, nil
	case sqlite.SQLITE_BUSY:
		e.Close()
		return nil, errInUse
	}
	e.Close()
	return nil, refuse(nil, err)
}

// readSequence looks how far the file has come, if it is one of ours.
func (e *Exclusive) readSequence() error {
	own := meta{conn: e.conn}
	defer own.forget()
	at, err := own.position()
	if primary(err) == sqlite.SQLITE_ERROR {
		return nil // a table of that name, and not ours
	}
	e.sequence = at.sequence
	return err
}

// Sequence is the number of the file's latest write, 0 if it is unknown.
func (e *Exclusive) Sequence() int64 { return e.sequence }

// settle empties the log into the file and takes it away: from then on the file alone is
// the database. false says that it could not.
func (e *Exclusive) settle() (settled bool, err error) {
	if e.conn == nil {
		return false, nil
	}
	mode, err := queryText(e.conn, "PRAGMA main.journal_mode = DELETE")
	return mode == "delete", refuse(nil, err)
}

// Remove removes the file and those beside it, closes it, and returns when that is on disk.
// The process may die in between: what is left then is all of the database, or none of it.
//
// A log that was emptied is nothing without its file, so the file goes last. One that could
// not be emptied, because the disk is full, goes after its file: until then it is part of
// the database, and then a stray, which whoever takes the place removes.
func (e *Exclusive) Remove() error {
	settled, _ := e.settle() // whatever is wrong with a file, it may be removed
	unlock, err := lockFolder(filepath.Dir(e.path))
	if err != nil {
		return err
	}
	defer unlock()
	defer e.Close() // SQLite may remove a log of that name itself, which must not be another's
	steps := []string{"-wal", "-shm", "-journal", ""}
	if !settled {
		steps = []string{"", "-wal", "-shm", "-journal"}
	}
	for _, suffix := range steps {
		if err := e.remove(e.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return refusal.Wrap(refusal.DeleteIncomplete, "the database could not be removed entirely", err)
		}
	}
	return syncFolder(filepath.Dir(e.path))
}

// Replace puts the database at building, which is whole and on disk, in the file's place,
// and returns when that is on disk, too. The process may die in between: at the path is
// the old database or the new one, and no log of the other. After an error the old one is
// there, unless it was the last step that failed: to have the folder on disk.
func (e *Exclusive) Replace(building string) error {
	settled, err := e.settle()
	switch {
	case err != nil && !isDamage(err):
		return err
	case err == nil && !settled && e.conn != nil:
		return errInUse
	}
	unlock, err := lockFolder(filepath.Dir(e.path))
	if err != nil {
		return err
	}
	defer unlock()
	for _, suffix := range sideSuffixes {
		if err := e.remove(e.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fileFault(err)
		}
	}
	if err := os.Rename(building, e.path); err != nil {
		return fileFault(err)
	}
	return syncFolder(filepath.Dir(e.path))
}

// isDamage tells of a file that SQLite can't make sense of.
func isDamage(err error) bool {
	code := primary(err)
	return code == sqlite.SQLITE_CORRUPT || code == sqlite.SQLITE_NOTADB
}

// Close lets the file go.
func (e *Exclusive) Close() {
	if e.conn != nil {
		e.conn.Close() // there is nothing to commit
		e.conn = nil
	}
}
