package jsonpath

import "github.com/urlite/urlite/internal/jsontext"

// Find returns the value that a path leads to, without white space around it, as
// a slice of the document. A path that leads into a string or past the end of an
// array finds nothing.
func Find(document []byte, p Path) (leaf []byte, ok bool) {
	if p.IsRoot() {
		leaf = jsontext.Trim(document)
		return leaf[:len(leaf):len(leaf)], len(leaf) > 0
	}
	at := locate(document, p)
	if at.outcome != found || at.start >= at.end {
		return nil, false
	}
	return document[at.start:at.end:at.end], true
}
