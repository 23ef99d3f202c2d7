//go:build !race

package ratelimit

import "testing"

func TestADecisionAllocatesNothing(t *testing.T) {
	f := func(about string, rules ...Rule) {
		t.Helper()
		state, now := make([]byte, 0, StateBytesMax), int64(birth)
		verdicts := make([]Verdict, len(rules))
		answers := map[bool]int{}
		if allocs := testing.AllocsPerRun(1000, func() {
			now += 300
			decision, why := Decide(state[:0], state, rules, now, false, verdicts)
			if why != nil {
				t.Fatal(why)
			}
			if decision.Changed {
				state = decision.State
			}
			answers[decision.Allowed]++
		}); allocs != 0 {
			t.Errorf("%s: %v allocations", about, allocs)
		}
		if answers[true] == 0 || answers[false] == 0 {
			t.Errorf("%s: not both answers were measured: %v", about, answers)
		}
	}
	f("sliding", Rule{Limit: 2, WindowSeconds: 1, Cost: 1})
	f("fixed", Rule{Algorithm: Fixed, Limit: 2, WindowSeconds: 1, Cost: 1})
	f("gcra", Rule{Algorithm: GCRA, Limit: 3, WindowSeconds: 1, Burst: 7, Cost: 1})

	var all []Rule
	for i := range int64(RulesMax) {
		all = append(all, Rule{Algorithm: Algorithm(i) % algorithmEnd, Limit: 1 + 2*i, WindowSeconds: 1 + i, Cost: 1})
	}
	f("as many as there may be", all...)
}

func TestARefusalAllocatesNothing(t *testing.T) {
	f := func(state string, rules []Rule) {
		t.Helper()
		verdicts := make([]Verdict, len(rules))
		bytes := []byte(state)
		if allocs := testing.AllocsPerRun(100, func() {
			if _, why := Decide(nil, bytes, rules, birth, false, verdicts); why == nil {
				t.Fatal("not refused")
			}
		}); allocs != 0 {
			t.Errorf("%q: %v allocations", state, allocs)
		}
	}
	f("", []Rule{{}})
	f("something else", []Rule{{Limit: 1, WindowSeconds: 1, Cost: 1}})
}
