package directory

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// What is in the way of a key: a write is refused with it, to a read the key is not
// there.
var (
	errIsFolder   = badKey("the key names a folder")
	errBelowFile  = badKey("the key lies below a file: a part of its path names a file, which can't hold others")
	errLink       = badKey("a symbolic link lies in the key's place or on its path; links are not followed")
	errIrregular  = badKey("what lies in the key's place or on its path is neither a file nor a folder")
	errOtherCase  = badKey("a file or folder whose name differs only in spelling is there, and the file system takes both for the same")
	errUnnameable = badKey("the file system can't store a file of this name")
)

// errUnsettled is for what was replaced at every attempt to open it.
var errUnsettled = refusal.New(refusal.FileSystemError, "the file or folder keeps being replaced")

// failed is a failure of the file system that is nobody's choice.
func failed(what string, cause error) error {
	return refusal.Wrap(refusal.FileSystemError, what, cause)
}

// toReader turns what is in the way of a key into what a read is told.
func toReader(err error) error {
	if why, ok := err.(*refusal.Refusal); ok && why.Kind == refusal.InvalidParameters {
		return kv.KeyNotFound
	}
	return err
}

// isObstacle reports whether nothing can be read there, and nothing is wrong either:
// it is gone, or is no key, or is not meant for the server.
func isObstacle(err error) bool {
	return toReader(err) == kv.KeyNotFound || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

// unnameable reports that a file system has no such names. Linux takes nearly all,
// its file systems do not.
func unnameable(err error) bool {
	return errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.EILSEQ) || errors.Is(err, syscall.EINVAL)
}
