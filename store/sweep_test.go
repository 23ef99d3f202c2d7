package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

func sweep(t *testing.T, b *book, rowsMax int) store.Swept {
	t.Helper()
	b.begin(t)
	swept, err := b.w.Sweep(b.now, 0, rowsMax)
	if err != nil {
		t.Fatal(err)
	}
	b.commit(t)
	return swept
}

func TestASweepGoesInStepsOldestFirstAndKeepsTheChains(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	for _, table := range []string{"one", "two"} {
		b.table = table
		for i := range 10 {
			op := set(fmt.Sprint("k", i), "v")
			op.TTLSeconds = int64(i + 1)
			b.all(t, op)
		}
		b.all(t, set("stays", "v"))
	}
	f := func(now int64, rowsMax int, want store.Swept) {
		t.Helper()
		if b.now = now; sweep(t, b, rowsMax) != want {
			t.Fatalf("at %d", now-birth)
		}
	}
	f(birth, 10, store.Swept{Next: birth + 1000})
	f(birth+999, 10, store.Swept{Next: birth + 1000})
	f(birth+1000, 10, store.Swept{Rows: 2, Next: birth + 2000})
	f(birth+5000, 3, store.Swept{Rows: 3, More: true, Next: birth + 2000})
	f(birth+5000, 3, store.Swept{Rows: 3, More: true, Next: birth + 4000})
	f(birth+5000, 0, store.Swept{More: true, Next: birth + 4000})
	f(birth+5000, 3, store.Swept{Rows: 2, Next: birth + 6000})
	f(birth+99000, 100, store.Swept{Rows: 10})
	f(birth+99000, 100, store.Swept{})
	if n := one(t, path, "SELECT count(*) FROM _urlite_one_deleted").Int; n != 10 {
		t.Errorf("%d chains are kept", n)
	}
	if n := one(t, path, "SELECT count(*) FROM one").Int; n != 1 {
		t.Errorf("%d rows are left", n)
	}
	b.table = "one"
	b.all(t, set("k3", "again"))
	if past := testdb.History(t, testdb.Reader(t, path), "one")["k3"]; len(past) != 2 {
		t.Errorf("%+v", past)
	}
}

func TestASweepRecordsNothing(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	op := set("k", "v")
	op.TTLSeconds = 1
	b.all(t, op)
	before := b.sequence
	b.now += 1000
	sweep(t, b, 10)
	if n := one(t, path, "SELECT count(*) FROM kv_store_history").Int; n != 1 || b.sequence != before {
		t.Fatal(n, b.sequence)
	}
}

func TestARowThatNeverHadAHistoryLeavesNoneWhenSwept(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	op := set("k", "v")
	op.TTLSeconds, op.Unrecorded = 1, true
	b.all(t, op)
	b.now += 1000
	if swept := sweep(t, b, 10); swept.Rows != 1 {
		t.Fatalf("%+v", swept)
	}
	if n := one(t, path, "SELECT count(*) FROM _urlite_kv_store_deleted").Int; n != 0 {
		t.Fatal("a chain of nothing is kept")
	}
}

// What can't be removed must not be counted as removed, or the one who sweeps
// would come back for it at once, for ever.
func TestRowsThatASweepCannotRemoveAreNotCounted(t *testing.T) {
	f := func(statements ...string) {
		t.Helper()
		path, w := testdb.Open(t)
		b := newBook(w)
		b.all(t, set("k", "v"))
		testdb.Exec(t, path, statements...)
		b.now = 1 << 50
		if swept := sweep(t, b, 10); swept.Rows != 0 {
			t.Errorf("%v: %+v", statements, swept)
		}
	}
	f("INSERT INTO kv_store(key, value, expire_at) VALUES (x'00ff', 1, 5)")
	f("INSERT INTO kv_store(key, value, expire_at) VALUES ('protected', 1, 5)",
		"CREATE TRIGGER keeper BEFORE DELETE ON kv_store BEGIN SELECT RAISE(IGNORE); END")
}

// To the row's readers an expiry of 0 is none.
func TestAnExpiryOfZeroBySQLIsNone(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("k", "v"))
	testdb.Exec(t, path, "INSERT INTO kv_store(key, value, expire_at) VALUES ('zero', 1, 0)")
	b.now = 1 << 50
	if swept := sweep(t, b, 10); swept != (store.Swept{}) {
		t.Errorf("%+v", swept)
	}
	if row := get(t, r, b.table, "zero"); !row.Live(b.now) {
		t.Errorf("%+v", row)
	}
	if keys := list(t, r, &store.Page{Table: b.table, Limit: 10, Now: b.now}); fmt.Sprint(keys) != "[k zero]" {
		t.Error(keys)
	}
}

func TestExpiriesThatAreNoNumbersHurtNobody(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("k", "v"))
	testdb.Exec(t, path, "INSERT INTO kv_store(key, value, expire_at) VALUES ('text', 1, 'soon'), ('negative', 1, -5)")
	b.now = birth + 1000
	if swept := sweep(t, b, 10); swept.More {
		t.Errorf("%+v", swept)
	}
	var row kv.Row
	if _, err := r.Get(b.table, "text", &row, nil); err != nil {
		t.Fatal(err)
	}
}

func TestASweepFindsItsRowsByTheIndex(t *testing.T) {
	_, w := testdb.Open(t)
	newBook(w).all(t, set("k", "v"))
	for _, statement := range store.SweepStatements("kv_store") {
		if plan := commitSQL(t, w, sql("EXPLAIN QUERY PLAN "+statement)); !strings.Contains(plan, "COVERING INDEX _urlite_kv_store_expiry") &&
			!strings.Contains(plan, "INDEX _urlite_kv_store_expiry") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", statement, plan)
		}
	}
}

// A key that is no text is no key, whatever text its bytes spell.
func TestASweepNeverTakesARowForAnotherOne(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("kk", "v"))
	testdb.Exec(t, path, "INSERT INTO kv_store(key, value, expire_at) VALUES (x'6b6b', 1, 5)")
	b.now = birth + 1000
	sweep(t, b, 10)
	if row := get(t, testdb.Reader(t, path), b.table, "kk"); !row.Exists {
		t.Fatal("a living row was swept")
	}
}

// A client's trigger may remove rows that are to be swept next: their chains are as the
// trigger's deletion has left them.
func TestASweptRowWhoseTriggerRemovesTheNextOne(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	lives := func(key string) kv.Op {
		op := set(key, "v")
		op.TTLSeconds = 1
		return op
	}
	b.all(t, lives("a"), lives("b"))
	commitSQL(t, w, sql("CREATE TRIGGER also AFTER DELETE ON kv_store WHEN OLD.key = 'a' BEGIN DELETE FROM kv_store WHERE key = 'b'; END"))
	b.now += 5000
	sweep(t, b, 10)
	if got := past(t, path, b.table, "b"); got != "1 11" { // and the file is checked in the end
		t.Error(got)
	}
}
