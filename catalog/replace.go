package catalog

import (
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

var (
	errSourceMissing = refusal.New(refusal.DatabaseMissing, "the database to restore from was not found")
	errSourceItself  = refusal.New(refusal.Conflict, "a database can't be restored from itself")
)

// Replaced is a database that took its place.
type Replaced struct {
	Bytes int64
	// Replaced says that there was one before.
	Replaced bool
}

// Replace puts a database in the place that name means, and makes the place if create says
// so. write writes the file, as long as it takes; then it is verified, those who use the
// old one are waited for, and the old one is replaced, all within limit. Until then, and if
// anything goes wrong, the old one stays.
func (c *Catalog) Replace(name string, create bool, limit time.Duration, write func(to io.Writer) error) (Replaced, error) {
	path, err := c.config.Rules.Locate(name)
	if err != nil {
		return Replaced{}, missing(err)
	}
	if err := c.mayReplace(path, create); err != nil {
		return Replaced{}, err
	}
	arriving, discard, err := c.arrive(filepath.Dir(path))
	if err != nil {
		return Replaced{}, err
	}
	defer discard()
	err = write(arriving)
	if closing := arriving.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return Replaced{}, err
	}
	return c.install(arriving.Path(), path, create, time.Now().Add(limit))
}

// Restore puts a copy of the database that source means in the place of the one that name
// means, within limit.
func (c *Catalog) Restore(name, source string, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	path, err := c.config.Rules.Locate(name)
	if err != nil {
		return missing(err)
	}
	if err := c.mayReplace(path, false); err != nil {
		return err
	}
	arriving, discard, err := c.arrive(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer discard()
	if err := arriving.Close(); err != nil {
		return err
	}
	if err := c.copySource(source, path, arriving.Path(), deadline); err != nil {
		return err
	}
	_, err = c.install(arriving.Path(), path, false, deadline)
	return err
}

// copySource copies the database that source means, which is not the one at path.
func (c *Catalog) copySource(source, path, to string, deadline time.Time) error {
	db, err := c.Acquire(source, false)
	if r := refusal.Of(err); r != nil && r.Kind == refusal.DatabaseNotFound {
		return errSourceMissing
	}
	if err != nil {
		return err
	}
	defer db.Release()
	if id, _ := identify(path); id == db.id {
		return errSourceItself
	}
	return db.readLong(time.Until(deadline), func(reader *Reader) error {
		return reader.CopyTo(to, time.Until(deadline))
	})
}

// mayReplace refuses early what install would refuse in the end.
func (c *Catalog) mayReplace(path string, create bool) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil && !create:
		return errMissing
	case err == nil && info.IsDir():
		return errPathDirectory
	}
	return nil
}

// install puts the file at arriving, which nobody else knows, into its place.
func (c *Catalog) install(arriving, path string, create bool, deadline time.Time) (done Replaced, err error) {
	if err := store.Verify(arriving, time.Until(deadline)); err != nil {
		return done, err
	}
	s, err := c.take(path, time.Until(deadline))
	if err != nil {
		return done, err
	}
	defer s.release()
	exists, err := Inspect(path)
	switch {
	case err != nil:
		return done, missing(err)
	case exists:
		err = c.exchange(arriving, path, deadline)
	case create:
		err = c.settle(arriving, path, deadline)
	default:
		err = errMissing
	}
	if err != nil {
		return done, err
	}
	done.Replaced = exists
	if info, err := os.Lstat(path); err == nil {
		done.Bytes = info.Size()
	}
	return done, nil
}

// exchange replaces the file at path, which nobody in this process has open; others are
// waited for until the deadline.
func (c *Catalog) exchange(arriving, path string, deadline time.Time) error {
	old, err := store.Seize(path, c.config.Store, time.Until(deadline))
	if err != nil {
		return err
	}
	defer old.Close()
	c.raiseFloor(path, old.Sequence())
	if err := store.Adopt(arriving, c.floor(path), time.Until(deadline)); err != nil {
		return err
	}
	return old.Replace(arriving)
}

// settle puts the file where none is.
func (c *Catalog) settle(arriving, path string, deadline time.Time) error {
	if err := store.Adopt(arriving, c.floor(path), time.Until(deadline)); err != nil {
		return err
	}
	return store.Place(arriving, path)
}
