package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urlite/urlite/store"
)

// leftoverMillis is how old a file has to be that was begun and never got its place: a
// younger one may be another server's, which is still at work on it.
const leftoverMillis = 60 * 60 * 1000

// leftoversEvery is how often they are looked for: what a killed server has left is too young
// for the one that is started after it at once.
const leftoversEvery = leftoverMillis * time.Millisecond

// building are the beginnings of the names under which files are built.
var building = [...]string{ownPrefix + "-create-", ownPrefix + "-restore-", ownPrefix + "-backup-", ownPrefix + "-import-"}

// RemoveLeftovers removes what a server that was killed had begun, from the databases folder
// and from the folders of the databases that are open.
func (c *Catalog) RemoveLeftovers() {
	folders := map[string]bool{c.Dir(): true}
	c.mu.Lock()
	for path := range c.byPath {
		folders[filepath.Dir(path)] = true
	}
	c.mu.Unlock()
	for folder := range folders {
		c.removeLeftoversOf(folder)
	}
}

func (c *Catalog) removeLeftoversOf(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // it is tidying: whoever needs the folder is told
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !isBuilding(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().UnixMilli() < c.config.Now()-leftoverMillis {
			store.Discard(filepath.Join(folder, entry.Name()))
		}
	}
}

func isBuilding(name string) bool {
	for _, prefix := range building {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// arrive makes a file in which a database arrives, to be discarded by done. A client may take
// its time to send it, and a server that drains does not wait for that: closing the catalog
// discards it, too.
func (c *Catalog) arrive(folder string) (arriving *store.Arrival, done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return nil, nil, errShut
	}
	arriving, err = store.Arrive(folder)
	if err != nil {
		return nil, nil, err
	}
	path := arriving.Path()
	c.arriving[path] = true
	return arriving, func() {
		store.Discard(path)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.arriving, path)
	}, nil
}

// discardArriving discards what nobody will put in its place any more. The caller holds mu.
func (c *Catalog) discardArriving() {
	for path := range c.arriving {
		store.Discard(path)
	}
}
