package catalog

import (
	"time"

	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/store"
)

// Note keeps an entry of the query history, which is written behind the requests. It
// copies the entry, and may be called after the database was released: if it is closed
// by then, nothing comes of it.
func (db *DB) Note(e *querylog.Entry) {
	if db.log.Add(e) && db.writer != nil {
		db.writer.Wake()
	}
}

// Notes tells whether a query history is kept.
func (db *DB) Notes() bool { return db.log != nil }

// Noted are the entries that the file does not have yet, the oldest first: those of the
// last second, or all that there are if the file can't be written.
func (db *DB) Noted() []querylog.Entry { return db.log.Read(0).Entries }

// lastLoggedWait is for a reader to tell which entries a file has.
const lastLoggedWait = time.Second

// beginLog begins the query history of a database that is being opened: disk is nil if
// it can't be written.
func (db *DB) beginLog(disk *store.WriteConn) {
	if disk != nil {
		db.log = querylog.NewRing(disk.LastLogged())
		return
	}
	last := int64(0)
	if reader, err := db.Borrow(lastLoggedWait); err == nil {
		last = reader.LastLogged()
		db.Return(reader)
	}
	db.log = querylog.NewRing(last)
}
