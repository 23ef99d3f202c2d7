package sqltx

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

var responseTooLarge = refusal.New(refusal.ResponseTooLarge, "the response is too large; ask for fewer rows or columns")

// Rows takes the rows of one result while the engine steps: StartRows, a Row for
// each, EndRows. After an error it takes no more of this result.
type Rows interface {
	// StartRows takes the names of the columns, at least one. A name that occurs
	// again is written as name:2, name:3.
	StartRows(names []string) error
	// Row takes as many values as there are names and keeps none of them. It
	// refuses with ResponseTooLarge what takes the answer past its bound.
	Row(values []Value) error
	// EndRows ends the result. Truncated says that there were more rows.
	EndRows(truncated bool)
}

// rowEncoder appends the columns and rows of one result to a buffer of JSON.
type rowEncoder struct {
	json   []byte
	format Format
	// wrapBlobs writes a blob as {"value_base64":…} instead of a bare string.
	wrapBlobs bool
	names     Columns
}

func (e *rowEncoder) reset() {
	e.json = e.json[:0]
	if cap(e.json) > keepBytesMax {
		e.json = nil
	}
	e.names.reset()
}

func (e *rowEncoder) append(text string) { e.json = append(e.json, text...) }

// separate appends the comma that goes before every element but the first. No
// element ends with an opening bracket, so the last byte tells which it is.
func (e *rowEncoder) separate() {
	if e.json[len(e.json)-1] != '[' {
		e.json = append(e.json, ',')
	}
}

// setColumns takes the names of the columns of the rows to come.
func (e *rowEncoder) setColumns(names []string) { e.names.Set(names) }

// columns appends the list of the names of the columns.
func (e *rowEncoder) columns() { e.json = e.names.AppendList(e.json) }

// startRows appends the opening of the list of rows, named after the format.
func (e *rowEncoder) startRows() {
	if e.format == FormatList {
		e.append(`,"resultSetList":[`)
	} else {
		e.append(`,"resultSet":[`)
	}
}

// row appends a row of as many values as there are columns. It refuses one that
// takes the answer past bytesMax (0 = no cap), the huge ones before they are
// encoded.
func (e *rowEncoder) row(values []Value, bytesMax int) error {
	if bytesMax > 0 && len(e.json)+bytesIn(values) > bytesMax {
		return responseTooLarge
	}
	e.separate()
	if e.format == FormatList {
		e.listRow(values)
	} else {
		e.objectRow(values)
	}
	return e.fits(bytesMax)
}

func (e *rowEncoder) fits(bytesMax int) error {
	if bytesMax > 0 && len(e.json) > bytesMax {
		return responseTooLarge
	}
	return nil
}

func (e *rowEncoder) listRow(values []Value) {
	e.append("[")
	for i := range values {
		if i > 0 {
			e.append(",")
		}
		e.value(&values[i])
	}
	e.append("]")
}

func (e *rowEncoder) objectRow(values []Value) {
	e.json = e.names.AppendObject(e.json, values, e.wrapBlobs)
}

func (e *rowEncoder) value(v *Value) { e.json = appendValue(e.json, v, e.wrapBlobs) }

// appendValue appends a value as JSON.
func appendValue(dst []byte, v *Value, wrapBlob bool) []byte {
	switch v.Kind {
	case Integer:
		return strconv.AppendInt(dst, v.Int, 10)
	case Float:
		return jsontext.AppendFloat(dst, v.Float)
	case Text:
		return jsontext.AppendBytes(dst, v.Bytes)
	case Blob:
		if !wrapBlob {
			return jsontext.AppendBase64(dst, v.Bytes)
		}
		dst = append(dst, `{"value_base64":`...)
		return append(jsontext.AppendBase64(dst, v.Bytes), '}')
	}
	return append(dst, "null"...)
}

// bytesIn is the least that the texts and blobs among values take in JSON.
func bytesIn(values []Value) int {
	n := 0
	for i := range values {
		if kind := values[i].Kind; kind == Text || kind == Blob {
			n += len(values[i].Bytes)
		}
	}
	return n
}
