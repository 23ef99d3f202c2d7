package store_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// answered is an answer to compare.
func answered(at, version int64, request, body string) *store.Answer {
	return &store.Answer{At: at, Version: version, Request: []byte(request), Body: []byte(body)}
}

// inTransaction runs what has to be in one, and commits it.
func inTransaction(t testing.TB, w *store.WriteConn, do func()) {
	t.Helper()
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	do()
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func remember(t testing.TB, w *store.WriteConn, key string, answer *store.Answer) {
	t.Helper()
	if err := w.Remember(key, answer); err != nil {
		t.Fatal(err)
	}
}

// recall answers what is stored under key, nil for nothing.
func recall(t testing.TB, w *store.WriteConn, key string) *store.Answer {
	t.Helper()
	var answer store.Answer
	found, err := w.Recall(key, &answer)
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return nil
	}
	return &answer
}

func wantAnswer(t testing.TB, w *store.WriteConn, key string, want *store.Answer) {
	t.Helper()
	if got := recall(t, w, key); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%q: %+v, want %+v", key, got, want)
	}
}

func TestAnAnswerIsRecalledAsItWasGivenInTheSameTransactionAndByAnybodyAfter(t *testing.T) {
	path, w := testdb.Open(t)
	answers := map[string]*store.Answer{
		"plain":                  answered(birth, 7, "fingerprint", `{"success":true}`),
		"empty":                  answered(birth, 0, "", ""),
		"bytes":                  answered(birth, 1, "\x00\xff\x00", "\x00\xff"),
		"a key of all sorts !~'": answered(birth, 1<<62, "r", "{}"),
		"large":                  answered(birth, 1, "r", strings.Repeat("x", 1<<20)),
		strings.Repeat("k", 200): answered(birth, 1, "r", "long key"),
	}
	inTransaction(t, w, func() {
		if recall(t, w, "plain") != nil {
			t.Error("there is an answer before there is a table")
		}
		for key, answer := range answers {
			remember(t, w, key, answer)
			wantAnswer(t, w, key, answer)
		}
		if recall(t, w, "Plain") != nil || recall(t, w, "") != nil {
			t.Error("an answer to another key was found")
		}
	})
	for _, w := range []*store.WriteConn{w, testdb.Writer(t, path, store.Options{})} {
		inTransaction(t, w, func() {
			for key, answer := range answers {
				wantAnswer(t, w, key, answer)
			}
		})
	}
}

// What the caller lent is the caller's again once Remember has returned.
func TestWhatIsRememberedIsACopy(t *testing.T) {
	_, w := testdb.Open(t)
	answer := answered(birth, 1, "request", "body")
	inTransaction(t, w, func() {
		remember(t, w, "k", answer)
		copy(answer.Request, "xxxxxxx")
		copy(answer.Body, "xxxx")
		wantAnswer(t, w, "k", answered(birth, 1, "request", "body"))
	})
}

