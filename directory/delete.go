package directory

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/urlite/urlite/kv"
)

// Delete removes a key, and the folders that it leaves empty, up to the one of the
// table. When it returns, this is on disk.
func (f *Folder) Delete(key string) error {
	if err := checkKey(key, &f.limits); err != nil {
		return err
	}
	dir, err := f.unlink(key)
	if err != nil {
		return toReader(err)
	}
	defer f.leave(dir)
	return syncFolder(dir)
}

// unlink removes a key and the folders left empty. It answers the innermost folder
// that is left, which the caller leaves.
func (f *Folder) unlink(key string) (*os.Root, error) {
	treeShape.Lock()
	defer treeShape.Unlock()
	path := f.base + key
	dir, name, err := f.reach(path, enter)
	if err != nil {
		return nil, err
	}
	info, err := look(dir, name)
	if err == nil {
		err = regular(info)
	}
	if err == nil {
		err = remove(dir, name)
	}
	if err != nil {
		f.leave(dir)
		return nil, err
	}
	if left := f.removeEmpty(path, strings.Count(key, "/")); left != nil {
		f.leave(dir)
		dir = left
	}
	return dir, nil
}

func remove(dir *os.Root, name string) error {
	err := dir.Remove(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kv.KeyNotFound
	case err != nil:
		return failed("the file can't be removed", err)
	}
	return nil
}

// removeEmpty removes the folders that a path lies in, from the innermost outwards,
// until one is not empty, at most so many. It answers the folder that the last one
// removed lay in, if any was, which the caller leaves. The caller holds treeShape.
func (f *Folder) removeEmpty(path string, most int) (left *os.Root) {
	for ; most > 0; most-- {
		path = path[:strings.LastIndexByte(path, '/')]
		dir, name, err := f.reach(path, enter)
		if err != nil {
			return left
		}
		// Remove would take a file as well, had another process put one there.
		info, err := dir.Lstat(name)
		if err != nil || !info.IsDir() || dir.Remove(name) != nil {
			f.leave(dir)
			return left
		}
		if left != nil {
			f.leave(left)
		}
		left = dir
	}
	return left
}
