package writer

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
)

// birthSecond is the second in which tests begin, as history tells it.
const birthSecond = birth / 1000

// undo takes back the newest entries of a key.
func undo(key string, steps int64) *Call {
	c := call()
	c.Undo = &Undo{Key: key, Steps: steps}
	return c
}

// backTo has the table, or some keys of it, be what it was in the end of a second.
func backTo(second int64, keys ...string) *Call {
	c := call()
	c.Return = &Return{Return: past.Return{Until: (second + 1) * 1000, Keys: keys}, To: second}
	return c
}

// keepEntries settles how many entries of each key are kept.
func keepEntries(n int64) *Call {
	c := call()
	c.Keep = &Keep{Entries: n, EntriesSet: true}
	return c
}

// unrecorded is an operation with history=false.
func unrecorded(op kv.Op) kv.Op {
	op.Unrecorded = true
	return op
}

// history tells the committed entries of a key with the value after each.
func (f *fake) history(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var told []string
	var state kv.Row
	for _, l := range f.was.lines {
		if l.key != key {
			continue
		}
		known := l.entry.Fold(&state)
		switch {
		case !known:
			told = append(told, l.entry.Op.String()+" ?")
		case !state.Exists:
			told = append(told, l.entry.Op.String())
		default:
			told = append(told, fmt.Sprintf("%v %s", l.entry.Op, state.Value.Append(nil)))
		}
	}
	return strings.Join(told, ", ")
}

// wantHistory holds the value and the history of a key against what they should be.
func (f *fake) wantHistory(key, value, history string) {
	f.t.Helper()
	if got, past := f.value(key), f.history(key); got != value || past != history {
		f.t.Errorf("%s = %q after %q, want %q after %q", key, got, past, value, history)
	}
}

// gather has calls wait behind a group that is being committed, lets them go, and
// answers their errors.
func gather(t testing.TB, f *fake, w *Writer, calls ...*Call) []error {
	t.Helper()
	gate := f.hold()
	first := submit(t, w, call(set("first", "1")))
	<-f.entered
	for _, c := range calls {
		submit(t, w, c)
	}
	close(gate)
	if err := await(first); err != nil {
		t.Fatal(err)
	}
	errs := make([]error, len(calls))
	for i, c := range calls {
		errs[i] = await(c)
	}
	return errs
}

func TestUndoAndReturnSeeWhatCameBeforeThemInOneCommit(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(set("a", "1"), set("b", "1"), incr("n")))
	c.advance(10_000)
	commits := f.count("Commit")
	calls := []*Call{
		call(incr("n")), undo("n", 1), call(incr("n")),
		call(set("a", "2")), call(del("b")), call(set("new", "1")),
		backTo(birthSecond),
		sqlCall("read t a", "read t b", "read t n"),
		call(incr("n")),
		undo("a", 1), undo("n", 2), undo("new", 1), undo("new", 5), undo("b", 2),
		sqlCall("read t a", "read t b", "read t n"),
		keepEntries(7),
		call(incr("n")),
	}
	if err := errors.Join(gather(t, f, w, calls...)...); err != nil {
		t.Fatal(err)
	}
	if n := f.count("Commit") - commits; n != 2 || f.count("Rollback") != 0 { // one is that of the group before
		t.Errorf("%d commits, %d rollbacks", n, f.count("Rollback"))
	}
	for i, want := range map[int]int64{1: 1, 9: 1, 10: 2, 11: 1, 12: 1, 13: 2} {
		if calls[i].Undone != want {
			t.Errorf("call %d has taken back %d entries, want %d", i, calls[i].Undone, want)
		}
	}
	for i, want := range map[int]int64{0: 2, 2: 2, 8: 2, 16: 3} {
		if got := calls[i].Replies[0].Value; got != want {
			t.Errorf("call %d counts to %d, want %d", i, got, want)
		}
	}
	want := past.Counts{Total: 5, RolledBack: 2, Deleted: 2, Restored: 1, Operations: 5}
	if got := calls[6].Returned; got.Counts != want || len(got.Untouched) != 0 {
		t.Errorf("it was told %+v, want %+v", got, want)
	}
	sees := func(i int, want string) {
		t.Helper()
		if got := string(calls[i].Results.Bytes()); strings.Join(digits(got), "") != want {
			t.Errorf("call %d sees %s, want %s", i, got, want)
		}
	}
	sees(7, "111")
	sees(14, "212")
	f.wantHistory("a", "2", "SET 1, SET 2")
	f.wantHistory("b", "1", "SET 1")
	f.wantHistory("n", "3", "INCR 1, INCR 2, INCR 3")
	f.wantHistory("new", "", "")
	f.wantHistory("first", "", "SET 1, ROLLBACK")
	if calls[15].Kept != (past.Keep{Entries: 7}) || !f.committed().keep["t"].EntriesSet {
		t.Errorf("kept are %+v", calls[15].Kept)
	}
}

