package ratelimit

import (
	"math/bits"

	"github.com/urlite/urlite/refusal"
)

// Rule is one limit on a key, and what a request costs under it: at most Limit per
// WindowSeconds.
type Rule struct {
	Algorithm     Algorithm
	Limit         int64
	WindowSeconds int64
	// Cost is what the request takes, at least 1.
	Cost int64
	// Burst is what gcra lets pass at once, 0 for Limit. No other algorithm has one.
	Burst int64
}

// What a rule is refused for, in order of precedence.
var (
	limitNotPositive  = refusal.New(refusal.InvalidParameters, "limit must be at least 1")
	limitTooLarge     = refusal.Newf(refusal.InvalidParameters, "limit must be at most %d", int64(LimitMax))
	windowNotPositive = refusal.New(refusal.InvalidParameters, "window must be at least 1 second")
	windowTooLong     = refusal.Newf(refusal.InvalidParameters, "window must be at most %d seconds", int64(WindowSecondsMax))
	burstUnfit        = refusal.New(refusal.InvalidParameters, "burst is only for the algorithm gcra")
	burstNegative     = refusal.New(refusal.InvalidParameters, "burst must be at least 1")
	burstTooLarge     = refusal.Newf(refusal.InvalidParameters, "burst must be at most %d", int64(LimitMax))
	refillTooLong     = refusal.Newf(refusal.InvalidParameters, "burst * window / limit must be at most %d seconds", int64(RefillSecondsMax))
	costNotPositive   = refusal.New(refusal.InvalidParameters, "cost must be at least 1")
	costOverLimit     = refusal.New(refusal.InvalidParameters, "cost is over limit: it could never be allowed")
	costOverBurst     = refusal.New(refusal.InvalidParameters, "cost is over burst: it could never be allowed")
)

// What the rules of one key are refused for together.
var (
	rulesTooMany = refusal.Newf(refusal.InvalidParameters, "a key has at most %d limits in one request", RulesMax)
	rulesAlike   = refusal.New(refusal.InvalidParameters, "two limits of one key must differ in algorithm or window")
)

// Check refuses what no state could make right about the rules of one key: the
// first wrong rule in their order, then what is wrong about them together.
func Check(rules []Rule) *refusal.Refusal {
	if len(rules) > RulesMax {
		return rulesTooMany
	}
	for i := range rules {
		if why := rules[i].Check(); why != nil {
			return why
		}
	}
	for i := range rules {
		for j := range rules[:i] {
			if rules[i].Algorithm == rules[j].Algorithm && rules[i].WindowSeconds == rules[j].WindowSeconds {
				return rulesAlike
			}
		}
	}
	return nil
}

// Check refuses a rule that no state could make right.
func (r *Rule) Check() *refusal.Refusal {
	switch {
	case r.Algorithm >= algorithmEnd:
		return algorithmUnknown
	case r.Limit < 1:
		return limitNotPositive
	case r.Limit > LimitMax:
		return limitTooLarge
	case r.WindowSeconds < 1:
		return windowNotPositive
	case r.WindowSeconds > WindowSecondsMax:
		return windowTooLong
	case r.Burst != 0 && r.Algorithm != GCRA:
		return burstUnfit
	case r.Burst < 0:
		return burstNegative
	case r.Burst > LimitMax:
		return burstTooLarge
	case productOver(r.Burst, r.WindowSeconds, RefillSecondsMax, r.Limit):
		return refillTooLong
	case r.Cost < 1:
		return costNotPositive
	case r.Cost > r.capacity() && r.Burst != 0:
		return costOverBurst
	case r.Cost > r.capacity():
		return costOverLimit
	}
	return nil
}

// capacity is what passes at once when nothing is remembered.
func (r *Rule) capacity() int64 {
	if r.Burst != 0 {
		return r.Burst
	}
	return r.Limit
}

// Quota is what may pass at once, and the seconds in which as much passes again: the
// limit and its window, or of gcra the burst and the time that it takes to refill,
// rounded up.
func (r *Rule) Quota() (quota, seconds int64) {
	if r.Burst == 0 {
		return r.Limit, r.WindowSeconds
	}
	high, low := bits.Mul64(uint64(r.Burst), uint64(r.WindowSeconds))
	whole, rest := bits.Div64(high, low, uint64(r.Limit))
	if rest > 0 {
		whole++
	}
	return r.Burst, int64(whole)
}

func (r *Rule) windowMillis() int64 { return r.WindowSeconds * 1000 }
