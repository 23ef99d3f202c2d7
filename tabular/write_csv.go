package tabular

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/urlite/urlite/sqltx"
)

// csvWriter writes RFC 4180: a line of names, CRLF between lines, quotes where a field
// needs them.
//
// NULL is an empty field and the empty text a quoted one. A NULL that is alone in its line
// is quoted as well: most readers take an empty line for none, and would lose the row.
// BLOBs are base64. No line of data begins with an unquoted #, so that one that does is
// the mark of a truncated result.
type csvWriter struct{}

const lineEnd = "\r\n"

func (*csvWriter) StartRows(dst []byte, names []string) []byte {
	var taken sqltx.DistinctNames
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, taken.Next(name))
	}
	return dst
}

func (*csvWriter) Row(dst []byte, values []sqltx.Value) []byte {
	dst = append(dst, lineEnd...)
	for i := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch v := &values[i]; v.Kind {
		case sqltx.Integer:
			dst = strconv.AppendInt(dst, v.Int, 10)
		case sqltx.Float:
			dst = appendReal(dst, v.Float)
		case sqltx.Text:
			dst = appendField(dst, v.Bytes)
		case sqltx.Blob:
			dst = appendBlob(dst, v.Bytes)
		default:
			if len(values) == 1 {
				dst = append(dst, `""`...)
			}
		}
	}
	return dst
}

func (*csvWriter) End(dst []byte) []byte { return append(dst, lineEnd...) }

func (w *csvWriter) EndTruncated(dst []byte, rows int64) []byte {
	dst = append(dst, lineEnd+"# truncated after "...)
	dst = strconv.AppendInt(dst, rows, 10)
	return w.End(append(dst, " rows"...))
}

// appendBlob appends a BLOB, of which the empty one is no NULL either.
func appendBlob(dst, blob []byte) []byte {
	if len(blob) == 0 {
		return append(dst, `""`...)
	}
	return base64.StdEncoding.AppendEncode(dst, blob)
}

// appendReal appends a number that reads back as the same one and as no integer, as
// SQLite itself writes it.
func appendReal(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-Inf"...)
	}
	start := len(dst)
	if size := math.Abs(f); size == 0 || size >= 1e-6 && size < 1e21 {
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		for _, c := range dst[start:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, ".0"...)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, 64)
}

// appendField appends a text, quoted if a reader could take it for something else.
func appendField[T string | []byte](dst []byte, text T) []byte {
	if !needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	run := 0
	for i := 0; i < len(text); i++ {
		if text[i] == '"' {
			dst = append(dst, text[run:i+1]...)
			dst = append(dst, '"')
			run = i + 1
		}
	}
	dst = append(dst, text[run:]...)
	return append(dst, '"')
}

// needsQuotes: the empty text is no NULL; a # must not begin a line; blanks at the ends are
// dropped by some readers.
func needsQuotes[T string | []byte](text T) bool {
	if len(text) == 0 || text[0] == '#' || text[0] == ' ' || text[len(text)-1] == ' ' {
		return true
	}
	for i := 0; i < len(text); i++ {
		if quoted[text[i]] {
			return true
		}
	}
	return false
}

// quoted marks the bytes that stand in a field only between quotes.
var quoted = func() (table [256]bool) {
	for c := range byte(' ') {
		table[c] = true
	}
	table['"'], table[','], table[0x7f] = true, true, true
	return table
}()
