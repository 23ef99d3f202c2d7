package kv

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/ratelimit"
)

// The fields of every answer, in the order of the contract.
func TestTheAnswerOfEveryOperation(t *testing.T) {
	f := func(op Op, row Row, want string) {
		t.Helper()
		if op.Key == "" {
			op.Key = `a"b`
		}
		if tr := try(t, op, row); tr.why != nil || tr.answer != want {
			t.Errorf("%v\n%s, want\n%s", tr.why, tr.answer, want)
		}
	}
	f(Op{Code: Set, Value: BytesValue([]byte("hello"), "text/plain")}, missing, `{"success":true,"key":"a\"b","size":5,"etag":"\"101\""}`)
	f(Op{Code: Set, Value: IntegerValue(-12)}, document(`{}`), `{"success":true,"key":"a\"b","size":3,"etag":"\"101\""}`)
	f(patch(`["x"]`, `1`), document(`{}`), `{"success":true,"key":"a\"b","size":7,"etag":"\"101\"","path":"[\"x\"]"}`)

	f(Op{Code: Delete}, document(`{}`), `{"success":true,"deleted":true}`)
	f(Op{Code: Delete, MissingOK: true}, missing, `{"success":true,"deleted":false}`)

	f(Op{Code: Incr, Delta: 2}, missing, `{"success":true,"key":"a\"b","value":2,"etag":"\"101\""}`)
	f(Op{Code: Decr, Delta: 2, Path: "n"}, document(`{"n":1}`), `{"success":true,"key":"a\"b","value":-1,"etag":"\"101\"","path":"n"}`)
	bounded := Bounds{Max: 5, HasMax: true, Clamp: true}
	f(Op{Code: Incr, Delta: 9, Bounds: bounded}, number(1), `{"success":true,"key":"a\"b","value":5,"etag":"\"101\"","applied":4,"expire_at":null}`)
	f(Op{Code: Incr, Delta: 9, Bounds: bounded}, number(5), `{"success":true,"key":"a\"b","value":5,"etag":"\"7\"","applied":0,"expire_at":null}`)
	f(Op{Code: Decr, Delta: 9, Bounds: Bounds{Min: -9, HasMin: true}, Path: "n"}, missing, `{"success":true,"key":"a\"b","value":-9,"etag":"\"101\"","path":"n","applied":-9,"expire_at":null}`)
	f(Op{Code: Incr, Delta: 1, TTLSent: true, TTLSeconds: 60}, missing, `{"success":true,"key":"a\"b","value":1,"etag":"\"101\"","applied":1,"expire_at":1700000060}`)
	mortal := number(1)
	mortal.ExpireAt = birth + 1 // shown in seconds, rounded up
	f(Op{Code: Incr, Delta: 1, TTLSent: true, TTLSeconds: 60}, mortal, `{"success":true,"key":"a\"b","value":2,"etag":"\"101\"","applied":1,"expire_at":1700000001}`)
	mortal.Value = IntegerValue(5)
	f(Op{Code: Incr, Delta: 9, Bounds: bounded}, mortal, `{"success":true,"key":"a\"b","value":5,"etag":"\"7\"","applied":0,"expire_at":1700000001}`)

	f(push("", "1"), missing, `{"success":true,"key":"a\"b","length":1,"newLength":1,"etag":"\"101\""}`)
	f(push("l", "1"), document(`{"l":[0]}`), `{"success":true,"key":"a\"b","length":2,"newLength":2,"etag":"\"101\"","path":"l"}`)
	f(Op{Code: Pop}, document(`[1,{"a" : [ ]}]`), `{"success":true,"key":"a\"b","value":{"a" : [ ]},"length":1,"etag":"\"101\""}`)
	f(removal(t, `{"value":"x"}`), document(`[1,"\u0078"]`), `{"success":true,"key":"a\"b","removed":"\u0078","length":1,"etag":"\"101\""}`)

	f(Op{Code: Expire, TTLSeconds: 2}, document(`{}`), `{"success":true,"key":"a\"b","expire_at":1700000002,"etag":"\"101\""}`)
	f(Op{Code: Persist}, mortal, `{"success":true,"key":"a\"b","expire_at":null,"etag":"\"101\""}`)
	f(Op{Code: Persist}, number(1), `{"success":true,"key":"a\"b","expire_at":null,"etag":"\"7\""}`)

	f(limited(ratelimit.Rule{Algorithm: ratelimit.GCRA, Limit: 2, WindowSeconds: 10, Cost: 1}), missing,
		`{"allowed":true,"limit":2,"remaining":1,"reset":5,"retry_after":0,"algorithm":"gcra"}`)
}

