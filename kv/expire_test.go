package kv

import (
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestExpireGivesALifetimeFromNowAndPersistTakesIt(t *testing.T) {
	mortal := document(`{"a" : 1}`)
	mortal.ExpireAt = birth + 1
	f := func(op Op, row Row, changed bool, want int64) {
		t.Helper()
		for _, op.Unrecorded = range []bool{false, true} {
			tr := try(t, op, row)
			if tr.why != nil || tr.out.Changed != changed || tr.row.ExpireAt != want || tr.reply.ExpireAt != want {
				t.Errorf("%s: %v, changed %v, expires %d, answered %d; want %d", op.Code, tr.why, tr.out.Changed, tr.row.ExpireAt, tr.reply.ExpireAt, want)
			}
			if tr.value() != string(row.Value.Append(nil)) || tr.row.ContentType != row.ContentType || tr.row.CreatedAt != row.CreatedAt || tr.row.UpdatedAt != row.UpdatedAt {
				t.Errorf("%s changed more than the lifetime: %+v", op.Code, tr.row)
			}
			if (tr.row.Version != row.Version) != changed || tr.reply.Version != tr.row.Version {
				t.Errorf("%s: version %d, answered %d", op.Code, tr.row.Version, tr.reply.Version)
			}
			// history=false does not keep it out of the history.
			switch {
			case !changed && len(tr.log) > 0:
				t.Errorf("%s without a change left %+v", op.Code, tr.log)
			case changed && (len(tr.log) != 1 || !tr.log[0].Expires || tr.log[0].ExpireAt != want || tr.log[0].HasState):
				t.Errorf("%s left %+v", op.Code, tr.log)
			}
		}
	}
	f(Op{Code: Expire, TTLSeconds: 5}, document(`{}`), true, birth+5000)
	f(Op{Code: Expire, TTLSeconds: 5}, mortal, true, birth+5000)
	f(Op{Code: Expire, TTLSeconds: 5}, number(3), true, birth+5000)
	f(Op{Code: Expire, TTLSeconds: ttlSecondsMax}, mortal, true, birth+ttlSecondsMax*1000)
	f(Op{Code: Persist}, mortal, true, 0)
	f(Op{Code: Persist}, document(`{}`), false, 0)
	f(Op{Code: Persist}, number(3), false, 0)
}

func TestExpireAndPersistAreRefusedForWhatIsNotThere(t *testing.T) {
	expired := document(`{}`)
	expired.ExpireAt = birth
	for _, row := range []Row{missing, expired} {
		refuses(t, Op{Code: Expire, TTLSeconds: 1}, row, refusal.KeyNotFound, "Key not found")
		refuses(t, Op{Code: Persist}, row, refusal.KeyNotFound, "Key not found")
	}
	const required = "ttl is required and must be at least 1"
	refuses(t, Op{Code: Expire}, document(`{}`), refusal.InvalidParameters, required)
	refuses(t, Op{Code: Expire, TTLSent: true}, document(`{}`), refusal.InvalidParameters, required)
	refuses(t, Op{Code: Expire, TTLSeconds: -1}, document(`{}`), refusal.InvalidParameters, "ttl must not be negative")
	refuses(t, Op{Code: Expire, TTLSeconds: ttlSecondsMax + 1}, document(`{}`), refusal.InvalidParameters, "ttl must be at most 100000000000 seconds")
}

// A keyframe may fall on a change of the lifetime alone; then it keeps the value.
func TestTheLifetimesOwnKeyframeHasTheValue(t *testing.T) {
	row := document(`[1]`)
	row.OpNumber = KeyframeEvery - 1
	tr := try(t, Op{Code: Expire, TTLSeconds: 5}, row)
	if len(tr.log) != 1 || !tr.log[0].HasState || string(tr.log[0].Value.Bytes) != `[1]` || tr.log[0].ExpireAt != birth+5000 {
		t.Fatalf("%+v", tr.log)
	}
	row.Value = Value{Kind: Stored}
	if !NeedsValue(&Op{Code: Expire}, &row, birth) || !NeedsValue(&Op{Code: Persist}, &row, birth) {
		t.Error("the value would be missing")
	}
	if row.OpNumber++; NeedsValue(&Op{Code: Expire}, &row, birth) || NeedsValue(&Op{Code: Persist}, &row, birth) {
		t.Error("the value is read for nothing")
	}
}
