package directory

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

const (
	// draftPrefix begins the names of files that are being written.
	draftPrefix = ownPrefix + "-put-"

	newFileMode   = 0o644 // less the umask
	newFolderMode = 0o755
)

// Put writes a key and makes the folders it lies in. When it returns, the key is on
// disk; until then, and if it fails, readers see what was there before. A file that
// is replaced keeps its permissions, but not its owner.
func (f *Folder) Put(key string, body []byte) (File, error) {
	if err := checkKey(key, &f.limits); err != nil {
		return File{}, err
	}
	if len(body) > f.limits.ValueBytesMax {
		return File{}, refusal.Newf(refusal.PayloadTooLarge, "value of %d bytes exceeds the limit of %d bytes", len(body), f.limits.ValueBytesMax)
	}
	hash := sha256.Sum256(body)
	d, err := f.begin(key)
	if err != nil {
		return File{}, err
	}
	f.sweep(d.dir)
	info, err := d.write(body)
	if err != nil {
		f.abandon(d)
		return File{}, err
	}
	// The file is in its place already: if this fails, it may not outlive a crash.
	err = syncFolder(d.dir)
	f.end(d)
	if err != nil {
		return File{}, err
	}
	answer := f.describe(key, info)
	answer.Hash = hash
	return answer, nil
}

// draft is a file that is being written beside the one whose place it will take.
type draft struct {
	folders     string // those on the way to the key, below the root; ends in a slash
	foldersMade int    // of these, the innermost
	dir         *os.Root
	name        string // of the key in dir
	draftName   string
	file        *os.File
}

// begin makes the folders of a key, and an empty draft in the innermost: as long as
// it is there, nobody removes them.
func (f *Folder) begin(key string) (*draft, error) {
	d := &draft{}
	treeShape.Lock()
	defer treeShape.Unlock()
	var err error
	d.dir, d.name, err = f.reach(f.base+key, func(dir *os.Root, name string) (*os.Root, error) {
		folder, made, err := enterOrMake(dir, name)
		if made {
			d.foldersMade++
		}
		if made || err == nil {
			d.folders += name + "/"
		}
		return folder, err
	})
	if err != nil {
		f.removeEmpty(d.folders, d.foldersMade)
		return nil, err
	}
	mode, err := d.place()
	if err == nil {
		err = d.create(mode)
	}
	if err != nil {
		f.leave(d.dir)
		f.removeEmpty(d.folders, d.foldersMade)
		return nil, err
	}
	return d, nil
}

// enterOrMake opens the folder under name, and makes it if there is none.
func enterOrMake(dir *os.Root, name string) (folder *os.Root, made bool, err error) {
	for range attemptsMax {
		if folder, err = enter(dir, name); err != kv.KeyNotFound {
			return folder, made, err
		}
		err = dir.Mkdir(name, newFolderMode)
		switch {
		case err == nil:
			made = true
			if err := syncFolder(dir); err != nil {
				return nil, made, err
			}
		case unnameable(err):
			return nil, made, errUnnameable
		case !errors.Is(err, fs.ErrExist):
			return nil, made, failed("the folder can't be made", err)
		}
	}
	return nil, made, errUnsettled
}

// place refuses a key whose place is taken by what is no file. Otherwise it answers
// the permissions of the file that is there, or those of a new one.
func (d *draft) place() (fs.FileMode, error) {
	info, err := look(d.dir, d.name)
	if err == kv.KeyNotFound {
		return newFileMode, nil
	}
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm(), nil
}

func (d *draft) create(mode fs.FileMode) (err error) {
	for range attemptsMax {
		d.draftName = fmt.Sprintf("%s%016x", draftPrefix, rand.Uint64())
		d.file, err = d.dir.OpenFile(d.draftName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, newFileMode)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return failed("the file can't be made", err)
	}
	if mode != newFileMode {
		if err := d.file.Chmod(mode); err != nil {
			d.discard()
			return failed("the file can't be given its permissions", err)
		}
	}
	return nil
}

// write fills the draft, has it reach the disk, and puts it into its place.
func (d *draft) write(body []byte) (fs.FileInfo, error) {
	if _, err := d.file.Write(body); err != nil {
		return nil, failed("the file can't be written", err)
	}
	if err := d.file.Sync(); err != nil {
		return nil, failed("the file can't be synced", err)
	}
	treeShape.Lock()
	defer treeShape.Unlock()
	if _, err := d.place(); err != nil { // which may have been taken meanwhile
		return nil, err
	}
	err := d.dir.Rename(d.draftName, d.name)
	switch {
	case err == nil:
	case unnameable(err):
		return nil, errUnnameable
	default:
		return nil, failed("the file can't be put into its place", err)
	}
	info, err := d.file.Stat()
	if err != nil {
		return nil, failed("the file can't be looked at", err)
	}
	return info, nil
}

// discard removes the draft.
func (d *draft) discard() {
	d.file.Close()
	d.dir.Remove(d.draftName)
}

// abandon undoes what begin has done.
func (f *Folder) abandon(d *draft) {
	treeShape.Lock()
	defer treeShape.Unlock()
	d.discard()
	f.leave(d.dir)
	f.removeEmpty(d.folders, d.foldersMade)
}

// end closes what begin has opened.
func (f *Folder) end(d *draft) {
	d.file.Close()
	f.leave(d.dir)
}
