package catalog

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/urlite/urlite/refusal"
)

const (
	// listedMax bounds the databases of a list: the newest of a folder.
	listedMax = 10_000
	// entriesRead is how many entries of a folder are held at a time.
	entriesRead = 1_000
)

var (
	errListRelative = refusal.New(refusal.InvalidDatabasePath, "dir must be an absolute path")
	errListFile     = refusal.New(refusal.InvalidDatabasePath, "dir is not a directory")
	errListMissing  = refusal.New(refusal.NotFound, "no such directory")
)

// ListedDatabase is a file that may be a database.
type ListedDatabase struct {
	Name, Path string
	Bytes      int64
	ModifiedAt int64 // Unix ms
	// Valid says that it is one, as far as can be told from its beginning.
	Valid bool
	id    fileID
}

// List answers the databases of a folder, newest first, and which folder that is: dir, or
// the databases folder if that is empty. more says that there are others, older ones.
func (c *Catalog) List(dir string) (folder string, found []ListedDatabase, more bool, err error) {
	if folder, err = c.listedFolder(dir); err != nil {
		return "", nil, false, err
	}
	// Nothing but a folder is opened: it could be a database's file (see Inspect).
	open, err := os.OpenFile(folder, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return "", nil, false, unlisted(err)
	}
	defer open.Close()
	for {
		entries, err := open.ReadDir(entriesRead)
		for _, entry := range entries {
			if file, ok := listed(folder, entry); ok {
				found = append(found, file)
			}
		}
		if len(found) > 2*listedMax {
			found, more = newest(found), true
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", nil, false, unlisted(err)
		}
	}
	more = more || len(found) > listedMax
	found = newest(found)
	for i := range found {
		found[i].Valid = c.looksValid(&found[i])
	}
	return folder, found, more, nil
}

// listedFolder is the folder that dir means, which has to lie where databases may.
func (c *Catalog) listedFolder(dir string) (string, error) {
	if dir == "" {
		return c.Dir(), nil
	}
	if !filepath.IsAbs(dir) {
		return "", errListRelative
	}
	path, err := c.config.Rules.Locate(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
		if err != nil {
			return "", unlisted(err)
		}
		return c.config.Rules.Resolve(path)
	}
	if r := refusal.Of(err); r.Kind == refusal.DatabaseNotFound {
		return "", errListMissing
	}
	return "", err
}

func unlisted(err error) error {
	if r := refusal.Of(unreachable(err)); r.Kind != refusal.DatabaseNotFound {
		return r
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errListMissing
	}
	return errListFile
}

// listed tells of an entry of a folder that is named like a database.
func listed(folder string, entry fs.DirEntry) (file ListedDatabase, ok bool) {
	name := entry.Name()
	switch strings.ToLower(filepath.Ext(name)) {
	case ".db", ".sqlite", ".sqlite3":
	default:
		return file, false
	}
	if !entry.Type().IsRegular() || strings.HasPrefix(strings.ToLower(name), ownPrefix) {
		return file, false
	}
	info, err := entry.Info()
	if err != nil {
		return file, false // it is gone since
	}
	id, ok := idOf(info)
	return ListedDatabase{
		Name: name, Path: filepath.Join(folder, name), Bytes: info.Size(), ModifiedAt: info.ModTime().UnixMilli(), id: id,
	}, ok
}

// newest sorts the list and cuts it to its bound.
func newest(files []ListedDatabase) []ListedDatabase {
	slices.SortFunc(files, func(a, b ListedDatabase) int {
		return cmp.Or(cmp.Compare(b.ModifiedAt, a.ModifiedAt), strings.Compare(a.Name, b.Name))
	})
	return files[:min(len(files), listedMax)]
}

// looksValid looks at the file's beginning, but of one that is open: that is known.
func (c *Catalog) looksValid(file *ListedDatabase) bool {
	valid, open := c.peek(file.Path, file.id, func() bool {
		is, err := Inspect(file.Path)
		return is && err == nil
	})
	return valid || open
}
