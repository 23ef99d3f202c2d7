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
// The names of the columns are encoded once, so that a row costs its values and
// no memory of its own.
type rowEncoder struct {
	json   []byte
	format Format
	// wrapBlobs writes a blob as {"value_base64":…} instead of a bare string.
	wrapBlobs bool

	// names holds `"name":` of one column after the other; nameEnds[i] is where
	// column i ends in it.
	names    []byte
	nameEnds []int
	// taken counts how often a name occurred; it is empty between results.
	taken map[string]int
}

func (e *rowEncoder) reset() {
	e.json = e.json[:0]
	if cap(e.json) > keepBytesMax {
		e.json = nil
	}
	if cap(e.names) > keepBytesMax {
		e.names = nil
	}
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
func (e *rowEncoder) setColumns(names []string) {
	if e.taken == nil {
		e.taken = make(map[string]int, len(names))
	}
	e.names, e.nameEnds = e.names[:0], e.nameEnds[:0]
	for _, name := range names {
		e.names = jsontext.AppendString(e.names, e.distinct(name))
		e.names = append(e.names, ':')
		e.nameEnds = append(e.nameEnds, len(e.names))
	}
	clear(e.taken)
}

// distinct returns name the first time, then name:2, name:3 and so on, past
// those that are the names of columns before it.
func (e *rowEncoder) distinct(name string) string {
	count, again := e.taken[name]
	if !again {
		e.taken[name] = 1
		return name
	}
	for {
		count++
		candidate := name + ":" + strconv.Itoa(count)
		if _, again = e.taken[candidate]; !again {
			e.taken[name] = count
			e.taken[candidate] = 1
			return candidate
		}
	}
}

// columns appends the list of the names of the columns.
func (e *rowEncoder) columns() {
	e.append("[")
	start := 0
	for _, end := range e.nameEnds {
		e.separate()
		e.json = append(e.json, e.names[start:end-1]...)
		start = end
	}
	e.append("]")
}

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
	e.append("{")
	start := 0
	for i := range values {
		if i > 0 {
			e.append(",")
		}
		end := e.nameEnds[i]
		e.json = append(e.json, e.names[start:end]...)
		e.value(&values[i])
		start = end
	}
	e.append("}")
}

func (e *rowEncoder) value(v *Value) {
	switch v.Kind {
	case Integer:
		e.json = strconv.AppendInt(e.json, v.Int, 10)
	case Float:
		e.json = jsontext.AppendFloat(e.json, v.Float)
	case Text:
		e.json = jsontext.AppendBytes(e.json, v.Bytes)
	case Blob:
		if e.wrapBlobs {
			e.append(`{"value_base64":`)
		}
		e.json = jsontext.AppendBase64(e.json, v.Bytes)
		if e.wrapBlobs {
			e.append("}")
		}
	default:
		e.append("null")
	}
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
