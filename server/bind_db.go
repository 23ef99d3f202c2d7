package server

import (
	"bytes"
	"encoding/json"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// The body of POST /db is validated once and then walked in place: decoding it
// into maps would copy every value, and lose the order and the repeats of names
// that refusals depend on.

// Refusals of a transaction and of its items, in order of precedence.
var (
	invalidJSONBody     = refusal.New(refusal.InvalidParameters, "Invalid JSON body")
	resultFormatNotText = refusal.New(refusal.InvalidParameters, "resultFormat must be a string")
	transactionNotAList = refusal.New(refusal.InvalidParameters, "'transaction' must be a list of items")
	itemNotAnObject     = refusal.New(refusal.InvalidParameters, "an item of the transaction must be an object")
	notExactlyOneSQL    = refusal.New(refusal.InvalidParameters, "one and only one of query or statement must be provided")
	sqlNotText          = refusal.New(refusal.InvalidParameters, "query and statement must be strings")
	noFailNotBoolean    = refusal.New(refusal.InvalidParameters, "noFail must be true or false")
	valuesConflict      = refusal.New(refusal.ValuesConflict, "values and params are both given and differ")
)

// parseTransaction reads the body of POST /db into dst, which it empties first,
// and checks the request. Errors are *sqltx.ItemError. The values in dst are
// lent by body; the SQL is copied, because caches and the query history keep it.
func parseTransaction(body []byte, limits sqltx.Limits, dst *sqltx.Request) error {
	dst.Reset()
	body = jsontext.Trim(body)
	if !isJSON(body) || body[0] != '{' {
		return failedItem(sqltx.WholeRequest, invalidJSONBody)
	}
	list, err := transactionOf(body, dst)
	if err == nil && list != nil && list[0] == '{' {
		list, err = transactionOf(list, dst)
	}
	if err == nil && list != nil && list[0] != '[' {
		err = transactionNotAList
	}
	if err != nil {
		return failedItem(sqltx.WholeRequest, err)
	}
	if err := parseItems(list, limits, dst); err != nil {
		return err
	}
	return dst.Check(limits)
}

// transactionOf finds the list of items in the object that holds it, nil if
// there is none, and takes the format on the way. Other fields don't count.
func transactionOf(object []byte, dst *sqltx.Request) (list []byte, err error) {
	for name, value := range jsontext.Fields(object) {
		if value[0] == 'n' { // null is the same as absent
			continue
		}
		switch string(jsontext.Unquote(name)) {
		case "resultFormat":
			if value[0] != '"' {
				return nil, resultFormatNotText
			}
			dst.Format = sqltx.FormatObjects
			if bytes.EqualFold(jsontext.Unquote(value), []byte("list")) {
				dst.Format = sqltx.FormatList
			}
		case "transaction":
			list = value
		}
	}
	return list, nil
}

// parseItems stops at the limits rather than after them: a short body can hold
// far more items than memory should.
func parseItems(list []byte, limits sqltx.Limits, dst *sqltx.Request) error {
	values := 0
	for raw := range jsontext.Elements(list) {
		index := len(dst.Items)
		if err := sqltx.CheckCount(index+1, limits); err != nil {
			return err
		}
		item := dst.AddItem()
		if err := bindItem(raw, item); err != nil {
			return failedItem(index, err)
		}
		if values += len(item.Values); values > limits.ValuesMax {
			return failedItem(sqltx.WholeRequest, refusal.Newf(refusal.InvalidParameters,
				"too many values in the transaction; at most %d are allowed", limits.ValuesMax))
		}
	}
	return nil
}

func failedItem(index int, err error) error {
	return &sqltx.ItemError{Index: index, Refusal: refusal.Of(err)}
}

// itemFields are the fields of an item as they were sent, nil if absent or null.
type itemFields struct {
	query, statement, sql, values, params, noFail []byte
}

// bindItem fills an empty item from one element of the list.
func bindItem(raw []byte, item *sqltx.Item) error {
	fields, err := readItem(raw)
	if err != nil {
		return err
	}
	sql, err := oneSQL(&fields)
	if err != nil {
		return err
	}
	item.SQL = string(jsontext.Unquote(sql))
	item.IsQuery = fields.query != nil
	if fields.noFail != nil {
		item.NoFail = fields.noFail[0] == 't'
		if !item.NoFail && fields.noFail[0] != 'f' {
			return noFailNotBoolean
		}
	}
	values := fields.values
	switch {
	case values == nil:
		values = fields.params
	case fields.params != nil && !sameJSON(values, fields.params):
		return valuesConflict
	}
	if values == nil {
		return nil
	}
	return bindValues(values, item)
}

// readItem sorts the fields of an item and refuses those it does not know.
func readItem(raw []byte) (fields itemFields, err error) {
	if raw[0] != '{' {
		return fields, itemNotAnObject
	}
	for quoted, value := range jsontext.Fields(raw) {
		if value[0] == 'n' {
			value = nil
		}
		switch name := jsontext.Unquote(quoted); string(name) {
		case "query":
			fields.query = value
		case "statement":
			fields.statement = value
		case "sql":
			fields.sql = value
		case "values":
			fields.values = value
		case "params":
			fields.params = value
		case "noFail":
			fields.noFail = value
		case "valuesBatch", "kv", "if":
			if value != nil {
				return fields, refusal.Newf(refusal.InvalidParameters, "%s is not supported yet", name)
			}
		default:
			return fields, refusal.Newf(refusal.UnknownField, "unknown field %.64q", name)
		}
	}
	return fields, nil
}

// oneSQL is the SQL of an item, still quoted, which has exactly one.
func oneSQL(fields *itemFields) (sql []byte, err error) {
	for _, sent := range [...][]byte{fields.query, fields.statement, fields.sql} {
		switch {
		case sent == nil:
		case sql != nil:
			return nil, notExactlyOneSQL
		default:
			sql = sent
		}
	}
	switch {
	case sql == nil:
		return nil, notExactlyOneSQL
	case sql[0] != '"':
		return nil, sqlNotText
	}
	return sql, nil
}

// sameJSON is whether two valid documents are written alike but for white space.
func sameJSON(a, b []byte) bool {
	var compactA, compactB bytes.Buffer
	if json.Compact(&compactA, a) != nil || json.Compact(&compactB, b) != nil {
		return false
	}
	return bytes.Equal(compactA.Bytes(), compactB.Bytes())
}
