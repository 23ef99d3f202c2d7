package ratelimit

import "math/bits"

// The generic cell rate algorithm is known for the one number it keeps, the time at
// which all that was admitted has been paid off. That time is rarely a whole number
// of milliseconds, and its meaning changes with the limit. So this one keeps the
// same thing seen from the other side: how much is not yet paid off, in a unit in
// which nothing is ever rounded.

// gcraMove leaks what leaks from the line's time to now, at the limit as it is now. A
// bucket holds no more than its burst: one that has become smaller was full.
func gcraMove(l *line, r *Rule, now int64) {
	if burst := r.capacity(); l.used >= burst {
		l.used, l.part = burst, 0
	}
	if now <= l.at {
		return
	}
	high, low := bits.Mul64(uint64(r.Limit), uint64(now-l.at))
	l.at = now
	if high >= uint64(l.windowMillis) { // more has leaked than 64 bits can count
		l.used, l.part = 0, 0
		return
	}
	leaked, part := bits.Div64(high, low, uint64(l.windowMillis))
	if leaked > uint64(l.used) {
		l.used, l.part = 0, 0
		return
	}
	l.used -= int64(leaked)
	l.part -= int64(part)
	if l.part < 0 {
		l.used--
		l.part += l.windowMillis
	}
	if l.used < 0 {
		l.used, l.part = 0, 0
	}
}

func gcraUsed(l *line) int64 {
	if l.part > 0 {
		return l.used + 1
	}
	return l.used
}

// gcraLeakMillis is how long it takes until the bucket holds at most left.
func gcraLeakMillis(l *line, limit, left int64) int64 {
	return mulAddDivUp(l.used-left, l.windowMillis, l.part, limit)
}