func TestALaterAnswerTakesThePlaceOfOne(t *testing.T) {
	path, w := testdb.Open(t)
	inTransaction(t, w, func() {
		remember(t, w, "k", answered(birth, 1, "first", "first, and longer"))
		remember(t, w, "k", answered(birth+5, 2, "second", "second"))
		wantAnswer(t, w, "k", answered(birth+5, 2, "second", "second"))
	})
	if n := one(t, path, "SELECT count(*) FROM _urlite_answers").Int; n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestRecallUsesTheMemoryThatItIsGiven(t *testing.T) {
	_, w := testdb.Open(t)
	inTransaction(t, w, func() {
		remember(t, w, "long", answered(birth, 1, "request", strings.Repeat("x", 100)))
		remember(t, w, "short", answered(birth, 1, "r", "s"))
		var answer store.Answer
		for _, key := range []string{"long", "short"} {
			if found, err := w.Recall(key, &answer); !found || err != nil {
				t.Fatal(found, err)
			}
		}
		if string(answer.Body) != "s" || string(answer.Request) != "r" || cap(answer.Body) < 100 {
			t.Errorf("%+v", answer)
		}
		if found, err := w.Recall("nobody", &answer); found || err != nil {
			t.Error(found, err)
		}
	})
}

func TestARollbackTakesAnswersBackAndTheirTableToo(t *testing.T) {
	path, w := testdb.Open(t)
	for range 3 {
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		remember(t, w, "k", answered(birth, 1, "r", "never"))
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		if n := one(t, path, "SELECT count(*) FROM sqlite_master WHERE name LIKE '%answers%'").Int; n != 0 {
			t.Fatal("the table is left")
		}
		inTransaction(t, w, func() { wantAnswer(t, w, "k", nil) })
	}
	inTransaction(t, w, func() { remember(t, w, "k", answered(birth, 1, "r", "first")) })
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	remember(t, w, "k", answered(birth, 1, "r", "second"))
	remember(t, w, "l", answered(birth, 1, "r", "second"))
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	inTransaction(t, w, func() {
		wantAnswer(t, w, "k", answered(birth, 1, "r", "first"))
		wantAnswer(t, w, "l", nil)
	})
}

// An answer is committed with what it answers, or neither is.
func TestAnAnswerAndItsWriteAreOneCommit(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	for _, commit := range []bool{false, true} {
		b.begin(t)
		op := incr("n", 1)
		b.do(t, &op)
		remember(t, w, "k", answered(birth, 1, "r", "counted"))
		if commit {
			b.commit(t)
		} else if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		row := get(t, testdb.Reader(t, path), b.table, "n")
		inTransaction(t, w, func() {
			if (recall(t, w, "k") != nil) != commit || row.Exists != commit {
				t.Errorf("committed %v: the row %+v, the answer %+v", commit, row, recall(t, w, "k"))
			}
		})
	}
}

func TestAnAnswersTableThatSomebodyDroppedIsEmptyAndMadeAnew(t *testing.T) {
	path, w := testdb.Open(t)
	other := raw(t, path)
	for range 3 {
		inTransaction(t, w, func() { remember(t, w, "k", answered(birth, 1, "r", "body")) })
		rawExec(t, other, "DROP TABLE _urlite_answers")
		inTransaction(t, w, func() { wantAnswer(t, w, "k", nil) })
		b := newBook(w)
		b.now = birth + 1
		if swept := sweep(t, b, 10); swept != (store.Swept{}) {
			t.Errorf("%+v", swept)
		}
	}
	// In its place there may be anything; then there are no answers, and no crash.
	rawExec(t, other, "CREATE TABLE _urlite_answers(a)")
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := w.Recall("k", &store.Answer{})
	wantKind(t, err, refusal.SQLError)
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	rawExec(t, other, "DROP TABLE _urlite_answers")
	inTransaction(t, w, func() { remember(t, w, "k", answered(birth, 1, "r", "body")) })
}

func TestAnotherWritersAnswersAreSeenAtOnce(t *testing.T) {
	path, w := testdb.Open(t)
	other := testdb.Writer(t, path, store.Options{})
	inTransaction(t, w, func() { wantAnswer(t, w, "k", nil) })
	inTransaction(t, other, func() { remember(t, other, "k", answered(birth, 1, "r", "other's")) })
	inTransaction(t, w, func() { wantAnswer(t, w, "k", answered(birth, 1, "r", "other's")) })
}

func TestClientsReadAnswersAndWriteNone(t *testing.T) {
	_, w := testdb.Open(t)
	inTransaction(t, w, func() { remember(t, w, "k", answered(birth, 1, "r", "body")) })
	if got := commitSQL(t, w, sql("SELECT key FROM _urlite_answers")); !strings.Contains(got, `[["k"]]`) {
		t.Error(got)
	}
	for _, statement := range []string{"DELETE FROM _urlite_answers", "UPDATE _urlite_answers SET answer = 'forged'", "DROP TABLE _urlite_answers",
		"INSERT INTO _urlite_answers VALUES ('l', 1, x'', 1, '')", "DROP INDEX _urlite_answers_at"} {
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		_, err := run(w, sql(statement))
		wantKind(t, err, refusal.SQLError)
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOldAnswersAreSweptAFewAtATimeOldestFirst(t *testing.T) {
	path, w := testdb.Open(t)
	const kept = 1000
	inTransaction(t, w, func() {
		for i := range 10 {
			remember(t, w, fmt.Sprint("k", i), answered(birth+int64(i), 1, "r", "body"))
		}
	})
	f := func(now int64, rowsMax int, want store.Swept, left string) {
		t.Helper()
		inTransaction(t, w, func() {
			if got, err := w.Sweep(now, now-kept, rowsMax); got != want || err != nil {
				t.Errorf("at %d: %+v %v, want %+v", now-birth, got, err, want)
			}
		})
		if got := testdb.Text(testdb.Query(t, path, "SELECT group_concat(substr(key, 2), '') FROM (SELECT key FROM _urlite_answers ORDER BY at)")); got != left {
			t.Errorf("at %d: %s are left", now-birth, got)
		}
	}
	f(birth, 10, store.Swept{Next: birth + kept + 1}, `"0123456789"`)
	f(birth+kept, 10, store.Swept{Next: birth + kept + 1}, `"0123456789"`)
	f(birth+kept+1, 10, store.Swept{Answers: 1, Next: birth + kept + 2}, `"123456789"`)
	f(birth+kept+8, 3, store.Swept{Answers: 3, More: true, Next: birth + kept + 5}, `"456789"`)
	f(birth+kept+8, 0, store.Swept{More: true, Next: birth + kept + 5}, `"456789"`)
	f(birth+kept+8, 3, store.Swept{Answers: 3, More: true, Next: birth + kept + 8}, `"789"`)
	f(birth+kept+8, 3, store.Swept{Answers: 1, Next: birth + kept + 9}, `"89"`)
	f(birth+kept+99, 3, store.Swept{Answers: 2}, `NULL`)
	f(birth+kept+99, 3, store.Swept{}, `NULL`)
}

// Rows and answers are swept side by side: what expires first is when to come back.
func TestTheNextSweepIsForWhateverComesFirst(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	short := set("short", "v")
	short.TTLSeconds = 1
	b.all(t, short)
	f := func(at int64, want store.Swept) {
		t.Helper()
		inTransaction(t, w, func() {
			remember(t, w, "k", answered(at, 1, "r", "body"))
			if got, err := w.Sweep(birth, birth-5000, 10); got != want || err != nil {
				t.Errorf("%+v %v, want %+v", got, err, want)
			}
		})
	}
	f(birth, store.Swept{Next: birth + 1000})
	f(birth-4500, store.Swept{Next: birth + 501})
	f(birth-5000, store.Swept{Next: birth + 1})
	f(birth-5001, store.Swept{Answers: 1, Next: birth + 1000})
}

func TestTheSweepFindsOldAnswersByTheirIndex(t *testing.T) {
	_, w := testdb.Open(t)
	inTransaction(t, w, func() { remember(t, w, "k", answered(birth, 1, "r", "body")) })
	for _, statement := range []string{
		"SELECT coalesce(min(at), 0) FROM _urlite_answers",
		"SELECT key FROM _urlite_answers WHERE at < 5 ORDER BY at LIMIT 5",
	} {
		if plan := commitSQL(t, w, sql("EXPLAIN QUERY PLAN "+statement)); !strings.Contains(plan, "_urlite_answers_at") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", statement, plan)
		}
	}
}

func TestADatabaseIsMadeWithTheAnswerToWhoAskedForIt(t *testing.T) {
	path := t.TempDir() + "/new.db"
	kept := store.Kept{Key: "k", Answer: *answered(birth, 0, "r", ""), Body: func(size int64) []byte { return fmt.Append(nil, size) }}
	if err := store.Create(path, "", &kept); err != nil {
		t.Fatal(err)
	}
	w := testdb.Writer(t, path, store.Options{})
	inTransaction(t, w, func() {
		got := recall(t, w, "k")
		size := one(t, path, "PRAGMA page_count").Int * one(t, path, "PRAGMA page_size").Int
		if got == nil || !bytes.Equal(got.Body, fmt.Append(nil, size)) {
			t.Errorf("%+v; the file has %d bytes", got, size)
		}
	})
}
