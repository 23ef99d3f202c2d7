package store

import (
	"fmt"
	"os"
	"path/filepath"

	"crawshaw.io/sqlite"
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
func Create(path, kvTable string, kept *Kept) error { return CreateAfter(0, path, kvTable, kept) }

// CreateAfter is Create for a database whose write sequence goes on from sequence: that
// of a file that had its name, whose ETags must not come again.
func CreateAfter(sequence int64, path, kvTable string, kept *Kept) error {
	building, err := os.CreateTemp(filepath.Dir(path), ".urlite-create-*")
	if err != nil {
		return fileFault(err)
	}
	building.Close()
	defer Discard(building.Name())
	if err := initialise(building.Name(), sequence, kvTable, kept); err != nil {
		return err
	}
	if err := os.Chmod(building.Name(), 0o644); err != nil {
		return fileFault(err)
	}
	return Place(building.Name(), path)
}

// initialise writes the header page: the page size and write-ahead logging can't
// be chosen later without cost.
func initialise(path string, sequence int64, kvTable string, kept *Kept) error {
	conn, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		return refuse(nil, err)
	}
	err = run(conn, fmt.Sprintf("PRAGMA page_size = %d", pageBytes), "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", queryHistorySchema)
	if err == nil {
		own := meta{conn: conn}
		err = own.ensure(sequence)
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
