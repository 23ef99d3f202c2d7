package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
)

// A request's db becomes a file in three steps, each only after the one before:
//
//	Resolve   what the text means         pure, any number of times
//	Locate    which file that really is   follows the symlinks of its folder
//	Inspect   what lies there             opens the file: see its duty
//
// Two requests mean the same database exactly when Locate gives the same path.

const (
	// sqliteHeader is what every SQLite file begins with.
	sqliteHeader = "SQLite format 3\x00"
	// memoryName is SQLite's name for a database without a file.
	memoryName = ":memory:"
	// defaultExtension is appended to a bare name that has none.
	defaultExtension = ".db"
	// ownPrefix begins the name of every file the server keeps for itself.
	ownPrefix = ".urlite"

	// sideSuffixBytesMax is the longest that SQLite appends to a database's name.
	sideSuffixBytesMax = len("-journal")
	// baseBytesMax leaves room for the side files within what Linux allows a name.
	baseBytesMax = 255 - sideSuffixBytesMax
	// folderBytesMax is what Linux allows a name.
	folderBytesMax = 255
	// pathBytesMax is what SQLite's unix layer can hold (MAX_PATHNAME, 512), side
	// files included: it opens nothing longer.
	pathBytesMax = 512 - sideSuffixBytesMax
)

// The refusals of Resolve, in order of precedence.
var (
	errPathNotUTF8   = badPath("a database path must be UTF-8 text")
	errPathCharacter = badPath("a database path can't contain '?', '#' or NUL")
	errPathMemory    = badPath("in-memory databases are not supported")
	errPathRelative  = badPath("relative database paths are not supported; use a bare name, or an absolute path")
	errPathName      = badPath("invalid database name; allowed: letters, numbers, dot, dash, underscore")
	errPathTooLong   = badPath("the database path is too long")
	// The jail's refusal comes here; it names the folder.
	errPathOwn  = badPath("this path is reserved for the server's own files")
	errPathSide = badPath("this is a side file (-wal, -shm, -journal) of another database")
)

// The refusals of what lies at a path.
var (
	errPathSymlink   = badPath("a symbolic link can't be used as a database")
	errPathIrregular = badPath("neither a file nor a directory")
	errPathDirectory = refusal.New(refusal.PathIsDirectory, "the path is a directory")
	errPathNoFolder  = refusal.New(refusal.DatabaseNotFound, "database not found: its folder does not exist")
	errPathHeader    = refusal.New(refusal.InvalidSQLiteHeader, "the file is not a SQLite database")
)

func badPath(text string) *refusal.Refusal {
	return refusal.New(refusal.InvalidDatabasePath, text)
}

// Rules say where databases may lie. Make them with NewRules.
type Rules struct {
	// Dir is the databases folder: absolute, cleaned, its symlinks resolved.
	Dir string
	// AllowAnyAbsolute opens the jail: an absolute path may lie outside Dir.
	AllowAnyAbsolute bool
}

// NewRules resolves dir, which must be an existing folder whose own path is one
// that Resolve accepts.
func NewRules(dir string, allowAnyAbsolute bool) (Rules, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return Rules{}, err
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return Rules{}, err
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return Rules{}, err
	}
	if !info.IsDir() {
		return Rules{}, fmt.Errorf("databases folder %s: not a directory", resolved)
	}
	r := Rules{Dir: resolved, AllowAnyAbsolute: allowAnyAbsolute}
	if _, err := r.Resolve(resolved); err != nil {
		return Rules{}, fmt.Errorf("databases folder %s: %w", resolved, err)
	}
	return r, nil
}

// Resolve turns what a request calls its database into an absolute, cleaned path.
// It looks at the text alone and is stable: what it returned, it accepts unchanged.
func (r Rules) Resolve(name string) (string, error) {
	switch {
	case !utf8.ValidString(name):
		return "", errPathNotUTF8
	case strings.ContainsAny(name, "?#\x00"):
		return "", errPathCharacter
	case name == memoryName:
		return "", errPathMemory
	}

	var path string
	if filepath.IsAbs(name) {
		path = filepath.Clean(name)
	} else {
		file, err := bareFile(strings.TrimPrefix(name, "./"))
		if err != nil {
			return "", err
		}
		path = filepath.Join(r.Dir, file)
	}
	if err := r.admit(path); err != nil {
		return "", err
	}
	return path, nil
}

