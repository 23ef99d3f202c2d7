package kv

import (
	"testing"

	"github.com/urlite/urlite/internal/ratelimit"
	"github.com/urlite/urlite/refusal"
)

func limited(rule ratelimit.Rule) Op { return Op{Code: Limit, Limit: rule} }

func TestALimitIsGrantedUntilItIsUsedUpAndCountsNothingWhenRefused(t *testing.T) {
	row := missing
	for i := range int64(3) {
		tr := try(t, limited(perMinute(3)), row)
		if v := tr.reply.Verdict; tr.why != nil || !v.Allowed || v.Limit != 3 || v.Remaining != 2-i || v.RetryAfterSeconds != 0 {
			t.Fatalf("%d: %v, %+v", i, tr.why, v)
		}
		if len(tr.log) != 0 || tr.row.ContentType != limitContentType || tr.row.Value.Kind != Text || tr.row.ExpireAt <= birth || tr.row.UpdatedAt != birth {
			t.Fatalf("%+v, %+v", tr.row, tr.log)
		}
		row = tr.row
	}
	tr := try(t, limited(perMinute(3)), row)
	if v := tr.reply.Verdict; tr.why != RateLimited || v.Allowed || v.Remaining != 0 || v.RetryAfterSeconds < 1 || v.ResetSeconds < v.RetryAfterSeconds {
		t.Fatalf("%v, %+v", tr.why, v)
	}
	if text(tr.row) != text(row) {
		t.Fatalf("a refusal left %+v", tr.row)
	}
}

func TestAPeekOnlyAsks(t *testing.T) {
	f := func(row Row, want *refusal.Refusal, remaining int64) {
		t.Helper()
		op := limited(perMinute(1))
		op.Peek = true
		tr := try(t, op, row)
		if tr.why != want || tr.out.Changed || tr.reply.Verdict.Remaining != remaining || text(tr.row) != text(row) {
			t.Errorf("%v, %+v, %+v", tr.why, tr.reply, tr.row)
		}
	}
	used := try(t, limited(perMinute(1)), missing).row
	f(missing, nil, 1)
	f(used, RateLimited, 0)
	expired := used
	expired.ExpireAt = birth
	f(expired, nil, 1)
}

func TestALimitIsNeverRecordedAndADeletionResetsIt(t *testing.T) {
	l := newLife()
	limits := DefaultLimits()
	do := func(op Op, want bool) {
		t.Helper()
		op.Key = "k"
		if why := Check(&op, &limits); why != nil {
			t.Fatal(why)
		}
		if _, refused := l.do(&op); refused == want {
			t.Fatalf("%s is refused: %v", op.Code, refused)
		}
		l.now++
	}
	do(limited(perMinute(1)), true)
	do(limited(perMinute(1)), false)
	if len(l.chain) != 0 || l.row.Head != 0 {
		t.Fatalf("a rate limit left history: %s", l.history())
	}
	do(Op{Code: Delete}, true)
	do(limited(perMinute(1)), true)
	do(limited(perMinute(1)), false)
	// The deletion is history, as is that something unrecorded came before and after it.
	for i, want := range []EntryOp{EntryUnrecorded, EntryDelete, EntryUnrecorded} {
		if i >= len(l.chain) || l.chain[i].Op != want {
			t.Fatalf("%s", l.history())
		}
	}
}

func TestTheLifeOfALimitIsThatOfItsStateAndMovesInSteps(t *testing.T) {
	first := try(t, limited(perMinute(9)), missing).row
	// The window's end, another window after it, and one for the steps.
	if first.ExpireAt < birth+60_000 || first.ExpireAt > birth+3*60_000 {
		t.Fatalf("expires %d ms from now", first.ExpireAt-birth)
	}
	if again := try(t, limited(perMinute(9)), first).row; again.ExpireAt != first.ExpireAt {
		t.Errorf("moved to %d", again.ExpireAt)
	}
	f := func(expireAt int64, moved bool) {
		t.Helper()
		row := first
		row.ExpireAt = expireAt
		tr := try(t, limited(perMinute(9)), row)
		if (tr.row.ExpireAt != expireAt) != moved || tr.row.ExpireAt < first.ExpireAt-60_000 {
			t.Errorf("%d became %d", expireAt, tr.row.ExpireAt)
		}
	}
	f(0, true)       // somebody had it persist
	f(birth+1, true) // somebody gave it a short life
	f(birth+1<<40, false)
}

func TestWhatIsNoRateLimitIsNotMadeOne(t *testing.T) {
	const bad, no = refusal.InvalidParameters, "Value at key 'k' is not a rate limit"
	refuses(t, limited(perMinute(1)), document(`{}`), bad, no)
	refuses(t, limited(perMinute(1)), stored("text/plain", ""), bad, no)
	refuses(t, limited(perMinute(1)), number(5), bad, no)
	refuses(t, limited(perMinute(1)), stored(limitContentType, "hello"), bad, "the key does not hold a rate limit")
	counted := number(5)
	counted.ContentType = limitContentType
	refuses(t, limited(perMinute(1)), counted, bad, no)

	expired := document(`{}`)
	expired.ExpireAt = birth
	if tr := try(t, limited(perMinute(1)), expired); tr.why != nil || tr.row.ContentType != limitContentType || tr.row.CreatedAt != birth {
		t.Errorf("%v, %+v", tr.why, tr.row)
	}
}

func TestARuleThatCouldNeverGrantIsRefused(t *testing.T) {
	f := func(rule ratelimit.Rule, want string) {
		t.Helper()
		refuses(t, limited(rule), missing, refusal.InvalidParameters, want)
	}
	f(ratelimit.Rule{WindowSeconds: 1, Cost: 1}, "limit must be at least 1")
	f(ratelimit.Rule{Limit: 1, Cost: 1}, "window must be at least 1 second")
	f(ratelimit.Rule{Limit: 1, WindowSeconds: 1}, "cost must be at least 1")
	f(ratelimit.Rule{Limit: 1, WindowSeconds: 1, Cost: 2}, "cost is over limit: it could never be allowed")
	f(ratelimit.Rule{Limit: 1, WindowSeconds: 1, Cost: 1, Burst: 1}, "burst is only for the algorithm gcra")
	f(ratelimit.Rule{Algorithm: 9, Limit: 1, WindowSeconds: 1, Cost: 1}, "algorithm must be sliding, fixed or gcra")
}

func TestTheTightestLimitRefusesLongestOrElseHasLeast(t *testing.T) {
	f := func(want int, verdicts ...ratelimit.Verdict) {
		t.Helper()
		replies := make([]Reply, len(verdicts))
		for i := range verdicts {
			replies[i].Verdict = verdicts[i]
		}
		if got := Tightest(replies); got != want {
			t.Errorf("%+v: %d, want %d", verdicts, got, want)
		}
	}
	grants := func(left int64) ratelimit.Verdict { return ratelimit.Verdict{Allowed: true, Remaining: left} }
	refuses := func(seconds int64) ratelimit.Verdict { return ratelimit.Verdict{RetryAfterSeconds: seconds} }
	f(0, grants(5))
	f(1, grants(5), grants(4), grants(6))
	f(0, grants(4), grants(4))
	f(1, grants(0), refuses(1), grants(0))
	f(0, refuses(1), grants(0))
	f(2, refuses(3), refuses(1), refuses(5), grants(0))
	f(0, refuses(3), refuses(3))
	f(2, grants(0), refuses(1), refuses(2), refuses(1))
}
