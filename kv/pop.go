package kv

import (
	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/refusal"
)

var arrayEmpty = refusal.New(refusal.KeyNotFound, "Array is empty")

// decidePop takes the last element off the array.
func decidePop(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	at, why := arrayThere(op, row, now, out.Scratch)
	if why != nil {
		return why
	}
	length := jsonpath.Length(at.array)
	if length == 0 {
		return arrayEmpty
	}
	return out.take(op, row, &at, length-1, length)
}

// take removes one element, which is there, of an array of this length.
func (out *Outcome) take(op *Op, row *Row, at *place, index, length int) *refusal.Refusal {
	element, _ := jsonpath.Element(at.array, index)
	document, why := at.remove(index, out.Scratch)
	if why != nil {
		return why
	}
	out.keep(row)
	if why := out.setDocument(op, document); why != nil {
		return why
	}
	out.Reply.Element = element
	out.Reply.Length = length - 1
	return nil
}

// remove answers the document without one element of the array.
func (at *place) remove(index int, scratch *Scratch) ([]byte, *refusal.Refusal) {
	return at.with(jsonpath.Remove(scratch.take(len(at.array)), at.array, index), scratch)
}

func foldPop(e *Entry, row *Row) {
	at := e.foldArray(row)
	if document, why := at.remove(jsonpath.Length(at.array)-1, nil); why == nil {
		row.Value = documentValue(document, row.ContentType)
	}
}

func answerPop(dst []byte, op *Op, r *Reply) []byte {
	return answerStart(dst, op).raw("value", r.Element).number("length", int64(r.Length)).etag(r).end()
}
