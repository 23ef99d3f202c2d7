package kv

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

const most, least = math.MaxInt64, math.MinInt64

func TestCountingStopsAtTheBoundItMovesTowards(t *testing.T) {
	refused := func(code Code, before, delta int64, b Bounds) {
		t.Helper()
		tr := try(t, Op{Code: code, Delta: delta, Bounds: b}, number(before))
		want := refusal.New(refusal.Conflict, "the result would be beyond the bound; the value is unchanged").
			With(`,"value":` + string(IntegerValue(before).Append(nil)))
		if text(tr.why) != text(want) {
			t.Errorf("%s %d by %d: %s", code, before, delta, text(tr.why))
		}
	}
	f := func(code Code, before, delta int64, b Bounds, want int64) {
		t.Helper()
		tr := try(t, Op{Code: code, Delta: delta, Bounds: b}, number(before))
		if tr.why != nil || tr.reply.Value != want || tr.reply.Applied != want-before || tr.row.Value.Int != want {
			t.Errorf("%s %d by %d: %v, %+v; want %d", code, before, delta, tr.why, tr.reply, want)
		}
		if tr.out.Changed != (want != before) || len(tr.log) > 0 != tr.out.Changed {
			t.Errorf("%s %d by %d: changed %v, log %v", code, before, delta, tr.out.Changed, tr.log)
		}
	}
	top := func(n int64, clamp bool) Bounds { return Bounds{Max: n, HasMax: true, Clamp: clamp} }
	bottom := func(n int64, clamp bool) Bounds { return Bounds{Min: n, HasMin: true, Clamp: clamp} }

	f(Incr, 7, 3, top(10, false), 10)
	refused(Incr, 8, 3, top(10, false))
	f(Incr, 8, 3, top(10, true), 10)
	f(Incr, 10, 3, top(10, true), 10)
	f(Decr, 3, 3, bottom(0, false), 0)
	refused(Decr, 2, 3, bottom(0, false))
	f(Decr, 2, 3, bottom(0, true), 0)
	f(Decr, 0, 3, bottom(0, true), 0)

	// A bound behind the step does not matter, and one that was passed is no way back.
	f(Incr, -5, 1, bottom(0, false), -4)
	f(Decr, 15, 1, top(10, false), 14)
	refused(Incr, 15, 1, top(10, false))
	f(Incr, 15, 1, top(10, true), 15)
	f(Decr, -15, 1, bottom(-10, true), -15)
	f(Incr, -15, 40, Bounds{Min: -10, HasMin: true, Max: 10, HasMax: true, Clamp: true}, 10)

	// At the ends of 64 bits.
	f(Incr, most-1, 5, top(most, true), most)
	refused(Incr, most-1, 5, top(most, false))
	f(Incr, most, most, top(most, true), most)
	f(Incr, most, most, top(0, true), most)
	f(Decr, least+1, 5, bottom(least, true), least)
	refused(Decr, least+1, 5, bottom(least, false))
	f(Decr, least, most, bottom(least, true), least)
	f(Decr, least, most, bottom(0, true), least)
	f(Incr, least, most, top(-1, false), -1)
	f(Incr, least, most, top(-2, true), -2)
	f(Incr, most-5, 6, bottom(0, false).reaching(most), most)

	// A bound on the other side is no answer to what does not fit.
	refuses(t, Op{Code: Incr, Delta: 1, Bounds: bottom(0, true)}, number(most), refusal.InvalidParameters, "the result does not fit into 64 bits; the value is unchanged")
	refuses(t, Op{Code: Decr, Delta: 1, Bounds: top(0, true)}, number(least), refusal.InvalidParameters, "the result does not fit into 64 bits; the value is unchanged")
}

// reaching adds an upper bound that stops.
func (b Bounds) reaching(n int64) Bounds {
	b.Max, b.HasMax, b.Clamp = n, true, true
	return b
}

