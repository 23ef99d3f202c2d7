package ratelimit

// line is what a key remembers of one rule. Which rule is told by the algorithm and
// the window alone: so the counts stay when a limit changes. All times are in Unix
// milliseconds.
type line struct {
	algorithm    Algorithm
	windowMillis int64
	// at is the start of the window that used was consumed in; for gcra, the time at
	// which the bucket held used and part.
	at   int64
	used int64
	// before is what was consumed in the window before that, for sliding.
	before int64
	// part is what the bucket holds beyond used, for gcra, in 1/windowMillis of a
	// cost of 1: in this unit every millisecond leaks limit, a whole number.
	part int64
	// until is when the line says nothing any more.
	until int64
}

// live tells whether the line says something at now.
func (l *line) live(now int64) bool {
	return now < l.until && l.at-now <= aheadMillisMax
}

func (l *line) of(algorithm Algorithm, windowMillis int64) bool {
	return l.algorithm == algorithm && l.windowMillis == windowMillis
}

// find returns the place of a rule's line, -1 without one.
func find(lines []line, algorithm Algorithm, windowMillis int64) int {
	for i := range lines {
		if lines[i].of(algorithm, windowMillis) {
			return i
		}
	}
	return -1
}

// dropDead keeps the order of the lines that still say something.
func dropDead(lines []line, now int64) []line {
	kept := 0
	for i := range lines {
		if lines[i].live(now) {
			if kept != i {
				lines[kept] = lines[i]
			}
			kept++
		}
	}
	return lines[:kept]
}

// begin is a line that remembers nothing yet.
func (r *Rule) begin(now int64) line {
	l := line{algorithm: r.Algorithm, windowMillis: r.windowMillis(), at: now}
	if r.Algorithm != GCRA {
		l.at -= now % l.windowMillis
	}
	return l
}

// The four questions to an algorithm follow. Each takes a line that is live or has
// just begun; the last three, one that was moved to now.

// move makes the line tell what is remembered at now. It stays where it is when it
// is ahead of now.
func (r *Rule) move(l *line, now int64) {
	switch r.Algorithm {
	case Sliding:
		slidingMove(l, now)
	case GCRA:
		gcraMove(l, r, now)
	}
}

// used is what the line leaves taken of the rule's capacity, rounded up: costs are
// whole, so one that fits beside it fits exactly.
func (r *Rule) used(l *line, now int64) int64 {
	switch r.Algorithm {
	case Sliding:
		return slidingUsed(l, now)
	case GCRA:
		return gcraUsed(l)
	}
	return l.used
}

// spend consumes the rule's cost.
func (r *Rule) spend(l *line) {
	l.used += r.Cost
	switch r.Algorithm {
	case Sliding:
		l.until = l.at + 2*l.windowMillis
	case Fixed:
		l.until = l.at + l.windowMillis
	case GCRA:
		l.until = l.at + gcraLeakMillis(l, r.Limit, 0)
	}
}

// waitMillis is how long it takes from now, if nobody spends, until used is left or
// less; it is more now.
func (r *Rule) waitMillis(l *line, now, left int64) int64 {
	switch r.Algorithm {
	case Sliding:
		return slidingUntil(l, left) - now
	case GCRA:
		return min(l.at+gcraLeakMillis(l, r.Limit, left), l.until) - now
	}
	return l.until - now
}
