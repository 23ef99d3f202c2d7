package writer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

func TestSQLSeesTheRowsDecidedBeforeItAndThoseAfterSeeWhatItDid(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	commits := f.count("Commit")
	before := submit(t, w, call(set("a", "1")))
	reads := submit(t, w, sqlCall("read t a", "set t b 5"))
	after := submit(t, w, call(incr("b")))
	readsAgain := submit(t, w, sqlCall("read t b"))
	release()
	for _, c := range []*Call{first, before, reads, after, readsAgain} {
		if err := await(c); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(reads.Results.Bytes()); !strings.Contains(got, `"1"`) {
		t.Errorf("SQL saw %s", got)
	}
	if after.Replies[0].Value != 6 {
		t.Errorf("the operation after SQL answers %d", after.Replies[0].Value)
	}
	if got := string(readsAgain.Results.Bytes()); !strings.Contains(got, `"6"`) {
		t.Errorf("SQL saw %s", got)
	}
	if n := f.count("Commit") - commits; n != 1 {
		t.Errorf("%d commits", n)
	}
}

func TestFailingSQLFailsAlone(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	before := submit(t, w, call(set("a", "1")))
	fails := submit(t, w, sqlCall("set t x 1", "fail", "set t y 1"))
	after := submit(t, w, sqlCall("set t z 1"))
	release()
	await(first)
	var item *sqltx.ItemError
	if err := await(fails); !errors.As(err, &item) || item.Index != 1 {
		t.Fatal(err)
	}
	if err := errors.Join(await(before), await(after)); err != nil {
		t.Fatal(err)
	}
	if got := f.value("a") + f.value("x") + f.value("y") + f.value("z"); got != "11" || f.count("Rollback") != 0 {
		t.Errorf("the file holds %s after %d rollbacks", got, f.count("Rollback"))
	}
}

func TestSQLThatEndsTheTransactionSendsEachToRunAlone(t *testing.T) {
	for _, statement := range []string{"end", "slow"} {
		f := newFake(t)
		w, first, release := blocked(t, f, newClock())
		before := submit(t, w, call(incr("n")))
		ends := submit(t, w, sqlCall("set t x 1", statement))
		sql := submit(t, w, sqlCall("read t n"))
		after := submit(t, w, call(incr("n")))
		release()
		await(first)
		if err := await(ends); refusal.Of(err).Kind != refusal.SQLConstraint {
			t.Fatal(err)
		}
		if err := errors.Join(await(before), await(sql), await(after)); err != nil {
			t.Fatal(err)
		}
		if f.value("n") != "2" || f.value("x") != "" || before.Replies[0].Value != 1 || after.Replies[0].Value != 2 {
			t.Errorf("n = %s, x = %s", f.value("n"), f.value("x"))
		}
		if got := string(sql.Results.Bytes()); strings.Count(got, `"results"`) != 1 || !strings.Contains(got, `"1"`) {
			t.Errorf("an answer that was begun twice reads %s", got)
		}
	}
}

func TestTheOverlayIsEmptyWhileSQLRuns(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	calls := []*Call{call(set("a", "1"), set("b", "2")), sqlCall("read t a"), call(incr("a")), sqlCall("read t b")}
	for _, c := range calls {
		submit(t, w, c)
	}
	f.mu.Lock()
	f.steps = nil
	f.mu.Unlock()
	release()
	await(first)
	for _, c := range calls {
		if err := await(c); err != nil {
			t.Fatal(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	want := []string{"Begin", "Load", "Load", "Reserve", "Record", "Record", "Save", "Save", "Sequence", "BeginSQL", "RunItem", "EndSQL", "Sequence",
		"Load", "Reserve", "Record", "Save", "Sequence", "BeginSQL", "RunItem", "EndSQL", "Sequence", "Sweep", "Commit"}
	if got := slices.DeleteFunc(f.steps, func(step string) bool { return step == "" }); !slices.Equal(got, want) {
		t.Errorf("the steps were %v\nwant %v", got, want)
	}
}

// What SQL changed has the time at which it did, by the triggers of the file. What comes
// after it in the group must not be older.
func TestWhatFollowsSQLInAGroupIsNotOlder(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w, first, release := blocked(t, f, c)
	before, slow, after := submit(t, w, call(incr("n"))), submit(t, w, sqlCall("set t s 1")), submit(t, w, call(incr("n")))
	f.fail = func(method string, _ int) error {
		if method == "RunItem" {
			c.advance(1500)
		}
		return nil
	}
	release()
	for _, c := range []*Call{first, before, slow, after} {
		if err := await(c); err != nil {
			t.Fatal(err)
		}
	}
	if lines := f.was.lines; lines[1].entry.At != birth || lines[2].entry.At != birth+1500 {
		t.Errorf("the times are %d and %d", lines[1].entry.At-birth, lines[2].entry.At-birth)
	}
}
