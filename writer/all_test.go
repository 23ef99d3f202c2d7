package writer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// when makes an operation one that is done on a condition.
func when(op kv.Op, conditions kv.Conditions) kv.Op {
	op.If = &conditions
	return op
}

func version(v int64) kv.Conditions { return kv.Conditions{Tagged: true, Versions: []int64{v}} }

func stored(bytes string) kv.Conditions { return kv.Conditions{HasBytes: true, Bytes: []byte(bytes)} }

var (
	absent = kv.Conditions{Absent: true}
	exists = kv.Conditions{Exists: true}
)

func limit(key string, limit, cost int64) kv.Op {
	op := kv.Op{Code: kv.Limit, Key: key}
	op.Limit.Limit, op.Limit.WindowSeconds, op.Limit.Cost = limit, 60, cost
	return op
}

// listed makes the call one of a list.
func listed(shape kv.Shape, ops ...kv.Op) *Call {
	c := call(ops...)
	c.Shape = shape
	return c
}

// extra is what a refusal tells beside its text.
func extra(err error) string { return refusal.Of(err).Facts }

func TestARefusedBatchNamesAllItemsThatFailedAndChangesNothing(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w := start(t, f, c, func(l *Limits) { l.SweepRows = 0 })
	short := set("short", "v")
	short.TTLSeconds = 1
	do(t, w, call(set("a", "1"), set("b", "2"), incr("n"), short)) // versions 1 to 4
	c.advance(1500)
	before := fmt.Sprint(f.committed())
	refused := func(want string, ops ...kv.Op) {
		t.Helper()
		call := listed(kv.Items, ops...)
		err := w.Do(call)
		if refusal.Of(err).Kind != refusal.PreconditionFailed || extra(err) != `,"failed":[`+want+`]` {
			t.Errorf("%v %s, want %s", err, extra(err), want)
		}
		if after := fmt.Sprint(f.committed()); after != before {
			t.Fatalf("%s\nbecame %s", before, after)
		}
	}
	refused(`{"key":"a","current_etag":"\"1\""}`, when(set("a", "x"), version(9)))
	refused(`{"key":"a","current_etag":"\"1\""}`, set("first", "x"), when(set("a", "x"), absent), set("last", "x"))
	refused(`{"key":"a","current_etag":"\"1\""},{"key":"c","current_etag":null},{"key":"b","current_etag":"\"2\""}`,
		when(set("a", "x"), version(2)), when(set("n", "x"), version(3)), when(set("c", "x"), exists), when(set("b", "x"), stored("1")), set("d", "x"))
	refused(`{"key":"short","current_etag":null}`, when(set("short", "x"), version(4)), when(set("a", "x"), exists))
	refused(`{"key":"nobody","current_etag":null}`, when(del("nobody"), version(1)), when(del("a"), version(1)))
	// A key that is in the list twice has the condition of each.
	refused(`{"key":"a","current_etag":"\"1\""},{"key":"a","current_etag":"\"1\""}`, when(set("a", "x"), absent), when(set("a", "y"), version(7)))

	do(t, w, listed(kv.Items, when(set("a", "x"), version(1)), when(set("c", "x"), absent), when(set("b", "x"), stored("2")), when(set("short", "x"), absent)))
	if f.value("a") != "x" || f.value("c") != "x" || f.value("b") != "x" || f.value("short") != "x" {
		t.Error("it was not done")
	}
}

// The list is looked at before anything is done, so an item may fail that the one before
// it would have made succeed, and the other way round; in the end all or none are done.
func TestItemsOfOneKeyThatHinderEachOtherAreRefusedTogether(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	do(t, w, call(set("a", "1")))
	for _, ops := range [][]kv.Op{
		{when(set("a", "2"), version(1)), when(set("a", "3"), version(1))},
		{when(set("new", "2"), absent), when(set("new", "3"), absent)},
		{del("a"), when(set("a", "3"), exists)},
		{set("new", "1"), when(set("new", "2"), exists)},
	} {
		if err := w.Do(listed(kv.Items, ops...)); refusal.Of(err).Kind != refusal.PreconditionFailed {
			t.Errorf("%+v: %v", ops, err)
		}
		if f.value("a") != "1" || f.value("new") != "" || f.committed().sequence != 1 {
			t.Fatalf("a = %s, new = %q, %d", f.value("a"), f.value("new"), f.committed().sequence)
		}
	}
}

