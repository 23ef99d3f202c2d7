package catalog

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/reader"
	"github.com/urlite/urlite/writer"
)

// DB is an open database: one writer and a pool of readers. Who acquired it
// releases it; until then it stays open.
type DB struct {
	catalog *Catalog
	path    string
	id      fileID
	names   []string // by which requests found it; under catalog.mu

	// opened is closed when opening ended, with err if it failed.
	opened chan struct{}
	err    error

	writer   *writer.Writer // nil for a file that can't be written
	writeErr error          // why
	readers  *reader.Pool
	log      *querylog.Ring // what waits for the query history; nil if none is kept
	metrics  *metrics.Set

	// users counts acquisitions. It grows only under catalog.mu.
	users     atomic.Int64
	used      atomic.Bool  // since the janitor looked last
	checkedAt atomic.Int64 // ms, when the file was last seen in its place
	retired   atomic.Bool
	// leaving says that somebody waits for the users to leave, of which left tells.
	leaving atomic.Bool
	left    chan struct{}
	closing sync.Once
	gone    chan struct{}
}

// fileID is a file's identity, whatever its name.
type fileID struct{ device, inode uint64 }

// identify answers which file lies at path, without opening it.
func identify(path string) (id fileID, exists bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return fileID{}, false
	}
	return idOf(info)
}

func idOf(info os.FileInfo) (id fileID, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{device: uint64(stat.Dev), inode: stat.Ino}, true
}

// Path is where the database file lies.
func (db *DB) Path() string { return db.path }

// Do has the call committed and returns when it is durable, or was refused.
func (db *DB) Do(c *Call) error {
	if db.writer == nil {
		return db.writeErr
	}
	return db.writer.Do(c)
}

// Borrow lends a reader, waiting up to waitMax for one.
func (db *DB) Borrow(waitMax time.Duration) (*Reader, error) { return db.readers.Borrow(waitMax) }

// Return gives a reader back.
func (db *DB) Return(r *Reader) { db.readers.Return(r) }

// BorrowLong lends a reader for an answer that may take as long as its client likes, and
// ReturnLong takes it back.
func (db *DB) BorrowLong(waitMax time.Duration) (*Reader, error) {
	return db.readers.BorrowLong(waitMax)
}

// ReturnLong gives a reader back.
func (db *DB) ReturnLong(r *Reader) { db.readers.ReturnLong(r) }

// Release ends the use that Acquire began.
func (db *DB) Release() {
	if db.users.Add(-1) == 0 {
		db.unused()
	}
}

// unused is called by who was the last user for a moment. Somebody else may have come in
// since, and the database may have been retired only then: nobody comes in after that, so
// that who is counted then is asked.
func (db *DB) unused() {
	if db.retired.Load() && db.users.Load() == 0 {
		db.close()
	}
	if db.leaving.Load() {
		select {
		case db.left <- struct{}{}:
		default: // it was told already
		}
	}
}

// close closes the connections, once, and then makes room for the next database
// in its place.
func (db *DB) close() {
	db.closing.Do(func() {
		// The writer last: it is the last connection that empties the log.
		if db.readers != nil {
			db.readers.Close()
		}
		if db.writer != nil {
			db.writer.Close()
		}
		db.catalog.forget(db)
		close(db.gone)
	})
}
