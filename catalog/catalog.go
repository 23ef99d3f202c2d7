// Package catalog knows which databases are open and where they may lie. It opens
// each once, whatever its names, and closes what is idle, never under a request.
package catalog

import (
	"sync"
	"time"

	"github.com/urlite/urlite/refusal"
)

var (
	errNotFound = refusal.New(refusal.DatabaseNotFound, "database not found")
	errFull     = refusal.New(refusal.Unavailable, "too many databases are open")
	errShut     = refusal.New(refusal.Unavailable, "the server is shutting down")
)

// namesMax bounds the spellings of one database's name that are remembered; the
// others are resolved each time.
const namesMax = 16

// checkMillis is how long a file is believed to be in its place.
const checkMillis = 1000

// Catalog is the open databases of one folder.
type Catalog struct {
	config Config

	mu     sync.Mutex
	byName map[string]*DB // as requests wrote it
	byPath map[string]*DB
	byFile map[fileID]*DB
	held   map[string]int // files that may not be opened as databases now
	places
	floors   floors
	arriving map[string]bool // files in which databases arrive
	shut     bool

	stop    chan struct{}
	stopped chan struct{}
}

// New makes a catalog of no open databases.
func New(config Config) *Catalog {
	c := &Catalog{
		config:   config,
		byName:   map[string]*DB{},
		byPath:   map[string]*DB{},
		byFile:   map[fileID]*DB{},
		held:     map[string]int{},
		arriving: map[string]bool{},
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	c.places.begin(&c.mu)
	go c.keepTidy()
	return c
}

// Dir is the databases folder.
func (c *Catalog) Dir() string { return c.config.Rules.Dir }

// Open is the number of open databases.
func (c *Catalog) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byPath)
}

// OpenMax is how many databases may be open.
func (c *Catalog) OpenMax() int { return c.config.OpenMax }

// Acquire finds the database that name means, and opens it if need be; with create,
// a missing file is made. The caller releases it. name may be lent.
func (c *Catalog) Acquire(name string, create bool) (*DB, error) {
	c.mu.Lock()
	db := c.byName[name]
	if db == nil || db.leaving.Load() || !c.inPlace(db) {
		c.mu.Unlock()
		return c.acquireSlowly(string([]byte(name)), create)
	}
	db.users.Add(1)
	c.mu.Unlock()
	if !db.used.Load() {
		db.used.Store(true)
	}
	return db, nil
}

// inPlace tells whether the file is still the one that was opened; if another took
// its place, the database is retired. The caller holds mu.
func (c *Catalog) inPlace(db *DB) bool {
	now := c.config.Now()
	if checked := db.checkedAt.Load(); now-checked < checkMillis && now >= checked {
		return true
	}
	if id, exists := identify(db.path); !exists || id != db.id {
		c.retire(db)
		return false
	}
	db.checkedAt.Store(now)
	return true
}

func (c *Catalog) acquireSlowly(name string, create bool) (*DB, error) {
	path, err := c.config.Rules.Locate(name)
	if err != nil {
		return nil, err
	}
	for {
		db, mine, err := c.place(name, path, create)
		if err != nil {
			return nil, err
		}
		if mine {
			c.open(db, create)
		}
		<-db.opened
		if db.err != nil {
			return nil, db.err
		}
		switch used, err := c.use(db, name); {
		case err != nil:
			return nil, err
		case used:
			return db, nil
		}
		<-db.gone // it was retired; then the place is free
	}
}

