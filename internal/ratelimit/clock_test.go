package ratelimit

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAClockSetBackByASecondFindsTheCountsAsTheyWere(t *testing.T) {
	f := func(algorithm Algorithm, spentAt, backAt int64, want string) {
		t.Helper()
		rule := Rule{Algorithm: algorithm, Limit: 4, WindowSeconds: 10, Cost: 3}
		var k key
		k.ask(t, birth+spentAt, false, rule)
		rule.Cost = 2
		verdicts, allowed := k.ask(t, birth+backAt, false, rule)
		if got := show(verdicts[0]); got != want {
			t.Errorf("%v: %s, want %s; %q", algorithm, got, want, k.state)
		}
		if retry := verdicts[0].RetryAfterSeconds * 1000; !allowed && (k.allows(t, birth+backAt+retry-1000, rule) || !k.allows(t, birth+backAt+retry, rule)) {
			t.Errorf("%v: retry in %d ms is wrong", algorithm, retry)
		}
	}
	f(Fixed, 10_000, 9_999, "no, 1 left, full in 11, retry in 11")
	f(Fixed, 10_000, 9_000, "no, 1 left, full in 11, retry in 11")
	f(Fixed, 10_000, 8_999, "yes, 2 left, full in 2")
	f(Fixed, 19_999, 10_000, "no, 1 left, full in 10, retry in 10") // in its own window, it is not ahead
	f(Sliding, 10_000, 9_999, "no, 1 left, full in 21, retry in 14")
	f(Sliding, 10_000, 9_000, "no, 1 left, full in 21, retry in 15")
	f(Sliding, 10_000, 8_999, "yes, 2 left, full in 12")
	f(Sliding, 19_999, 10_000, "no, 1 left, full in 20, retry in 14")
	f(GCRA, 10_000, 9_999, "no, 1 left, full in 8, retry in 3")
	f(GCRA, 10_000, 9_000, "no, 1 left, full in 9, retry in 4")
	f(GCRA, 10_000, 8_999, "yes, 2 left, full in 5")
}

func TestTheWindowBeforeWeighsNoMoreThanItselfWhenTheClockIsBehind(t *testing.T) {
	k := key{state: []byte("sliding 10 1700000010000 5 1")}
	for _, at := range []int64{9_000, 9_999, 10_000} {
		verdicts, _ := k.ask(t, birth+at, true, Rule{Limit: 8, WindowSeconds: 10, Cost: 3})
		if v := verdicts[0]; v.Allowed || v.Remaining != 2 {
			t.Errorf("at %d: %s", at, show(v))
		}
	}
}

func TestAClockSetBackByASecondGivesNobodyMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := withCosts(t, anyRules(t)[:1])[0]
		var k key
		now := int64(birth)
		for range rapid.IntRange(1, 30).Draw(t, "requests") {
			now = later(t, now, []Rule{rule})
			before, allowed := k.ask(t, now, false, rule)
			if !allowed {
				continue
			}
			step := rapid.Int64Range(0, aheadMillisMax).Draw(t, "set back by")
			if after, _ := k.ask(t, now-step, true, rule); after[0].Remaining > before[0].Remaining {
				t.Fatalf("set back by %d: %+v, before %+v; %q", step, after, before, k.state)
			}
		}
	})
}

func TestAClockSetBackLetsNobodyWaitASecondLongerThanTheRuleMay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := withCosts(t, anyRules(t)[:1])[0]
		longest := map[Algorithm]int64{
			Fixed:   rule.WindowSeconds,
			Sliding: 2 * rule.WindowSeconds,
			GCRA:    (rule.capacity()*rule.WindowSeconds + rule.Limit - 1) / rule.Limit,
		}[rule.Algorithm]
		var k key
		now := int64(birth)
		for range rapid.IntRange(1, 30).Draw(t, "requests") {
			now = later(t, now, []Rule{rule})
			if now > birth && rapid.IntRange(0, 9).Draw(t, "clock") == 0 {
				now -= rapid.OneOf(rapid.Int64Range(0, 2*aheadMillisMax), rapid.Int64Range(0, birth)).Draw(t, "set back by")
			}
			verdicts, _ := k.ask(t, now, false, rule)
			if verdicts[0].ResetSeconds > longest+1 || verdicts[0].RetryAfterSeconds > longest+1 {
				t.Fatalf("%+v; %q", verdicts, k.state)
			}
		}
	})
}

func TestALineOfTheFarFutureSaysNothing(t *testing.T) {
	f := func(state string, rule Rule, wantAllowed bool) {
		t.Helper()
		k := key{state: []byte(state)}
		rule.Limit, rule.Cost = 1, 1
		if k.allows(t, birth, rule) != wantAllowed {
			t.Errorf("%q: allowed is not %v", state, wantAllowed)
		}
		if !k.allows(t, birth+1_000_000_000_000, rule) {
			t.Errorf("%q locks out for ever", state)
		}
	}
	f("fixed 1 1700000001000 1", Rule{Algorithm: Fixed, WindowSeconds: 1}, false)
	f("fixed 1 1700000002000 1", Rule{Algorithm: Fixed, WindowSeconds: 1}, true)
	f("fixed 10 1700000010000 1", Rule{Algorithm: Fixed, WindowSeconds: 10}, true)
	f("fixed 10 999999999999990000 1", Rule{Algorithm: Fixed, WindowSeconds: 10}, true)
	f("sliding 1 1700000001000 0 1", Rule{WindowSeconds: 1}, false)
	f("sliding 1 1700000002000 0 1", Rule{WindowSeconds: 1}, true)
	f("sliding 10 1700000010000 0 1", Rule{WindowSeconds: 10}, true)
	f("gcra 10 1700000001000 1 0 1700000011000", Rule{Algorithm: GCRA, WindowSeconds: 10}, false)
	f("gcra 10 1700000001001 1 0 1700000011001", Rule{Algorithm: GCRA, WindowSeconds: 10}, true)
	f("gcra 10 999999999999999998 1 0 999999999999999999", Rule{Algorithm: GCRA, WindowSeconds: 10}, true)
	// It makes room for others, too.
	k := key{state: []byte("fixed 10 1700000010000 1")}
	k.ask(t, birth, false, Rule{Algorithm: Fixed, Limit: 1, WindowSeconds: 1, Cost: 1})
	if string(k.state) != "fixed 1 1700000000000 1" {
		t.Errorf("%q", k.state)
	}
}
