package catalog

import (
	"time"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

var errMissing = refusal.New(refusal.DatabaseMissing, "database not found")

// missing is err for those to whom a missing database is no mistake in their request.
func missing(err error) error {
	if r := refusal.Of(err); r != nil && r.Kind == refusal.DatabaseNotFound {
		return errMissing
	}
	return err
}

// AcquireExisting is Acquire of a database that must be there, or it is DatabaseMissing.
func (c *Catalog) AcquireExisting(name string) (*DB, error) {
	db, err := c.Acquire(name, false)
	return db, missing(err)
}

// Remove removes the database that name means, and answers how many files that were. Who
// uses it, in whatever process, may finish within wait; nobody new gets in.
func (c *Catalog) Remove(name string, wait time.Duration) (files int, err error) {
	deadline := time.Now().Add(wait)
	path, err := c.config.Rules.Locate(name)
	if err != nil {
		return 0, missing(err)
	}
	files = store.FilesOf(path) // closing it takes some away
	s, err := c.take(path, wait)
	if err != nil {
		return 0, err
	}
	defer s.release()
	switch exists, err := Inspect(path); {
	case err != nil:
		return 0, missing(err)
	case !exists:
		return 0, errMissing
	}
	file, err := store.Seize(path, c.config.Store, time.Until(deadline))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	c.raiseFloor(path, file.Sequence())
	return files, file.Remove()
}
