package ratelimit

import "github.com/urlite/urlite/refusal"

// Verdict is what one rule answers. Seconds are rounded up.
type Verdict struct {
	// Allowed is this rule's own opinion: another may have refused the request.
	Allowed bool
	Limit   int64
	// Remaining is how many requests with a cost of 1 this rule would let pass now,
	// after the request if it was consumed. For gcra it may be up to the burst.
	Remaining int64
	// ResetSeconds is how long it takes, if nobody asks, until nothing is remembered.
	ResetSeconds int64
	// RetryAfterSeconds is how long it takes, if nobody asks, until the same cost is
	// allowed; 0 when it is.
	RetryAfterSeconds int64
}

// Decision is what all rules of a key answer together.
type Decision struct {
	Allowed bool // by every rule
	// Changed says that the cost was consumed. Otherwise the key stays as it is, and
	// State is dst as it was.
	Changed bool
	// State is dst with the key's new state appended.
	State []byte
	// ExpireAt is the Unix time in ms from which on a changed State says nothing any
	// more, which is after now; 0 for an unchanged one.
	ExpireAt int64
}

var (
	notALimit    = refusal.New(refusal.InvalidParameters, "the key does not hold a rate limit")
	linesTooMany = refusal.Newf(refusal.InvalidParameters, "a key remembers at most %d limits at a time; delete it, or wait until the windows of earlier ones are over", LinesMax)
)

// Decide holds the rules of one key against its state at now, in Unix ms. If all of
// them allow it, each takes its cost, unless it is only a peek; if any refuses, none
// does. What it refuses, it refuses as Check does, then for what the key holds.
//
// An empty state is that of a key which does not exist. dst may be the memory of
// state. verdicts has the length of rules; it says nothing after a refusal.
func Decide(dst, state []byte, rules []Rule, now int64, peek bool, verdicts []Verdict) (Decision, *refusal.Refusal) {
	decision := Decision{State: dst}
	if why := Check(rules); why != nil {
		return decision, why
	}
	var memory [LinesMax]line
	lines, ok := parse(memory[:0], state)
	if !ok {
		return decision, notALimit
	}
	now = min(max(now, 0), nowMillisMax)
	lines = dropDead(lines, now)

	var places [RulesMax]int
	decision.Allowed = true
	for i := range rules {
		rule := &rules[i]
		place := find(lines, rule.Algorithm, rule.windowMillis())
		if place < 0 {
			if place = len(lines); place == LinesMax {
				return Decision{State: dst}, linesTooMany
			}
			lines = append(lines, rule.begin(now))
		}
		places[i] = place
		rule.move(&lines[place], now)
		verdicts[i] = Verdict{
			Allowed: rule.used(&lines[place], now)+rule.Cost <= rule.capacity(),
			Limit:   rule.Limit,
		}
		decision.Allowed = decision.Allowed && verdicts[i].Allowed
	}
	decision.Changed = decision.Allowed && !peek && len(rules) > 0
	for i := range rules {
		l := &lines[places[i]]
		if decision.Changed {
			rules[i].spend(l)
		}
		rules[i].explain(l, now, &verdicts[i])
	}
	if decision.Changed {
		decision.State = appendState(dst, lines)
		for i := range lines {
			decision.ExpireAt = max(decision.ExpireAt, lines[i].until)
		}
	}
	return decision, nil
}

// explain fills in the numbers of a verdict from the line as it was left.
func (r *Rule) explain(l *line, now int64, verdict *Verdict) {
	used := r.used(l, now)
	verdict.Remaining = max(r.capacity()-used, 0)
	if used > 0 {
		verdict.ResetSeconds = secondsUp(r.waitMillis(l, now, 0))
	}
	if !verdict.Allowed {
		verdict.RetryAfterSeconds = secondsUp(r.waitMillis(l, now, r.capacity()-r.Cost))
	}
}
