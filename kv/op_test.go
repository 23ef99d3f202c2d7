package kv

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

// faults are what can be wrong with an operation whatever the row is, in the
// order in which they are refused.
var faults = []struct {
	name string
	code []Code // where it can be wrong
	make func(op *Op)
	want *refusal.Refusal // nil: only its kind is fixed
	kind refusal.Kind
}{
	{"empty key", all, func(op *Op) { op.Key = "" }, KeyEmpty, 0},
	{"long key", all, func(op *Op) { op.Key = strings.Repeat("k", 1025) }, nil, refusal.InvalidParameters},
	{"key not UTF-8", all, func(op *Op) { op.Key = "\xff" }, keyNotUTF8, 0},
	{"key with NUL", all, func(op *Op) { op.Key = "\x00" }, keyHasNUL, 0},
	{"blank key", all, func(op *Op) { op.Key = " \t" }, keyBlank, 0},
	{"large value", []Code{Set, Push, Remove}, func(op *Op) { op.Value = BytesValue(make([]byte, 65), "") }, nil, refusal.PayloadTooLarge},
	{"negative ttl", withTTL, func(op *Op) { op.TTLSeconds = -1 }, ttlNegative, 0},
	{"endless ttl", withTTL, func(op *Op) { op.TTLSeconds = ttlSecondsMax + 1 }, ttlTooLong, 0},
	{"malformed path", []Code{Set, Incr, Decr, Push, Pop, Remove}, func(op *Op) { op.Path = "a[" }, nil, refusal.InvalidParameters},
	{"no JSON", []Code{Set}, func(op *Op) {
		op.ContentType = "application/json"
		op.Value.Document = false
		if len(op.Value.Bytes) <= 64 {
			op.Value = BytesValue([]byte("{"), "")
		}
	}, nil, refusal.InvalidJSONValue},
	{"no delta", counting, func(op *Op) { op.Delta = 0 }, DeltaNotPositive, 0},
	{"crossed bounds", counting, func(op *Op) { op.Bounds = Bounds{Min: 1, HasMin: true, HasMax: true} }, boundsCrossed, 0},
	{"nothing to clamp to", counting, func(op *Op) {
		if op.Bounds.Clamp = true; !op.Bounds.HasMin {
			op.Bounds.HasMax = false
		}
	}, clampUnbounded, 0},
	{"always nothing", counting, func(op *Op) { op.TTLAlways, op.TTLSent = true, false }, alwaysWithoutTTL, 0},
	{"no element", []Code{Push}, func(op *Op) { op.Value.Bytes, op.Value.Document = op.Value.Bytes[:len(op.Value.Bytes)-1], false }, elementNotJSON, 0},
	{"no length", []Code{Push}, func(op *Op) { op.LengthMax = -1 }, lengthMaxTooSmall, 0},
	{"nothing to remove", []Code{Remove}, func(op *Op) {
		if len(op.Value.Bytes) <= 64 {
			op.Value = Value{}
		}
	}, removesNothing, 0},
	{"no JSON to remove", []Code{Remove}, func(op *Op) { op.Value = Value{Kind: Text, Bytes: []byte("{")} }, elementNotJSON, 0},
	{"no ttl", []Code{Expire}, func(op *Op) { op.TTLSeconds = 0 }, ttlRequired, 0},
	{"no limit", []Code{Limit}, func(op *Op) { op.Limit.Limit = 0 }, nil, refusal.InvalidParameters},
}

var (
	all = []Code{Set, Delete, Incr, Decr, Push, Pop, Remove, Expire, Persist, Limit}

	counting = []Code{Incr, Decr}
	withTTL  = []Code{Set, Incr, Decr, Expire}
)

