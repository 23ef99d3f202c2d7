package store

import (
	"os"
	"path/filepath"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// copyPages are copied at a time, between two looks at the clock.
const copyPages = 512

var errCopyLate = refusal.New(refusal.RequestTimeout, "the request timed out while the database was being copied")

// Bytes is the size of the database, which the log may make another than its file's.
func (r *ReadConn) Bytes() (n int64, err error) {
	err = r.Snapshot(func() (err error) {
		pages, err := queryInt(r.conn, "PRAGMA main.page_count")
		if err != nil {
			return refuse(r.conn, err)
		}
		size, err := queryInt(r.conn, "PRAGMA main.page_size")
		n = pages * size
		return refuse(r.conn, err)
	})
	return n, err
}

// CopyTo copies the database as it is at one moment into the empty file at path, within
// limit. The copy may still have to be written to disk. Nobody waits for it, but the log
// can't be emptied meanwhile: where it grows past its bound, the copying is broken off like
// any long reader.
func (r *ReadConn) CopyTo(path string, limit time.Duration) error {
	to, err := openConn(path, sqlite.SQLITE_OPEN_READWRITE, Options{})
	if err != nil {
		return refuse(nil, err)
	}
	defer to.Close()
	if err := run(to, "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF"); err != nil {
		return refuse(nil, err)
	}
	stop := &r.foreign.stopper
	err = r.Snapshot(func() error {
		stop.arm(limit)
		defer stop.disarm() // before the transaction ends
		// The transaction begins with its first read.
		if _, err := queryInt(r.conn, "SELECT count(*) FROM main.sqlite_master"); err != nil {
			return refuse(r.conn, err)
		}
		return refuse(nil, copyAll(r.conn, to, stop))
	})
	if stop.late() {
		return errCopyLate // whatever the interrupt has hit
	}
	return err
}

func copyAll(from, to *sqlite.Conn, stop *stopper) error {
	backup, err := from.BackupInit("main", "main", to)
	if err != nil {
		return err
	}
	defer backup.Finish()
	for {
		switch err := backup.Step(copyPages); {
		case err != nil:
			return err
		case stop.late():
			return errCopyLate
		case backup.Remaining() == 0:
			return backup.Finish()
		}
	}
}

// SnapshotFile copies the database as it is at one moment, as CopyTo does, into a file
// without a name: it is gone when its taker closes it. Its room is taken in folder.
func (r *ReadConn) SnapshotFile(folder string, limit time.Duration) (*os.File, error) {
	file, err := os.CreateTemp(folder, ".urlite-backup-*")
	if err != nil {
		return nil, fileFault(err)
	}
	err = r.CopyTo(file.Name(), limit)
	Discard(file.Name()) // its descriptor is all that is needed
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// VacuumTo writes the database as it is at one moment, without the room that is free in
// it, into a new file with a name of the server's own in folder, within limit. It is the
// caller's, who discards it.
func (r *ReadConn) VacuumTo(folder string, limit time.Duration) (path string, err error) {
	file, err := os.CreateTemp(folder, ".urlite-create-*")
	if err != nil {
		return "", fileFault(err)
	}
	file.Close()
	path = filepath.Clean(file.Name())
	if err := r.vacuumInto(path, limit); err != nil {
		Discard(path)
		return "", err
	}
	return path, nil
}

func (r *ReadConn) vacuumInto(path string, limit time.Duration) (err error) {
	// It writes, though not to this file, which the connection has open for reading.
	if err := run(r.conn, "PRAGMA query_only = 0"); err != nil {
		return refuse(r.conn, err)
	}
	defer func() {
		if end := run(r.conn, "PRAGMA query_only = 1"); err == nil {
			err = refuse(r.conn, end)
		}
	}()
	stmt, _, err := r.conn.PrepareTransient("VACUUM main INTO ?1")
	if err != nil {
		return refuse(r.conn, err)
	}
	defer stmt.Finalize()
	bindText(stmt, 1, path)
	return refuse(r.conn, within(&r.foreign.stopper, limit, func() error {
		return attaching(r.conn, func() error { return step(stmt) })
	}))
}
