package kv

import (
	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/refusal"
)

// What a missing key begins as: an object where a path leads into it, else an array.
const (
	emptyObject = "{}"
	emptyArray  = "[]"
)

var pathNotFound = refusal.New(refusal.KeyNotFound, "Path not found")

// CheckPath refuses a path that no document could make right.
func CheckPath(path string) *refusal.Refusal {
	_, why := jsonpath.Parse(path)
	return why
}

// Leaf finds what path leads to in the row's value, which must be loaded. The leaf
// lies in the row's memory, unless the value is a counter.
func Leaf(key, path string, row *Row) ([]byte, *refusal.Refusal) {
	p, why := jsonpath.Parse(path)
	if why != nil {
		return nil, why
	}
	document, ok := row.Value.document(nil)
	if !ok {
		return nil, notADocument(key)
	}
	leaf, found := jsonpath.Find(document, p)
	if !found {
		return nil, pathNotFound
	}
	return leaf, nil
}

func notADocument(key string) *refusal.Refusal {
	return refusal.Newf(refusal.InvalidParameters, "Value at key '%s' is not a JSON document", key)
}

// documentOf is the value of a live row as a JSON document, and fresh for any other.
func documentOf(op *Op, row *Row, now int64, fresh string, scratch *Scratch) ([]byte, *refusal.Refusal) {
	if !row.Live(now) {
		return []byte(fresh), nil
	}
	document, ok := row.Value.document(scratch)
	if !ok {
		return nil, notADocument(op.Key)
	}
	return document, nil
}

// splice answers the document with leaf at the path. The rest keeps its bytes.
func splice(path jsonpath.Path, document, leaf []byte, scratch *Scratch) ([]byte, *refusal.Refusal) {
	return jsonpath.Set(scratch.take(len(document)+len(leaf)), document, path, leaf)
}

// parsed is the path of an entry, which was checked when it was written.
func parsed(path string) jsonpath.Path {
	if path == "" {
		return jsonpath.Path{}
	}
	p, _ := jsonpath.Parse(path)
	return p
}

// setDocument makes the value of a document that is known to be one.
func (out *Outcome) setDocument(op *Op, document []byte) *refusal.Refusal {
	out.Value = documentValue(document, out.ContentType)
	return op.fits(out.Value)
}

// documentValue is BytesValue of a document that is known to be one, and so need not be
// looked at: it is UTF-8 without NUL.
func documentValue(document []byte, contentType string) Value {
	v := Value{Kind: Blob, Document: true, Bytes: document}
	if IsJSON(contentType) || IsText(contentType) {
		v.Kind = Text
	}
	return v
}
