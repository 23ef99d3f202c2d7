package server

import (
	"strings"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// Refusals of key-value items, in order of precedence.
var (
	kvNotAnObject = refusal.New(refusal.InvalidParameters, "kv must be an object")
	kvNoOperation = refusal.New(refusal.InvalidParameters, "op is required: the name of a key-value operation")
	kvValueTwice  = refusal.New(refusal.InvalidParameters, "value and value_base64 can't be sent together")
	kvNoValue     = refusal.New(refusal.InvalidParameters, "value or value_base64 is required")
	kvNoElement   = refusal.New(refusal.InvalidParameters, "value is required")
	kvNotBase64   = refusal.New(refusal.InvalidParameters, "value_base64 is not base64")
)

// bindKeyValue makes an operation of the call of a kv item. It takes what the operation
// takes when it comes by itself: the same binders ask for it, and what none of them has
// asked for is an unknown field.
func (b *transactionBinder) bindKeyValue(raw []byte, item *sqltx.Item) error {
	if raw[0] != '{' {
		return kvNotAnObject
	}
	a := &b.arguments
	if err := a.read(raw); err != nil {
		return err
	}
	name, err := a.text("op")
	if err != nil {
		return err
	}
	code, known := kv.CodeOf(name)
	switch {
	case name == "":
		return kvNoOperation
	case !known:
		return refusal.Newf(refusal.InvalidParameters, "unknown operation %.64q", name)
	}
	item.Kind, item.Op, item.IsQuery = sqltx.KeyValue, len(b.call.Ops), code == kv.Get
	op := b.call.Add(code)
	if op.Key, err = a.text("key"); err != nil {
		return err
	}
	if item.Table, err = a.table(b.call.Table); err != nil {
		return err
	}
	if err := bindArguments(a, op); err != nil {
		return err
	}
	if name, left := a.unasked(); left {
		return refusal.Newf(refusal.UnknownField, "unknown field %.64q of a kv %s", name, code)
	}
	if why := kv.Check(op, b.kv); why != nil {
		return why
	}
	return nil
}

// itemArguments are the fields of a kv item, each of which may be asked for. Null is the
// same as absent, but for a value.
type itemArguments struct {
	fields []itemField
}

type itemField struct {
	name  string
	raw   []byte
	asked bool
}

// itemFieldsMax is more than any operation takes.
const itemFieldsMax = 32

// read reads the fields of an object. Of a name that is repeated the last counts.
func (a *itemArguments) read(object []byte) error {
	clear(a.fields)
	a.fields = a.fields[:0]
	for quoted, raw := range jsontext.Fields(object) {
		name := lent(jsontext.Unquote(quoted))
		if raw[0] == 'n' && name != "value" {
			raw = nil
		}
		if f := a.field(name); f != nil {
			f.raw = raw
			continue
		}
		if len(a.fields) == itemFieldsMax {
			return refusal.Newf(refusal.UnknownField, "unknown field %.64q of a kv item", name)
		}
		a.fields = append(a.fields, itemField{name: name, raw: raw})
	}
	return nil
}

func (a *itemArguments) field(name string) *itemField {
	for i := range a.fields {
		if a.fields[i].name == name {
			return &a.fields[i]
		}
	}
	return nil
}

// ask is the field's JSON, nil if it was not sent.
func (a *itemArguments) ask(name string) []byte {
	f := a.field(name)
	if f == nil {
		return nil
	}
	f.asked = true
	return f.raw
}

// unasked is the first field that nobody has asked for.
func (a *itemArguments) unasked() (name string, left bool) {
	for i := range a.fields {
		if !a.fields[i].asked {
			return a.fields[i].name, true
		}
	}
	return "", false
}

// table is the item's table, or the request's.
func (a *itemArguments) table(absent string) (string, error) {
	name, err := a.text("table")
	if err != nil || name == "" {
		return absent, err
	}
	if why := kv.CheckTable(name); why != nil {
		return "", why
	}
	return strings.ToLower(name), nil
}

func (a *itemArguments) has(name string) bool { return a.ask(name) != nil }

func (a *itemArguments) flag(name string, absent bool) (bool, error) {
	raw := a.ask(name)
	switch {
	case raw == nil:
		return absent, nil
	case raw[0] == 't':
		return true, nil
	case raw[0] == 'f':
		return false, nil
	}
	return false, refusal.Newf(refusal.InvalidParameters, "%s must be true or false, not %.64s", name, raw)
}

func (a *itemArguments) integer(name string, absent int64) (int64, error) {
	raw := a.ask(name)
	if raw == nil {
		return absent, nil
	}
	n, why := jsonInteger(name, raw)
	if why != nil {
		return 0, why
	}
	return n, nil
}

func (a *itemArguments) text(name string) (string, error) {
	raw := a.ask(name)
	if raw == nil {
		return "", nil
	}
	text, why := jsonText(name, raw)
	if why != nil {
		return "", why
	}
	return text, nil
}

func (a *itemArguments) conditions() (match, none []byte, err error) {
	for _, c := range [...]struct {
		name string
		into *[]byte
	}{{"if_match", &match}, {"if_none_match", &none}} {
		raw := a.ask(c.name)
		if raw == nil {
			continue
		}
		if _, why := jsonText(c.name, raw); why != nil {
			return nil, nil, why
		}
		*c.into = jsontext.Unquote(raw)
	}
	return match, none, nil
}

// storedBytes: in an item, as in those of batches, if_match is a list of ETags.
func (a *itemArguments) storedBytes() (bytes []byte, sent bool) { return nil, false }

func (a *itemArguments) body(op *kv.Op) error {
	sent, err := a.text("content_type")
	if err != nil {
		return err
	}
	if why := checkContentType(sent); why != nil {
		return why
	}
	encoded, err := a.text("value_base64")
	if err != nil {
		return err
	}
	raw, isEncoded := a.ask("value"), a.has("value_base64")
	switch {
	case raw != nil && isEncoded:
		return kvValueTwice
	case isEncoded:
		decoded, ok := jsontext.DecodeBase64(nil, []byte(encoded))
		if !ok {
			return kvNotBase64
		}
		op.Value, op.ContentType = kv.BodyOf(op, sent, decoded)
		return nil
	case raw == nil:
		return kvNoValue
	case op.Path != "":
		op.Value, op.ContentType = kv.BodyOf(op, "", raw)
		return nil
	}
	var why *refusal.Refusal
	if op.Value, op.ContentType, why = kv.ItemValue(raw, sent); why != nil {
		return why
	}
	return nil
}

func (a *itemArguments) element(op *kv.Op) error {
	raw := a.ask("value")
	if raw == nil {
		return kvNoElement
	}
	op.Value = kv.Value{Kind: kv.Text, Document: true, Bytes: raw}
	return nil
}

func (a *itemArguments) target(op *kv.Op) error {
	if raw := a.ask("value"); raw != nil && !op.HasIndex {
		op.Value = kv.Value{Kind: kv.Text, Document: true, Bytes: raw}
	}
	return nil
}
