package ratelimit

import (
	"math"
	"testing"
)

// Whatever lies under the key and whatever is asked: no panic, and either a refusal
// or a verdict whose numbers hold.
func FuzzDecide(f *testing.F) {
	for _, state := range []string{
		"", "5", "fixed", "fixed 60 1699999980000 1", "sliding 1 1700000000000 3 1",
		"gcra 1 1700000000000 6 497 1700000002167\nfixed 1 1700000000000 2",
		"sliding 31622400 1675987200000 1000000000000 1000000000000",
		"gcra 31622400 1700000000000 1000000000000 31622399999 2016224000000",
		"sliding 10 999999999999990000 0 1",
	} {
		for a := range algorithmEnd {
			f.Add([]byte(state), uint8(a), int64(10), int64(1), int64(1), int64(0), int64(birth))
			f.Add([]byte(state), uint8(a), int64(LimitMax), int64(WindowSecondsMax), int64(LimitMax), int64(0), int64(birth))
		}
	}
	f.Add([]byte("gcra 1 1700000000000 1 0 1700000000334"), uint8(GCRA), int64(3), int64(1), int64(1), int64(7), int64(birth+1))
	f.Add([]byte(nil), uint8(7), int64(math.MinInt64), int64(math.MaxInt64), int64(-1), int64(-1), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, state []byte, algorithm uint8, limit, window, cost, burst, now int64) {
		rule := Rule{Algorithm: Algorithm(algorithm), Limit: limit, WindowSeconds: window, Cost: cost, Burst: burst}
		var verdicts [2]Verdict
		rules := []Rule{rule, {Limit: 5, WindowSeconds: 10, Cost: 1}}
		decision, why := Decide(nil, state, rules, now, false, verdicts[:])
		if why != nil {
			if decision.State != nil || decision.Changed || decision.Allowed {
				t.Fatalf("refused, and %+v", decision)
			}
		} else if decision.Changed {
			if _, ok := parse(make([]line, 0, LinesMax), decision.State); !ok {
				t.Fatalf("%q does not read back", decision.State)
			}
		}
		rules = rules[:1]
		if _, why := Decide(nil, state, rules, now, true, verdicts[:1]); why != nil || now < 0 || now > nowMillisMax/2 {
			return
		}
		k := key{state: state}
		checkVerdict(t, &k, now, rule)
		k.ask(t, now, false, rule)
		checkVerdict(t, &k, now, rule)
	})
}