func TestTheAnswersOfSeveralOperations(t *testing.T) {
	f := func(shape Shape, ops []Op, replies []Reply, want string) {
		t.Helper()
		got := string(AppendAnswer([]byte("x"), shape, ops, replies))
		if got != "x"+want || !json.Valid([]byte(want)) {
			t.Errorf("%s, want\n%s", got, want)
		}
	}
	f(Items, []Op{{Key: "a"}, {Key: "b\\"}}, []Reply{{Version: 5}, {Version: 6}},
		`{"success":true,"count":2,"items":[{"key":"a","etag":"\"5\""},{"key":"b\\","etag":"\"6\""}]}`)
	f(Deleted, []Op{{}, {}, {}}, []Reply{{Deleted: true}, {}, {Deleted: true}}, `{"success":true,"deleted":2}`)
	f(Deleted, nil, nil, `{"success":true,"deleted":0}`)

	minute := limited(perMinute(5))
	minute.Key = "a"
	hour := limited(ratelimit.Rule{Algorithm: ratelimit.Fixed, Limit: 9, WindowSeconds: 3600, Cost: 1})
	hour.Key = "b"
	f(Limited, []Op{minute, hour}, []Reply{
		{Verdict: ratelimit.Verdict{Allowed: true, Limit: 5, Remaining: 4, ResetSeconds: 60}},
		{Verdict: ratelimit.Verdict{Limit: 9, ResetSeconds: 70, RetryAfterSeconds: 70}},
	}, `{"allowed":false,"limit":9,"remaining":0,"reset":70,"retry_after":70,"algorithm":"fixed","limits":[`+
		`{"key":"a","window":60,"allowed":true,"limit":5,"remaining":4,"reset":60,"retry_after":0,"algorithm":"sliding"},`+
		`{"key":"b","window":3600,"allowed":false,"limit":9,"remaining":0,"reset":70,"retry_after":70,"algorithm":"fixed"}]}`)
}

func TestARefusedLimitIsAnsweredLikeAGrantedOne(t *testing.T) {
	op := limited(perMinute(1))
	tr := try(t, op, try(t, op, missing).row)
	answer := AppendAnswer(nil, One, []Op{op}, []Reply{tr.reply})
	var got struct {
		Allowed    *bool  `json:"allowed"`
		RetryAfter *int64 `json:"retry_after"`
	}
	if err := json.Unmarshal(answer, &got); err != nil || got.Allowed == nil || *got.Allowed || got.RetryAfter == nil || *got.RetryAfter < 1 {
		t.Errorf("%v: %s", err, answer)
	}
}

func TestEveryAnswerIsAJSONObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now, sequence := anyOp(t, &row), anyNow(t), int64(100)
		op.Key = rapid.String().Draw(t, "key")
		var out Outcome
		if why := Decide(op, &row, now, &out); why != nil && why != RateLimited {
			if facts := `{"error":""` + why.Facts + `}`; !json.Valid([]byte(facts)) {
				t.Fatalf("the facts of a refusal are no JSON: %s", facts)
			}
			return
		} else if why == nil {
			out.Apply(op, &row, now, &sequence, nil)
		}
		answer := AppendAnswer(nil, One, []Op{*op}, []Reply{out.Reply})
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(answer, &fields); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
		if op.Code == Limit {
			return
		}
		etag := string(AppendETagText(nil, row.Version))
		if string(fields["success"]) != "true" || (op.Code != Delete && (fields["key"] == nil || string(fields["etag"]) != etag)) {
			t.Fatalf("%s of a row with the ETag %s", answer, etag)
		}
	})
}
