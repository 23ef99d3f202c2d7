package ratelimit

import (
	"testing"

	"pgregory.net/rapid"
)

func TestEveryVerdictIsWhatAWitnessOfTheLogSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k key
		now := int64(birth) + rapid.Int64Range(0, 100_000).Draw(t, "start")
		rules := anyRules(t)
		witnesses := map[line]*witness{}
		for i := range rules {
			witnesses[identity(&rules[i])] = &witness{rule: rules[i]}
		}
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			now = later(t, now, rules)
			if now >= k.expireAt && rapid.Bool().Draw(t, "swept") {
				k.state = nil
			}
			asked, peek := withCosts(t, someOf(t, rules)), rapid.IntRange(0, 9).Draw(t, "peek") == 0
			allowed, each := true, make([]bool, len(asked))
			for i := range asked {
				each[i] = witnesses[identity(&asked[i])].allows(now, asked[i].Cost)
				allowed = allowed && each[i]
			}
			verdicts, got := k.ask(t, now, peek, asked...)
			if got != allowed {
				t.Fatalf("at %d %+v: %+v, but the witnesses say %v; %q", now-birth, asked, verdicts, each, k.state)
			}
			for i := range asked {
				w := witnesses[identity(&asked[i])]
				if allowed && !peek {
					w.admit(now, asked[i].Cost)
				}
				if want := w.verdict(now, asked[i].Cost, each[i]); verdicts[i] != want {
					t.Fatalf("at %d %+v, peek %v:\n got %+v\nwant %+v\n%q\n%+v", now-birth, asked[i], peek, verdicts[i], want, k.state, w.log)
				}
			}
		}
	})
}

// identity is what tells the rules of a key apart.
func identity(r *Rule) line {
	return line{algorithm: r.Algorithm, windowMillis: r.windowMillis()}
}

// A third of a second is no number of milliseconds: whoever rounds it drifts.
func TestThreePerSecondOverAMillionRequestsAdmitExactlyThat(t *testing.T) {
	const requests, limit, windowMillis = 1_000_000, 3, 1000
	state := make([]byte, 0, StateBytesMax)
	verdicts := make([]Verdict, 1)
	admitted := int64(0)
	rules := []Rule{{Algorithm: GCRA, Limit: limit, WindowSeconds: 1, Burst: 5, Cost: 1}}
	for ms := range int64(requests) {
		decision, why := Decide(state[:0], state, rules, birth+ms, false, verdicts)
		if why != nil {
			t.Fatal(why)
		}
		// The nth request past the burst is due n thirds of a second after the first.
		due := (admitted + 1 - rules[0].Burst) * windowMillis
		if want := ms*limit >= due; decision.Allowed != want {
			t.Fatalf("after %d ms and %d admitted: %v", ms, admitted, decision.Allowed)
		}
		if decision.Changed {
			state = decision.State
			admitted++
		}
	}
	if want := int64(5 + (requests-1)*limit/windowMillis); admitted != want {
		t.Fatalf("%d admitted, want %d", admitted, want)
	}
}
