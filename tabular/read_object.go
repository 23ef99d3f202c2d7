package tabular

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/sqltx"
)

// objects makes rows of JSON objects. The first one names the columns.
type objects struct {
	columns []string
	at      map[string]int
	values  []sqltx.Value
}

// checkJSON tells what is wrong with the text of one row, or "".
func checkJSON(raw []byte) string {
	switch {
	case !utf8.Valid(raw):
		return errNotUTF8.Error()
	case !json.Valid(raw):
		return "is not valid JSON"
	}
	return ""
}

// learn takes the columns from an object that checkJSON has passed.
func (o *objects) learn(raw []byte) error {
	o.columns, o.at = []string{}, map[string]int{}
	if raw[0] != '{' {
		return malformed("row 1: is not an object")
	}
	for quoted := range jsontext.Fields(raw) {
		name := string(jsontext.Unquote(quoted))
		if !jsontext.IsText(quoted) {
			return malformed("row 1: %q is not text: it has half of a surrogate pair", short(name))
		}
		if _, again := o.at[name]; again {
			continue // the last one counts
		}
		if len(o.columns) == ColumnsMax {
			return malformed("row 1: more columns than the limit of %d", ColumnsMax)
		}
		o.at[name] = len(o.columns)
		o.columns = append(o.columns, name)
	}
	if len(o.columns) == 0 {
		return malformed("row 1: is an object without fields; the first row names the columns")
	}
	o.values = make([]sqltx.Value, len(o.columns))
	return checkColumns(o.columns)
}

// row makes a row of an object that checkJSON has passed, or tells what is wrong with it. A
// field that it lacks is NULL.
func (o *objects) row(raw []byte) (why string) {
	if raw[0] != '{' {
		return "is not an object"
	}
	clear(o.values)
	field := 0
	for quoted, value := range jsontext.Fields(raw) {
		name := jsontext.Unquote(quoted)
		// Most rows have the fields of the first, in its order.
		column, known := field, field < len(o.columns) && o.columns[field] == string(name)
		if !known {
			column, known = o.at[string(name)]
		}
		if !known {
			return fmt.Sprintf("%q is not among the columns, which the first row names", short(string(name)))
		}
		field = column + 1
		var ok bool
		if o.values[column], ok = valueOf(value); !ok {
			return fmt.Sprintf("%q can't be stored: %s", short(string(name)), shortValue(value))
		}
	}
	return ""
}

func shortValue(raw []byte) string { return short(string(raw)) }

// valueOf makes a value of valid JSON; false if SQL has none for it.
func valueOf(raw []byte) (sqltx.Value, bool) {
	switch raw[0] {
	case '"':
		return sqltx.Value{Kind: sqltx.Text, Bytes: jsontext.Unquote(raw)}, jsontext.IsText(raw)
	case 't':
		return sqltx.Value{Kind: sqltx.Integer, Int: 1}, true
	case 'f':
		return sqltx.Value{Kind: sqltx.Integer}, true
	case 'n':
		return sqltx.Value{}, true
	case '{':
		if blob, is := blobOf(raw); is {
			return sqltx.Value{Kind: sqltx.Blob, Bytes: blob}, true
		}
		return sqltx.Value{Kind: sqltx.Text, Bytes: raw}, true
	case '[':
		return sqltx.Value{Kind: sqltx.Text, Bytes: raw}, true
	}
	return sqltx.NumberOf(raw)
}

// blobOf reads {"base64":…} or {"value_base64":…}. Anything else is a document.
func blobOf(object []byte) (blob []byte, is bool) {
	fields := 0
	for quoted, value := range jsontext.Fields(object) {
		name := jsontext.Unquote(quoted)
		if fields++; fields > 1 || value[0] != '"' || (string(name) != "base64" && string(name) != "value_base64") {
			return nil, false
		}
		if blob, is = jsontext.DecodeBase64(nil, jsontext.Unquote(value)); !is {
			return nil, false
		}
	}
	return blob, fields == 1
}
