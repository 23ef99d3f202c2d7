package kv

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

// count counts a row up, or down for a negative delta that is not the least.
func count(row Row, delta int64, down bool) (Outcome, *refusal.Refusal) {
	op := Op{Code: Incr, Key: "hits", Delta: delta}
	if down {
		op.Code = Decr
	}
	var out Outcome
	return out, Decide(&op, &row, birth, &out)
}

func counter(n int64) Row { return Row{Exists: true, Value: IntegerValue(n)} }

func body(s string) Row { return Row{Exists: true, Value: BytesValue([]byte(s), "text/plain")} }

func TestCountingEndsExactlyWhere64BitsEnd(t *testing.T) {
	f := func(row Row, delta int64, down bool, want int64) {
		t.Helper()
		op := Op{Code: Incr, Key: "hits", Delta: delta}
		if down {
			op.Code = Decr
		}
		var out Outcome
		if why := Decide(&op, &row, birth, &out); why != nil || out.Reply.Value != want || out.Value.Int != want {
			t.Errorf("%d: %v, %+v", delta, why, out)
		}
	}
	refused := func(row Row, delta int64, down bool) {
		t.Helper()
		if _, why := count(row, delta, down); why != counterOverflow {
			t.Errorf("%d: %v", delta, why)
		}
	}
	const most, least = math.MaxInt64, math.MinInt64

	f(counter(most-1), 1, false, most)
	f(counter(0), most, false, most)
	f(counter(least), most, false, -1)
	f(counter(-1), most, false, most-1)
	refused(counter(most), 1, false)
	refused(counter(1), most, false)
	refused(counter(most), most, false)

	f(counter(least+1), 1, true, least)
	f(counter(-1), most, true, least)
	f(counter(0), most, true, -most)
	f(counter(most), most, true, 0)
	refused(counter(least), 1, true)
	refused(counter(-2), most, true)
	refused(counter(least), most, true)

	f(body("9223372036854775806"), 1, false, most)
	f(body("-9223372036854775807"), 1, true, least)
	refused(body("9223372036854775807"), 1, false)
	refused(body("-9223372036854775808"), 1, true)
}

func TestTextThatIsADecimalIntegerIsACounter(t *testing.T) {
	f := func(in string, want int64, wantOK bool) {
		t.Helper()
		for _, value := range []Value{BytesValue([]byte(in), "text/plain"), {Kind: Blob, Bytes: []byte(in)}} {
			if got, ok := value.integer(); got != want || ok != wantOK {
				t.Errorf("%q counts as %d, %v; want %d, %v", in, got, ok, want, wantOK)
			}
		}
	}
	f("0", 0, true)
	f("-0", 0, true)
	f("+5", 5, true)
	f("007", 7, true)
	f("-12", -12, true)
	f("9223372036854775807", math.MaxInt64, true)
	f("-9223372036854775808", math.MinInt64, true)

	f("", 0, false)
	f(" 5", 0, false)
	f("5 ", 0, false)
	f("5\n", 0, false)
	f("5.0", 0, false)
	f("5e3", 0, false)
	f("0x10", 0, false)
	f("1_000", 0, false)
	f("+", 0, false)
	f("--1", 0, false)
	f("٣", 0, false)
	f("null", 0, false)
	f(`"5"`, 0, false)
	if n, ok := BytesValue([]byte("9223372036854775808"), "").integer(); ok {
		t.Errorf("past the end counts as %d", n)
	}
	if n, ok := BytesValue([]byte("-9223372036854775809"), "").integer(); ok {
		t.Errorf("past the end counts as %d", n)
	}
	f("000000000000000000005", 0, false) // longer than any integer is written
}

func TestWhatIsNoIntegerIsRefusedByName(t *testing.T) {
	_, why := count(body("many"), 1, false)
	if why == nil || why.Kind != refusal.InvalidParameters || why.Text != "Value at key 'hits' is not an integer" {
		t.Fatal(why)
	}
}

func TestCountingKeepsTypeLifetimeAndBirth(t *testing.T) {
	row := counter(5)
	row.ContentType, row.CreatedAt, row.ExpireAt = "application/json", 3, birth+1
	out := Outcome{}
	if why := Decide(&Op{Code: Incr, Delta: 2}, &row, birth, &out); why != nil {
		t.Fatal(why)
	}
	if out.ContentType != row.ContentType || out.CreatedAt != 3 || out.ExpireAt != birth+1 || out.Reply.Value != 7 || out.Entry.Arg != 2 || out.Entry.Op != EntryIncr {
		t.Fatalf("%+v", out)
	}
}

func TestAMissingKeyCountsFromZeroAsText(t *testing.T) {
	var out Outcome
	if why := Decide(&Op{Code: Decr, Delta: 3}, &Row{}, birth, &out); why != nil {
		t.Fatal(why)
	}
	if out.Reply.Value != -3 || out.ContentType != "text/plain" || out.CreatedAt != birth || out.ExpireAt != 0 || out.Entry.Arg != -3 || out.Entry.Op != EntryDecr {
		t.Fatalf("%+v", out)
	}
}

func TestCountingUpAndDownBySameAmountReturns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start, delta := rapid.Int64().Draw(t, "start"), rapid.Int64Min(1).Draw(t, "delta")
		l := newLife()
		l.row = counter(start)
		if _, refused := l.do(&Op{Code: Incr, Delta: delta}); refused {
			if start <= math.MaxInt64-delta {
				t.Fatal("refused without need")
			}
			return
		}
		if _, refused := l.do(&Op{Code: Decr, Delta: delta}); refused || l.row.Value.Int != start {
			t.Fatalf("back at %d", l.row.Value.Int)
		}
	})
}
