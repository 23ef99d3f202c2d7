package tabular

import (
	"strconv"

	"github.com/urlite/urlite/sqltx"
)

// ndjsonWriter writes each row as an object on a line of its own; BLOBs are
// {"value_base64":…}. SQL has no booleans, so an object with a true in it is none of the
// rows but the mark of a truncated result.
type ndjsonWriter struct {
	columns sqltx.Columns
	begun   bool
}

func (w *ndjsonWriter) StartRows(dst []byte, names []string) []byte {
	w.columns.Set(names)
	w.begun = false
	return dst
}

func (w *ndjsonWriter) Row(dst []byte, values []sqltx.Value) []byte {
	return w.columns.AppendObject(w.nextLine(dst), values, true)
}

// nextLine ends the line before, if there was one.
func (w *ndjsonWriter) nextLine(dst []byte) []byte {
	if w.begun {
		dst = append(dst, '\n')
	}
	w.begun = true
	return dst
}

func (w *ndjsonWriter) End(dst []byte) []byte {
	if !w.begun {
		return dst
	}
	return append(dst, '\n')
}

func (w *ndjsonWriter) EndTruncated(dst []byte, rows int64) []byte {
	dst = append(w.nextLine(dst), `{"truncated":true,"rowCount":`...)
	dst = strconv.AppendInt(dst, rows, 10)
	return append(dst, "}\n"...)
}

// jsonWriter writes one array with an object for each row, on lines of their own. What was
// truncated ends with the mark of NDJSON, and what was broken off lacks the bracket.
type jsonWriter struct {
	columns sqltx.Columns
	begun   bool
}

func (w *jsonWriter) StartRows(dst []byte, names []string) []byte {
	w.columns.Set(names)
	w.begun = false
	return append(dst, '[')
}

func (w *jsonWriter) Row(dst []byte, values []sqltx.Value) []byte {
	return w.columns.AppendObject(w.nextElement(dst), values, true)
}

// nextElement ends the element before, if there was one.
func (w *jsonWriter) nextElement(dst []byte) []byte {
	if w.begun {
		dst = append(dst, ",\n"...)
	}
	w.begun = true
	return dst
}

func (w *jsonWriter) End(dst []byte) []byte { return append(dst, "]\n"...) }

func (w *jsonWriter) EndTruncated(dst []byte, rows int64) []byte {
	dst = append(w.nextElement(dst), `{"truncated":true,"rowCount":`...)
	dst = strconv.AppendInt(dst, rows, 10)
	return append(dst, "}]\n"...)
}