func TestBoundsMeanTheSameToTheModel(t *testing.T) {
	near := rapid.OneOf(rapid.Int64Range(-9, 9), rapid.Int64Range(most-9, most), rapid.Int64Range(least, least+9), rapid.Int64())
	rapid.Check(t, func(t *rapid.T) {
		before := near.Draw(t, "before")
		op := Op{Code: anyOf([]Code{Incr, Decr}).Draw(t, "op"), Delta: max(1, near.Draw(t, "delta"))}
		op.Bounds = Bounds{Min: near.Draw(t, "min"), Max: near.Draw(t, "max"), HasMin: rapid.Bool().Draw(t, "has min"), HasMax: rapid.Bool().Draw(t, "has max"), Clamp: rapid.Bool().Draw(t, "clamp")}
		b := &op.Bounds
		crossed := b.HasMin && b.HasMax && b.Min > b.Max
		if crossed || (b.Clamp && !b.HasMin && !b.HasMax) {
			if tr := try(&failing{T: t}, op, number(before)); tr.why == nil {
				t.Fatal("bounds without sense are taken")
			}
			return
		}
		step := big.NewInt(op.Delta)
		if op.Code == Decr {
			step.Neg(step)
		}
		after := new(big.Int).Add(big.NewInt(before), step)
		bound, bounded := b.Max, b.HasMax
		beyond := after.Cmp(big.NewInt(b.Max)) > 0
		if op.Code == Decr {
			bound, bounded = b.Min, b.HasMin
			beyond = after.Cmp(big.NewInt(b.Min)) < 0
		}
		tr := try(&failing{T: t}, op, number(before))
		switch {
		case bounded && beyond && !b.Clamp:
			if tr.why == nil || tr.why.Kind != refusal.Conflict {
				t.Fatal(tr.why)
			}
		case bounded && beyond:
			// It stops at the bound, or stays where it was beyond it already.
			want := max(before, bound)
			if op.Code == Decr {
				want = min(before, bound)
			}
			if tr.why != nil || tr.reply.Value != want {
				t.Fatalf("%v, %d, want %d", tr.why, tr.reply.Value, want)
			}
		case !after.IsInt64():
			if tr.why != counterOverflow {
				t.Fatal(tr.why)
			}
		case tr.why != nil || tr.reply.Value != after.Int64():
			t.Fatalf("%v, %d, want %s", tr.why, tr.reply.Value, after)
		}
	})
}

func TestBoundsOfACounterThatIsNotThereYet(t *testing.T) {
	f := func(op Op, want string, value int64) {
		t.Helper()
		tr := try(t, op, missing)
		if tr.why != nil || tr.value() != want || tr.reply.Value != value || !tr.row.Exists {
			t.Errorf("%v, %q, %+v; want %q", tr.why, tr.value(), tr.reply, want)
		}
	}
	f(Op{Code: Incr, Delta: 5, Bounds: Bounds{Max: 3, HasMax: true, Clamp: true}}, "3", 3)
	f(Op{Code: Incr, Delta: 5, Bounds: Bounds{Max: 0, HasMax: true, Clamp: true}}, "0", 0)
	f(Op{Code: Incr, Delta: 5, Bounds: Bounds{Max: -3, HasMax: true, Clamp: true}}, "0", 0)
	f(Op{Code: Incr, Delta: 5, Bounds: Bounds{Max: 3, HasMax: true, Clamp: true}, Path: "n"}, `{"n":3}`, 3)
	tr := try(t, Op{Code: Decr, Delta: 5, Bounds: Bounds{Min: -3, HasMin: true}, Path: "n"}, missing)
	if tr.why == nil || tr.why.Kind != refusal.Conflict || tr.why.Facts != `,"value":0` {
		t.Errorf("%s", text(tr.why))
	}
}

func TestWhatACountingRequestMayNotSay(t *testing.T) {
	f := func(op Op, want string) {
		t.Helper()
		op.Code = Incr
		refuses(t, op, missing, refusal.InvalidParameters, want)
		op.Code = Decr
		refuses(t, op, missing, refusal.InvalidParameters, want)
	}
	f(Op{}, "delta must be a positive integer")
	f(Op{Delta: -1}, "delta must be a positive integer")
	f(Op{Delta: least}, "delta must be a positive integer")
	f(Op{Delta: 1, Bounds: Bounds{Min: 1, Max: 0, HasMin: true, HasMax: true}}, "min must not be greater than max")
	f(Op{Delta: 1, Bounds: Bounds{Clamp: true}}, "on_limit needs min or max")
	f(Op{Delta: 1, TTLAlways: true}, "ttl_mode needs ttl")
	f(Op{Delta: 1, TTLSent: true, TTLSeconds: -1}, "ttl must not be negative")
	f(Op{Delta: 1, Path: "["}, `malformed path "[": a bracket is not closed`)
}

func TestTheLifetimeOfACounterIsSetByTheFirstTouchOrAlways(t *testing.T) {
	f := func(row Row, op Op, want int64) {
		t.Helper()
		op.Code, op.Delta, op.TTLSent = Incr, 1, true
		for _, path := range []string{"", "n"} {
			op.Path = path
			if path == "n" && row.Exists {
				row.Value = BytesValue([]byte(`{"n":4}`), contentTypeJSON)
			}
			tr := try(t, op, row)
			if tr.why != nil || tr.row.ExpireAt != want || tr.reply.ExpireAt != want {
				t.Errorf("%q: %v, expires %d, answered %d; want %d", path, tr.why, tr.row.ExpireAt, tr.reply.ExpireAt, want)
			}
		}
	}
	mortal := number(4)
	mortal.ExpireAt = birth + 1
	expired := number(4)
	expired.ExpireAt = birth

	f(missing, Op{TTLSeconds: 9}, birth+9000)
	f(expired, Op{TTLSeconds: 9}, birth+9000)
	f(number(4), Op{TTLSeconds: 9}, 0)
	f(mortal, Op{TTLSeconds: 9}, birth+1)
	f(missing, Op{}, 0)
	f(mortal, Op{}, birth+1)

	f(missing, Op{TTLSeconds: 9, TTLAlways: true}, birth+9000)
	f(number(4), Op{TTLSeconds: 9, TTLAlways: true}, birth+9000)
	f(mortal, Op{TTLSeconds: 9, TTLAlways: true}, birth+9000)
	f(mortal, Op{TTLAlways: true}, 0)
	f(expired, Op{TTLAlways: true}, 0)
}

