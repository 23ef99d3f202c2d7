package kv

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
)

var (
	invalidJSON = refusal.New(refusal.InvalidJSONValue, "the body is not one valid JSON document, but its content type says JSON")
	invalidLeaf = refusal.New(refusal.InvalidJSONValue, "the body is not one valid JSON document, and a path puts it into one")
)

// validJSON is one JSON document in UTF-8, which encoding/json alone does not ask for
// (RFC 8259, 8.1). It also bounds the depth (10,000), so that nobody who reads the
// value later can be driven off the stack.
func validJSON(b []byte) bool { return utf8.Valid(b) && json.Valid(b) }

func checkSet(op *Op) *refusal.Refusal {
	switch {
	case op.Path != "" && !op.Value.isDocument():
		return invalidLeaf
	case op.Path == "" && IsJSON(op.ContentType) && !op.Value.isDocument():
		return invalidJSON
	}
	return nil
}

// decideSet stores the value whatever was there. The lifetime is the request's:
// a set without one clears an earlier one.
func decideSet(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	if op.Path != "" {
		return decidePatch(op, row, now, out)
	}
	out.Changed, out.Exists = true, true
	out.Value, out.ContentType = op.Value, op.ContentType
	out.CreatedAt = now
	if row.Live(now) {
		out.CreatedAt = row.CreatedAt
	}
	out.ExpireAt = expireAt(op.TTLSeconds, now)
	out.Entry.Op, out.Entry.HasState = EntrySet, true
	out.Reply.Size = op.Value.Size()
	return nil
}

func answerSet(dst []byte, op *Op, r *Reply) []byte {
	return answerStart(dst, op).number("size", int64(r.Size)).etag(r).path(op).end()
}
