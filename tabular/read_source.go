package tabular

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

const (
	// RowBytesMax bounds one row as it is written in a file. It is held in memory.
	RowBytesMax = 32 << 20
	// ColumnsMax bounds the columns of a file: SQLite binds no more values.
	ColumnsMax = sqltx.ItemValuesMax
	// windowBytes is how much is read at a time.
	windowBytes = 64 << 10
)

// Source is rows of a file, in their order. Its columns are known when it has been made.
type Source interface {
	Columns() []string
	// Next answers the values of a row, one for each column; they are good until the next
	// call. After the last it answers io.EOF. A *RowFault is about one row, and the next call
	// goes on behind it; any other error is the file's.
	Next() ([]sqltx.Value, error)
	// Rows is how many rows were answered or found faulty.
	Rows() int64
}

// RowFault is what is wrong with one row.
type RowFault struct {
	// Row counts from 1; a header line is no row.
	Row  int64
	Text string
}

// Error tells which row it is, too.
func (f *RowFault) Error() string { return fmt.Sprintf("row %d: %s", f.Row, f.Text) }

var (
	errRowTooLong = refusal.Newf(refusal.PayloadTooLarge, "a row takes more than the limit of %d bytes; perhaps a quote is not closed", RowBytesMax)
	errNotUTF8    = errors.New("is not valid UTF-8")
)

// malformed is a file that can't be read any further.
func malformed(format string, args ...any) error {
	return refusal.Newf(refusal.InvalidParameters, format, args...)
}

// bounded reads no more than what one row may take; whoever begins a row says so.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) beginRow() { b.left = RowBytesMax }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// byteOrderMark is what some programs begin a file of UTF-8 with.
const byteOrderMark = "\ufeff"

// windowOn reads ahead in a file, behind its byte order mark.
func windowOn(from io.Reader) *bufio.Reader {
	window := bufio.NewReaderSize(from, windowBytes)
	if begin, err := window.Peek(len(byteOrderMark)); err == nil && string(begin) == byteOrderMark {
		window.Discard(len(byteOrderMark))
	}
	return window
}

// checkColumns refuses names that no table can have.
func checkColumns(names []string) error {
	if len(names) > ColumnsMax {
		return malformed("%d columns are more than the limit of %d", len(names), ColumnsMax)
	}
	taken := make(map[string]bool, len(names))
	for i, name := range names {
		switch {
		case name == "":
			return malformed("column %d has no name", i+1)
		case !utf8.ValidString(name):
			return malformed("the name of column %d is not valid UTF-8", i+1)
		case strings.IndexByte(name, 0) >= 0:
			return malformed("the name of column %d contains NUL", i+1)
		}
		folded := sqltx.FoldName(name)
		if taken[folded] {
			return malformed("the column %q is there more than once", short(name))
		}
		taken[folded] = true
	}
	return nil
}

// shownBytesMax bounds a name or a value that a message has in it.
const shownBytesMax = 64

func short(text string) string { return refusal.Shown(text, shownBytesMax) }
