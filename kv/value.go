package kv

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
)

// ValueKind is how a value lies in the file.
type ValueKind uint8

const (
	// Stored is a value that is in the file and was not loaded.
	Stored ValueKind = iota
	// Integer is a counter: SQL over the table can add it up.
	Integer
	// Text is JSON or text that SQLite's own functions can read.
	Text
	// Blob is everything else.
	Blob
)

// Value is the bytes of a key, or a counter not yet printed.
type Value struct {
	Kind ValueKind
	// Document says that Bytes are known to be one JSON document: a large one is not
	// read through again for each operation of a group.
	Document bool
	Int      int64
	Bytes    []byte // lent for Text and Blob; nil for Integer
}

// IntegerValue is a counter.
func IntegerValue(n int64) Value { return Value{Kind: Integer, Int: n} }

// BytesValue chooses the storage of a body. Only JSON and text types become
// TEXT, and only where SQLite's text functions would see all of it: valid UTF-8
// without NUL. The bytes come back unchanged either way.
func BytesValue(body []byte, contentType string) Value {
	if (IsJSON(contentType) || IsText(contentType)) && bytes.IndexByte(body, 0) < 0 && utf8.Valid(body) {
		return Value{Kind: Text, Bytes: body}
	}
	return Value{Kind: Blob, Bytes: body}
}

// Append appends the value's bytes as a client sees them.
func (v Value) Append(dst []byte) []byte {
	if v.Kind == Integer {
		return strconv.AppendInt(dst, v.Int, 10)
	}
	return append(dst, v.Bytes...)
}

// Size is the number of bytes that Append appends.
func (v Value) Size() int {
	if v.Kind == Integer {
		var digits [20]byte
		return len(strconv.AppendInt(digits[:0], v.Int, 10))
	}
	return len(v.Bytes)
}

// isDocument tells whether the bytes are one JSON document, and remembers it.
func (v *Value) isDocument() bool {
	v.Document = v.Document || (v.Kind != Integer && validJSON(v.Bytes))
	return v.Document || v.Kind == Integer
}

// document is the value as one JSON document, which may have white space around it.
func (v *Value) document(scratch *Scratch) ([]byte, bool) {
	if v.Kind == Integer {
		const digitsMax = 20
		return strconv.AppendInt(scratch.take(digitsMax), v.Int, 10), true
	}
	if !v.Document && !validJSON(v.Bytes) {
		return nil, false
	}
	return v.Bytes, true
}

// inner is a value that is known to be a document, as it stands within another.
func (v *Value) inner() []byte {
	document, _ := v.document(nil)
	return jsontext.Trim(document)
}

// integer reads the value as a counter. Text that is a decimal 64-bit number
// counts, so that a counter can be started by PUT.
func (v Value) integer() (int64, bool) {
	if v.Kind == Integer {
		return v.Int, true
	}
	return integerOf(v.Bytes)
}

// integerOf reads decimal text that fits into 64 bits.
func integerOf(text []byte) (int64, bool) {
	const digitsMax = 20 // "-9223372036854775808"
	if len(text) == 0 || len(text) > digitsMax {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}
