package catalog

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/urlite/urlite/refusal"
)

var (
	errHeld       = refusal.New(refusal.DatabaseBusy, "the file is being read or written in directory mode")
	errIsDatabase = refusal.New(refusal.PathIsDirectory, "the file is a database; select it with db")
	errIsSideFile = refusal.New(refusal.PathIsDirectory, "the file belongs to a database")
)

// Directory answers the directory that name means, if it is the absolute path of one
// where databases may lie. name may be lent.
func (c *Catalog) Directory(name string) (path string, is bool, err error) {
	if !filepath.IsAbs(name) {
		return "", false, nil
	}
	c.mu.Lock()
	_, known := c.byName[name]
	c.mu.Unlock()
	if known {
		return "", false, nil
	}
	path, err = c.config.Rules.Locate(strings.Clone(name))
	if err != nil {
		return "", false, err
	}
	info, err := os.Lstat(path)
	return path, err == nil && info.IsDir(), nil
}

// KeepClosed keeps the file at path from being opened as a database until release is
// called, and refuses a file that is one, or belongs to one: written as a file it would
// be lost, and closing one that is open would take the locks away that SQLite holds on
// it in this process.
func (c *Catalog) KeepClosed(path string) (release func(), err error) {
	if sideFile(filepath.Base(path)) {
		return nil, errIsSideFile
	}
	if !c.hold(path) {
		return nil, errIsDatabase
	}
	// Nobody has it open, so that it may be looked at.
	if is, err := Inspect(path); err == nil && is {
		c.letGo(path)
		return nil, errIsDatabase
	}
	return func() { c.letGo(path) }, nil
}

// hold keeps a file that is not open as a database from being opened as one.
func (c *Catalog) hold(path string) bool {
	id, exists := identify(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byPath[path] != nil || (exists && c.byFile[id] != nil) || c.isTaken(path, id, exists) {
		return false
	}
	c.held[path]++
	return true
}

func (c *Catalog) letGo(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	countDown(c.held, path)
}
