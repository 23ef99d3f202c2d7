package writer

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// An array that is pushed to is made anew each time: what that takes counts in the
// group's cap, or a hundred small requests would hold a hundred large arrays.
func TestPushesToALargeArrayAreCutIntoGroupsByWhatTheyMake(t *testing.T) {
	const pushes = 100
	size := 1 << 20
	if raceEnabled {
		size = 1 << 17 // it takes its time
	}
	groupBytes := 8 * size
	f := newFake(t)
	array := "[" + strings.Repeat("1,", size/2) + "1]"
	f.was.rows[place{"t", "array"}] = kv.Row{Exists: true, Value: kv.BytesValue([]byte(array), "application/json"), ContentType: "application/json"}
	w := still(f, newClock(), patient, func(l *Limits) { l.GroupBytesMax = groupBytes })
	var began, now runtime.MemStats
	largest := 0
	f.fail = func(method string, _ int) error {
		switch method {
		case "Begin":
			runtime.ReadMemStats(&began)
		case "Reserve":
			runtime.ReadMemStats(&now)
			held := w.overlay.bytes()
			largest = max(largest, held)
			// It counts what there is. The fake makes a copy of what it loads, as the file does.
			if took := int(now.TotalAlloc - began.TotalAlloc); !raceEnabled && took > held+held/4+1<<20 {
				t.Errorf("%d bytes were taken, %d are counted", took, held)
			}
		}
		return nil
	}
	calls := make([]*Call, pushes)
	for i := range calls {
		calls[i] = call(kv.Op{Code: kv.Push, Key: "array", Value: kv.ElementOf([]byte("2"))})
		calls[i].bytes = calls[i].weigh()
	}
	groups := 0
	for rest := calls; len(rest) > 0; groups++ {
		n := w.commitNext(rest)
		for _, c := range rest[:n] {
			if err := await(c); err != nil {
				t.Fatal(err)
			}
		}
		rest = rest[n:]
	}
	if last := calls[pushes-1].Replies[0].Length; last != size/2+1+pushes {
		t.Errorf("the array has %d elements", last)
	}
	// The last call of a group may begin just below the cap.
	if largest > groupBytes+2*size || groups < pushes*size/(groupBytes+2*size) || groups == pushes {
		t.Errorf("%d groups, of up to %d bytes", groups, largest)
	}
}

// SQL in between empties the overlay, and not the memory of what was loaded for it.
func TestWhatWasLoadedCountsUntilTheGroupEnds(t *testing.T) {
	const size, groupBytes = 1 << 20, 8 << 20
	f := newFake(t)
	for i := range 20 {
		f.was.rows[place{"t", fmt.Sprint(i)}] = kv.Row{Exists: true, Value: kv.BytesValue(bytes.Repeat([]byte("x"), size), "text/plain")}
	}
	w := still(f, newClock(), patient, func(l *Limits) { l.GroupBytesMax = groupBytes })
	var calls []*Call
	for i := range 20 {
		calls = append(calls, call(when(set(fmt.Sprint(i), "v"), stored("y"))), sqlCall("read t nobody"))
	}
	for range 2 { // a group begins with nothing
		n := w.commitNext(calls)
		if n < groupBytes/size*2-2 || n > groupBytes/size*2+2 {
			t.Errorf("%d calls are a group", n)
		}
		for _, c := range calls[:n] {
			await(c)
		}
	}
}

// What a call loads or makes is not its neighbours' to answer for.
func TestOneCallMayTakeMoreThanAGroup(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock(), func(l *Limits) { l.GroupBytesMax = 1000 })
	array := "[" + strings.Repeat("1,", 5000) + "1]"
	do(t, w, call(kv.Op{Code: kv.Set, Key: "a", ContentType: "application/json", Value: kv.BytesValue([]byte(array), "application/json")}))
	c := call()
	for range 10 {
		c.Ops = append(c.Ops, kv.Op{Code: kv.Pop, Key: "a"})
	}
	do(t, w, c)
	if last := c.Replies[9]; last.Length != 4991 || string(last.Element) != "1" {
		t.Errorf("%+v", last)
	}
}

// Many answers to one call share memory that grows as they come.
func TestWhatACallWasAnsweredStaysAsItWas(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	var elements []string
	for i := range 200 {
		elements = append(elements, fmt.Sprintf("%q", strings.Repeat(fmt.Sprint(i%10), i)))
	}
	array := "[" + strings.Join(elements, ",") + "]"
	do(t, w, call(kv.Op{Code: kv.Set, Key: "a", ContentType: "application/json", Value: kv.BytesValue([]byte(array), "application/json")}))
	c := call()
	for range elements {
		c.Ops = append(c.Ops, kv.Op{Code: kv.Pop, Key: "a"})
	}
	do(t, w, c)
	do(t, w, call(set("a", "overwritten"), set("b", "overwritten")))
	for i, r := range c.Replies {
		if want := elements[len(elements)-1-i]; string(r.Element) != want {
			t.Fatalf("the %d-th element is %s, want %s", i, r.Element, want)
		}
	}
}

func TestOneLargeElementThatCannotBeKeptIsPutBack(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	array := `["` + strings.Repeat("x", answerBytesMax) + `"]`
	set := kv.Op{Code: kv.Set, Key: "a", ContentType: "application/json", Value: kv.BytesValue([]byte(array), "application/json")}
	do(t, w, call(set))
	before := fmt.Sprint(f.committed())
	if err := w.Do(once("pop", "", call(kv.Op{Code: kv.Pop, Key: "a"}))); refusal.Of(err).Kind != refusal.IdempotentResponseTooLarge {
		t.Fatal(err)
	}
	if fmt.Sprint(f.committed()) != before {
		t.Error("it was popped")
	}
	do(t, w, call(kv.Op{Code: kv.Pop, Key: "a"}))
}

// Whoever keeps what belongs to a call beyond its release reads what nobody wrote.
func TestAReleasedCallsMemoryIsPoisoned(t *testing.T) {
	if !raceEnabled {
		t.Skip("only under the race detector")
	}
	f := newFake(t)
	w := start(t, f, newClock())
	do(t, w, call(kv.Op{Code: kv.Set, Key: "a", ContentType: "application/json", Value: kv.BytesValue([]byte(`["one","two","three"]`), "application/json")}))
	c := once("k", "", call())
	for range 3 {
		c.Ops = append(c.Ops, kv.Op{Code: kv.Pop, Key: "a"})
	}
	do(t, w, c)
	sql := do(t, w, sqlCall("read t a"))
	lent := map[string][]byte{"answer": c.Answer.Body, "rows": sql.Results.Bytes()}
	for i := range c.Replies {
		lent[fmt.Sprint("element ", i)] = c.Replies[i].Element
	}
	replies, ops := c.Replies, c.Ops
	for name, memory := range lent {
		if len(memory) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	c.Release()
	sql.Release()
	for name, memory := range lent {
		if !bytes.Equal(memory, bytes.Repeat([]byte{0xdb}, len(memory))) {
			t.Errorf("the %s reads %q after the release", name, memory)
		}
	}
	for i := range replies {
		if replies[i].Length != 0 || replies[i].Element != nil || ops[i].Key == "a" {
			t.Errorf("%+v %+v", replies[i], ops[i])
		}
	}
}
