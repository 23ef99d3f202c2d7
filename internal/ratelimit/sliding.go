package ratelimit

func slidingMove(l *line, now int64) {
	if now >= l.at+l.windowMillis {
		l.at += l.windowMillis // and not further: the line is live
		l.before, l.used = l.used, 0
	}
}

// slidingUsed weighs the window before with the part of it that is less than a
// window ago.
func slidingUsed(l *line, now int64) int64 {
	near := l.at + l.windowMillis - max(now, l.at)
	return l.used + mulAddDivUp(l.before, near, 0, l.windowMillis)
}

// slidingUntil is the first time at which at most left is used.
func slidingUntil(l *line, left int64) int64 {
	// before*near/window + used <= left, solved for near.
	if l.used <= left {
		return l.at + l.windowMillis - mulDiv(left-l.used, l.windowMillis, l.before)
	}
	// Not in this window. In the next, used is what counts as before.
	return l.at + 2*l.windowMillis - mulDiv(left, l.windowMillis, l.used)
}
