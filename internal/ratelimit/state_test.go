package ratelimit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOnlyWhatWasWrittenHereIsRead(t *testing.T) {
	f := func(state string, want bool) {
		t.Helper()
		lines, ok := parse(make([]line, 0, LinesMax), []byte(state))
		if ok != want || (ok && string(appendState(nil, lines)) != state) {
			t.Errorf("%q: %v, %+v", state, ok, lines)
		}
		rules := []Rule{{Limit: 1, WindowSeconds: 77, Cost: 1}}
		decision, why := Decide(nil, []byte(state), rules, birth, false, make([]Verdict, 1))
		if (why == nil) != want || (!want && (why != notALimit || decision.State != nil || decision.Changed)) {
			t.Errorf("%q: %+v, %v", state, decision, why)
		}
	}
	f("", true)
	f("fixed 60 1699999980000 1", true)
	f("sliding 60 1699999980000 0 1", true)
	f("gcra 60 1700000000000 3 59999 1700000002000", true)
	f("fixed 60 1699999980000 1\nsliding 60 1699999980000 0 1\nfixed 1 1699999980000 1", true)
	f("fixed 1 999999999999999000 1000000000000", true)

	f("\n", false)
	f(" ", false)
	f("5", false)
	f(`{"allowed":true}`, false)
	f("\xff\x00", false)
	f("fixed", false)
	f("fixed ", false)
	f("fixed 60 1699999980000 1\n", false)
	f("\nfixed 60 1699999980000 1", false)
	f("fixed 60 1699999980000 1\n\nfixed 1 1699999980000 1", false)
	f("fixed 60 1699999980000 1\r\nfixed 1 1699999980000 1", false)
	f("fixed 60 1699999980000 1 ", false)
	f("fixed 60  1699999980000 1", false)
	f(" fixed 60 1699999980000 1", false)
	f("Fixed 60 1699999980000 1", false)
	f("unknown 60 1699999980000 1", false)
	f("fixed 60 1699999980000", false)
	f("fixed 60 1699999980000 0 1", false)
	f("fixed 60 1699999980000 0 1 2 3 4", false)
	f("sliding 60 1699999980000 1", false)
	f("gcra 60 1699999980000 1 0", false)
	f("fixed 60 1699999980000 +1", false)
	f("fixed 60 1699999980000 -1", false)
	f("fixed 60 1699999980000 01", false)
	f("fixed 60 1699999980000 1.0", false)
	f("fixed 60 1699999980000 0", false) // nothing used: nothing to remember
	f("fixed 60 1699999980001 1", false) // no border
	f("sliding 60 1699999980001 0 1", false)
	f("fixed 0 1699999980000 1", false)
	f("fixed 31622401 0 1", false)
	f("fixed 1 1000000000000000000 1", false)
	f("fixed 1 9223372036854775807 1", false)
	f("fixed 60 1699999980000 1000000000001", false)
	f("sliding 60 1699999980000 0 1000000000001", false)
	f("sliding 60 1699999980000 1000000000001 1", false)
	f("sliding 60 1699999980000 1 0", false)
	f("gcra 60 1700000000000 1000000000001 0 1700000002000", false)
	f("gcra 60 1700000000000 0 1 1700000002000", false)
	f("gcra 60 1700000000000 3 60000 1700000002000", false)
	f("gcra 60 1700000000000 3 0 1700000000000", false)
	f("gcra 60 1700000000000 3 0 2016224000001", false)
	f("fixed 60 1699999980000 1\nfixed 60 1699999980000 1", false)
	f("fixed 60 1699999980000 1\nfixed 60 1699999920000 5", false)

	var many []string
	for i := range LinesMax + 1 {
		many = append(many, fmt.Sprintf("sliding %d 0 0 1", i+1)) // dead, so that one more has room
	}
	f(strings.Join(many[:LinesMax], "\n"), true)
	f(strings.Join(many, "\n"), false)
}

func TestTheLongestStateFits(t *testing.T) {
	var k key
	var times int64
	for windowSeconds := int64(WindowSecondsMax); windowSeconds > WindowSecondsMax-LinesMax; windowSeconds-- {
		rule := Rule{Algorithm: GCRA, Limit: LimitMax / 10, WindowSeconds: windowSeconds, Burst: LimitMax, Cost: LimitMax}
		k.ask(t, nowMillisMax, false, rule)
		times++
	}
	lines, ok := parse(make([]line, 0, LinesMax), k.state)
	if !ok || len(lines) != LinesMax || times != LinesMax {
		t.Fatalf("%d lines: %q", len(lines), k.state)
	}
	// The part of the bucket is the only number that is not at its longest.
	for i := range lines {
		lines[i].part = lines[i].windowMillis - 1
	}
	state := appendState(nil, lines)
	if _, ok := parse(lines[:0], state); !ok || len(state) > StateBytesMax {
		t.Fatalf("%d bytes of %d: %q", len(state), StateBytesMax, state)
	}
}

func TestAStateMayBeOverwrittenByWhatFollowsIt(t *testing.T) {
	rules := []Rule{{Limit: 90, WindowSeconds: 7, Cost: 1}, {Algorithm: GCRA, Limit: 31, WindowSeconds: 60, Cost: 2, Burst: 1000}}
	apart, inPlace := []byte(nil), make([]byte, 0, StateBytesMax)
	verdicts := make([]Verdict, len(rules))
	for i := range int64(100) {
		a, why := Decide(nil, apart, rules, birth+i*777, false, verdicts)
		b, otherwise := Decide(inPlace[:0], inPlace, rules, birth+i*777, false, verdicts)
		if why != nil || otherwise != nil || !bytes.Equal(a.State, b.State) || a.ExpireAt != b.ExpireAt || !a.Changed {
			t.Fatalf("%+v, %+v", a, b)
		}
		apart, inPlace = a.State, b.State
	}
}

// A caller may drop a state at its expiry or later, or not at all.
func TestAStateSaysNothingFromItsExpiryOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k key
		now := int64(birth)
		rules := anyRules(t)
		for range rapid.IntRange(1, 20).Draw(t, "requests") {
			now += rapid.Int64Range(0, 5000).Draw(t, "ms")
			asked := withCosts(t, someOf(t, rules))
			k.ask(t, now, false, asked...)
			if k.state == nil {
				continue
			}
			if lines, _ := parse(make([]line, 0, LinesMax), k.state); len(dropDead(lines, k.expireAt-1)) == 0 || len(dropDead(lines, k.expireAt)) > 0 {
				t.Fatalf("%q until %d", k.state, k.expireAt)
			}
			if now >= k.expireAt {
				var fresh key
				a, _ := k.ask(t, now, true, asked...)
				b, _ := fresh.ask(t, now, true, asked...)
				if fmt.Sprint(a) != fmt.Sprint(b) {
					t.Fatalf("%+v, without a state %+v", a, b)
				}
			}
		}
	})
}
