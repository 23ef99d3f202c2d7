package writer

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// once makes a call one that is done once: the fingerprint is of the request that it is
// said to be.
func once(key, request string, c *Call) *Call {
	c.Once = Once{Key: key, Request: sha256.Sum256([]byte(request))}
	return c
}

// wantReplay holds the answer of a call against that of the first.
func wantReplay(t testing.TB, again, first *Call) {
	t.Helper()
	if !again.Answer.Replayed || first.Answer.Replayed || again.Answer.Version != first.Answer.Version || !bytes.Equal(again.Answer.Body, first.Answer.Body) {
		t.Errorf("the first answer is %d %s (replayed %v), the next %d %s (replayed %v)", first.Answer.Version, first.Answer.Body, first.Answer.Replayed,
			again.Answer.Version, again.Answer.Body, again.Answer.Replayed)
	}
}

func do(t testing.TB, w *Writer, c *Call) *Call {
	t.Helper()
	if err := w.Do(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACallIsDoneOnceHoweverOftenItIsSent(t *testing.T) {
	for _, together := range []bool{false, true} {
		f := newFake(t)
		w := start(t, f, newClock())
		gate := f.hold()
		first := submit(t, w, call(set("first", "1")))
		<-f.entered
		if !together {
			close(gate)
			await(first)
		}
		var calls []*Call
		for range 5 {
			c := submit(t, w, once("k", "incr", call(incr("n"))))
			if calls = append(calls, c); !together {
				if err := await(c); err != nil {
					t.Fatal(err)
				}
			}
		}
		if together {
			close(gate)
			await(first)
			for _, c := range calls {
				if err := await(c); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, c := range calls[1:] {
			wantReplay(t, c, calls[0])
		}
		if body, version := string(calls[0].Answer.Body), calls[0].Answer.Version; f.value("n") != "1" || version == 0 ||
			!strings.HasPrefix(body, `{"success":true,"key":"n","value":1,`) {
			t.Errorf("together %v: n = %s, answered %d %s", together, f.value("n"), version, body)
		}
		if len(f.committed().answers) != 1 || len(f.committed().lines) != 2 {
			t.Errorf("together %v: %d answers, %d lines of history", together, len(f.committed().answers), len(f.committed().lines))
		}
	}
}

func TestTheKeyOfOneRequestCannotBeUsedForAnother(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	mine := submit(t, w, once("k", "incr", call(incr("n"))))
	others := submit(t, w, once("k", "set", call(set("n", "9"))))
	release()
	await(first)
	if err := await(mine); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{await(others), w.Do(once("k", "set", call(set("n", "9")))), w.Do(once("k", "sql", sqlCall("set t n 9")))} {
		if err != errOtherRequest || refusal.Of(err).Kind != refusal.IdempotencyKeyMismatch {
			t.Error(err)
		}
	}
	if len(others.Answer.Body) != 0 || others.Answer.Replayed {
		t.Errorf("another's answer was given: %s", others.Answer.Body)
	}
	wantReplay(t, do(t, w, once("k", "incr", call(incr("n")))), mine)
	do(t, w, once("K", "set", call(set("other", "9")))) // keys differ by case
	if f.value("n") != "1" {
		t.Errorf("n = %s", f.value("n"))
	}
}

// What was refused was not done, and may succeed the next time.
func TestARefusalIsNotRemembered(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w := start(t, f, c)
	refused := func(c *Call, want refusal.Kind) {
		t.Helper()
		if err := w.Do(c); refusal.Of(err).Kind != want || len(c.Answer.Body) != 0 {
			t.Errorf("%v, answered %s", err, c.Answer.Body)
		}
	}
	late := once("late", "", call(incr("n")))
	late.Deadline = birth
	tooMuch := limit("limit", 1, 1)
	stranger := once("stranger", "", call(set("k", "v")))
	stranger.Table = "people"
	refused(once("delete", "", call(del("k"))), refusal.KeyNotFound)
	refused(once("batch", "", call(set("n", "1"), del("k"))), refusal.KeyNotFound)
	refused(once("sql", "", sqlCall("set t x 1", "fail")), refusal.SQLError)
	refused(once("end", "", sqlCall("end")), refusal.SQLConstraint)
	refused(late, refusal.RequestTimeout)
	refused(stranger, refusal.InvalidParameters)
	granted := do(t, w, once("limit", "first", call(tooMuch)))
	refused(once("limit 2", "", call(tooMuch)), refusal.RateLimited)
	if len(f.committed().answers) != 1 {
		t.Errorf("%d answers are kept", len(f.committed().answers))
	}
	do(t, w, call(set("k", "v")))
	do(t, w, once("delete", "", call(del("k"))))
	do(t, w, once("late", "", call(incr("n"))))
	do(t, w, once("sql", "", sqlCall("set t x 1")))
	c.advance(2 * 60_000)
	do(t, w, once("limit 2", "", call(tooMuch)))
	if f.value("k") != "" || f.value("n") != "1" || f.value("x") != "1" {
		t.Errorf("k = %q, n = %q, x = %q", f.value("k"), f.value("n"), f.value("x"))
	}
	// A limit that was granted once is not asked again.
	wantReplay(t, do(t, w, once("limit", "first", call(tooMuch))), granted)
}

// longKeys is a batch whose answer lists more than may be kept.
func longKeys() *Call {
	c := call()
	c.Shape = kv.Items
	for i := range 1200 {
		c.Ops = append(c.Ops, set(fmt.Sprintf("%04d%s", i, strings.Repeat("k", 1000)), "v"))
	}
	return c
}

func TestACallWhoseAnswerIsTooLargeToKeepIsUndoneAndItsNeighboursAreNot(t *testing.T) {
	wide := func(n int) *Call {
		c := sqlCall("set t sql 1")
		for range n {
			c.SQL.AddItem().SQL = "read t large"
		}
		return c
	}
	for name, large := range map[string]func() *Call{
		"operations": longKeys,
		"rows":       func() *Call { return wide(3) },
		"results": func() *Call {
			c := sqlCall()
			for range 35_000 {
				c.SQL.AddItem().SQL = "set t sql 1"
			}
			return c
		},
	} {
		f := newFake(t)
		f.was.rows[place{"t", "large"}] = kv.Row{Exists: true, Value: kv.BytesValue(bytes.Repeat([]byte("x"), 500_000), "text/plain")}
		w, first, release := blocked(t, f, newClock())
		before := submit(t, w, once("before", "", call(incr("n"))))
		refused := submit(t, w, once("large", "", large()))
		after := submit(t, w, once("after", "", call(incr("n"))))
		release()
		await(first)
		if err := await(refused); refusal.Of(err).Kind != refusal.IdempotentResponseTooLarge {
			t.Errorf("%s: %v", name, err)
		}
		if err := errors.Join(await(before), await(after)); err != nil {
			t.Fatal(err)
		}
		if f.value("n") != "2" || f.value("sql") != "" || f.living() != 3 || len(f.committed().answers) != 2 {
			t.Errorf("%s: n = %s, sql = %q, %d rows, %d answers", name, f.value("n"), f.value("sql"), f.living(), len(f.committed().answers))
		}
		// Without a key to keep it under, it is an answer like any other.
		do(t, w, large())
		// And so is a smaller one.
		do(t, w, once("large", "", call(set("small", "v"))))
	}
}

func TestWhatARefusedAnswerTookIsGivenBack(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	do(t, w, call(incr("n")))
	before := f.committed().sequence
	if err := w.Do(once("large", "", longKeys())); refusal.Of(err).Kind != refusal.IdempotentResponseTooLarge {
		t.Fatal(err)
	}
	if f.committed().sequence != before {
		t.Errorf("the sequence went from %d to %d", before, f.committed().sequence)
	}
}

func TestSQLIsDoneOnceAndAnswersItsRowsAgain(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	do := func() *Call { return submit(t, w, once("sql", "", sqlCall("set t x 5", "read t x"))) }
	one, two := do(), do()
	between := submit(t, w, call(incr("x")))
	three := do()
	release()
	await(first)
	for _, c := range []*Call{one, two, between, three} {
		if err := await(c); err != nil {
			t.Fatal(err)
		}
	}
	wantReplay(t, two, one)
	wantReplay(t, three, one)
	if f.value("x") != "6" || f.count("RunItem") != 2 || !strings.Contains(string(one.Answer.Body), `"5"`) {
		t.Errorf("x = %s after %d runs; %s", f.value("x"), f.count("RunItem"), one.Answer.Body)
	}
}

func TestAnAnswerIsKeptForADayAndThenTheRequestIsANewOne(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	f := newFake(t)
	c := newClock()
	w := start(t, f, c)
	request := func() *Call { return once("k", "incr", call(incr("n"))) }
	first := do(t, w, request())
	c.advance(day - 1)
	wantReplay(t, do(t, w, request()), first)
	if err := w.Do(once("k", "other", call(incr("n")))); err != errOtherRequest {
		t.Error(err)
	}
	c.advance(1)
	second := do(t, w, request())
	if second.Answer.Replayed || f.value("n") != "2" {
		t.Errorf("replayed %v, n = %s", second.Answer.Replayed, f.value("n"))
	}
	wantReplay(t, do(t, w, request()), second)
	c.advance(day)
	do(t, w, once("k", "another request", call(incr("n"))))
	c.advance(day + 1)
	do(t, w, call(incr("n")))
	if len(f.committed().answers) != 0 {
		t.Errorf("%d answers are left after a day", len(f.committed().answers))
	}
}

// The writer comes back for what it promised to forget, also when nobody calls.
func TestAnIdleWriterForgetsOldAnswers(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w := still(f, c, idleSoon)
	write(t, w, set("k", "v"))
	for i := range 3 {
		c := once(fmt.Sprint(i), "", call(incr("n")))
		if w.commitNext([]*Call{c}); await(c) != nil {
			t.Fatal(c.err)
		}
	}
	w.maintainIdle()
	w.maintainIdle()
	if wait, ok := w.idleFor(); !ok || wait <= 0 || wait > time.Hour {
		t.Fatalf("it waits %v, %v", wait, ok)
	}
	c.advance(answersKeptMillis + 1)
	if wait, ok := w.idleFor(); !ok || wait != 0 {
		t.Fatalf("a day later it waits %v, %v", wait, ok)
	}
	w.maintainIdle()
	if len(f.committed().answers) != 0 {
		t.Errorf("%d answers", len(f.committed().answers))
	}
}

func TestACallWithNothingToDoOnlyAsksForItsAnswer(t *testing.T) {
	w := start(t, newFake(t), newClock())
	if err := w.Do(once("k", "incr", call())); err != ErrNotDone {
		t.Fatal(err)
	}
	first := do(t, w, once("k", "incr", call(incr("n"))))
	wantReplay(t, do(t, w, once("k", "incr", call())), first)
	if err := w.Do(once("k", "other", call())); err != errOtherRequest {
		t.Fatal(err)
	}
}

// The commit failed, or only its answer got lost: who asks again is counted once.
func TestAfterAFailedCommitTheSameKeyCountsOnce(t *testing.T) {
	for _, method := range []string{"Recall", "Load", "Remember", "Reserve", "Record", "Save", "Sequence", "Commit"} {
		f := newFake(t)
		w := start(t, f, newClock())
		do(t, w, call(set("other", "v")))
		f.mu.Lock()
		f.fail = func(at string, _ int) error {
			if at == method {
				return errDisk
			}
			return nil
		}
		f.mu.Unlock()
		c := once("k", "incr", call(incr("n")))
		if err := w.Do(c); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", method, err)
		}
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		first := do(t, w, once("k", "incr", call(incr("n"))))
		wantReplay(t, do(t, w, once("k", "incr", call(incr("n")))), first)
		if f.value("n") != "1" || len(f.committed().answers) != 1 {
			t.Errorf("%s: n = %s, %d answers", method, f.value("n"), len(f.committed().answers))
		}
	}
}

// In a group whose commit fails each call runs again, alone. One that had been answered
// from another of the group is then the first.
func TestAReplayFromACallThatFailedIsDoneAfterAll(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	failures := 0
	f.fail = func(at string, _ int) error {
		if at == "Commit" && failures < 2 { // the group's, and that of the first of it alone
			failures++
			return errDisk
		}
		return nil
	}
	calls := []*Call{once("k", "", call(incr("n"))), once("k", "", call(incr("n"))), once("k", "", call(incr("n")))}
	for _, c := range calls {
		submit(t, w, c)
	}
	release()
	await(first)
	if err := await(calls[0]); !errors.Is(err, errDisk) || calls[0].Answer.Replayed {
		t.Error(err)
	}
	if err := await(calls[1]); err != nil || calls[1].Answer.Replayed {
		t.Error(err, calls[1].Answer.Replayed)
	}
	if err := await(calls[2]); err != nil {
		t.Error(err)
	}
	wantReplay(t, calls[2], calls[1])
	if f.value("n") != "1" {
		t.Errorf("n = %s", f.value("n"))
	}
}

func TestOnceOnARealFileSurvivesItsWriter(t *testing.T) {
	path, w := real(t, newClock())
	request := func() *Call { return once("k", "incr", call(incr("n"), set("m", "v"))) }
	sqlRequest := func() *Call { return once("sql", "", sqlCall("UPDATE t SET value = value + 10 WHERE key = 'n'")) }
	first, firstSQL := do(t, w, request()), do(t, w, sqlRequest())
	wantReplay(t, do(t, w, request()), first)
	wantReplay(t, do(t, w, sqlRequest()), firstSQL)
	other := reopen(t, path)
	wantReplay(t, do(t, other, request()), first)
	wantReplay(t, do(t, other, sqlRequest()), firstSQL)
	if err := other.Do(once("sql", "another", sqlCall("DELETE FROM t"))); err != errOtherRequest {
		t.Error(err)
	}
	if got := value(t, path, "n"); got != "11" {
		t.Errorf("n = %s", got)
	}
	testdb.Exec(t, path, "DROP TABLE t") // its answers are the database's
	wantReplay(t, do(t, w, request()), first)
}

// Thousands of answers grow old in the same second. To forget them must not take longer
// than to give them.
func TestOldAnswersAreForgottenAsFastAsGroupsCome(t *testing.T) {
	f := newFake(t)
	c := newClock()
	w := still(f, c, func(l *Limits) { l.SweepRows = 10 })
	write(t, w, set("k", "v"))
	for i := range 100 {
		c := once(fmt.Sprint(i), "", call(incr("n")))
		if w.commitNext([]*Call{c}); await(c) != nil {
			t.Fatal(c.err)
		}
	}
	c.advance(answersKeptMillis + 1)
	for range 10 {
		write(t, w, set("k", "v"))
	}
	if left := len(f.was.answers); left != 0 {
		t.Errorf("%d answers are left", left)
	}
}
