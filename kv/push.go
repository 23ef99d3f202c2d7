package kv

import (
	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/refusal"
)

var (
	elementNotJSON    = refusal.New(refusal.InvalidJSONValue, "the body is not one valid JSON value")
	elementTooDeep    = refusal.Newf(refusal.InvalidParameters, "an array of the value would nest deeper than %d levels", jsonpath.DepthMax)
	lengthMaxTooSmall = refusal.New(refusal.InvalidParameters, "max_length must be at least 1")
)

func checkPush(op *Op) *refusal.Refusal {
	switch {
	case !op.Value.isDocument():
		return elementNotJSON
	case jsonpath.Depth(op.Value.Bytes) >= jsonpath.DepthMax:
		return elementTooDeep
	case op.LengthMax < 0:
		return lengthMaxTooSmall
	}
	return nil
}

// decidePush appends one element to the array, which a missing key or path begins,
// and drops the oldest beyond LengthMax.
func decidePush(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	at, why := arrayOf(op, row, now, out.Scratch)
	if why != nil {
		return why
	}
	element := op.Value.inner()
	length, dropped := 1, 0
	if at.found {
		length = jsonpath.Length(at.array) + 1
	}
	if op.LengthMax > 0 && int64(length) > op.LengthMax {
		dropped = length - int(op.LengthMax)
	}
	document, why := at.push(element, dropped, out.Scratch)
	if why != nil {
		return why
	}
	out.keepOrMake(row, now, contentTypeJSON)
	if why := out.setDocument(op, document); why != nil {
		return why
	}
	out.Entry.Delta, out.Entry.Arg = Value{Kind: Text, Bytes: element}, int64(dropped)
	out.Reply.Length = length - dropped
	return nil
}

// push appends element and drops the oldest. The rest of the array keeps its bytes.
func (at *place) push(element []byte, dropped int, scratch *Scratch) ([]byte, *refusal.Refusal) {
	array := at.array
	if !at.found {
		array = []byte(emptyArray)
	}
	const room = 2 // a comma, and brackets of an array that is new
	if dropped > 0 {
		array = jsonpath.Drop(scratch.take(len(array)+room), array, dropped)
	}
	return at.with(jsonpath.Push(scratch.take(len(array)+len(element)+room), array, element), scratch)
}

func foldPush(e *Entry, row *Row) {
	at := e.foldArray(row)
	if document, why := at.push(e.Delta.Bytes, int(e.Arg), nil); why == nil {
		row.Value = documentValue(document, row.ContentType)
	}
}

func answerPush(dst []byte, op *Op, r *Reply) []byte {
	length := int64(r.Length)
	return answerStart(dst, op).number("length", length).number("newLength", length).etag(r).path(op).end()
}
