package kv

import "github.com/urlite/urlite/refusal"

// ttlSecondsMax keeps now plus a lifetime far from the end of 64 bits in
// milliseconds; it is three thousand years.
const ttlSecondsMax = 100_000_000_000

var (
	ttlNegative = refusal.New(refusal.InvalidParameters, "ttl must not be negative")
	ttlTooLong  = refusal.Newf(refusal.InvalidParameters, "ttl must be at most %d seconds", int64(ttlSecondsMax))
)

func checkTTL(op *Op) *refusal.Refusal {
	switch {
	case op.TTLSeconds < 0:
		return ttlNegative
	case op.TTLSeconds > ttlSecondsMax:
		return ttlTooLong
	}
	return nil
}

// expireAt is the time in ms at which a lifetime that starts now ends, 0 = never.
func expireAt(ttlSeconds, now int64) int64 {
	if ttlSeconds == 0 {
		return 0
	}
	return now + ttlSeconds*1000
}

// expires sets the row's lifetime, and has history tell it.
func (out *Outcome) expires(at int64) {
	out.ExpireAt = at
	out.Entry.Expires, out.Entry.ExpireAt = true, at
}
