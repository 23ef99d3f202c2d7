package server

import (
	"bytes"
	"encoding/json"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
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
	ifNotFirst          = refusal.New(refusal.InvalidParameters, "an if must come before all other items of the transaction")
	notExactlyOneSQL    = refusal.New(refusal.InvalidParameters, "one and only one of query or statement must be provided")
	sqlNotText          = refusal.New(refusal.InvalidParameters, "query and statement must be strings")
	ifNotAnObject       = refusal.New(refusal.InvalidParameters, "if must be an object")
	ifWithoutQuery      = refusal.New(refusal.InvalidParameters, "an if needs a query")
	noFailNotBoolean    = refusal.New(refusal.InvalidParameters, "noFail must be true or false")
	valuesConflict      = refusal.New(refusal.ValuesConflict, "values and params are both given and differ")
)

// transactionBinder binds the body of POST /db to a call. Its memory is used again.
type transactionBinder struct {
	sql sqltx.Limits
	kv  *kv.Limits
	// call takes the operations of kv items; the rest goes to request.
	call    *catalog.Call
	request sqltx.Request
	// values and rows are how many the items have so far.
	values, rows int
	arguments    itemArguments
	packer       batchPacker
}

// reset lets go of everything that was lent.
func (b *transactionBinder) reset() {
	b.request.Reset()
	clear(b.arguments.fields)
	clear(b.packer.cells)
	if cap(b.packer.room) > keptBytesMax {
		b.packer.room = nil
	}
	b.call, b.values, b.rows = nil, 0, 0
}

