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
	{"empty key", all, func(op *Op) { op.Key = "" }, keyEmpty, 0},
	{"long key", all, func(op *Op) { op.Key = strings.Repeat("k", 1025) }, nil, refusal.InvalidParameters},
	{"key not UTF-8", all, func(op *Op) { op.Key = "\xff" }, keyNotUTF8, 0},
	{"key with NUL", all, func(op *Op) { op.Key = "\x00" }, keyHasNUL, 0},
	{"blank key", all, func(op *Op) { op.Key = " \t" }, keyBlank, 0},
	{"large value", []Code{Set}, func(op *Op) { op.Value = BytesValue(make([]byte, 65), "") }, nil, refusal.PayloadTooLarge},
	{"negative ttl", []Code{Set}, func(op *Op) { op.TTLSeconds = -1 }, ttlNegative, 0},
	{"endless ttl", []Code{Set}, func(op *Op) { op.TTLSeconds = ttlSecondsMax + 1 }, ttlTooLong, 0},
	{"no JSON", []Code{Set}, func(op *Op) {
		op.ContentType = "application/json"
		if len(op.Value.Bytes) == 0 {
			op.Value = BytesValue([]byte("{"), "")
		}
	}, invalidJSON, 0},
	{"no delta", []Code{Incr, Decr}, func(op *Op) { op.Delta = 0 }, deltaNotPositive, 0},
}

var all = []Code{Set, Delete, Incr, Decr}

// Law 5.
func TestOfSeveralFaultsTheFirstInDeclaredOrderIsRefused(t *testing.T) {
	limits := DefaultLimits()
	limits.ValueBytesMax = 64
	rapid.Check(t, func(t *rapid.T) {
		op := &Op{Code: anyCode.Draw(t, "op"), Key: "key", Delta: 1, ContentType: "text/plain"}
		first := -1
		// Later faults are made first: of those that fill the same field the earlier stays.
		for i := len(faults) - 1; i >= 0; i-- {
			if concerns(faults[i].code, op.Code) && rapid.Bool().Draw(t, faults[i].name) {
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
			t.Fatalf("got %v, want %v", why, faults[first].want)
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
		op, loaded := anyOp(t), anyRow(t)
		stored := loaded
		stored.Value = Value{Kind: Stored}
		now := birth + rapid.Int64Range(0, 2000).Draw(t, "now")
		if NeedsValue(op, &stored) {
			if !stored.Exists {
				t.Fatal("the value of a row that does not exist is needed")
			}
			return
		}
		run := func(row Row) string {
			var out Outcome
			sequence := int64(50)
			if why := Decide(op, &row, now, &out); why != nil {
				return why.Text
			}
			log := out.Apply(op, &row, now, &sequence, nil)
			row.Value = Value{} // the row's own is the writer's business
			return text(out) + text(row) + text(log)
		}
		if with, without := run(loaded), run(stored); with != without {
			t.Fatalf("with the value    %s\nwithout the value %s", with, without)
		}
	})
}

func TestAChangedRowNeverLosesItsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op, row := anyOp(t), anyRow(t)
		row.Value = Value{Kind: Stored}
		if NeedsValue(op, &row) {
			return
		}
		var out Outcome
		sequence := int64(50)
		if Decide(op, &row, birth, &out) != nil || !out.Changed {
			return
		}
		if out.Apply(op, &row, birth, &sequence, nil); row.Exists && row.Value.Kind == Stored {
			t.Fatalf("%s leaves a row to be written without its value", op.Code)
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
