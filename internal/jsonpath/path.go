package jsonpath

import (
	"strconv"
	"strings"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// Path is a parsed path; the zero Path is the whole document. Copies share their
// steps, which nobody changes. The names are slices of the text that was parsed, so
// a path lives no longer than that.
type Path struct{ steps []step }

// step leads from a value to one inside of it.
type step struct {
	name  string // unescaped; empty for byIndex
	index int    // negative counts from the end; 0 for byName
	kind  stepKind
}

type stepKind uint8

const (
	byName   stepKind = iota // a field of an object: name, ["name"]
	byIndex                  // an element of an array: [3]
	byEither                 // what suits the value: the 3 of items.3
)

// IsRoot tells whether the path is the whole document.
func (p Path) IsRoot() bool { return len(p.steps) == 0 }

// String returns the path in one way of writing it, whatever it was parsed from.
func (p Path) String() string {
	text := []byte{'$'}
	for i := range p.steps {
		text = p.steps[i].append(text)
	}
	return string(text)
}

func (s *step) append(dst []byte) []byte {
	switch {
	case s.kind == byIndex:
		dst = append(dst, '[')
		dst = strconv.AppendInt(dst, int64(s.index), 10)
		return append(dst, ']')
	case s.kind == byName && needsQuotes(s.name):
		dst = append(dst, '[')
		dst = jsontext.AppendString(dst, s.name)
		return append(dst, ']')
	}
	dst = append(dst, '.')
	return append(dst, s.name...)
}

// needsQuotes tells whether a name would be read as something else after a dot.
func needsQuotes(name string) bool {
	if name == "" || strings.ContainsAny(name, ".[]") {
		return true
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\x7f' }) {
		return true // it could be, but nobody could read it
	}
	_, isIndex := parseIndex(name)
	return isIndex
}

// shown is the start of a path for the text of a refusal.
func shown(path string) string {
	return refusal.Shown(path, shownBytesMax)
}
