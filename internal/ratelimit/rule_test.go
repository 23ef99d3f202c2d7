package ratelimit

import (
	"math"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestAlgorithmsAreReadByTheirNames(t *testing.T) {
	f := func(text string, want Algorithm) {
		t.Helper()
		got, why := ParseAlgorithm(text)
		if got != want || why != nil {
			t.Errorf("%q is %v, %v", text, got, why)
		}
	}
	f("", Sliding)
	for a := range algorithmEnd {
		f(a.String(), a)
	}
	for _, text := range []string{"Sliding", " fixed", "gcra ", "unknown", "leaky"} {
		if _, why := ParseAlgorithm(text); why != algorithmUnknown {
			t.Errorf("%q: %v", text, why)
		}
	}
	if got := algorithmEnd.String(); got != "unknown" {
		t.Error(got)
	}
}

func TestRulesAreRefusedInOrder(t *testing.T) {
	// All is wrong; each line sets right what the line before was refused for.
	rule := Rule{Algorithm: algorithmEnd, WindowSeconds: -1, Burst: -1, Cost: -1}
	f := func(want *refusal.Refusal, right func()) {
		t.Helper()
		if got := rule.Check(); got != want {
			t.Errorf("%+v: %v, want %v", rule, got, want)
		}
		if want.Kind != refusal.InvalidParameters {
			t.Errorf("%v is of kind %d", want, want.Kind)
		}
		right()
	}
	f(algorithmUnknown, func() { rule.Algorithm = Fixed })
	f(limitNotPositive, func() { rule.Limit = LimitMax + 1 })
	f(limitTooLarge, func() { rule.Limit = 10 })
	f(windowNotPositive, func() { rule.WindowSeconds = WindowSecondsMax + 1 })
	f(windowTooLong, func() { rule.WindowSeconds = WindowSecondsMax })
	f(burstUnfit, func() { rule.Algorithm = GCRA })
	f(burstNegative, func() { rule.Burst = LimitMax + 1 })
	f(burstTooLarge, func() { rule.Burst = 101 })
	f(refillTooLong, func() { rule.Burst = 100 })
	f(costNotPositive, func() { rule.Cost = 101 })
	f(costOverBurst, func() { rule.Burst = 0 })
	f(costOverLimit, func() { rule.Cost = 10 })
	if why := rule.Check(); why != nil {
		t.Error(why)
	}
}

func TestRulesAreRefusedAtTheirBounds(t *testing.T) {
	f := func(rule Rule, want *refusal.Refusal) {
		t.Helper()
		if got := rule.Check(); got != want {
			t.Errorf("%+v: %v, want %v", rule, got, want)
		}
	}
	f(Rule{Limit: 1, WindowSeconds: 1, Cost: 1}, nil)
	f(Rule{Limit: LimitMax, WindowSeconds: WindowSecondsMax, Cost: LimitMax}, nil)
	f(Rule{Limit: 1, WindowSeconds: 1}, costNotPositive)
	f(Rule{Limit: 5, WindowSeconds: 1, Cost: 6}, costOverLimit)
	f(Rule{Limit: 5, WindowSeconds: 1, Cost: math.MaxInt64}, costOverLimit)
	f(Rule{Limit: math.MaxInt64, WindowSeconds: 1, Cost: 1}, limitTooLarge)
	f(Rule{Limit: math.MinInt64, WindowSeconds: 1, Cost: 1}, limitNotPositive)
	f(Rule{Limit: 1, WindowSeconds: math.MaxInt64, Cost: 1}, windowTooLong)
	f(Rule{Limit: 5, WindowSeconds: 1, Cost: 1, Burst: 5}, burstUnfit)
	f(Rule{Algorithm: Fixed, Limit: 5, WindowSeconds: 1, Cost: 1, Burst: -5}, burstUnfit)
	f(Rule{Algorithm: GCRA, Limit: 5, WindowSeconds: 1, Cost: 6, Burst: 6}, nil)
	f(Rule{Algorithm: GCRA, Limit: 5, WindowSeconds: 1, Cost: 5, Burst: 4}, costOverBurst)
	f(Rule{Algorithm: GCRA, Limit: 5, WindowSeconds: 1, Cost: 1, Burst: math.MinInt64}, burstNegative)
	f(Rule{Algorithm: GCRA, Limit: LimitMax, WindowSeconds: WindowSecondsMax, Cost: LimitMax, Burst: LimitMax}, nil)
	f(Rule{Algorithm: GCRA, Limit: LimitMax / 10, WindowSeconds: WindowSecondsMax, Cost: 1, Burst: LimitMax}, nil)
	f(Rule{Algorithm: GCRA, Limit: LimitMax/10 - 1, WindowSeconds: WindowSecondsMax, Cost: 1, Burst: LimitMax}, refillTooLong)
	f(Rule{Algorithm: GCRA, Limit: 1, WindowSeconds: 1, Cost: 1, Burst: RefillSecondsMax + 1}, refillTooLong)
}

func TestRulesOfOneKeyAreRefusedTogether(t *testing.T) {
	rule := func(algorithm Algorithm, windowSeconds int64) Rule {
		return Rule{Algorithm: algorithm, Limit: 1, WindowSeconds: windowSeconds, Cost: 1}
	}
	f := func(want *refusal.Refusal, rules ...Rule) {
		t.Helper()
		decision, why := Decide([]byte("dst"), nil, rules, birth, false, make([]Verdict, len(rules)))
		if got := Check(rules); got != want || why != want {
			t.Errorf("%+v: %v, %v, want %v", rules, got, why, want)
		}
		if want != nil && (string(decision.State) != "dst" || decision.Allowed || decision.Changed) {
			t.Errorf("refused, and %+v", decision)
		}
	}
	f(nil)
	f(nil, rule(Sliding, 1), rule(Sliding, 2), rule(Fixed, 1), rule(Fixed, 2), rule(GCRA, 1), rule(GCRA, 2))
	f(rulesAlike, rule(Sliding, 1), rule(Fixed, 1), rule(Sliding, 1))
	f(rulesAlike, rule(GCRA, 5), Rule{Algorithm: GCRA, Limit: 9, WindowSeconds: 5, Cost: 2, Burst: 3})
	f(windowNotPositive, rule(Sliding, 1), rule(Sliding, 1), rule(Sliding, 0))

	var many []Rule
	for i := range int64(RulesMax) {
		many = append(many, rule(Fixed, i+1))
	}
	f(nil, many...)
	f(rulesTooMany, append(many, rule(Fixed, 0))...)
}
