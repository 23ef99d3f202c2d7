package catalog

import (
	"sync"
	"time"

	"github.com/urlite/urlite/refusal"
)

var (
	errTaken  = refusal.New(refusal.DatabaseBusy, "the database is being deleted or replaced")
	errInUse  = refusal.New(refusal.DatabaseBusy, "the database is in use by other requests")
	errMaking = refusal.New(refusal.DatabaseBusy, "the database is being created")
)

// places are who has what to do with the file at a path, but for open databases. All is
// under the catalog's mu.
type places struct {
	// taken are files that somebody is about to remove or replace, by path and by what
	// they were: nobody gets in.
	taken      map[string]bool
	takenFiles map[fileID]bool
	// making counts who is about to put a new file into a place.
	making map[string]int
	// peeked counts who reads the beginning of a file that is not open, by its path and by
	// what it is: it may not be opened or taken until that is done, which unpeeked tells.
	peeked      map[string]int
	peekedFiles map[fileID]int
	unpeeked    sync.Cond
}

func (p *places) begin(mu *sync.Mutex) {
	p.taken, p.takenFiles = map[string]bool{}, map[fileID]bool{}
	p.making, p.peeked, p.peekedFiles = map[string]int{}, map[string]int{}, map[fileID]int{}
	p.unpeeked.L = mu
}

// isTaken tells whether the file is somebody's to remove or replace.
func (p *places) isTaken(path string, id fileID, exists bool) bool {
	return p.taken[path] || (exists && p.takenFiles[id])
}

// awaitPeeks waits until nobody reads the file by its bytes. The caller holds mu.
func (p *places) awaitPeeks(path string, id fileID) {
	for p.peeked[path] > 0 || p.peekedFiles[id] > 0 {
		p.unpeeked.Wait()
	}
}

// seat is the place of a file that was taken.
type seat struct {
	catalog *Catalog
	path    string
	id      fileID
	exists  bool
}

// take takes the file at path from everybody: who wants it from now on is refused, who has
// it may finish, within wait. If they don't, they go on as if nothing had been, and the
// taking is refused. The file is closed then, and the caller's until release.
func (c *Catalog) take(path string, wait time.Duration) (*seat, error) {
	s := &seat{catalog: c, path: path}
	s.id, s.exists = identify(path)
	c.mu.Lock()
	c.awaitPeeks(path, s.id)
	switch {
	case c.shut:
		c.mu.Unlock()
		return nil, errShut
	case c.isTaken(path, s.id, s.exists):
		c.mu.Unlock()
		return nil, errTaken
	case c.making[path] > 0:
		c.mu.Unlock()
		return nil, errMaking
	case c.held[path] > 0:
		c.mu.Unlock()
		return nil, errHeld
	}
	c.taken[path] = true
	if s.exists {
		c.takenFiles[s.id] = true
	}
	c.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		db := c.leave(s)
		if db == nil {
			return s, nil
		}
		if !c.evict(db, timer.C) {
			s.release()
			return nil, errInUse
		}
	}
}

// release gives the place back to everybody.
func (s *seat) release() {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	delete(s.catalog.taken, s.path)
	if s.exists {
		delete(s.catalog.takenFiles, s.id)
	}
}

// leave answers the database that has the file of a seat open, nil if there is none, and
// has its users tell when they leave.
func (c *Catalog) leave(s *seat) *DB {
	c.mu.Lock()
	defer c.mu.Unlock()
	db := c.byPath[s.path]
	if db == nil && s.exists {
		db = c.byFile[s.id]
	}
	if db != nil {
		db.leaving.Store(true)
	}
	return db
}

// evict waits until nobody uses the database and has it closed; false says that somebody
// still does when the time is over.
func (c *Catalog) evict(db *DB, timeout <-chan time.Time) bool {
	stay := func() bool {
		db.leaving.Store(false)
		return false
	}
	select {
	case <-db.opened:
	case <-timeout:
		return stay()
	}
	if db.err != nil {
		return true // it never was open, and has no place any more
	}
	for {
		c.mu.Lock()
		unused := db.users.Load() == 0
		if unused && !db.retired.Load() {
			c.retire(db)
		}
		c.mu.Unlock()
		if unused {
			<-db.gone
			return true
		}
		select {
		case <-db.left:
		case <-db.gone:
			return true
		case <-timeout:
			return stay()
		}
	}
}

// reserve keeps the place at path for a new file, until done is called: it can't be taken
// meanwhile. A database that is still open there although its file is gone is closed first.
func (c *Catalog) reserve(path string) (done func(), err error) {
	for {
		id, exists := identify(path)
		c.mu.Lock()
		db := c.byPath[path]
		switch {
		case c.isTaken(path, id, exists):
			c.mu.Unlock()
			return nil, errTaken
		case db == nil || exists:
			c.making[path]++
			c.mu.Unlock()
			return func() { c.made(path) }, nil
		}
		c.mu.Unlock()
		<-db.opened
		if db.err != nil {
			continue
		}
		c.mu.Lock()
		if _, exists := identify(path); !exists && !db.retired.Load() {
			c.retire(db)
		}
		retired := db.retired.Load()
		c.mu.Unlock()
		if retired {
			<-db.gone
		}
	}
}

func (c *Catalog) made(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	countDown(c.making, path)
}

// countDown takes one from a count, and an empty one away.
func countDown[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}

// peek runs look, which reads the file at path as it is, unless this process has it open,
// or is about to: closing what it read would take SQLite's locks away.
func (c *Catalog) peek(path string, id fileID, look func() bool) (seen, open bool) {
	c.mu.Lock()
	if c.isTaken(path, id, true) || c.byPath[path] != nil || c.byFile[id] != nil {
		c.mu.Unlock()
		return false, true
	}
	c.peeked[path]++
	c.peekedFiles[id]++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		countDown(c.peeked, path)
		countDown(c.peekedFiles, id)
		c.unpeeked.Broadcast()
	}()
	return look(), false
}
