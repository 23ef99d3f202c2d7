//go:build !race

package kv

import "testing"

// The race detector allocates, so this is tested without it.
func TestAllocationsOfDecidingAndApplyingInTheSteadyState(t *testing.T) {
	f := func(about string, op Op, row Row) {
		t.Helper()
		limits := DefaultLimits()
		op.Key = "key"
		if why := Check(&op, &limits); why != nil {
			t.Fatal(why)
		}
		out := Outcome{Scratch: &Scratch{}}
		now, sequence := int64(birth), int64(100)
		var log [EntriesMax]Entry
		// Two rows take turns, and what is lent is given back after each: the value of
		// one lies in the memory that the next may not touch, as in groups of one.
		scratches := [2]Scratch{}
		turn := 0
		if got := testing.AllocsPerRun(1000, func() {
			now, turn = now+1000, 1-turn
			out.Scratch = &scratches[turn]
			out.Scratch.Reset()
			if why := Decide(&op, &row, now, &out); why != nil {
				t.Fatal(why)
			}
			out.Apply(&op, &row, now, &sequence, log[:0])
		}); got != 0 {
			t.Errorf("%s: %v allocations", about, got)
		}
	}
	small := `{"id":7,"text":"a small element"}`
	bounded := push("", small)
	bounded.LengthMax = 20
	inside := bounded
	inside.Path = "list"
	wide := limited(perMinute(1_000_000))

	f("incr", Op{Code: Incr, Delta: 1}, number(0))
	f("decr within bounds", Op{Code: Decr, Delta: 1, Bounds: Bounds{Min: least, HasMin: true, Clamp: true}}, number(0))
	f("incr unrecorded", Op{Code: Incr, Delta: 1, Unrecorded: true}, number(0))
	f("limit", wide, try(t, wide, missing).row)
	f("push", bounded, document(`[]`))
	f("set", Op{Code: Set, Value: BytesValue([]byte(small), contentTypeJSON), ContentType: contentTypeJSON}, document(`{}`))
	f("expire", Op{Code: Expire, TTLSeconds: 60}, document(`{}`))
	f("incr inside of a document", Op{Code: Incr, Delta: 1, Path: "a.n"}, document(`{"a":{"n":0},"text":"and what else there is"}`))
	f("push inside of a document", inside, document(`{"list":[],"text":"and what else there is"}`))
	f("patch", patch("a.n", "17"), document(`{"a":{"n":0},"text":"and what else there is"}`))
}

func TestAllocationsOfPopAndRemove(t *testing.T) {
	f := func(about string, op Op) {
		t.Helper()
		limits := DefaultLimits()
		op.Key = "key"
		if why := Check(&op, &limits); why != nil {
			t.Fatal(why)
		}
		row := document(`[{"id":1,"n":2},{"id":2,"n":3},4]`)
		out := Outcome{Scratch: &Scratch{}}
		if got := testing.AllocsPerRun(1000, func() {
			out.Scratch.Reset()
			if why := Decide(&op, &row, birth, &out); why != nil {
				t.Fatal(why)
			}
		}); got > 0 {
			t.Errorf("%s: %v allocations", about, got)
		}
	}
	f("pop", Op{Code: Pop})
	f("remove by index", Op{Code: Remove, Index: -2, HasIndex: true})
}
