package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// ownPrefix begins the names of the server's own files. They begin with a dot, so
// that none is ever a key.
const ownPrefix = ".urlite"

// The refusals of a key that no file can have, in order of precedence, after those
// of every key (kv.CheckKey).
var (
	errKeyBackslash = badKey("a key in a directory can't contain a backslash")
	errKeyControl   = badKey("a key in a directory can't contain control characters")
	errKeyDeep      = refusal.Newf(refusal.InvalidParameters, "a key in a directory can't lie in more than %d folders", foldersMax)
	// The refusals of its segments follow, of the first bad one.
	errKeySlashes = badKey("a key in a directory can't begin or end with a slash, or contain two in a row")
	errKeyDots    = badKey("a key in a directory can't contain '.' or '..' as a part of its path")
	errKeyHidden  = badKey("a key in a directory can't have a part that begins with a dot: such files are hidden")
	errKeySegment = refusal.Newf(refusal.InvalidParameters, "a key in a directory can't have a part of more than %d bytes", segmentBytesMax)
)

func badKey(text string) *refusal.Refusal { return refusal.New(refusal.InvalidParameters, text) }

// checkKey refuses a key that can't be the path of a file.
func checkKey(key string, limits *kv.Limits) error {
	if why := kv.CheckKey(key, limits); why != nil {
		return why
	}
	if why := characterFault(key); why != nil {
		return why
	}
	if strings.Count(key, "/") > foldersMax {
		return errKeyDeep
	}
	for segment := range strings.SplitSeq(key, "/") {
		if why := segmentFault(segment); why != nil {
			return why
		}
	}
	return nil
}

// canBeSegment reports whether the name of a file or folder can be part of a key.
func canBeSegment(name string) bool {
	return utf8.ValidString(name) && characterFault(name) == nil && segmentFault(name) == nil
}

func characterFault(text string) *refusal.Refusal {
	if strings.IndexByte(text, '\\') >= 0 {
		return errKeyBackslash // a slash to others: to Windows, to many a program
	}
	for _, letter := range text {
		if unicode.IsControl(letter) {
			return errKeyControl
		}
	}
	return nil
}

func segmentFault(segment string) *refusal.Refusal {
	switch {
	case segment == "":
		return errKeySlashes
	case segment == "." || segment == "..":
		return errKeyDots
	case segment[0] == '.':
		return errKeyHidden
	case len(segment) > segmentBytesMax:
		return errKeySegment
	}
	return nil
}
