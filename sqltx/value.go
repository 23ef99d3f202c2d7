// Package sqltx is what a SQL request is: its items and their values, what is
// wrong with it before any engine sees it, and how its results are written.
//
// It is pure: no clock, no I/O, no goroutine, and it has never heard of SQLite.
// The server fills a Request, the store runs it and appends to the Results.
package sqltx

import (
	"bytes"
	"strconv"
)

// ValueKind is one of the five storage classes of a SQL value.
type ValueKind uint8

// The kinds of values.
const (
	Null ValueKind = iota
	Integer
	Float
	Text
	Blob
)

// Value is a value to bind, or a column of a row. Only the field of its kind
// counts.
type Value struct {
	Kind  ValueKind
	Int   int64
	Float float64
	// Bytes is the text or the blob. It is lent: by the request's body until
	// the handler returns, or by a row until the next step.
	Bytes []byte
}

// NumberOf is a number of JSON. What is written as an integer and fits 64 bits is kept exact.
// false is one beyond the floats: it would be stored as infinite, which JSON could not give
// back.
func NumberOf(raw []byte) (Value, bool) {
	if bytes.IndexByte(raw, '.') < 0 { // to be told that it is none would cost an error
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return Value{Kind: Integer, Int: n}, true
		}
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return Value{Kind: Float, Float: f}, err == nil
}