// place finds the entry of the file at path, or makes one, which is then the
// caller's to open.
func (c *Catalog) place(name, path string, create bool) (db *DB, mine bool, err error) {
	id, exists := identify(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaitPeeks(path, id)
	if c.isTaken(path, id, exists) {
		return nil, false, errTaken
	}
	if db := c.byPath[path]; db != nil {
		return db, false, nil
	}
	if exists {
		if db := c.byFile[id]; db != nil {
			return db, false, nil
		}
	} else if !create {
		return nil, false, errNotFound
	}
	switch {
	case c.shut:
		return nil, false, errShut
	case c.held[path] > 0:
		return nil, false, errHeld
	}
	if len(c.byPath) >= c.config.OpenMax && !c.retireOne() {
		return nil, false, errFull
	}
	db = &DB{catalog: c, path: path, id: id, opened: make(chan struct{}), left: make(chan struct{}, 1), gone: make(chan struct{})}
	c.byPath[path] = db
	if exists {
		c.byFile[id] = db
	}
	return db, true, nil
}

// use counts a use of an open database under name. It is false for one that was
// retired.
func (c *Catalog) use(db *DB, name string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case db.leaving.Load():
		return false, errTaken
	case db.retired.Load(), !c.inPlace(db):
		return false, nil
	}
	if c.byName[name] != db && len(db.names) < namesMax {
		c.byName[name] = db
		db.names = append(db.names, name)
	}
	db.users.Add(1)
	db.used.Store(true)
	return true, nil
}

// retire lets nobody new in; who is in may finish, and the last one out closes.
// The caller holds mu.
func (c *Catalog) retire(db *DB) {
	for _, name := range db.names {
		delete(c.byName, name)
	}
	db.names = nil
	db.retired.Store(true)
	if db.users.Load() == 0 {
		go db.close() // it takes mu, and may wait for a disk
	}
}

// retireOne makes room by retiring a database that nobody uses, one that was not
// used lately if there is one. The caller holds mu.
func (c *Catalog) retireOne() bool {
	var found *DB
	for _, db := range c.byPath {
		if !c.isOpen(db) || db.users.Load() > 0 {
			continue
		}
		if found == nil || !db.used.Load() {
			found = db
		}
	}
	if found != nil {
		c.retire(found)
	}
	return found != nil
}

func (c *Catalog) isOpen(db *DB) bool {
	select {
	case <-db.opened:
		return db.err == nil && !db.retired.Load()
	default:
		return false
	}
}

// forget frees the place of a database that is closed, or could not be opened.
func (c *Catalog) forget(db *DB) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byPath[db.path] == db {
		delete(c.byPath, db.path)
	}
	if c.byFile[db.id] == db {
		delete(c.byFile, db.id)
	}
}

// keepTidy closes what is idle and removes what was left over, from time to time.
func (c *Catalog) keepTidy() {
	defer close(c.stopped)
	var idle <-chan time.Time // never, unless databases are closed at all
	if c.config.IdleAfter > 0 {
		tick := time.NewTicker(c.config.IdleAfter)
		defer tick.Stop()
		idle = tick.C
	}
	leftovers := time.NewTicker(leftoversEvery)
	defer leftovers.Stop()
	c.tidy(idle, leftovers.C)
}

func (c *Catalog) tidy(idle, leftovers <-chan time.Time) {
	for {
		select {
		case <-c.stop:
			return
		case <-leftovers:
			c.RemoveLeftovers()
		case <-idle:
			c.closeIdle()
		}
	}
}

// closeIdle retires what nobody used since it was called last.
func (c *Catalog) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, db := range c.byPath {
		if c.isOpen(db) && !db.used.Swap(false) && db.users.Load() == 0 {
			c.retire(db)
		}
	}
}

// Close refuses new databases and closes all that are open: what was acknowledged
// is in the files. Nobody may use a database any more.
func (c *Catalog) Close() {
	close(c.stop)
	<-c.stopped
	c.mu.Lock()
	c.shut = true
	c.discardArriving()
	var open []*DB
	for _, db := range c.byPath {
		open = append(open, db)
	}
	c.mu.Unlock()
	for _, db := range open {
		<-db.opened
		if db.err != nil {
			continue
		}
		c.mu.Lock()
		if !db.retired.Load() {
			c.retire(db)
		}
		c.mu.Unlock()
		<-db.gone
	}
}
