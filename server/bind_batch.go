package server

import (
	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// The body of a batch is validated once and then walked in place: what is bound of it
// is lent by the request.

var (
	errBatchBoth   = refusal.New(refusal.InvalidParameters, "keys and items can't be sent together")
	errBatchAlias  = refusal.New(refusal.InvalidParameters, "items and its alias batch can't be sent together")
	errNoItems     = refusal.New(refusal.InvalidParameters, "No items provided")
	errNoKeys      = refusal.New(refusal.InvalidParameters, "No keys provided")
	errNotAnObject = refusal.New(refusal.InvalidParameters, "must be an object")
	errRepeated    = refusal.New(refusal.InvalidParameters, "the key occurs twice in a batch with conditions")
)

// batchBody is the lists of a batch as they were sent, nil if absent or null.
type batchBody struct{ items, keys []byte }

func (q *request) batch() (body batchBody, err error) {
	sent, err := q.body()
	if err != nil {
		return body, err
	}
	sent = jsontext.Trim(sent)
	if !isJSON(sent) || sent[0] != '{' {
		return body, invalidJSONBody
	}
	var alias []byte
	for name, value := range jsontext.Fields(sent) {
		var list *[]byte
		switch string(jsontext.Unquote(name)) {
		case "items":
			list = &body.items
		case "batch":
			list = &alias
		case "keys":
			list = &body.keys
		default:
			continue
		}
		switch {
		case jsonAbsent(value):
		case value[0] != '[':
			return body, invalidJSONBody
		default:
			*list = value
		}
	}
	switch {
	case body.items == nil:
		body.items = alias
	case alias != nil:
		return body, errBatchAlias
	}
	return body, nil
}

// each hands the elements of a list to bind, which may refuse one of them, and refuses
// a batch of none or of too many.
func (q *request) each(list []byte, name string, none *refusal.Refusal, bind func(raw []byte) *refusal.Refusal) error {
	most, n := q.server.config.Limits.BatchItemsMax, 0
	for raw := range jsontext.Elements(list) {
		if n == most {
			return refusal.Newf(refusal.InvalidParameters, "Maximum %d %s per request", most, name)
		}
		if why := bind(raw); why != nil {
			return inList(name, n, why)
		}
		n++
	}
	if n == 0 {
		return none
	}
	return nil
}

// inList tells which element of a list is refused.
func inList(list string, i int, why *refusal.Refusal) error {
	if why == kv.KeyEmpty && list == "items" {
		return refusal.Newf(refusal.InvalidParameters, "items[%d].key is empty", i)
	}
	return refusal.Newf(why.Kind, "%s[%d]: %s", list, i, why.Text).With(why.Facts)
}

// eachOp makes an operation of every element of a list.
func (q *request) eachOp(call *catalog.Call, code kv.Code, list []byte, name string, none *refusal.Refusal, bind func(raw []byte, op *kv.Op) *refusal.Refusal) error {
	history, err := q.flag("history", true)
	if err != nil {
		return err
	}
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	conditional := false
	err = q.each(list, name, none, func(raw []byte) *refusal.Refusal {
		op := call.Add(code)
		op.Unrecorded = !history
		if why := bind(raw, op); why != nil {
			return why
		}
		conditional = conditional || op.If != nil
		return kv.Check(op, &q.server.config.Limits)
	})
	if err != nil || !conditional {
		return err
	}
	// What an item's condition would be about is not clear if another item writes the
	// same key before it.
	seen := make(map[string]bool, len(call.Ops))
	for i := range call.Ops {
		if seen[call.Ops[i].Key] {
			return inList(name, i, errRepeated)
		}
		seen[call.Ops[i].Key] = true
	}
	return nil
}

// bindKeyElement reads an element that is a key.
func bindKeyElement(raw []byte, op *kv.Op) (why *refusal.Refusal) {
	op.Key, why = jsonText("key", raw)
	return why
}

// bindSetItem reads an item of batch/set.
func bindSetItem(raw []byte, op *kv.Op) *refusal.Refusal {
	var value []byte
	var sent string
	why := eachField(raw, func(name string, field []byte) (why *refusal.Refusal) {
		switch name {
		case "key":
			op.Key, why = jsonText(name, field)
		case "value":
			value = field
		case "content_type":
			if sent, why = jsonText(name, field); why == nil {
				why = checkContentType(sent)
			}
		case "ttl":
			op.TTLSeconds, why = jsonInteger(name, field)
		case "if_match", "if_none_match":
			why = bindItemCondition(name, field, op)
		}
		return why
	})
	if why == nil {
		op.Value, op.ContentType, why = kv.ItemValue(value, sent)
	}
	return why
}

// bindDeleteItem reads an item of batch/delete.
func bindDeleteItem(raw []byte, op *kv.Op) *refusal.Refusal {
	return eachField(raw, func(name string, field []byte) (why *refusal.Refusal) {
		switch name {
		case "key":
			op.Key, why = jsonText(name, field)
		case "if_match":
			why = bindItemCondition(name, field, op)
		}
		return why
	})
}

// eachField hands the fields of an item to bind. Null is the same as absent, but for a
// value; unknown fields don't count.
func eachField(raw []byte, bind func(name string, field []byte) *refusal.Refusal) *refusal.Refusal {
	if raw[0] != '{' {
		return errNotAnObject
	}
	for quoted, field := range jsontext.Fields(raw) {
		name := lent(jsontext.Unquote(quoted))
		if jsonAbsent(field) && name != "value" {
			continue
		}
		if why := bind(name, field); why != nil {
			return why
		}
	}
	return nil
}

// bindItemCondition reads the ETag conditions of an item.
func bindItemCondition(name string, field []byte, op *kv.Op) *refusal.Refusal {
	list, why := jsonText(name, field)
	if why != nil {
		return why
	}
	versions, any, why := kv.ParseETags(list)
	if why != nil {
		return refusal.Newf(why.Kind, "%s: %s", name, why.Text)
	}
	if op.If == nil {
		op.If = &kv.Conditions{}
	}
	switch {
	case name == "if_match":
		op.If.Exists, op.If.Tagged, op.If.Versions = any, !any, versions
	case any:
		op.If.Absent = true
	default:
		return refusal.New(refusal.InvalidParameters, "if_none_match must be *")
	}
	return nil
}