// bareFile returns the file that a bare name means, extension included.
func bareFile(name string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		return "", errPathRelative
	}
	if name == "" || name[0] == '.' {
		return "", errPathName
	}
	for _, letter := range name {
		if !nameLetter(letter) {
			return "", errPathName
		}
	}
	if filepath.Ext(name) == "" {
		name += defaultExtension
	}
	return name, nil
}

// nameLetter takes marks for letters, because many scripts write no word without.
func nameLetter(letter rune) bool {
	return letter == '.' || letter == '-' || letter == '_' ||
		unicode.IsLetter(letter) || unicode.IsMark(letter) || unicode.IsNumber(letter)
}

// admit refuses an absolute, cleaned path that lies where no database may.
func (r Rules) admit(path string) error {
	base := filepath.Base(path)
	if len(path) > pathBytesMax || len(base) > baseBytesMax {
		return errPathTooLong
	}
	below, inside := r.below(path)
	if !inside && !r.AllowAnyAbsolute {
		return refusal.Newf(refusal.InvalidDatabasePath, "absolute database paths outside %s are disallowed", r.Dir)
	}
	for segment := range strings.SplitSeq(below, "/") {
		if len(segment) > folderBytesMax {
			return errPathTooLong
		}
		// Some file systems don't tell upper from lower case.
		if strings.HasPrefix(strings.ToLower(segment), ownPrefix) {
			return errPathOwn
		}
	}
	if sideFile(base) {
		return errPathSide
	}
	return nil
}

// below returns the part of path under Dir, or all of a path outside.
func (r Rules) below(path string) (part string, inside bool) {
	if path == r.Dir {
		return "", true
	}
	if part, inside = strings.CutPrefix(path, strings.TrimSuffix(r.Dir, "/")+"/"); inside {
		return part, true
	}
	return path, false
}

// sideFile reports a name that SQLite gives to a file beside a database. Opened
// as a database of its own, it would be written over and take the other with it.
func sideFile(base string) bool {
	base = strings.ToLower(base)
	return strings.HasSuffix(base, "-wal") || strings.HasSuffix(base, "-shm") || strings.HasSuffix(base, "-journal")
}

// Locate resolves name, then the symlinks of the folder it lies in, and applies
// the rules to the result as well. The file itself need not exist, and a symlink
// in its place is not followed.
func (r Rules) Locate(name string) (string, error) {
	path, err := r.Resolve(name)
	if err != nil || path == r.Dir {
		return path, err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", unreachable(err)
	}
	return r.Resolve(filepath.Join(folder, filepath.Base(path)))
}

// Inspect reports whether a database lies at path, which is Locate's answer.
// A missing file is no error; whatever else is no database is refused.
//
// The caller must know that this process does not have the database open: when a
// process closes any descriptor of a file, POSIX drops all locks it holds on it,
// and those that SQLite relies on would be gone.
func Inspect(path string) (exists bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, unreachable(err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return false, errPathDirectory
	case mode&fs.ModeSymlink != 0:
		return false, errPathSymlink
	case !mode.IsRegular():
		return false, errPathIrregular
	}
	return true, checkHeader(path)
}

// checkHeader refuses a file that does not begin as SQLite's do. Should the file
// have been replaced since it was looked at, it neither follows a symlink nor
// waits for the other end of a pipe.
func checkHeader(path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return unreachable(err)
	}
	defer file.Close()

	var header [len(sqliteHeader)]byte
	switch _, err := io.ReadFull(file, header[:]); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errPathHeader
	case err != nil:
		return unreachable(err)
	case string(header[:]) != sqliteHeader:
		return errPathHeader
	}
	return nil
}

// unreachable explains why a path could not be looked at.
func unreachable(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return errPathNoFolder
	}
	return refusal.Wrap(refusal.FileSystemError, "the database file can't be reached", err)
}
