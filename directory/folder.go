package directory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// Folder is one table of a directory. It is safe for concurrent use.
type Folder struct {
	path   string
	base   string // the table's subfolder with a slash, "" for the default table
	limits kv.Limits
	cache  *Cache
	root   *os.Root
	close  sync.Once
	// entriesHeld is entriesHeldMax; tests take less.
	entriesHeld int
}

var errNoDirectory = refusal.New(refusal.DatabaseNotFound, "directory not found")

// treeShape is held by what makes or removes folders, or puts a file into its place.
// Without it, one writer could remove a folder as empty while another is about to
// put a file there, or a file while it takes it for the folder that it was. There is
// one for the process, as two directories may be the same tree, or one lie in the
// other. What other processes do to a tree, it does not keep them from.
var treeShape sync.Mutex

// Open opens the table of an existing directory. The path is absolute and without
// symlinks; that the server may serve it is for the caller to know. The table need
// not exist: it reads as empty, and is made by its first write. The names of tables
// are told apart by case.
func Open(path, table string, limits *kv.Limits, cache *Cache) (*Folder, error) {
	f := &Folder{path: filepath.Clean(path), limits: *limits, cache: cache, entriesHeld: entriesHeldMax}
	if table != "" && table != kv.DefaultTable {
		if why := kv.CheckTable(table); why != nil {
			return nil, why
		}
		f.base = table + "/"
	}
	info, err := os.Lstat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, errNoDirectory
	case err != nil:
		return nil, failed("the directory can't be reached", err)
	case !info.IsDir():
		return nil, errNoDirectory
	}
	// The dot as in openFolder; here it also fails where a file has come to lie.
	f.root, err = os.OpenRoot(f.path + "/.")
	if err != nil {
		return nil, failed("the directory can't be opened", err)
	}
	opened, err := f.root.Stat(".")
	if err != nil || !os.SameFile(info, opened) {
		f.root.Close()
		return nil, errUnsettled
	}
	cache.held.Add(1)
	return f, nil
}

// Close ends the use of the folder. What is under way is finished.
func (f *Folder) Close() {
	f.close.Do(func() {
		f.root.Close()
		f.cache.held.Add(-1)
	})
}

// Path is where the file of a key lies, or would.
func (f *Folder) Path(key string) string {
	return filepath.Join(f.path, filepath.FromSlash(f.base+key))
}

// reach opens the folder that a path below the root lies in, and answers the last
// name of the path. Each folder on the way is opened by open, within the one before.
// The caller leaves the folder when done.
func (f *Folder) reach(path string, open func(dir *os.Root, name string) (*os.Root, error)) (dir *os.Root, name string, err error) {
	dir = f.root
	for {
		var deeper bool
		name, path, deeper = strings.Cut(path, "/")
		if !deeper {
			return dir, name, nil
		}
		next, err := open(dir, name)
		f.leave(dir)
		if err != nil {
			return nil, "", err
		}
		dir = next
	}
}

// leave closes a folder that reach has opened.
func (f *Folder) leave(dir *os.Root) {
	if dir != f.root {
		dir.Close()
	}
}

// syncFolder makes durable which files dir holds.
func syncFolder(dir *os.Root) error {
	folder, err := dir.Open(".")
	if err != nil {
		return failed("the folder can't be opened", err)
	}
	defer folder.Close()
	err = folder.Sync()
	// Some file systems can't; they have no better to offer.
	if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return failed("the folder can't be synced", err)
	}
	return nil
}
