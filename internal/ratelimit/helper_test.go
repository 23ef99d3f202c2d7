package ratelimit

import (
	"bytes"
	"fmt"
	"testing"
)

// birth is the start of a window of 1, 10 and 100 seconds.
const birth = 1_700_000_000_000

// failer is a test, be it of testing or of rapid.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// key is what a caller holds of one key.
type key struct {
	state    []byte
	expireAt int64
}

// ask decides, and proves what is true of every decision.
func (k *key) ask(t failer, now int64, peek bool, rules ...Rule) ([]Verdict, bool) {
	t.Helper()
	verdicts := make([]Verdict, len(rules))
	state := bytes.Clone(k.state)
	decision, why := Decide([]byte("before"), k.state, rules, now, peek, verdicts)
	if why != nil {
		t.Fatalf("%+v on %q: %v", rules, k.state, why)
	}
	after, found := bytes.CutPrefix(decision.State, []byte("before"))
	allowed := true
	for _, verdict := range verdicts {
		allowed = allowed && verdict.Allowed
		if verdict.Allowed != (verdict.RetryAfterSeconds == 0) || verdict.Remaining < 0 || verdict.ResetSeconds < verdict.RetryAfterSeconds {
			t.Fatalf("%+v of %+v on %q", verdict, rules, k.state)
		}
	}
	switch {
	case !found || !bytes.Equal(state, k.state):
		t.Fatalf("memory that was lent has changed: %q, %q", decision.State, k.state)
	case decision.Allowed != allowed:
		t.Fatalf("all together %v, but each %+v", decision.Allowed, verdicts)
	case decision.Changed != (allowed && !peek && len(rules) > 0):
		t.Fatalf("allowed %v, peek %v, changed %v", allowed, peek, decision.Changed)
	case !decision.Changed && (len(after) > 0 || decision.ExpireAt != 0):
		t.Fatalf("unchanged, but %q until %d", after, decision.ExpireAt)
	case decision.Changed && (len(after) == 0 || len(after) > StateBytesMax || decision.ExpireAt <= now):
		t.Fatalf("at %d %q until %d", now, after, decision.ExpireAt)
	}
	if decision.Changed {
		k.state, k.expireAt = after, decision.ExpireAt
	}
	return verdicts, allowed
}

// allows peeks.
func (k *key) allows(t failer, now int64, rule Rule) bool {
	t.Helper()
	_, allowed := k.ask(t, now, true, rule)
	return allowed
}

// show is short enough for a table.
func show(v Verdict) string {
	if v.Allowed {
		return fmt.Sprintf("yes, %d left, full in %d", v.Remaining, v.ResetSeconds)
	}
	return fmt.Sprintf("no, %d left, full in %d, retry in %d", v.Remaining, v.ResetSeconds, v.RetryAfterSeconds)
}

// table asks one rule on one key, at times from birth on.
func table(t *testing.T, rule Rule) (f func(at, cost int64, want string)) {
	var k key
	return func(at, cost int64, want string) {
		t.Helper()
		rule := rule
		rule.Cost = cost
		verdicts, _ := k.ask(t, birth+at, false, rule)
		if got := show(verdicts[0]); got != want || verdicts[0].Limit != rule.Limit {
			t.Errorf("at %d for %d: %s, want %s; %q", at, cost, got, want, k.state)
		}
	}
}
