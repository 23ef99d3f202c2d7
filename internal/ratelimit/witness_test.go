package ratelimit

import "math/big"

// witness judges one rule by nothing but a log of what was admitted, in rational
// numbers, one second after the other. It is slow and plain, and knows nothing of
// states.
type witness struct {
	rule Rule // without a cost
	log  []admission
}

type admission struct{ at, cost int64 }

func (w *witness) admit(at, cost int64) { w.log = append(w.log, admission{at, cost}) }

// taken is what the log leaves taken of the rule's capacity at a time.
func (w *witness) taken(at int64) *big.Rat {
	window := w.rule.WindowSeconds * 1000
	switch w.rule.Algorithm {
	case Fixed:
		return big.NewRat(w.inWindow(at/window), 1)
	case Sliding:
		before := big.NewRat(w.inWindow(at/window-1), 1)
		weight := big.NewRat(window-at%window, window)
		return before.Mul(before, weight).Add(before, big.NewRat(w.inWindow(at/window), 1))
	}
	bucket, last := new(big.Rat), int64(0)
	for _, a := range w.log {
		bucket = w.leaked(bucket, a.at-last)
		bucket.Add(bucket, big.NewRat(a.cost, 1))
		last = a.at
	}
	return w.leaked(bucket, at-last)
}

// inWindow is the cost admitted in the nth window since 1970.
func (w *witness) inWindow(n int64) (cost int64) {
	for _, a := range w.log {
		if a.at/(w.rule.WindowSeconds*1000) == n {
			cost += a.cost
		}
	}
	return cost
}

// leaked is a bucket that had ms to leak.
func (w *witness) leaked(bucket *big.Rat, ms int64) *big.Rat {
	leak := big.NewRat(w.rule.Limit, w.rule.WindowSeconds*1000)
	left := new(big.Rat).Sub(bucket, leak.Mul(leak, big.NewRat(ms, 1)))
	if left.Sign() < 0 {
		return new(big.Rat)
	}
	return left
}

func (w *witness) capacity() int64 {
	if w.rule.Algorithm == GCRA && w.rule.Burst > 0 {
		return w.rule.Burst
	}
	return w.rule.Limit
}

func (w *witness) allows(at, cost int64) bool {
	sum := new(big.Rat).Add(w.taken(at), big.NewRat(cost, 1))
	return sum.Cmp(big.NewRat(w.capacity(), 1)) <= 0
}

// verdict is what the rule must answer to a request that it judged to be allowed or
// not, now that the log is as the request left it.
func (w *witness) verdict(at, cost int64, allowed bool) Verdict {
	v := Verdict{Allowed: allowed, Limit: w.rule.Limit}
	for w.allows(at, v.Remaining+1) {
		v.Remaining++
	}
	for w.taken(at+v.ResetSeconds*1000).Sign() > 0 {
		v.ResetSeconds++
	}
	for !allowed && !w.allows(at+v.RetryAfterSeconds*1000, cost) {
		v.RetryAfterSeconds++
	}
	return v
}
