package kv

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

func TestConditionsHoldOrRefuseWithTheCurrentETag(t *testing.T) {
	expired := document(`{}`)
	expired.ExpireAt = birth
	f := func(row Row, c Conditions, want, facts string) {
		t.Helper()
		// The condition comes before whatever else would be refused.
		for _, op := range []Op{{Code: Set, ContentType: "text/plain"}, {Code: Pop}, {Code: Incr, Delta: 1}, push("", "1"), {Code: Expire, TTLSeconds: 1}, {Code: Persist}, {Code: Delete}} {
			op.If = &c
			switch tr := try(t, op, row); {
			case want == "":
				if tr.why != nil && tr.why.Kind == refusal.PreconditionFailed {
					t.Errorf("%s: %v", op.Code, tr.why)
				}
			case tr.why == nil || tr.why.Kind != refusal.PreconditionFailed || tr.why.Text != want || tr.why.Facts != facts:
				t.Errorf("%s: %s, want %s %s", op.Code, text(tr.why), want, facts)
			}
		}
	}
	const (
		exists   = "Precondition failed: the key exists"
		isNot    = "Precondition failed: the key does not exist"
		other    = "Precondition failed: the ETag does not match"
		noKey    = "Key does not exist for CAS"
		mismatch = "Value mismatch for CAS"

		seven, none = `,"current_etag":"\"7\""`, `,"current_etag":null`
	)
	f(document(`{}`), Conditions{}, "", "")
	f(missing, Conditions{}, "", "")

	f(document(`{}`), Conditions{Absent: true}, exists, seven)
	f(missing, Conditions{Absent: true}, "", "")
	f(expired, Conditions{Absent: true}, "", "")
	f(document(`{}`), Conditions{Exists: true}, "", "")
	f(missing, Conditions{Exists: true}, isNot, none)
	f(expired, Conditions{Exists: true}, isNot, none)

	f(document(`{}`), Conditions{Tagged: true, Versions: []int64{7}}, "", "")
	f(document(`{}`), Conditions{Tagged: true, Versions: []int64{1, 7, 9}}, "", "")
	f(document(`{}`), Conditions{Tagged: true, Versions: []int64{6, 8}}, other, seven)
	f(document(`{}`), Conditions{Tagged: true}, other, seven) // tags that are not ours
	f(missing, Conditions{Tagged: true, Versions: []int64{0}}, other, none)
	f(expired, Conditions{Tagged: true, Versions: []int64{7}}, other, none)

	f(document(` {}`), Conditions{HasBytes: true, Bytes: []byte(` {}`)}, "", "")
	f(document(` {}`), Conditions{HasBytes: true, Bytes: []byte(`{}`)}, mismatch, seven)
	f(stored("text/plain", ""), Conditions{HasBytes: true}, "", "")
	f(document(`{}`), Conditions{HasBytes: true}, mismatch, seven)
	f(missing, Conditions{HasBytes: true}, noKey, none)
	f(expired, Conditions{HasBytes: true, Bytes: []byte(`{}`)}, noKey, none)

	// The stored bytes of a counter are its decimal text.
	f(number(-41), Conditions{HasBytes: true, Bytes: []byte("-41")}, "", "")
	f(number(least), Conditions{HasBytes: true, Bytes: []byte("-9223372036854775808")}, "", "")
	f(number(41), Conditions{HasBytes: true, Bytes: []byte("041")}, mismatch, seven)
	f(number(41), Conditions{HasBytes: true, Bytes: []byte("+41")}, mismatch, seven)
	f(number(0), Conditions{HasBytes: true}, mismatch, seven)

	// Of several that fail, the first in this order is told.
	f(document(`{}`), Conditions{Absent: true, Exists: true, Tagged: true, HasBytes: true}, exists, seven)
	f(missing, Conditions{Absent: true, Exists: true, Tagged: true, HasBytes: true}, isNot, none)
	f(missing, Conditions{Tagged: true, HasBytes: true}, other, none)
	f(document(`{}`), Conditions{Exists: true, Tagged: true, HasBytes: true}, other, seven)
	f(document(`{}`), Conditions{Exists: true, Tagged: true, Versions: []int64{7}, HasBytes: true}, mismatch, seven)
}

// With a path, the condition is still about the whole stored value.
func TestCompareAndSetOfALeafComparesTheWholeValue(t *testing.T) {
	op := patch("a", "2")
	op.If = &Conditions{HasBytes: true, Bytes: []byte(`{"a":1}`)}
	if tr := try(t, op, document(`{"a":1}`)); tr.why != nil || tr.value() != `{"a":2}` {
		t.Error(tr.why, tr.value())
	}
	op.If.Bytes = []byte(`1`)
	refuses(t, op, document(`{"a":1}`), refusal.PreconditionFailed, "Value mismatch for CAS")
}

func TestADeletionThatMayFindNothingStillHoldsItsCondition(t *testing.T) {
	op := Op{Code: Delete, MissingOK: true, If: &Conditions{Tagged: true, Versions: []int64{7}}}
	refuses(t, op, missing, refusal.PreconditionFailed, "Precondition failed: the ETag does not match")
	if tr := try(t, op, document(`{}`)); tr.why != nil || !tr.reply.Deleted {
		t.Error(tr.why)
	}
}

func TestAReadOfAnotherVersionTellsTheCurrentOne(t *testing.T) {
	why := OtherVersion(12)
	if why.Kind != refusal.PreconditionFailed || why.Facts != `,"current_etag":"\"12\""` || why.Text != "Precondition failed: the ETag does not match" {
		t.Error(text(why))
	}
}

func TestTheFailedItemsOfABatchAreAllNamed(t *testing.T) {
	var failed Failed
	if failed.Any() {
		t.Error("nothing has failed")
	}
	check := func(key string, row Row, c *Conditions) {
		failed.Check(&Op{Key: key, If: c}, &row, birth)
	}
	check("no condition", document(`{}`), nil)
	check("holds", document(`{}`), &Conditions{Exists: true})
	if failed.Any() {
		t.Error("nothing has failed")
	}
	check("a\"b\n", document(`{}`), &Conditions{Absent: true})
	check("gone", missing, &Conditions{Exists: true})
	const want = `,"failed":[{"key":"a\"b\n","current_etag":"\"7\""},{"key":"gone","current_etag":null}]`
	why := failed.Refusal()
	if !failed.Any() || why.Kind != refusal.PreconditionFailed || why.Facts != want {
		t.Error(text(why))
	}
	if failed.Reset(); failed.Any() {
		t.Error("not forgotten")
	}
	check("again", missing, &Conditions{Exists: true})
	if got := failed.Refusal().Facts; got != `,"failed":[{"key":"again","current_etag":null}]` || why.Facts != want {
		t.Error(got, why.Facts)
	}
}

func TestTheFactsOfAFailedBatchAreJSONWhateverItsKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var failed Failed
		keys := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "keys")
		for _, key := range keys {
			row := anyRow(t)
			row.ExpireAt = 0
			failed.Check(&Op{Key: key, If: &Conditions{Absent: row.Exists, Exists: !row.Exists}}, &row, birth)
		}
		var got struct {
			Failed []struct {
				Key         string  `json:"key"`
				CurrentETag *string `json:"current_etag"`
			} `json:"failed"`
		}
		if err := json.Unmarshal([]byte(`{"error":"x"`+failed.Refusal().Facts+`}`), &got); err != nil || len(got.Failed) != len(keys) {
			t.Fatalf("%v, %+v", err, got)
		}
	})
}