// A step that clamping made none of is no write, unless it sets the lifetime, or there
// is no counter yet.
func TestAStepOfNothingIsAWriteOnlyForItsLifetime(t *testing.T) {
	f := func(op Op, row Row, changed bool) {
		t.Helper()
		op.Code, op.Delta, op.Bounds = Incr, 1, Bounds{Max: 4, HasMax: true, Clamp: true}
		tr := try(t, op, row)
		if tr.why != nil || tr.out.Changed != changed || (tr.row.Version != row.Version) != changed || tr.reply.Version != tr.row.Version || tr.reply.Applied != 0 {
			t.Errorf("%v: changed %v, %+v", tr.why, tr.out.Changed, tr.reply)
		}
	}
	f(Op{}, number(4), false)
	f(Op{TTLSent: true, TTLSeconds: 5}, number(4), false)
	f(Op{TTLSent: true, TTLSeconds: 5, TTLAlways: true}, number(4), true)
	f(Op{Path: "n"}, document(`{"n":4}`), false)
	f(Op{Path: "n", TTLSent: true, TTLSeconds: 5, TTLAlways: true}, document(`{"n":4}`), true)

	none := Bounds{Max: 0, HasMax: true, Clamp: true}
	if tr := try(t, Op{Code: Incr, Delta: 1, Bounds: none, Path: "n"}, document(`{}`)); tr.why != nil || tr.value() != `{"n":0}` {
		t.Error(tr.why, tr.value())
	}
	refuses(t, Op{Code: Incr, Delta: 1, Bounds: none, Path: "a.b"}, document(`{"a":"x"}`), refusal.InvalidParameters,
		"path leads nowhere: $.a is a string, neither an object nor an array")
}

func TestCountingInsideOfADocument(t *testing.T) {
	f := func(row Row, path string, want string, value int64) {
		t.Helper()
		tr := try(t, Op{Code: Incr, Delta: 2, Path: path}, row)
		if tr.why != nil || tr.value() != want || tr.reply.Value != value {
			t.Errorf("%s of %s: %v, %q, %d; want %q", path, row.Value.Bytes, tr.why, tr.value(), tr.reply.Value, want)
		}
		if row.Exists && tr.row.ContentType != row.ContentType {
			t.Errorf("%s: the type is now %q", path, tr.row.ContentType)
		}
	}
	refused := func(row Row, path, want string) {
		t.Helper()
		refuses(t, Op{Code: Incr, Delta: 2, Path: path}, row, refusal.InvalidParameters, want)
	}
	f(missing, "n", `{"n":2}`, 2)
	f(missing, "a.b[0]", `{"a":{"b":[2]}}`, 2)
	f(document(` {"n" : 5 }`), "n", ` {"n" : 7 }`, 7)
	f(document(`{"n":-0}`), "n", `{"n":2}`, 2)
	f(document(`[1,2]`), "[-1]", `[1,4]`, 4)
	f(document(`[1,2]`), "[2]", `[1,2,2]`, 2)
	f(stored("text/plain", `{"n":5}`), "n", `{"n":7}`, 7)
	f(document(" 5\n"), "$", "7", 7)

	if tr := try(t, Op{Code: Decr, Delta: 2, Path: "$"}, number(1)); tr.why != nil || tr.row.Value.Kind != Integer || tr.row.Value.Int != -1 {
		t.Errorf("a counter that is the whole document: %v, %+v", tr.why, tr.row.Value)
	}

	const noInteger = "Value at key 'k' is not an integer"
	refused(document(`{"n":5.0}`), "n", noInteger)
	refused(document(`{"n":5e0}`), "n", noInteger)
	refused(document(`{"n":"5"}`), "n", noInteger)
	refused(document(`{"n":null}`), "n", noInteger)
	refused(document(`{"n":{}}`), "n", noInteger)
	refused(document(`{"n":9223372036854775808}`), "n", noInteger)
	refused(document(`{"n":9223372036854775807}`), "n", "the result does not fit into 64 bits; the value is unchanged")
	refused(document(`{}`), "$", noInteger)
	refused(missing, "$", noInteger) // the missing key is {}
	refused(document(`{"a":1}`), "a.b", "path leads nowhere: $.a is a number, neither an object nor an array")
	refused(stored("text/plain", `hello`), "n", "Value at key 'k' is not a JSON document")
	refused(stored("text/plain", `hello`), "", noInteger)
	refused(document(`[]`), "", noInteger)
}
