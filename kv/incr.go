package kv

import (
	"math"

	"github.com/urlite/urlite/refusal"
)

// CounterContentType is the type of a key that counting created.
const CounterContentType = "text/plain"

var (
	deltaNotPositive = refusal.New(refusal.InvalidParameters, "delta must be a positive integer")
	counterOverflow  = refusal.New(refusal.InvalidParameters, "the result does not fit into 64 bits; the value is unchanged")
)

func checkIncr(op *Op) *refusal.Refusal {
	if op.Delta < 1 {
		return deltaNotPositive
	}
	return nil
}

// decideIncr counts up or down. A missing key starts at 0; the lifetime and the
// content type of an existing one stay.
func decideIncr(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	var before int64
	out.CreatedAt, out.ContentType = now, CounterContentType
	if row.Live(now) {
		n, ok := row.Value.integer()
		if !ok {
			return refusal.Newf(refusal.InvalidParameters, "Value at key '%s' is not an integer", op.Key)
		}
		before = n
		out.CreatedAt, out.ContentType, out.ExpireAt = row.CreatedAt, row.ContentType, row.ExpireAt
	}
	delta, entry := op.Delta, EntryIncr
	if op.Code == Decr {
		delta, entry = -delta, EntryDecr
	}
	if (delta > 0 && before > math.MaxInt64-delta) || (delta < 0 && before < math.MinInt64-delta) {
		return counterOverflow
	}
	after := before + delta
	out.Changed, out.Exists = true, true
	out.Value = IntegerValue(after)
	out.EntryOp, out.Arg = entry, delta
	out.Reply.Value = after
	return nil
}
