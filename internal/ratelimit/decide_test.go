package ratelimit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestAllRulesTakeTheCostOrNone(t *testing.T) {
	second := Rule{Algorithm: Fixed, Limit: 2, WindowSeconds: 1, Cost: 1}
	minute := Rule{Limit: 3, WindowSeconds: 100, Cost: 1}
	var k key
	f := func(at int64, wantSecond, wantMinute string) {
		t.Helper()
		state := bytes.Clone(k.state)
		verdicts, allowed := k.ask(t, birth+at, false, second, minute)
		if a, b := show(verdicts[0]), show(verdicts[1]); a != wantSecond || b != wantMinute {
			t.Errorf("at %d: %s; %s", at, a, b)
		}
		if !allowed && !bytes.Equal(state, k.state) {
			t.Errorf("refused, but %q became %q", state, k.state)
		}
	}
	f(0, "yes, 1 left, full in 1", "yes, 2 left, full in 200")
	f(1, "yes, 0 left, full in 1", "yes, 1 left, full in 200")
	// The minute would allow it: what it has left stays.
	f(2, "no, 0 left, full in 1, retry in 1", "yes, 1 left, full in 200")
	f(2, "no, 0 left, full in 1, retry in 1", "yes, 1 left, full in 200")
	f(1_000, "yes, 1 left, full in 1", "yes, 0 left, full in 199")
	f(1_001, "yes, 1 left, full in 1", "no, 0 left, full in 199, retry in 133")
	f(2_000, "yes, 2 left, full in 0", "no, 0 left, full in 198, retry in 132")
}

func TestAPeekAnswersAndConsumesNothing(t *testing.T) {
	for a := range algorithmEnd {
		rule := Rule{Algorithm: a, Limit: 2, WindowSeconds: 10, Cost: 2}
		var k key
		for range 3 {
			verdicts, allowed := k.ask(t, birth, true, rule)
			if !allowed || k.state != nil || show(verdicts[0]) != "yes, 2 left, full in 0" {
				t.Errorf("%v: %+v, %q", a, verdicts, k.state)
			}
		}
		if _, allowed := k.ask(t, birth, false, rule); !allowed {
			t.Errorf("%v: not after peeks", a)
		}
		state := bytes.Clone(k.state)
		peek, allowed := k.ask(t, birth+1, true, rule)
		refused, _ := k.ask(t, birth+1, false, rule)
		if allowed || peek[0] != refused[0] || !bytes.Equal(state, k.state) {
			t.Errorf("%v: a peek says %+v, a request %+v; %q became %q", a, peek, refused, state, k.state)
		}
	}
}

func TestLinesOfOtherRulesAreKeptUntilTheySayNothing(t *testing.T) {
	var k key
	f := func(at int64, rule Rule, want ...string) {
		t.Helper()
		rule.Cost = 1
		k.ask(t, birth+at, false, rule)
		if got := string(k.state); got != strings.Join(want, "\n") {
			t.Errorf("at %d: %q", at, got)
		}
	}
	fixed, sliding := Rule{Algorithm: Fixed, Limit: 9, WindowSeconds: 10}, Rule{Limit: 9, WindowSeconds: 10}
	gcra := Rule{Algorithm: GCRA, Limit: 2, WindowSeconds: 10}
	other := Rule{Limit: 9, WindowSeconds: 1}
	const fixedLine, slidingLine = "fixed 10 1700000000000 1", "sliding 10 1700000000000 0 1"

	f(0, fixed, fixedLine)
	f(9_000, gcra, fixedLine, "gcra 10 1700000009000 1 0 1700000014000")
	f(9_500, sliding, fixedLine, "gcra 10 1700000009000 1 0 1700000014000", slidingLine)
	f(9_999, other, fixedLine, "gcra 10 1700000009000 1 0 1700000014000", slidingLine, "sliding 1 1700000009000 0 1")
	f(10_000, other, "gcra 10 1700000009000 1 0 1700000014000", slidingLine, "sliding 1 1700000010000 1 1")
	f(13_999, other, "gcra 10 1700000009000 1 0 1700000014000", slidingLine, "sliding 1 1700000013000 0 1")
	f(14_000, other, slidingLine, "sliding 1 1700000014000 1 1")
	f(19_999, other, slidingLine, "sliding 1 1700000019000 0 1")
	f(20_000, other, "sliding 1 1700000020000 1 1")
}

