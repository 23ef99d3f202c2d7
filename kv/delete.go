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
	out.EntryOp = EntryDelete
	out.Reply.Deleted = true
	return nil
}
