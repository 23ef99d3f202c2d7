package catalog

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/reader"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
	"github.com/urlite/urlite/writer"
)

// open opens the database of a place that is the caller's, and lets those who wait
// for it go on.
func (c *Catalog) open(db *DB, create bool) {
	db.err = c.openFile(db, create)
	if db.err != nil {
		c.forget(db)
	}
	close(db.opened)
}

func (c *Catalog) openFile(db *DB, create bool) error {
	exists, err := Inspect(db.path)
	if err != nil {
		return err
	}
	if !exists {
		if !create {
			return errNotFound
		}
		// Somebody else may have made it first: then that is the one.
		if err := store.CreateAfter(c.floor(db.path), db.path, "", nil); err != nil && refusal.Of(err).Kind != refusal.DatabaseExists {
			return err
		}
	}
	c.identified(db)
	disk, err := store.OpenWriter(db.path, c.config.Store)
	if err != nil {
		if refusal.Of(err).Kind != refusal.DatabaseReadOnly {
			return err
		}
		db.writeErr = err
	}
	db.metrics = metrics.NewSet()
	label := c.label(db.path)
	db.readers = reader.NewPool(db.path, c.config.Readers, c.config.Store)
	db.readers.Watch(db.metrics, label)
	if c.config.QueryHistory {
		db.beginLog(disk)
	}
	if disk != nil {
		numbers := writer.NewMetrics(db.metrics, label)
		db.writer = writer.New(disk, writer.Config{
			Limits:  c.config.Writer,
			Keep:    c.config.Keep,
			Now:     c.config.Now,
			Unblock: db.readers.InterruptOverdue,
			Log:     db.log,
			Metrics: numbers,
		})
		numbers.Watch(db.metrics, label, db.writer)
	}
	return nil
}

// identified notes which file lies at the path, now that there is one.
func (c *Catalog) identified(db *DB) {
	id, _ := identify(db.path)
	c.mu.Lock()
	if c.byFile[db.id] == db {
		delete(c.byFile, db.id) // another file took its place meanwhile
	}
	db.id = id
	c.byFile[id] = db
	c.mu.Unlock()
	db.checkedAt.Store(c.config.Now())
}

// label is a database's name in metrics: its path below the folder.
func (c *Catalog) label(path string) string {
	if rel, err := filepath.Rel(c.config.Rules.Dir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// WriteMetrics writes the numbers of the open databases in Prometheus text.
func (c *Catalog) WriteMetrics(w io.Writer) {
	c.mu.Lock()
	var sets []*metrics.Set
	for _, db := range c.byPath {
		if c.isOpen(db) {
			sets = append(sets, db.metrics)
		}
	}
	c.mu.Unlock()
	for _, set := range sets {
		set.WritePrometheus(w)
	}
}

// Create makes a new database file for name, with a KV table if kvTable is not
// empty, stores kept in it if that is not nil, and answers its path. One that is
// there is refused as DatabaseExists.
func (c *Catalog) Create(name, kvTable string, kept *Kept) (path string, err error) {
	path, err = c.config.Rules.Locate(name)
	if err != nil {
		return "", err
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return "", errPathDirectory // no database exists there
	}
	done, err := c.reserve(path)
	if err != nil {
		return "", err
	}
	defer done()
	return path, store.CreateAfter(c.floor(path), path, kvTable, kept)
}
