package kv

import "github.com/urlite/urlite/refusal"

// KeyNotFound answers for a key that is missing or expired.
var KeyNotFound = refusal.New(refusal.KeyNotFound, "Key not found")

func decideDelete(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	if !row.Live(now) {
		if op.MissingOK {
			return nil
		}
		return KeyNotFound
	}
	out.Changed = true
	out.Entry.HasState = true
	out.Reply.Deleted = true
	return nil
}

func answerDelete(dst []byte, _ *Op, r *Reply) []byte {
	return append(answer{dst}.open().boolean("deleted", r.Deleted).bytes, '}')
}
