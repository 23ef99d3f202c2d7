package ratelimit

import "math/bits"

// All arguments here are 0 or more, and a divisor is more. The product may be
// beyond 64 bits; the quotient may not, or the division panics.

func mulDiv(a, b, divisor int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	quotient, _ := bits.Div64(high, low, uint64(divisor))
	return int64(quotient)
}

// mulAddDivUp is (a*b + c) / divisor, rounded up.
func mulAddDivUp(a, b, c, divisor int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b))
	low, carry := bits.Add64(low, uint64(c), 0)
	quotient, remainder := bits.Div64(high+carry, low, uint64(divisor))
	if remainder > 0 {
		quotient++
	}
	return int64(quotient)
}

// productOver tells whether a*b > c*d.
func productOver(a, b, c, d int64) bool {
	high, low := bits.Mul64(uint64(a), uint64(b))
	otherHigh, otherLow := bits.Mul64(uint64(c), uint64(d))
	return high > otherHigh || (high == otherHigh && low > otherLow)
}

// secondsUp rounds up.
func secondsUp(millis int64) int64 { return (millis + 999) / 1000 }