// digits are the values of rows that are texts of one digit.
func digits(results string) (found []string) {
	for _, part := range strings.Split(results, `"`) {
		if len(part) == 1 && part[0] >= '0' && part[0] <= '9' {
			found = append(found, part)
		}
	}
	return found
}

// withGap writes a past of which a part is not recorded: g is there from the beginning,
// and recorded only since five seconds later. The keys around it have changed since.
func withGap(t testing.TB, w *Writer, c *clock) {
	t.Helper()
	do(t, w, call(set("a", "1"), unrecorded(set("g", "1")), set("z", "1")))
	c.advance(5000)
	do(t, w, call(set("a", "2"), set("g", "2"), set("z", "2")))
	c.advance(5000)
}

// Whether somebody's wish was refused between them or not, the others have the same file.
func TestARefusedUndoOrReturnHarmsNobodyAndLeavesNothing(t *testing.T) {
	inGroup := func(refused func() []*Call) (*fake, []error) {
		f, c := newFake(t), newClock()
		w := start(t, f, c)
		withGap(t, w, c)
		calls := []*Call{call(incr("n"), set("a", "3"))}
		for _, wish := range refused() {
			calls = append(calls, wish, call(incr("n")))
		}
		calls = append(calls, undo("n", 1), backTo(birthSecond+6, "a"))
		return f, gather(t, f, w, calls...)
	}
	f := func(want refusal.Kind, retried bool, wish func() *Call) {
		t.Helper()
		with, errs := inGroup(func() []*Call { return []*Call{wish()} })
		for i, err := range errs {
			if (err != nil) != (i == 1) || (i == 1 && refusal.Of(err).Kind != want) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		without, _ := inGroup(func() []*Call { return []*Call{call(kv.Op{Code: kv.Delete, Key: "nobody", MissingOK: true})} })
		if !reflect.DeepEqual(with.committed(), without.committed()) {
			t.Errorf("the file is\n%+v\nwant\n%+v", with.committed(), without.committed())
		}
		if rollbacks := with.count("Rollback"); (rollbacks > 0) != retried {
			t.Errorf("%d rollbacks, want any: %v", rollbacks, retried)
		}
	}
	f(refusal.HistoryEntryNotFound, false, func() *Call { return undo("nobody", 1) })
	f(refusal.TimeTravelChainGap, false, func() *Call { return undo("g", 2) })
	f(refusal.TimeTravelChainGap, false, func() *Call { return undo("g", 50) })
	f(refusal.TimeTravelChainGap, false, func() *Call { return backTo(birthSecond, "g") })
	f(refusal.TimeTravelChainGap, false, func() *Call { return backTo(birthSecond, "g", "z") })
	f(refusal.TimeTravelChainGap, false, func() *Call { return backTo(birthSecond-1, "nobody", "g") })
	f(refusal.InvalidParameters, false, func() *Call { return stranger(undo("a", 1)) })
	f(refusal.InvalidParameters, false, func() *Call { return stranger(backTo(birthSecond)) })
	f(refusal.InvalidParameters, false, func() *Call { return stranger(keepEntries(1)) })
	// These have written keys before they meet the gap.
	f(refusal.TimeTravelChainGap, true, func() *Call { return backTo(birthSecond) })
	f(refusal.TimeTravelChainGap, true, func() *Call { return backTo(birthSecond, "z", "g", "a") })
}

// stranger is a call on a table that holds no keys.
func stranger(c *Call) *Call {
	c.Table = "people"
	return c
}

func TestAReturnThatIsRefusedHalfWayIsUndoneAndTheOthersRunOneByOne(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	withGap(t, w, c)
	commits, saves := f.count("Commit"), f.count("Save")
	calls := []*Call{call(incr("n")), undo("z", 1), backTo(birthSecond), call(incr("n")), sqlCall("set t s 1")}
	errs := gather(t, f, w, calls...)
	if refusal.Of(errs[2]).Kind != refusal.TimeTravelChainGap {
		t.Error(errs[2])
	}
	if err := errors.Join(errs[0], errs[1], errs[3], errs[4]); err != nil {
		t.Fatal(err)
	}
	if calls[0].Replies[0].Value != 1 || calls[1].Undone != 1 || calls[3].Replies[0].Value != 2 {
		t.Errorf("they were told %d, %d and %d", calls[0].Replies[0].Value, calls[1].Undone, calls[3].Replies[0].Value)
	}
	f.wantHistory("a", "2", "SET 1, SET 2")
	f.wantHistory("z", "1", "SET 1")
	f.wantHistory("g", "2", "UNRECORDED 1, SET 2")
	f.wantHistory("n", "2", "INCR 1, INCR 2")
	if f.value("s") != "1" {
		t.Errorf("s = %q", f.value("s"))
	}
	// The group up to it and the refused call alone were rolled back. Committed were first,
	// the two before it one by one, and those behind it together.
	if f.count("Rollback") != 2 || f.count("Commit")-commits != 4 || f.count("Save")-saves < 6 {
		t.Errorf("%d rollbacks, %d commits, %d saves", f.count("Rollback"), f.count("Commit")-commits, f.count("Save")-saves)
	}
}

// An undo that leads back into a gap which has ended with a known state opens it again.
func TestAnUndoneGapGoesOnAndIsToldAgainByTheNextWrite(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(set("g", "1")))
	do(t, w, call(unrecorded(set("g", "2"))))
	do(t, w, call(set("g", "3")))
	errs := gather(t, f, w, undo("g", 1), call(unrecorded(set("g", "4"))), sqlCall("read t g"))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	f.wantHistory("g", "4", "SET 1, UNRECORDED ?")
	do(t, w, call(set("g", "5")))
	f.wantHistory("g", "5", "SET 1, UNRECORDED 4, SET 5")
	if c := do(t, w, undo("g", 2)); c.Undone != 2 {
		t.Errorf("%d were undone", c.Undone)
	}
	f.wantHistory("g", "1", "SET 1")
	do(t, w, call(incr("g")))
	f.wantHistory("g", "2", "SET 1, INCR 2")
}

