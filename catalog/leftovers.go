package catalog

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/urlite/urlite/store"
)

// leftoverMillis is how old a file has to be that was begun and never got its place: a
// younger one may be another server's, which is still at work on it.
const leftoverMillis = 60 * 60 * 1000

// building are the beginnings of the names under which databases are built (store), and of
// the one that the rows of an import have until it is taken away (spool).
var building = [...]string{ownPrefix + "-create-", ownPrefix + "-restore-", ownPrefix + "-backup-", ownPrefix + "-import-"}

// RemoveLeftovers removes from the databases folder what a server that was killed had begun.
func (c *Catalog) RemoveLeftovers() {
	entries, err := os.ReadDir(c.Dir())
	if err != nil {
		return // it is tidying: whoever needs the folder is told
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !isBuilding(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().UnixMilli() < c.config.Now()-leftoverMillis {
			store.Discard(filepath.Join(c.Dir(), entry.Name()))
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
