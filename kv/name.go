package kv

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
)

// DefaultTable is the KV table of a request that names none.
const DefaultTable = "kv_store"

// ReservedPrefix begins the names of the server's own tables and indexes in a
// database file.
const ReservedPrefix = "_urlite"

// What CheckKey refuses.
var (
	KeyEmpty   = refusal.New(refusal.InvalidParameters, "key is empty")
	keyBlank   = refusal.New(refusal.InvalidParameters, "key must not be only white space")
	keyNotUTF8 = refusal.New(refusal.InvalidParameters, "key is not valid UTF-8")
	keyHasNUL  = refusal.New(refusal.InvalidParameters, "key must not contain NUL")
)

// CheckKey refuses what can't be a key. Any other text can: keys are
// case-sensitive and may contain slashes and spaces.
func CheckKey(key string, limits *Limits) *refusal.Refusal {
	switch {
	case key == "":
		return KeyEmpty
	case len(key) > limits.KeyBytesMax:
		return refusal.Newf(refusal.InvalidParameters, "key of %d bytes exceeds the limit of %d bytes", len(key), limits.KeyBytesMax)
	case !utf8.ValidString(key):
		return keyNotUTF8
	case strings.IndexByte(key, 0) >= 0:
		return keyHasNUL // SQLite's text functions would see half of it
	case isBlank(key):
		return keyBlank
	}
	return nil
}

func isBlank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) {
			return false
		}
	}
	return true
}

const tableBytesMax = 64

// CheckTable refuses names that can't be a KV table: the alphabet, SQLite's and
// the server's own names, and names that belong to a table's history. SQLite
// ignores the case of table names, and so do these rules.
func CheckTable(name string) *refusal.Refusal {
	lower := strings.ToLower(name)
	bad := name == "" || len(name) > tableBytesMax ||
		strings.HasPrefix(lower, "sqlite_") ||
		strings.HasPrefix(lower, ReservedPrefix) ||
		strings.HasSuffix(lower, "_history")
	// Not lower's bytes: there are letters whose lower case is a plain one.
	for i := 0; i < len(name) && !bad; i++ {
		c := name[i]
		letter := c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
		digit := c >= '0' && c <= '9'
		bad = !letter && (i == 0 || !digit)
	}
	if bad {
		return refusal.Newf(refusal.InvalidParameters, "invalid table name %q; allowed: a letter or underscore, then up to 63 letters, digits or underscores, not sqlite_*, %s*, *_history", name, ReservedPrefix)
	}
	return nil
}
