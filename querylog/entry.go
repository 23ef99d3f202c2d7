// Package querylog is the log of the requests made to one database: what waits in memory
// to be written, what is told of it, and its numbers. Pure: it is handed the time, and
// whoever writes it to a file lies elsewhere.
package querylog

import (
	"time"
	"unicode/utf8"
)

const (
	// EntriesMax is how many entries are kept, in memory and in the file: the latest.
	EntriesMax = 1000
	// SQLBytesMax is how much is kept of a request's text. What a dashboard shows fits; a
	// thousand of the longest are 4 MiB.
	SQLBytesMax = 4096
	// ErrorBytesMax is how much is kept of why it failed.
	ErrorBytesMax = 512
	// clientBytesMax is longer than any address.
	clientBytesMax = 64
)

// cutMark ends a text that was cut.
const cutMark = "…"

// Source is which half of the API a request belongs to.
type Source uint8

// The sources.
const (
	SQL Source = iota
	KV
)

// String is the name that the API and the file have for it.
func (s Source) String() string {
	if s == KV {
		return "kv"
	}
	return "sql"
}

// Entry is one request.
type Entry struct {
	// ID grows with each request to the database, and is of no other entry of its file.
	ID int64
	// SQL is what was asked: the SQL, or a key-value operation with its key.
	SQL string
	// Error is why it failed, in the words that its client was told.
	Error string
	// Client is the address that it came from.
	Client string
	// At is when it was answered, in Unix ms, and Took how long that had taken.
	At   int64
	Took time.Duration
	// Rows is how many rows it answered or changed, 0 if that is not known.
	Rows    int64
	Success bool
	// Statement says that it may have written.
	Statement bool
	Source    Source
}

// Millis is a duration in ms as the log has it, to the microsecond.
func Millis(took time.Duration) float64 { return float64(took.Microseconds()) / 1000 }

// Cut is text, or the beginning of it with a mark, bytesMax at most and no rune halved.
func Cut(text string, bytesMax int) (kept, mark string) {
	if len(text) <= bytesMax {
		return text, ""
	}
	end := bytesMax - len(cutMark)
	for back := 1; back < utf8.UTFMax && !utf8.RuneStart(text[end]); back++ {
		end--
	}
	return text[:end], cutMark
}
