package kv

import (
	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/refusal"
)

// place is an array within a document.
type place struct {
	document []byte
	path     jsonpath.Path
	array    []byte
	found    bool
}

// arrayOf finds the array that op works on. A missing key is an empty document; a
// missing path is not found.
func arrayOf(op *Op, row *Row, now int64, scratch *Scratch) (place, *refusal.Refusal) {
	fresh := emptyArray
	if op.Path != "" && !op.path.IsRoot() {
		fresh = emptyObject
	}
	at := place{path: op.path}
	var why *refusal.Refusal
	if at.document, why = documentOf(op, row, now, fresh, scratch); why != nil {
		return at, notAnArray(op.Key)
	}
	at.array, at.found = jsonpath.Find(at.document, at.path)
	if at.found && at.array[0] != '[' {
		return at, notAnArray(op.Key)
	}
	return at, nil
}

// arrayThere is arrayOf for what takes an element: the key and the path must be there.
func arrayThere(op *Op, row *Row, now int64, scratch *Scratch) (place, *refusal.Refusal) {
	if !row.Live(now) {
		return place{}, KeyNotFound
	}
	at, why := arrayOf(op, row, now, scratch)
	if why == nil && !at.found {
		why = pathNotFound
	}
	return at, why
}

// foldArray is arrayOf for a replay.
func (e *Entry) foldArray(row *Row) place {
	at := place{path: parsed(e.Path)}
	at.document, _ = row.Value.document(nil)
	at.array, at.found = jsonpath.Find(at.document, at.path)
	return at
}

// with answers the document with another array in the place.
func (at *place) with(array []byte, scratch *Scratch) ([]byte, *refusal.Refusal) {
	if at.path.IsRoot() {
		return array, nil
	}
	return splice(at.path, at.document, array, scratch)
}

func notAnArray(key string) *refusal.Refusal {
	return refusal.Newf(refusal.InvalidParameters, "Value at key '%s' is not an array", key)
}
