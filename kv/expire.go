package kv

import "github.com/urlite/urlite/refusal"

var ttlRequired = refusal.New(refusal.InvalidParameters, "ttl is required and must be at least 1")

func checkExpire(op *Op) *refusal.Refusal {
	if op.TTLSeconds < 1 {
		return ttlRequired
	}
	return nil
}

// decideExpire gives the key a lifetime from now. Nothing else of it changes but the
// ETag.
func decideExpire(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	if !row.Live(now) {
		return KeyNotFound
	}
	out.live(row, expireAt(op.TTLSeconds, now))
	return nil
}

// decidePersist takes the key's lifetime away. Without one there is nothing to do.
func decidePersist(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	switch {
	case !row.Live(now):
		return KeyNotFound
	case row.ExpireAt != 0:
		out.live(row, 0)
	}
	return nil
}

// live sets the lifetime of a row that stays as it is.
func (out *Outcome) live(row *Row, until int64) {
	out.keep(row)
	out.UpdatedAt = row.UpdatedAt
	out.expires(until)
	out.Reply.ExpireAt = until
}

func answerExpiry(dst []byte, op *Op, r *Reply) []byte {
	return answerStart(dst, op).moment("expire_at", r.ExpireAt).etag(r).end()
}