func TestInAGroupConditionsAreHeldAgainstWhatWasDecidedBefore(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	calls := []*Call{
		call(set("a", "1")), // version 2
		listed(kv.Items, when(set("a", "2"), version(2)), set("b", "2")), // 3 and 4
		listed(kv.Items, when(set("a", "3"), version(2)), set("c", "3")),
		call(when(set("a", "4"), version(2))),
		call(when(set("a", "5"), version(3))),
		listed(kv.Items, when(del("b"), exists), when(set("d", "6"), absent)),
		listed(kv.Items, when(set("b", "7"), exists), when(set("d", "7"), absent)),
	}
	for _, c := range calls {
		submit(t, w, c)
	}
	release()
	await(first)
	for i, c := range calls {
		err := await(c)
		if refused := i == 2 || i == 3 || i == 6; refused != (refusal.Of(err) != nil && refusal.Of(err).Kind == refusal.PreconditionFailed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if want := `,"failed":[{"key":"b","current_etag":null},{"key":"d","current_etag":"\"7\""}]`; extra(calls[6].err) != want {
		t.Errorf("%s, want %s", extra(calls[6].err), want)
	}
	if got := f.value("a") + f.value("b") + f.value("c") + f.value("d"); got != "56" {
		t.Errorf("the file holds %s", got)
	}
}

func TestSeveralLimitsAreGrantedTogetherOrNoneIsCounted(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	verdicts := func(c *Call) string {
		var all []string
		for _, r := range c.Replies {
			all = append(all, fmt.Sprintf("%v %d", r.Verdict.Allowed, r.Verdict.Remaining))
		}
		return strings.Join(all, ", ")
	}
	ask := func(allowed bool, want string, ops ...kv.Op) {
		t.Helper()
		c := listed(kv.Limited, ops...)
		if err := w.Do(c); (err == nil) != allowed || (err != nil && err != kv.RateLimited) {
			t.Fatal(err)
		}
		if got := verdicts(c); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	ask(true, "true 4, true 1", limit("wide", 5, 1), limit("narrow", 2, 1))
	ask(true, "true 3, true 0", limit("wide", 5, 1), limit("narrow", 2, 1))
	// Each tells what it has left, the granting ones without the cost.
	ask(false, "true 3, false 0", limit("wide", 5, 1), limit("narrow", 2, 1))
	ask(false, "false 0, true 3", limit("narrow", 2, 1), limit("wide", 5, 3))
	ask(false, "true 3, false 0, true 9", limit("wide", 5, 1), limit("narrow", 2, 1), limit("new", 9, 9))
	if row := f.committed().rows[place{"t", "new"}]; row.Exists {
		t.Error("a refused request has left a limit")
	}
	ask(true, "true 0", limit("wide", 5, 3))
	ask(false, "false 0, false 0", limit("wide", 5, 1), limit("narrow", 2, 1))
	// The same limit twice is asked for the sum.
	ask(true, "true 2, true 1", limit("twice", 3, 1), limit("twice", 3, 1))
	c := listed(kv.Limited, limit("twice", 3, 1), limit("twice", 3, 1))
	if err := w.Do(c); err != kv.RateLimited {
		t.Errorf("%v: %s", err, verdicts(c))
	}
	ask(true, "true 0", limit("twice", 3, 1))
}

func TestALimitOnWhatIsNoneRefusesAllOfThem(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	do(t, w, call(set("text", "v")))
	c := listed(kv.Limited, limit("a", 5, 1), limit("text", 5, 1))
	if err := w.Do(c); refusal.Of(err).Kind != refusal.InvalidParameters {
		t.Fatal(err)
	}
	if row := f.committed().rows[place{"t", "a"}]; row.Exists || f.value("text") != "v" {
		t.Error("it left something")
	}
}

// A refusal of another kind comes when it is an item's turn; then none was done.
func TestAConditionThatHoldsDoesNotSaveABatchThatFails(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	do(t, w, call(set("a", "1"), set("text", "x")))
	for _, ops := range [][]kv.Op{
		{when(set("a", "2"), version(1)), incr("text")},
		{when(set("a", "2"), version(1)), del("nobody")},
		{when(set("a", "2"), version(1)), when(incr("text"), version(2))},
	} {
		err := w.Do(listed(kv.Items, ops...))
		if kind := refusal.Of(err).Kind; kind != refusal.InvalidParameters && kind != refusal.KeyNotFound {
			t.Error(err)
		}
		if f.value("a") != "1" || f.committed().sequence != 2 {
			t.Fatalf("a = %s", f.value("a"))
		}
	}
}

// To look at conditions may load a value that to write would not, and a load may fail.
func TestAFaultWhileConditionsAreLookedAtIsTheGroups(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	loads := 0
	f.fail = func(method string, _ int) error {
		if method == "Load" {
			if loads++; loads == 3 {
				return errDisk
			}
		}
		return nil
	}
	before, list := submit(t, w, call(incr("n"))), submit(t, w, listed(kv.Items, when(set("a", "1"), absent), when(set("b", "1"), absent)))
	release()
	if err := errors.Join(await(first), await(before), await(list)); err != nil {
		t.Fatal(err) // each alone it went well
	}
	if f.value("n") != "1" || f.value("a") != "1" || f.value("b") != "1" {
		t.Errorf("n = %s, a = %s, b = %s", f.value("n"), f.value("a"), f.value("b"))
	}
}
