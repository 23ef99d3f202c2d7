package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/urlite/urlite/refusal"
)

// sideSuffixes are what SQLite appends to a database's name for the files beside it.
var sideSuffixes = [...]string{"-wal", "-shm", "-journal"}

// Place gives the database at building, which is whole, the name path, and returns when
// that is on disk. The name building stays the caller's to Discard. A file that is at path
// already is DatabaseExists.
func Place(building, path string) error {
	if hasStrays(path) {
		unlock, err := removeStrays(path)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if err := os.Link(building, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return refusal.Wrap(refusal.DatabaseExists, "database already exists", err)
		}
		return fileFault(err)
	}
	return syncFolder(filepath.Dir(path))
}

// Discard removes a database that never got its place.
func Discard(building string) {
	os.Remove(building)
	for _, suffix := range sideSuffixes {
		os.Remove(building + suffix)
	}
}

// hasStrays tells whether files lie beside a database that is not there. SQLite would
// replay the log of a file that is gone into one that is put in its place: it only
// notices a log that is older than an empty file.
func hasStrays(path string) bool { return !exists(path) && FilesOf(path) > 0 }

// removeStrays removes the side files of a database that is gone. Until unlock is called
// no other urlite does the same, so that none takes the log away of what the other has
// just put in its place.
func removeStrays(path string) (unlock func(), err error) {
	unlock, err = lockFolder(filepath.Dir(path))
	if err != nil || exists(path) {
		return unlock, err
	}
	for _, suffix := range sideSuffixes {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			unlock()
			return nil, fileFault(err)
		}
	}
	return unlock, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// FilesOf counts the file at path and those that SQLite keeps beside it.
func FilesOf(path string) (files int) {
	for _, suffix := range append([]string{""}, sideSuffixes[:]...) {
		if exists(path + suffix) {
			files++
		}
	}
	return files
}

// lockFolder waits until no other urlite puts databases into the folder, or removes them.
func lockFolder(folder string) (unlock func(), err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, fileFault(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fileFault(err)
	}
	return func() { f.Close() }, nil // closing unlocks
}

func syncFolder(folder string) error { return syncPath(folder) }

// syncPath waits until a folder, or a file that nobody has open, is on disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fileFault(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fileFault(err)
	}
	return nil
}

// fileFault makes a refusal of what the file system says.
func fileFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return refusal.Wrap(refusal.Unavailable, "the disk is full", err)
	}
	return refusal.Wrap(refusal.FileSystemError, "file system error", err)
}
