package directory

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode"

	"github.com/urlite/urlite/kv"
)

// os.Root leads nowhere outside, but it follows symbolic links inside. Here nothing
// is opened under a name without a look at what the name stands for, before and
// after; what is opened is what was seen, or is closed again.

// look answers what dir holds under exactly this name, or KeyNotFound.
func look(dir *os.Root, name string) (fs.FileInfo, error) {
	info, err := lstat(dir, name)
	if err == nil {
		err = checkSpelling(dir, name, info)
	}
	return info, err
}

// lstat answers what dir holds under name, in whatever spelling, or KeyNotFound. A
// symlink is not followed.
func lstat(dir *os.Root, name string) (fs.FileInfo, error) {
	info, err := dir.Lstat(name)
	switch {
	case err == nil:
		return info, nil
	case errors.Is(err, fs.ErrNotExist), unnameable(err):
		return nil, kv.KeyNotFound
	}
	return nil, failed("the folder can't be searched", err)
}

// checkSpelling refuses an entry that was found under a name which it does not have.
func checkSpelling(dir *os.Root, name string, found fs.FileInfo) error {
	other := otherCase(name)
	if other == name {
		return nil
	}
	info, err := dir.Lstat(other)
	if err != nil || !os.SameFile(found, info) {
		return nil // the file system tells them apart, as nearly all do
	}
	// One entry under two names, or two hard links: only the folder knows. It may
	// show neither name while the file is being replaced.
	for range spellingScansMax {
		exact, similar := false, false
		err := eachNames(dir, func(names []string) error {
			for _, has := range names {
				exact = exact || has == name
				similar = similar || strings.EqualFold(has, name)
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case exact:
			return nil
		case similar:
			return errOtherCase
		}
	}
	return errOtherCase // spelled in a way that only the file system takes for the same
}

// otherCase spells a name with upper case for lower and lower for upper. Some file
// systems do so to ASCII alone, so other letters are changed only if there are none.
func otherCase(name string) string {
	swapped := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r ^ ('a' ^ 'A')
		}
		return r
	}, name)
	if swapped == name {
		swapped = strings.Map(unicode.SimpleFold, name)
	}
	return swapped
}

// errEnough ends what goes through names, and is no failure.
var errEnough = errors.New("enough")

// eachNames hands the names in dir to do, some at a time and in no order, until it
// returns an error.
func eachNames(dir *os.Root, do func(names []string) error) error {
	folder, err := dir.Open(".")
	if err != nil {
		return failed("the folder can't be read", err)
	}
	defer folder.Close()
	for {
		names, err := folder.Readdirnames(namesReadMax)
		if len(names) == 0 {
			// io.EOF at the end. A folder that is removed meanwhile has none.
			if err == nil || errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return failed("the folder can't be read", err)
		}
		if err := do(names); err != nil {
			return err
		}
	}
}

// enter opens the folder that dir holds under name.
func enter(dir *os.Root, name string) (*os.Root, error) {
	info, err := look(dir, name)
	if err != nil {
		return nil, err
	}
	return openFolder(dir, name, info)
}

// openFolder opens the folder under name, which was seen as info.
func openFolder(dir *os.Root, name string, info fs.FileInfo) (*os.Root, error) {
	var fault error
	for range attemptsMax {
		switch mode := info.Mode(); {
		case mode&fs.ModeSymlink != 0:
			return nil, errLink
		case mode.IsRegular():
			return nil, errBelowFile
		case !mode.IsDir():
			return nil, errIrregular
		}
		// The dot lets it open nothing but folders: a pipe would have it wait.
		folder, openErr := dir.OpenRoot(name + "/.")
		if openErr == nil {
			opened, err := folder.Stat(".")
			if err == nil && os.SameFile(info, opened) {
				return folder, nil
			}
			folder.Close()
		}
		var err error
		if info, err = lstat(dir, name); err != nil {
			return nil, err
		}
		fault = openErr
	}
	return nil, unsettled("the folder can't be opened", fault)
}

// openFile opens the regular file under name, which was seen as info, for reading.
func openFile(dir *os.Root, name string, info fs.FileInfo) (*os.File, fs.FileInfo, error) {
	var fault error
	for range attemptsMax {
		if err := regular(info); err != nil {
			return nil, nil, err
		}
		// Should it be a pipe by now, this does not wait for its other end.
		file, openErr := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if openErr == nil {
			opened, err := file.Stat()
			if err == nil && os.SameFile(info, opened) && opened.Mode().IsRegular() {
				return file, opened, nil
			}
			file.Close()
		}
		var err error
		if info, err = lstat(dir, name); err != nil {
			return nil, nil, err
		}
		fault = openErr
	}
	return nil, nil, unsettled("the file can't be opened", fault)
}

// unsettled is for what could not be opened at any attempt, for a fault that may have
// been the last of many, or for none but that it was replaced each time.
func unsettled(what string, fault error) error {
	if fault == nil {
		return errUnsettled
	}
	return failed(what, fault)
}

// regular refuses what is no file.
func regular(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return errIsFolder
	case mode&fs.ModeSymlink != 0:
		return errLink
	case !mode.IsRegular():
		return errIrregular
	}
	return nil
}