// Law 5.
func TestOfSeveralFaultsTheFirstInDeclaredOrderIsRefused(t *testing.T) {
	limits := DefaultLimits()
	limits.ValueBytesMax = 64
	rapid.Check(t, func(t *rapid.T) {
		op := &Op{Code: all[fairly(t, len(all), "op")], Key: "key", Delta: 1, ContentType: "text/plain", TTLSent: true, Limit: perMinute(1)}
		switch op.Code {
		case Push, Remove:
			op.Value = Value{Kind: Text, Bytes: []byte(`"x"`)}
		case Expire:
			op.TTLSeconds = 1
		}
		first := -1
		// Later faults are made first: of those that fill the same field the earlier stays.
		for i := len(faults) - 1; i >= 0; i-- {
			if concerns(faults[i].code, op.Code) && seldom(t, 2, faults[i].name) {
				faults[i].make(op)
				first = i
			}
		}
		why := Check(op, &limits)
		switch {
		case first < 0:
			if why != nil {
				t.Fatalf("a sound operation is refused: %v", why)
			}
		case faults[first].want != nil && why != faults[first].want:
			t.Fatalf("got %v, want %v for %s", why, faults[first].want, faults[first].name)
		case faults[first].want == nil && (why == nil || why.Kind != faults[first].kind):
			t.Fatalf("got %v for %s", why, faults[first].name)
		}
	})
}

func concerns(codes []Code, code Code) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

func TestSizesAreRefusedBeyondTheLimitAndNotAtIt(t *testing.T) {
	limits := DefaultLimits()
	f := func(op Op, want bool) {
		t.Helper()
		if why := Check(&op, &limits); (why == nil) != want {
			t.Errorf("%v", why)
		}
	}
	f(Op{Code: Set, Key: strings.Repeat("k", limits.KeyBytesMax)}, true)
	f(Op{Code: Set, Key: strings.Repeat("k", limits.KeyBytesMax+1)}, false)
	f(Op{Code: Set, Key: "k", Value: BytesValue(make([]byte, limits.ValueBytesMax), "")}, true)
	f(Op{Code: Set, Key: "k", Value: BytesValue(make([]byte, limits.ValueBytesMax+1), "")}, false)
	f(Op{Code: Set, Key: "k", TTLSeconds: ttlSecondsMax}, true)
	f(Op{Code: Set, Key: "k", TTLSeconds: ttlSecondsMax + 1}, false)
	f(Op{Code: Set, Key: "k", ContentType: "application/json", Value: BytesValue([]byte(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), "")}, true)
	f(Op{Code: Set, Key: "k", ContentType: "application/json", Value: BytesValue([]byte(strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)), "")}, false)
}

func TestEveryOperationHasANameAndADecision(t *testing.T) {
	names := map[string]bool{}
	for code := range codeEnd {
		if operations[code].decide == nil || code.String() == "" || names[code.String()] {
			t.Errorf("operation %d is called %q", code, code)
		}
		names[code.String()] = true
	}
}

// An operation that is decided without its value must not depend on it.
func TestAValueThatIsNotNeededMayStayInTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loaded := anyRow(t)
		op, now := anyOp(t, &loaded), anyNow(t)
		stored := loaded
		stored.Value = Value{Kind: Stored}
		if NeedsValue(op, &stored, now) {
			if !stored.Exists {
				t.Fatal("the value of a row that does not exist is needed")
			}
			return
		}
		run := func(row Row) string {
			var out Outcome
			sequence := int64(50)
			if why := Decide(op, &row, now, &out); why != nil {
				return text(why)
			}
			log := out.Apply(op, &row, now, &sequence, nil)
			if operations[op.Code].keepsValue {
				out.Value = Value{} // the one that the row had, in the file or not
			}
			row.Value = Value{} // the row's own is the writer's business
			return text(out) + text(row) + text(log)
		}
		if with, without := run(loaded), run(stored); with != without {
			t.Fatalf("with the value    %s\nwithout the value %s", with, without)
		}
	})
}

// Expire and Persist may leave the value in the file; history never points there.
func TestAChangedRowNeverLosesItsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now := anyOp(t, &row), anyNow(t)
		loaded := row.Value
		if row.Value = (Value{Kind: Stored}); NeedsValue(op, &row, now) {
			row.Value = loaded
		}
		var out Outcome
		sequence := int64(50)
		if Decide(op, &row, now, &out) != nil || !out.Changed {
			return
		}
		log := out.Apply(op, &row, now, &sequence, nil)
		if row.Exists && row.Value.Kind == Stored && op.Code != Expire && op.Code != Persist {
			t.Fatalf("%s leaves a row to be written without its value", op.Code)
		}
		for _, e := range log {
			if e.HasState && !e.Absent && e.Value.Kind == Stored {
				t.Fatalf("%s leaves a full state without its value: %+v", op.Code, e)
			}
		}
	})
}

