package ratelimit

import "pgregory.net/rapid"

// anyRules are rules that may be asked together. They are small, so that a short
// life meets their borders, and have no costs yet.
func anyRules(t *rapid.T) []Rule {
	var rules []Rule
	for range rapid.IntRange(1, 4).Draw(t, "rules") {
		rule := Rule{
			Algorithm:     rapid.SampledFrom([]Algorithm{Sliding, Fixed, GCRA}).Draw(t, "algorithm"),
			Limit:         rapid.Int64Range(1, 12).Draw(t, "limit"),
			WindowSeconds: rapid.SampledFrom([]int64{1, 2, 3, 7}).Draw(t, "window"),
		}
		if rule.Algorithm == GCRA {
			rule.Burst = rapid.Int64Range(0, 20).Draw(t, "burst")
		}
		alike := false
		for _, other := range rules {
			alike = alike || (other.Algorithm == rule.Algorithm && other.WindowSeconds == rule.WindowSeconds)
		}
		if !alike {
			rules = append(rules, rule)
		}
	}
	return rules
}

// someOf is one or more of the rules, in any order.
func someOf(t *rapid.T, rules []Rule) []Rule {
	return rapid.Permutation(rules).Draw(t, "order")[:rapid.IntRange(1, len(rules)).Draw(t, "asked")]
}

// withCosts gives each rule a cost that it could allow. Most are 1.
func withCosts(t *rapid.T, rules []Rule) []Rule {
	costly := append([]Rule(nil), rules...)
	for i := range costly {
		costly[i].Cost = 1
		if rapid.Bool().Draw(t, "costly") {
			costly[i].Cost = rapid.Int64Range(1, costly[i].capacity()).Draw(t, "cost")
		}
	}
	return costly
}

// later is a time after now that is of interest: often the same, often at a border
// of a window or just beside it.
func later(t *rapid.T, now int64, rules []Rule) int64 {
	rule := rapid.SampledFrom(rules).Draw(t, "whose window")
	window := rule.windowMillis()
	switch rapid.IntRange(0, 4).Draw(t, "pace") {
	case 0:
		return now
	case 1:
		return now + rapid.Int64Range(1, 3).Draw(t, "ms")
	case 2:
		border := now - now%window + window
		return max(now, border+rapid.Int64Range(-1, 1).Draw(t, "beside the border"))
	case 3:
		return now + rapid.Int64Range(0, 2*window).Draw(t, "windows")
	}
	return now + rapid.Int64Range(0, window/4).Draw(t, "ms")
}
