package ratelimit

import (
	"testing"

	"pgregory.net/rapid"
)

// life is the log of a rule that was asked more often than it allows.
func life(t *rapid.T, algorithm Algorithm) (Rule, []admission) {
	rule := Rule{
		Algorithm:     algorithm,
		Limit:         rapid.Int64Range(1, 30).Draw(t, "limit"),
		WindowSeconds: rapid.Int64Range(1, 3).Draw(t, "window"),
	}
	if algorithm == GCRA {
		rule.Burst = rapid.Int64Range(0, 40).Draw(t, "burst")
	}
	var k key
	var log []admission
	now := int64(birth)
	for range rapid.IntRange(50, 300).Draw(t, "requests") {
		now = later(t, now, []Rule{rule})
		rule.Cost = rapid.OneOf(rapid.Just(int64(1)), rapid.Int64Range(1, rule.capacity())).Draw(t, "cost")
		if _, allowed := k.ask(t, now, false, rule); allowed {
			log = append(log, admission{now, rule.Cost})
		}
	}
	return rule, log
}

// eachSpan tells the cost of every span between two admissions, both included.
func eachSpan(log []admission, f func(first, last, cost int64)) {
	for i := range log {
		cost := int64(0)
		for _, a := range log[i:] {
			cost += a.cost
			f(log[i].at, a.at, cost)
		}
	}
}

func TestFixedAdmitsAtMostTheLimitInAWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule, log := life(t, Fixed)
		window := rule.windowMillis()
		eachSpan(log, func(first, last, cost int64) {
			if first/window == last/window && cost > rule.Limit {
				t.Fatalf("%d of %d from %d to %d", cost, rule.Limit, first, last)
			}
			if last-first < window && cost > 2*rule.Limit {
				t.Fatalf("%d of twice %d from %d to %d", cost, rule.Limit, first, last)
			}
		})
	})
}

func TestSlidingAdmitsAtMostTheLimitInAWindowAndLessThanTwiceInAnySpanOfOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule, log := life(t, Sliding)
		window := rule.windowMillis()
		eachSpan(log, func(first, last, cost int64) {
			if first/window == last/window && cost > rule.Limit {
				t.Fatalf("%d of %d from %d to %d", cost, rule.Limit, first, last)
			}
			if last-first < window && cost > 2*rule.Limit-1 {
				t.Fatalf("%d of twice %d from %d to %d", cost, rule.Limit, first, last)
			}
			// The finer bound: what came before the border counts in full but for the
			// part of the window that has passed by the last admission.
			if border := last - last%window; first < border && last-first < window && cost*window > rule.Limit*(window+last-border) {
				t.Fatalf("%d of %d from %d to %d, across %d", cost, rule.Limit, first, last, border)
			}
		})
	})
}

func TestSlidingAdmitsTwiceTheLimitButOneToWhoWaitsForTheLastMillisecond(t *testing.T) {
	f := func(limit, windowSeconds int64) {
		t.Helper()
		var k key
		window := windowSeconds * 1000
		first := birth - birth%window + window - 1
		rule := Rule{Limit: limit, WindowSeconds: windowSeconds, Cost: limit}
		if _, allowed := k.ask(t, first, false, rule); !allowed {
			t.Fatal("the first")
		}
		rule.Cost = 1
		sum := limit
		for ms := first + 1; ms < first+window; ms++ {
			if _, allowed := k.ask(t, ms, false, rule); allowed {
				sum++
			}
		}
		if sum != 2*limit-1 {
			t.Errorf("%d in %d s: %d admitted", limit, windowSeconds, sum)
		}
	}
	f(1, 1)
	f(2, 1)
	f(10, 2)
	f(100, 1)
}

func TestGCRAAdmitsAtMostBurstAndWhatLeaksInAnySpan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule, log := life(t, GCRA)
		eachSpan(log, func(first, last, cost int64) {
			if (cost-rule.capacity())*rule.windowMillis() > rule.Limit*(last-first) {
				t.Fatalf("%d from %d to %d under %+v", cost, first, last, rule)
			}
		})
	})
}
