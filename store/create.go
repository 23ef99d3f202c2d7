package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// Kept is an answer to be stored in a database that is being made.
type Kept struct {
	Key    string
	Answer Answer
	// Body makes the answer's body, when the size of the file in bytes is known.
	Body func(size int64) []byte
}

// Create makes an empty database at path. It appears whole or not at all, and is
// on disk under its name when Create returns: it is built under a name of the
// server's own and linked into place. A file already there is DatabaseExists.
// kvTable, unless empty, is made in it; kept, unless nil, is stored in it.
func Create(path, kvTable string, kept *Kept) error {
	folder := filepath.Dir(path)
	building, err := os.CreateTemp(folder, ".urlite-create-*")
	if err != nil {
		return fileFault(err)
	}
	building.Close()
	defer removeDatabase(building.Name())
	if err := initialise(building.Name(), kvTable, kept); err != nil {
		return err
	}
	if err := os.Chmod(building.Name(), 0o644); err != nil {
		return fileFault(err)
	}
	if err := os.Link(building.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return refusal.Wrap(refusal.DatabaseExists, "database already exists", err)
		}
		return fileFault(err)
	}
	return syncFolder(folder)
}

// initialise writes the header page: the page size and write-ahead logging can't
// be chosen later without cost.
func initialise(path, kvTable string, kept *Kept) error {
	conn, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		return refuse(nil, err)
	}
	err = run(conn, fmt.Sprintf("PRAGMA page_size = %d", pageBytes), "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", queryHistorySchema)
	if err == nil {
		own := meta{conn: conn}
		err = own.ensure(0)
		own.forget()
	}
	if err == nil && kvTable != "" {
		err = createTable(conn, kvTable, tableMissing)
	}
	if err == nil && kept != nil {
		err = kept.store(conn)
	}
	err = refuse(conn, err)
	// Closing the last connection empties the log into the file.
	if closing := conn.Close(); err == nil {
		err = refuse(nil, closing)
	}
	return err
}

// store stores the answer, which tells a size that it may itself add to.
func (k *Kept) store(conn *sqlite.Conn) error {
	table := answers{conn: conn}
	defer table.close()
	for told := int64(-1); ; {
		pages, err := queryInt(conn, "PRAGMA page_count")
		if err != nil || pages == told {
			return err
		}
		told = pages
		k.Answer.Body = k.Body(pages * pageBytes)
		if err := table.remember(k.Key, &k.Answer); err != nil {
			return err
		}
	}
}

func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(path + suffix)
	}
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return fileFault(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fileFault(err)
	}
	return nil
}

func fileFault(err error) error {
	return refusal.Wrap(refusal.FileSystemError, "file system error", err)
}