func TestALiveLineIsNeverForgottenForAnother(t *testing.T) {
	var k key
	for i := range int64(LinesMax) {
		k.ask(t, birth, false, Rule{Algorithm: Fixed, Limit: 1, WindowSeconds: 100 + i, Cost: 1})
	}
	state := bytes.Clone(k.state)
	rules := []Rule{{Limit: 1, WindowSeconds: 1, Cost: 1}}
	if decision, why := Decide(nil, k.state, rules, birth, false, make([]Verdict, 1)); why != linesTooMany || decision.Allowed || decision.Changed || decision.State != nil {
		t.Fatalf("%+v, %v", decision, why)
	}
	for i := range int64(LinesMax) {
		if k.allows(t, birth, Rule{Algorithm: Fixed, Limit: 1, WindowSeconds: 100 + i, Cost: 1}) {
			t.Errorf("the rule with a window of %d s was forgotten", 100+i)
		}
	}
	if !bytes.Equal(state, k.state) {
		t.Errorf("%q became %q", state, k.state)
	}
	// One of them is over at last.
	var over int64 = birth
	lines, _ := parse(make([]line, 0, LinesMax), k.state)
	for len(dropDead(lines, over)) == LinesMax {
		over++
		lines, _ = parse(lines[:0], k.state)
	}
	if _, allowed := k.ask(t, over, false, rules...); !allowed {
		t.Error("there was room again")
	}
}

func TestCountsStayWhenTheLimitChanges(t *testing.T) {
	f := func(about Algorithm, steps ...string) {
		t.Helper()
		var k key
		for i, step := range steps {
			var at, limit, cost int64
			question, want, _ := strings.Cut(step, ": ")
			if _, err := fmt.Sscan(question, &at, &limit, &cost); err != nil {
				t.Fatal(err)
			}
			verdicts, _ := k.ask(t, birth+at, false, Rule{Algorithm: about, Limit: limit, WindowSeconds: 10, Cost: cost})
			if got := show(verdicts[0]); got != want {
				t.Errorf("%v, step %d: %s, want %s", about, i, got, want)
			}
		}
	}
	f(Fixed,
		"0 10 6: yes, 4 left, full in 10",
		"0 5 1: no, 0 left, full in 10, retry in 10",
		"0 7 1: yes, 0 left, full in 10",
		"0 20 1: yes, 12 left, full in 10")
	f(Sliding,
		"0 10 6: yes, 4 left, full in 20",
		"0 5 1: no, 0 left, full in 20, retry in 14", // 6 * 2/3 leave room for 1
		"0 7 1: yes, 0 left, full in 20",
		"10000 20 1: yes, 12 left, full in 20",
		"15000 2 1: no, 0 left, full in 15, retry in 5") // 7/2 and 1; at 20,000 only the 1 weighs
	f(GCRA,
		"0 10 6: yes, 4 left, full in 6",
		"0 20 1: yes, 13 left, full in 4",
		"0 7 1: no, 0 left, full in 4, retry in 2",
		// A smaller bucket was full, not more than full.
		"0 5 1: no, 0 left, full in 4, retry in 2",
		"2000 5 1: yes, 0 left, full in 10")
	f(GCRA,
		"0 10 6: yes, 4 left, full in 6",
		"500 10 1: yes, 3 left, full in 7",
		"500 6 1: no, 0 left, full in 7, retry in 2") // from 6, not from 6.5: that would take 3
}

func TestTimesOutsideOfTheCalendarAreTakenAsItsEnds(t *testing.T) {
	f := func(now, as int64) {
		t.Helper()
		rules := []Rule{{Limit: 2, WindowSeconds: WindowSecondsMax, Cost: 1}, {Algorithm: GCRA, Limit: 2, WindowSeconds: 1, Cost: 1}}
		verdicts := make([]Verdict, len(rules))
		a, why := Decide(nil, nil, rules, now, false, verdicts)
		b, otherwise := Decide(nil, nil, rules, as, false, verdicts)
		if why != nil || otherwise != nil || !bytes.Equal(a.State, b.State) || len(a.State) == 0 {
			t.Errorf("%d: %q, %v; %d: %q, %v", now, a.State, why, as, b.State, otherwise)
		}
	}
	f(-1, 0)
	f(-1<<63, 0)
	f(nowMillisMax+1, nowMillisMax)
	f(1<<63-1, nowMillisMax)
}
