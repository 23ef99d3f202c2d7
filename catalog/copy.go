package catalog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

var errCopyExists = refusal.New(refusal.DatabaseExists, "dest_path exists already")

// readLong lends a reader for as long as reading all of the database takes.
func (db *DB) readLong(waitMax time.Duration, read func(reader *Reader) error) error {
	reader, err := db.BorrowLong(waitMax)
	if err != nil {
		return err
	}
	defer db.ReturnLong(reader)
	return read(reader)
}

// SnapshotFile copies the database as it is at one moment, within limit, into a file
// without a name, which is the caller's to close. Nobody waits for it, and nothing of the
// database is needed to read it.
func (db *DB) SnapshotFile(limit time.Duration) (file *os.File, err error) {
	started := time.Now()
	err = db.readLong(limit, func(reader *Reader) (err error) {
		file, err = reader.SnapshotFile(filepath.Dir(db.path), limit-time.Since(started))
		return err
	})
	return file, err
}

// Bytes is the size of a copy of the database.
func (db *DB) Bytes(limit time.Duration) (bytes int64, err error) {
	err = db.readLong(limit, func(reader *Reader) (err error) {
		bytes, err = reader.Bytes()
		return err
	})
	return bytes, err
}

// CheckPages looks whether the file is sound, within limit: it answers "ok" or what is
// wrong first.
func (db *DB) CheckPages(quickly bool, limit time.Duration) (found string, err error) {
	started := time.Now()
	err = db.readLong(limit, func(reader *Reader) (err error) {
		found, err = reader.CheckPages(quickly, limit-time.Since(started))
		return err
	})
	return found, err
}

// VacuumInto makes a new database at the place that name means, of what is in db, within
// limit. It appears whole or not at all.
func (db *DB) VacuumInto(name string, limit time.Duration) error {
	started := time.Now()
	c := db.catalog
	path, err := c.config.Rules.Locate(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errCopyExists
	}
	return db.readLong(limit, func(reader *Reader) error {
		made, err := reader.VacuumTo(filepath.Dir(path), limit-time.Since(started))
		if err != nil {
			return err
		}
		defer store.Discard(made)
		done, err := c.reserve(path)
		if err != nil {
			return err
		}
		defer done()
		if err := c.settle(made, path, started.Add(limit)); refusal.Of(err) != nil && refusal.Of(err).Kind == refusal.DatabaseExists {
			return errCopyExists
		} else if err != nil {
			return err
		}
		return nil
	})
}
