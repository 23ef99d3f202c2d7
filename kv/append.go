package kv

import "github.com/urlite/urlite/refusal"

// decideAppend adds the body to the end of a text or of bytes, which a missing key
// begins. The type and the lifetime of an existing key stay. A JSON document is not
// appended to: the result would be none.
func decideAppend(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	if row.Live(now) && IsJSON(row.ContentType) {
		return refusal.Newf(refusal.InvalidParameters, "Value at key '%s' is JSON; append takes text or bytes", op.Key)
	}
	out.keepOrMake(row, now, appendedType(op))
	whole := row.Value
	if !row.Live(now) {
		whole = Value{Kind: Text}
	}
	out.Value = whole.appended(op.Value.Bytes, out.ContentType, out.Scratch)
	if why := op.fits(out.Value); why != nil {
		return why
	}
	out.Entry.Delta = op.Value
	out.Reply.Size = out.Value.Size()
	return nil
}

// appendedType is the type of a key that an append makes: never JSON, which the next
// append would refuse.
func appendedType(op *Op) string {
	switch {
	case !IsJSON(op.ContentType):
		return op.ContentType
	case op.Value.Kind == Text:
		return contentTypeText
	}
	return contentTypeBinary
}

// appended is the value with more bytes at its end.
func (v Value) appended(more []byte, contentType string, scratch *Scratch) Value {
	return BytesValue(append(v.Append(scratch.take(v.Size()+len(more))), more...), contentType)
}

func foldAppend(e *Entry, row *Row) {
	row.Value = row.Value.appended(e.Delta.Bytes, row.ContentType, nil)
}

func answerAppend(dst []byte, op *Op, r *Reply) []byte {
	return answerStart(dst, op).number("size", int64(r.Size)).etag(r).end()
}
