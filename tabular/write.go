// Package tabular is tables as text: rows written as CSV, NDJSON or JSON, one after the
// other, and read back.
//
// It is pure: no clock, no I/O, no goroutine. Who has rows appends them to a buffer of its
// own and decides when that is sent.
package tabular

import "github.com/urlite/urlite/sqltx"

// Writer appends a result to a buffer: StartRows, a Row for each, and then either End or,
// when there were more rows than were asked for, EndTruncated. It keeps no row and
// allocates nothing for one.
//
// The end of a line is written before the next row and not after it. So what was broken
// off between two rows does not end like something whole.
type Writer interface {
	// StartRows takes the names of the columns, at least one. A name that occurs again is
	// written as name:2, name:3.
	StartRows(dst []byte, names []string) []byte
	// Row takes as many values as there are names.
	Row(dst []byte, values []sqltx.Value) []byte
	End(dst []byte) []byte
	// EndTruncated says in a way that no row could that these were only so many of them.
	EndTruncated(dst []byte, rows int64) []byte
}

// Written is a format to write: what it is called, and how a file of it is known.
type Written struct {
	Name, ContentType, Extension string
	New                          func() Writer
}

// The formats that are written.
var (
	WrittenCSV    = Written{"csv", "text/csv; charset=utf-8", ".csv", func() Writer { return &csvWriter{} }}
	WrittenNDJSON = Written{"ndjson", "application/x-ndjson", ".ndjson", func() Writer { return &ndjsonWriter{} }}
	WrittenJSON   = Written{"json", "application/json", ".json", func() Writer { return &jsonWriter{} }}
)
