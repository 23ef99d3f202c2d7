package ratelimit

import (
	"testing"

	"pgregory.net/rapid"
)

// checkVerdict proves the numbers of a rule's verdict by asking again, whatever the
// state is and wherever it came from.
func checkVerdict(t failer, k *key, now int64, rule Rule) {
	t.Helper()
	verdicts, _ := k.ask(t, now, true, rule)
	v := verdicts[0]
	at := func(seconds, cost int64) bool {
		t.Helper()
		rule := rule
		rule.Cost = cost
		return k.allows(t, now+seconds*1000, rule)
	}
	fault := ""
	switch {
	case v.Remaining > 0 && !at(0, v.Remaining):
		fault = "what remains is not allowed"
	case v.Remaining < rule.capacity() && at(0, v.Remaining+1):
		fault = "more than what remains is allowed"
	case !at(v.RetryAfterSeconds, rule.Cost):
		fault = "it is not allowed when it was told to be"
	case v.RetryAfterSeconds > 0 && at(v.RetryAfterSeconds-1, rule.Cost):
		fault = "it is allowed earlier than told"
	case !at(v.ResetSeconds, rule.capacity()):
		fault = "it is not full when it was told to be"
	case v.ResetSeconds > 0 && at(v.ResetSeconds-1, rule.capacity()):
		fault = "it is full earlier than told"
	}
	if fault != "" {
		t.Fatalf("%s: at %d %+v on %q: %+v", fault, now, rule, k.state, v)
	}
}

func TestVerdictsAreTrueWhenLimitsChangeAndTheClockStepsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k key
		now := int64(birth)
		rules := anyRules(t)
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			now = later(t, now, rules)
			if rapid.IntRange(0, 9).Draw(t, "clock") == 0 {
				now -= rapid.Int64Range(0, 2*aheadMillisMax).Draw(t, "set back by")
			}
			if rapid.IntRange(0, 4).Draw(t, "settings") == 0 {
				rule := &rules[rapid.IntRange(0, len(rules)-1).Draw(t, "of")]
				rule.Limit = rapid.Int64Range(1, 40).Draw(t, "limit")
				if rule.Algorithm == GCRA {
					rule.Burst = rapid.Int64Range(0, 40).Draw(t, "burst")
				}
			}
			asked := withCosts(t, someOf(t, rules))
			k.ask(t, now, false, asked...)
			for i := range asked {
				checkVerdict(t, &k, now, asked[i])
			}
		}
	})
}

func TestARuleAnswersTheSameAloneAndAmongOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k key
		now := int64(birth)
		rules := anyRules(t)
		for range rapid.IntRange(1, 20).Draw(t, "requests") {
			now = later(t, now, rules)
			asked := withCosts(t, someOf(t, rules))
			together, allowed := k.ask(t, now, true, asked...)
			each := true
			for i := range asked {
				alone, yes := k.ask(t, now, true, asked[i])
				if each = each && yes; alone[0] != together[i] {
					t.Fatalf("alone %+v, among others %+v", alone[0], together[i])
				}
			}
			if each != allowed {
				t.Fatalf("each %v, all %v", each, allowed)
			}
			k.ask(t, now, false, asked...)
		}
	})
}
