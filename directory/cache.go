package directory

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// Cache remembers the hashes of files that have not changed since, and which
// folders were swept of leftovers. One serves all folders of a server. It is safe
// for concurrent use.
//
// What writes to a file through a memory map may change it without a trace that
// could be seen from here; that is what rebuilding is for.
type Cache struct {
	filesMax int
	held     atomic.Int64
	now      func() time.Time

	mu     sync.RWMutex
	hashes map[inode]hashed
	swept  map[inode]time.Time
}

type hashed struct {
	state state
	hash  [sha256.Size]byte
}

// NewCache makes a cache for the hashes of up to filesMax files.
func NewCache(filesMax int) *Cache {
	return &Cache{
		filesMax: filesMax,
		now:      time.Now,
		hashes:   make(map[inode]hashed),
		swept:    make(map[inode]time.Time),
	}
}

// Size is how many hashes are remembered.
func (c *Cache) Size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.hashes)
}

// Max is how many hashes can be remembered.
func (c *Cache) Max() int { return c.filesMax }

// Held is how many folders are open.
func (c *Cache) Held() int { return int(c.held.Load()) }

// hash answers the hash of a file in this state, if it is remembered.
func (c *Cache) hash(s state) (hash [sha256.Size]byte, known bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found, ok := c.hashes[s.inode]
	if !ok || found.state != s {
		return hash, false
	}
	return found.hash, true
}

// remember keeps the hash of a file whose reading began at readAt and found it in
// this state, before and after. When there is no room, chance decides which other
// one is forgotten; so nothing need be noted when one is used.
func (c *Cache) remember(s state, hash [sha256.Size]byte, readAt time.Time) {
	lastChange := time.Unix(0, max(s.modified, s.changed))
	settled := readAt.Sub(lastChange) >= clockStep
	c.mu.Lock()
	defer c.mu.Unlock()
	if !settled || c.filesMax <= 0 {
		delete(c.hashes, s.inode)
		return
	}
	if _, known := c.hashes[s.inode]; !known && len(c.hashes) >= c.filesMax {
		for other := range c.hashes {
			delete(c.hashes, other)
			break
		}
	}
	c.hashes[s.inode] = hashed{state: s, hash: hash}
}

// sweepDue reports whether the folder has not been swept for a while, and notes
// that it is now.
func (c *Cache) sweepDue(folder inode) bool {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, known := c.swept[folder]; known && now.Sub(last) < sweepEvery {
		return false
	}
	if len(c.swept) >= foldersSweptMax {
		clear(c.swept)
	}
	c.swept[folder] = now
	return true
}
