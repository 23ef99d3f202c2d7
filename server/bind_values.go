package server

import (
	"fmt"
	"slices"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// Refusals of values, in order of precedence.
var (
	valuesNotAList = refusal.New(refusal.SQLBindError, "values must be an array or an object")
	tooManyValues  = refusal.Newf(refusal.SQLBindError, "too many values; at most %d can be bound", sqltx.ItemValuesMax)
)

// bindValues reads the values of an item from valid JSON: an array for
// positional parameters, an object for named ones. What it binds is lent by raw
// for as long as the item lives.
func bindValues(raw []byte, item *sqltx.Item) error {
	raw = jsontext.Trim(raw)
	switch raw[0] {
	case '[':
		return bindPositional(raw, item)
	case '{':
		return bindNamed(raw, item)
	}
	return valuesNotAList
}

func bindPositional(array []byte, item *sqltx.Item) error {
	for raw := range jsontext.Elements(array) {
		if len(item.Values) == sqltx.ItemValuesMax {
			return tooManyValues
		}
		value, _, ok := bindValue(raw, nil)
		if !ok {
			return unbindable(fmt.Sprintf("values[%d]", len(item.Values)))
		}
		item.Values = append(item.Values, value)
	}
	return nil
}

// bindNamed takes each name with or without its prefix. Two names that then
// read the same are refused: one would silently win.
func bindNamed(object []byte, item *sqltx.Item) error {
	item.Names = []string{}
	for quoted, raw := range jsontext.Fields(object) {
		if len(item.Values) == sqltx.ItemValuesMax {
			return tooManyValues
		}
		name := bareName(string(jsontext.Unquote(quoted)))
		value, _, ok := bindValue(raw, nil)
		if name == "" || !ok {
			return unbindable(fmt.Sprintf("values[%.64q]", name))
		}
		item.Names = append(item.Names, name)
		item.Values = append(item.Values, value)
	}
	if name := repeated(item.Names); name != "" {
		return refusal.Newf(refusal.SQLBindError, "values has %.64q more than once", name)
	}
	return nil
}

func unbindable(which string) error {
	return refusal.New(refusal.SQLBindError, cantBind(which))
}

func cantBind(which string) string {
	return which + ` can't be bound; send a string, a number, a boolean, null or {"base64":"…"}`
}

// bareName is a parameter's name without its prefix.
func bareName(name string) string {
	if name != "" && isNamePrefix(name[0]) {
		return name[1:]
	}
	return name
}

func isNamePrefix(c byte) bool { return c == ':' || c == '@' || c == '$' }

// repeated is a name that occurs more than once, or "".
func repeated(names []string) string {
	if len(names) < 2 {
		return ""
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	for i, name := range sorted[1:] {
		if name == sorted[i] {
			return name
		}
	}
	return ""
}

// bindValue makes a value of one JSON value; false if SQL has none for it. What does not
// lie in raw as it is, is appended to room.
func bindValue(raw, room []byte) (value sqltx.Value, rest []byte, ok bool) {
	switch raw[0] {
	case '"':
		value.Kind = sqltx.Text
		value.Bytes, room = jsontext.UnquoteInto(room, raw)
		return value, room, true
	case 't':
		return sqltx.Value{Kind: sqltx.Integer, Int: 1}, room, true
	case 'f':
		return sqltx.Value{Kind: sqltx.Integer, Int: 0}, room, true
	case 'n':
		return value, room, true
	case '{':
		return bindBlob(raw, room)
	case '[':
		return value, room, false
	}
	value, ok = sqltx.NumberOf(raw)
	return value, room, ok
}

// bindBlob reads {"base64":"…"}, which has no other field.
func bindBlob(object, room []byte) (value sqltx.Value, rest []byte, ok bool) {
	fields := 0
	var text []byte
	for name, raw := range jsontext.Fields(object) {
		fields++
		if string(jsontext.Unquote(name)) == "base64" && raw[0] == '"' {
			text = jsontext.Unquote(raw)
		}
	}
	if fields != 1 || text == nil {
		return value, room, false
	}
	start := len(room)
	room, ok = jsontext.DecodeBase64(room, text)
	return sqltx.Value{Kind: sqltx.Blob, Bytes: room[start:]}, room, ok
}
