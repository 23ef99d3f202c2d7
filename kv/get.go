package kv

import "github.com/urlite/urlite/refusal"

// decideGet reads a row among writes: it sees those before it in the same commit.
func decideGet(_ *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	if !row.Live(now) {
		return KeyNotFound
	}
	out.Reply.Row = row
	return nil
}

func answerGet(dst []byte, op *Op, r *Reply) []byte { return AppendEntry(dst, op.Key, r.Row) }
