package ratelimit

import "testing"

func BenchmarkDecideSliding(b *testing.B) { benchmark(b, Rule{Limit: 100, WindowSeconds: 60, Cost: 1}) }

func BenchmarkDecideFixed(b *testing.B) {
	benchmark(b, Rule{Algorithm: Fixed, Limit: 100, WindowSeconds: 60, Cost: 1})
}

func BenchmarkDecideGCRA(b *testing.B) {
	benchmark(b, Rule{Algorithm: GCRA, Limit: 100, WindowSeconds: 60, Cost: 1})
}

func BenchmarkDecideTwoRules(b *testing.B) {
	benchmark(b, Rule{Limit: 10, WindowSeconds: 1, Cost: 1}, Rule{Limit: 100, WindowSeconds: 60, Cost: 1})
}

// benchmark asks every 300 ms, so that a part of the requests is refused.
func benchmark(b *testing.B, rules ...Rule) {
	state, now := make([]byte, 0, StateBytesMax), int64(birth)
	verdicts := make([]Verdict, len(rules))
	b.ReportAllocs()
	for b.Loop() {
		now += 300
		decision, why := Decide(state[:0], state, rules, now, false, verdicts)
		if why != nil {
			b.Fatal(why)
		}
		if decision.Changed {
			state = decision.State
		}
	}
}
