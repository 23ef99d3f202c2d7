package kv

import (
	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/refusal"
)

var (
	targetTooLarge = refusal.Newf(refusal.PayloadTooLarge, "value exceeds the limit of %d bytes for an element to remove", targetBytesMax)
	removesNothing = refusal.New(refusal.InvalidParameters, "either index or a body with value is required")
	noSuchElement  = refusal.New(refusal.KeyNotFound, "Element not found")
)

// targetBytesMax bounds what an element is compared with: it is sorted for that, while
// everybody waits.
const targetBytesMax = 256 << 10

func checkRemove(op *Op) *refusal.Refusal {
	switch {
	case op.HasIndex:
		return nil
	case len(op.Value.Bytes) == 0:
		return removesNothing
	case len(op.Value.Bytes) > targetBytesMax:
		return targetTooLarge
	case !op.Value.isDocument():
		return elementNotJSON
	}
	return nil
}

// decideRemove takes one element out of the array: the one at the index, or else
// the first that is equal to the value, or has all of its fields.
func decideRemove(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	at, why := arrayThere(op, row, now, out.Scratch)
	if why != nil {
		return why
	}
	length := jsonpath.Length(at.array)
	index := op.find(at.array, length)
	if index < 0 {
		return noSuchElement
	}
	out.Entry.Arg = int64(index)
	return out.take(op, row, &at, index, length)
}

// find is the index of the element to remove from the array, -1 without one.
func (op *Op) find(array []byte, length int) int {
	if !op.HasIndex {
		return jsonpath.IndexOf(array, op.Value.Bytes)
	}
	index := op.Index
	if index < 0 {
		index += int64(length)
	}
	if index < 0 || index >= int64(length) {
		return -1
	}
	return int(index)
}

func foldRemove(e *Entry, row *Row) {
	at := e.foldArray(row)
	if document, why := at.remove(int(e.Arg), nil); why == nil {
		row.Value = documentValue(document, row.ContentType)
	}
}

func answerRemove(dst []byte, op *Op, r *Reply) []byte {
	return answerStart(dst, op).raw("removed", r.Element).number("length", int64(r.Length)).etag(r).end()
}