func TestUndoAndReturnAreDoneOnceHoweverOftenTheyAreSent(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(incr("n")))
	c.advance(5000)
	for range 5 {
		do(t, w, call(incr("n")))
	}
	undoing := func() *Call { return once("undo", "undo n 2", undo("n", 2)) }
	returning := func() *Call { return once("return", "return", backTo(birthSecond)) }
	keeping := func() *Call { return once("keep", "keep", keepEntries(5)) }
	calls := []*Call{undoing(), undoing(), call(incr("n")), undoing(), returning(), call(incr("n")), returning(), keeping(), keeping()}
	if err := errors.Join(gather(t, f, w, calls...)...); err != nil {
		t.Fatal(err)
	}
	replays := func(wantBody string, first *Call, again ...*Call) {
		t.Helper()
		if got := string(first.Answer.Body); got != wantBody {
			t.Errorf("answered %s, want %s", got, wantBody)
		}
		for _, c := range again {
			wantReplay(t, c, first)
		}
	}
	c.advance(60_000)
	replays(`{"success":true,"key":"n","rolled_back":2,"etag":"\"8\""}`, calls[0], calls[1], calls[3], do(t, w, undoing()))
	replays(`{"success":true,"to_timestamp":1700000000,"rolled_back":1,"deleted":1,"restored":0,"total_operations_reversed":5,`+
		`"duration_ms":0,"untouched_keys":[],"lifetimes_restored":0}`, calls[4], calls[6], do(t, w, returning()))
	replays(`{"success":true,"table":"t","keep_entries":5,"keep_seconds":0}`, calls[7], calls[8], do(t, w, keeping()))
	f.wantHistory("n", "2", "INCR 1, INCR 2, INCR 3, INCR 4, INCR 5, ROLLBACK 1, INCR 2")
	for _, other := range []*Call{
		once("undo", "undo n 3", undo("n", 3)), once("undo", "return", backTo(birthSecond)),
		once("return", "another", backTo(birthSecond)), once("keep", "another", call(incr("n"))),
	} {
		if err := w.Do(other); err != errOtherRequest || len(other.Answer.Body) != 0 {
			t.Errorf("%v, answered %s", err, other.Answer.Body)
		}
	}
	// What was refused was not done, and may succeed the next time.
	for range 2 {
		if err := w.Do(once("later", "", undo("later", 1))); refusal.Of(err).Kind != refusal.HistoryEntryNotFound {
			t.Error(err)
		}
	}
	do(t, w, call(set("later", "1")))
	do(t, w, once("later", "", undo("later", 1)))
	f.wantHistory("later", "", "")
}