func TestDeletingAMissingKeyIsRefusedUnlessItMayBeMissing(t *testing.T) {
	f := func(row Row, missingOK bool, want *refusal.Refusal, changed, deleted bool) {
		t.Helper()
		var out Outcome
		why := Decide(&Op{Code: Delete, Key: "k", MissingOK: missingOK}, &row, birth, &out)
		if why != want || (why == nil && (out.Changed != changed || out.Reply.Deleted != deleted || out.Exists)) {
			t.Errorf("%v, %+v", why, out)
		}
	}
	live, expired := Row{Exists: true}, Row{Exists: true, ExpireAt: birth}
	f(live, false, nil, true, true)
	f(live, true, nil, true, true)
	f(expired, false, KeyNotFound, false, false)
	f(expired, true, nil, false, false)
	f(Row{}, false, KeyNotFound, false, false)
	f(Row{}, true, nil, false, false)
}

func TestSettingGivesTheLifetimeAndKeepsTheBirth(t *testing.T) {
	f := func(row Row, ttl, created, expires int64) {
		t.Helper()
		var out Outcome
		op := Op{Code: Set, Value: BytesValue([]byte("new"), "text/plain"), TTLSeconds: ttl}
		why := Decide(&op, &row, birth+9, &out)
		if why != nil || out.CreatedAt != created || out.ExpireAt != expires || out.Reply.Size != 3 || !out.Exists {
			t.Errorf("%v, %+v", why, out)
		}
	}
	old := Row{Exists: true, CreatedAt: birth, ExpireAt: birth + 10}
	f(Row{}, 0, birth+9, 0)
	f(Row{}, 2, birth+9, birth+2009)
	f(old, 0, birth, 0)
	f(old, 1, birth, birth+1009)
	old.ExpireAt = birth + 9
	f(old, 0, birth+9, 0)
}

func TestWhichValuesAreReadBeforeTheyAreDecidedOn(t *testing.T) {
	inTheFile := document(``)
	inTheFile.Value = Value{Kind: Stored}
	f := func(op Op, row Row, want bool) {
		t.Helper()
		if got := NeedsValue(&op, &row, birth); got != want {
			t.Errorf("%s: %v", text(&op), got)
		}
	}
	for _, code := range all {
		changesWhole := code == Set || code == Delete || code == Expire || code == Persist
		f(Op{Code: code}, inTheFile, !changesWhole)
		f(Op{Code: code}, document(`{}`), false)
		f(Op{Code: code}, missing, false)

		unrecorded := inTheFile // a gap is open, and ends with the value
		unrecorded.Version++
		f(Op{Code: code}, unrecorded, true)
		withoutHistory := inTheFile
		withoutHistory.Head, withoutHistory.OpNumber = 0, 0
		f(Op{Code: code}, withoutHistory, true)
	}
	// Without history=true nothing keeps the old value, unless it expired within a gap.
	gap := inTheFile
	gap.Version++
	f(Op{Code: Set, Unrecorded: true}, inTheFile, false)
	f(Op{Code: Set, Unrecorded: true}, gap, false)
	f(Op{Code: Expire, Unrecorded: true}, gap, true)
	gap.ExpireAt = birth
	f(Op{Code: Set, Unrecorded: true}, gap, true)

	f(Op{Code: Set, Path: "a"}, inTheFile, true)
	f(Op{Code: Set, If: &Conditions{Exists: true, Tagged: true}}, inTheFile, false)
	f(Op{Code: Set, If: &Conditions{HasBytes: true}}, inTheFile, true)
}

func TestAnOperationWeighsWhatItLends(t *testing.T) {
	f := func(op Op, want int) {
		t.Helper()
		if got := op.Bytes(); got != want {
			t.Errorf("%s weighs %d, want %d", text(&op), got, want)
		}
	}
	f(Op{}, 0)
	f(Op{Key: "key", Path: "pa", Value: BytesValue([]byte("value"), ""), ContentType: "type"}, 14)
	f(Op{Key: "key", If: &Conditions{}}, 3)
	f(Op{Key: "key", If: &Conditions{Versions: []int64{1, 2}, Bytes: []byte("bytes")}}, 24)
}