// bind reads the body and checks the request. Errors are *sqltx.ItemError. Values and
// operations are lent by body; the SQL is copied, because caches and the query history
// keep it.
func (b *transactionBinder) bind(body []byte) error {
	dst := &b.request
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
	if err := b.bindItems(list); err != nil {
		return err
	}
	return dst.Check(b.sql)
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

// bindItems stops at the limits rather than after them: a short body can hold
// far more items than memory should.
func (b *transactionBinder) bindItems(list []byte) error {
	onlyIfs := true
	for raw := range jsontext.Elements(list) {
		index := len(b.request.Items)
		if err := sqltx.CheckCount(index+1, b.sql); err != nil {
			return err
		}
		item := b.request.AddItem()
		if err := b.bindItem(raw, item); err != nil {
			return failedItem(index, err)
		}
		isIf := item.Kind == sqltx.Condition
		if isIf && !onlyIfs {
			return failedItem(index, ifNotFirst)
		}
		onlyIfs = isIf
		if err := b.count(len(item.Values)); err != nil {
			return failedItem(sqltx.WholeRequest, err)
		}
	}
	return nil
}

// count adds to the values of the request.
func (b *transactionBinder) count(values int) error {
	if b.values += values; b.values > b.sql.ValuesMax {
		return refusal.Newf(refusal.InvalidParameters, "too many values in the transaction; at most %d are allowed", b.sql.ValuesMax)
	}
	return nil
}

func failedItem(index int, err error) error {
	return &sqltx.ItemError{Index: index, Refusal: refusal.Of(err)}
}

// itemFields are the fields of an item as they were sent, nil if absent or null.
type itemFields struct {
	query, statement, sql, kv, condition []byte
	values, params, valuesBatch, noFail  []byte
}

// bindItem fills an empty item from one element of the list.
func (b *transactionBinder) bindItem(raw []byte, item *sqltx.Item) error {
	var fields itemFields
	if err := fields.read(raw, false); err != nil {
		return err
	}
	what, err := fields.one()
	if err != nil {
		return err
	}
	if fields.noFail != nil {
		item.NoFail = fields.noFail[0] == 't'
		if !item.NoFail && fields.noFail[0] != 'f' {
			return noFailNotBoolean
		}
	}
	switch {
	case fields.kv != nil:
		if name := fields.ofSQL(); name != "" {
			return unknownField([]byte(name))
		}
		return b.bindKeyValue(what, item)
	case fields.condition != nil:
		if name := fields.ofSQL(); name != "" {
			return unknownField([]byte(name))
		}
		if fields.noFail != nil {
			return unknownField([]byte("noFail"))
		}
		return b.bindCondition(what, item)
	}
	item.IsQuery = fields.query != nil
	return b.bindStatement(what, &fields, item)
}

// bindCondition fills an item from what is within an if: a query and its values.
func (b *transactionBinder) bindCondition(raw []byte, item *sqltx.Item) error {
	var fields itemFields
	if raw[0] != '{' {
		return ifNotAnObject
	}
	if err := fields.read(raw, true); err != nil {
		return err
	}
	if fields.query == nil {
		return ifWithoutQuery
	}
	item.Kind, item.IsQuery = sqltx.Condition, true
	return b.bindStatement(fields.query, &fields, item)
}

// bindStatement binds SQL, still quoted, and its values.
func (b *transactionBinder) bindStatement(sql []byte, fields *itemFields, item *sqltx.Item) error {
	if sql[0] != '"' {
		return sqlNotText
	}
	item.SQL = string(jsontext.Unquote(sql))
	values := fields.values
	switch {
	case values == nil:
		values = fields.params
	case fields.params != nil && !sameJSON(values, fields.params):
		return valuesConflict
	}
	switch {
	case fields.valuesBatch == nil && values == nil:
		return nil
	case fields.valuesBatch == nil:
		return bindValues(values, item)
	case values != nil:
		return valuesTwice
	case item.IsQuery:
		return batchOfQuery
	}
	return b.bindBatch(fields.valuesBatch, item)
}

// read sorts the fields of an item, or of an if, and refuses those it does not know.
func (f *itemFields) read(raw []byte, isIf bool) error {
	if raw[0] != '{' {
		return itemNotAnObject
	}
	for quoted, value := range jsontext.Fields(raw) {
		name := jsontext.Unquote(quoted)
		into := f.field(string(name))
		if into == nil || (isIf && into != &f.query && into != &f.values && into != &f.params) {
			return unknownField(name)
		}
		if *into = value; value[0] == 'n' {
			*into = nil
		}
	}
	return nil
}

// field is where a field with that name goes, nil if an item has none.
func (f *itemFields) field(name string) *[]byte {
	switch name {
	case "query":
		return &f.query
	case "statement":
		return &f.statement
	case "sql":
		return &f.sql
	case "kv":
		return &f.kv
	case "if":
		return &f.condition
	case "values":
		return &f.values
	case "params":
		return &f.params
	case "valuesBatch":
		return &f.valuesBatch
	case "noFail":
		return &f.noFail
	}
	return nil
}

func unknownField(name []byte) error {
	return refusal.Newf(refusal.UnknownField, "unknown field %.64q", name)
}

// one is what the item asks for, of which it has exactly one.
func (f *itemFields) one() (what []byte, err error) {
	for _, sent := range [...][]byte{f.query, f.statement, f.sql, f.kv, f.condition} {
		switch {
		case sent == nil:
		case what != nil:
			return nil, notExactlyOneSQL
		default:
			what = sent
		}
	}
	if what == nil {
		return nil, notExactlyOneSQL
	}
	return what, nil
}

// ofSQL is a field that was sent and that only SQL has, "" without one.
func (f *itemFields) ofSQL() string {
	switch {
	case f.values != nil:
		return "values"
	case f.params != nil:
		return "params"
	case f.valuesBatch != nil:
		return "valuesBatch"
	}
	return ""
}

// sameJSON is whether two valid documents are written alike but for white space.
func sameJSON(a, b []byte) bool {
	var compactA, compactB bytes.Buffer
	if json.Compact(&compactA, a) != nil || json.Compact(&compactB, b) != nil {
		return false
	}
	return bytes.Equal(compactA.Bytes(), compactB.Bytes())
}