func TestAReturnWhoseAnswerIsTooLargeToKeepIsUndoneAndItsNeighboursAreNot(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(set("a", "1")))
	c.advance(5000)
	do(t, w, call(set("a", "2")))
	f.mu.Lock()
	for i := range 1200 {
		f.was.rows[place{"t", fmt.Sprintf("%04d%s", i, strings.Repeat("k", 1000))}] = kv.Row{Exists: true, Value: kv.IntegerValue(1)}
	}
	f.mu.Unlock()
	calls := []*Call{once("before", "", call(incr("n"))), once("return", "", backTo(birthSecond)), once("after", "", call(incr("n")))}
	errs := gather(t, f, w, calls...)
	if refusal.Of(errs[1]).Kind != refusal.IdempotentResponseTooLarge || len(calls[1].Answer.Body) > 2*answerBytesMax {
		t.Errorf("%v", errs[1])
	}
	if err := errors.Join(errs[0], errs[2]); err != nil {
		t.Fatal(err)
	}
	f.wantHistory("a", "2", "SET 1, SET 2")
	f.wantHistory("n", "2", "INCR 1, INCR 2")
	f.wantHistory("first", "1", "SET 1")
	if n := len(f.committed().answers); n != 2 {
		t.Errorf("%d answers are kept", n)
	}
	// Without a key to keep it under, it is an answer like any other.
	if c := do(t, w, backTo(birthSecond)); len(c.Returned.Untouched) != 1200 || c.Returned.RolledBack != 1 || c.Returned.Deleted != 2 {
		t.Errorf("%d untouched, %+v", len(c.Returned.Untouched), c.Returned.Counts)
	}
	f.wantHistory("a", "1", "SET 1, SET 2, ROLLBACK 1")
	do(t, w, once("return", "", undo("a", 1))) // the key is still free
}

func TestWhatOfThePastComesTooLateIsNotDone(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(set("a", "1")))
	c.advance(5000)
	do(t, w, call(set("a", "2")))
	by := func(deadline int64, c *Call) *Call {
		c.Deadline = deadline
		return c
	}
	before, pasts := f.committed(), f.count("Past")
	calls := []*Call{
		by(birth+5000, undo("a", 1)), by(1, backTo(birthSecond)), by(birth+4999, keepEntries(1)),
		by(birth, once("late", "", undo("a", 1))),
	}
	for i, err := range gather(t, f, w, calls...) {
		if err != errLate {
			t.Errorf("call %d: %v", i, err)
		}
	}
	after := f.committed()
	if f.count("Past") != pasts || len(after.lines) != len(before.lines)+1 || len(after.keep) != 0 || len(after.answers) != 0 {
		t.Errorf("the file is %+v", after)
	}
	for _, c := range []*Call{by(birth+5001, undo("a", 1)), by(birth+6000, backTo(birthSecond)), by(1<<60, keepEntries(1))} {
		do(t, w, c)
	}
	f.wantHistory("a", "1", "SET 1")
}

// When what a return reads and writes takes longer than its caller waits, it is stopped.
func TestALimitStopsALongReturnAloneAndItsNeighboursAreCommitted(t *testing.T) {
	const keys = 5000
	c := newClock()
	path, w := real(t, c, patient)
	fill(t, w, keys, "1")
	c.advance(5000)
	fill(t, w, keys, "2")
	long := backTo(birthSecond)
	long.Deadline = birth + 5001
	before, after := call(set("before", "1")), call(set("after", "1"))
	for _, c := range []*Call{before, long, after} {
		submit(t, w, c)
	}
	if err := errors.Join(await(before), await(after)); err != nil {
		t.Fatal(err)
	}
	if err := await(long); refusal.Of(err).Kind != refusal.RequestTimeout {
		t.Fatal(err)
	}
	got := testdb.Text(testdb.Query(t, path, "SELECT count(*), (SELECT count(*) FROM t_history WHERE op = 12) FROM t WHERE value = '2'"))
	if got != fmt.Sprint(keys, " 0") || value(t, path, "before")+value(t, path, "after") != `"1""1"` {
		t.Errorf("the file holds %s", got)
	}
	if c := do(t, w, backTo(birthSecond)); c.Returned.RolledBack != keys {
		t.Errorf("%+v", c.Returned)
	}
}

// fill sets many keys in calls of many.
func fill(t testing.TB, w *Writer, keys int, value string) {
	t.Helper()
	for i := 0; i < keys; {
		c := call()
		for ; i < keys && len(c.Ops) < 1000; i++ {
			c.Ops = append(c.Ops, set(fmt.Sprintf("k%06d", i), value))
		}
		do(t, w, c)
	}
}
