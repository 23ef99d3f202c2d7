package directory

import (
	"os"
	"strings"
)

// sweep removes the drafts that a crash has left in dir, now and then. It only
// tidies up, so what fails is left for the next time.
func (f *Folder) sweep(dir *os.Root) {
	info, err := dir.Stat(".")
	if err != nil || !f.cache.sweepDue(stateOf(info).inode) {
		return
	}
	old := f.cache.now().Add(-leftoverAge)
	var leftovers []string
	eachNames(dir, func(names []string) error {
		for _, name := range names {
			if !strings.HasPrefix(name, draftPrefix) {
				continue
			}
			info, err := dir.Lstat(name)
			if err == nil && info.Mode().IsRegular() && info.ModTime().Before(old) {
				leftovers = append(leftovers, name)
			}
		}
		if len(leftovers) >= namesReadMax {
			return errEnough
		}
		return nil
	})
	for _, name := range leftovers {
		dir.Remove(name)
	}
}
