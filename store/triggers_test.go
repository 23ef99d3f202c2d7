package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// past writes the operations of a key's chain, oldest first.
func past(t testing.TB, path, table, key string) string {
	t.Helper()
	return strings.Trim(fmt.Sprintf("%d", ops(testdb.History(t, testdb.Reader(t, path), table)[key])), "[]")
}

func TestEachWayToChangeARowOpensAGapInItsChain(t *testing.T) {
	const begun, gap = "1", "1 11"
	f := func(statement, k, l string) {
		t.Helper()
		for _, elsewhere := range []bool{false, true} {
			path, w := testdb.Open(t)
			newBook(w).all(t, set("k", "v"), set("l", "v"))
			if elsewhere {
				rawExec(t, raw(t, path), strings.Split(statement, "; ")...)
			} else {
				commitSQL(t, w, sql(statement))
			}
			if gotK, gotL := past(t, path, kv.DefaultTable, "k"), past(t, path, kv.DefaultTable, "l"); gotK != k || gotL != l {
				t.Errorf("%s (elsewhere %v): the entries of k are %s, of l %s; want %s and %s", statement, elsewhere, gotK, gotL, k, l)
			}
		}
	}
	f("SELECT * FROM kv_store", begun, begun)
	f("UPDATE kv_store SET value = 1 WHERE key = 'k'", gap, begun)
	f("UPDATE kv_store SET value = 1", gap, gap)
	f("UPDATE kv_store SET expire_at = 9 WHERE key = 'k'", gap, begun)
	f("UPDATE kv_store SET value = value WHERE key = 'k'", gap, begun)
	f("UPDATE kv_store SET value = 1; UPDATE kv_store SET value = 2", gap, gap)
	f("UPDATE kv_store SET value = 1 WHERE key = 'nobody'", begun, begun)
	f("DELETE FROM kv_store WHERE key = 'k'", gap, begun)
	f("DELETE FROM kv_store", gap, gap)
	f("DELETE FROM kv_store; INSERT INTO kv_store(key, value) VALUES ('k', 1)", gap, gap)
	f("REPLACE INTO kv_store(key, value) VALUES ('k', 1)", gap, begun)
	f("REPLACE INTO kv_store(key, value) VALUES ('k', 1), ('k', 2), ('l', 3)", gap, gap)
	f("INSERT OR IGNORE INTO kv_store(key, value) VALUES ('k', 1)", begun, begun)
	f("INSERT INTO kv_store(key, value) VALUES ('m', 1)", begun, begun)
	f("UPDATE kv_store SET key = 'm' WHERE key = 'k'", gap, begun)
	f("UPDATE kv_store SET key = 'm' WHERE key = 'k'; UPDATE kv_store SET key = 'k' WHERE key = 'm'", gap, begun)
	f("UPDATE OR REPLACE kv_store SET key = 'l' WHERE key = 'k'", gap, gap)
	f("UPDATE OR REPLACE kv_store SET key = 'm'", gap, gap)
	f("UPDATE OR IGNORE kv_store SET key = 'l' WHERE key = 'k'", begun, begun)
	if have, _ := store.EngineVersion(); !older(have, "3.24") {
		f("INSERT INTO kv_store(key, value) VALUES ('k', 1) ON CONFLICT DO NOTHING", begun, begun)
		f("INSERT INTO kv_store(key, value) VALUES ('k', 1) ON CONFLICT(key) DO UPDATE SET value = 2", gap, begun)
		f("INSERT INTO kv_store(key, value) VALUES ('k', 1) ON CONFLICT(key) DO UPDATE SET key = 'm'", gap, begun)
	}
}

func TestOurOwnWritesOpenNoGap(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	expire := kv.Op{Code: kv.Expire, Key: "k", TTLSeconds: 1}
	b.all(t, set("k", "1"), incr("k", 1), kv.Op{Code: kv.Delete, Key: "k"}, set("k", "2"), expire)
	b.now += 2000
	sweep(t, b, 10)
	b.all(t, set("k", "3"))
	if got := past(t, path, b.table, "k"); got != "1 4 3 1 9 1" {
		t.Error(got)
	}
}

// A gap is closed by the next recorded write, with the state that SQL left.
func TestTheGapThatSQLOpenedEndsWithWhatSQLLeft(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"))
	commitSQL(t, w, sql("UPDATE kv_store SET value = 41, content_type = 'text/x' WHERE key = 'k'"))
	b.all(t, incr("k", 1))
	chain := testdb.History(t, testdb.Reader(t, path), b.table)["k"]
	if len(chain) != 3 || chain[1].Op != kv.EntryUnrecorded || string(chain[1].Value.Append(nil)) != "41" || chain[1].ContentType != "text/x" {
		t.Fatalf("%+v", chain)
	}
	if row := get(t, testdb.Reader(t, path), b.table, "k"); bodyOf(&row) != "42" || row.OpNumber != 3 {
		t.Fatalf("%+v", row)
	}
}

// As an older program made it, or one that is not ours.
func TestATableWithoutTriggersGetsThemWithTheNextWriteOrSQL(t *testing.T) {
	next := map[string]func(t *testing.T, w *store.WriteConn){
		"a write": func(t *testing.T, w *store.WriteConn) { newBook(w).all(t, set("other", "v")) },
		"SQL":     func(t *testing.T, w *store.WriteConn) { commitSQL(t, w, sql("SELECT 1")) },
		"a sweep": func(t *testing.T, w *store.WriteConn) { sweep(t, newBook(w), 1) },
	}
	f := func(name string, damage ...string) {
		t.Helper()
		for how, next := range next {
			path, w := testdb.Open(t)
			newBook(w).all(t, set("k", "v"), set("l", "v"))
			rawExec(t, raw(t, path), damage...)
			next(t, w)
			commitSQL(t, w, sql("UPDATE kv_store SET value = 2 WHERE key = 'k'"))
			if got := past(t, path, kv.DefaultTable, "k"); got != "1 11" && !strings.Contains(name, "history") {
				t.Errorf("%s, then %s: the entries of k are %s", name, how, got)
			}
			testdb.Exec(t, path, "DELETE FROM kv_store WHERE key = 'l'")
			newBook(w).all(t, set("l", "again"), incr("n", 1))
			testdb.Check(t, path)
		}
	}
	all := []string{"replacing", "inserted", "updated", "leaving", "deleted", "moving", "moved"}
	var each []string
	for _, name := range all {
		f(name+" dropped", "DROP TRIGGER _urlite_kv_store_"+name)
		each = append(each, "DROP TRIGGER _urlite_kv_store_"+name)
	}
	f("all dropped", each...)
	f("one for another", "DROP TRIGGER _urlite_kv_store_updated", "CREATE TRIGGER _urlite_kv_store_updated AFTER UPDATE ON kv_store BEGIN SELECT 1; END")
	f("one too many", "CREATE TRIGGER _urlite_kv_store_more AFTER UPDATE ON kv_store BEGIN UPDATE kv_store SET head = 0, op_number = 0; END")
	f("history dropped", "DROP TABLE kv_store_history")
	f("history renamed", "ALTER TABLE kv_store_history RENAME TO elsewhere")
}

// Of triggers with our names the authorizer believes that they are ours. A file may come
// with any: they are gone before a client's SQL could set one off.
func TestATriggerWithOurNameThatIsNotOursDoesNothing(t *testing.T) {
	f := func(trigger, statement string) {
		t.Helper()
		path, w := testdb.Open(t)
		newBook(w).all(t, set("k", "v"))
		rawExec(t, raw(t, path), "CREATE TABLE people(name)", trigger)
		commitSQL(t, w, sql(statement))
		if n := one(t, path, "SELECT count(*) FROM _urlite_meta WHERE name = 'file_id'").Int; n != 1 {
			t.Errorf("%s: it was set off", trigger)
		}
		if n := one(t, path, "SELECT count(*) FROM sqlite_master WHERE sql LIKE '%DELETE FROM _urlite_meta%'").Int; n != 0 {
			t.Errorf("%s: it is still there", trigger)
		}
		newBook(w).all(t, set("k", "w"))
	}
	const harm = " BEGIN DELETE FROM _urlite_meta WHERE name = 'file_id'; END"
	f("CREATE TRIGGER _urlite_kv_store_more_updated AFTER UPDATE ON kv_store"+harm, "UPDATE kv_store SET value = 1")
	f("CREATE TRIGGER _URLITE_People_inserted AFTER UPDATE ON people"+harm, "INSERT INTO people VALUES (1); UPDATE people SET name = 2")
	f("CREATE TRIGGER _urlite_people_inserted AFTER INSERT ON people"+harm, "INSERT INTO people VALUES (1)")
}

func TestARenamedTableIsNobodysUntilItIsWrittenToAndThenBeginsAnew(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"), set("k", "2"))
	commitSQL(t, w, sql("ALTER TABLE kv_store RENAME TO renamed"))
	commitSQL(t, w, sql("UPDATE renamed SET value = '3'"))
	b.table = "renamed"
	b.all(t, set("k", "4"))
	if got := past(t, path, "renamed", "k"); got != "11 1" {
		t.Errorf("renamed: %s", got)
	}
	b.table = kv.DefaultTable
	b.all(t, set("k", "5"))
	if got := past(t, path, kv.DefaultTable, "k"); got != "1" {
		t.Errorf("the new one: %s", got)
	}
}

func TestADroppedTableTakesItsPastAlong(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"), set("gone", "1"), kv.Op{Code: kv.Delete, Key: "gone"})
	commitSQL(t, w, sql("DROP TABLE kv_store"))
	b.all(t, set("k", "2"), set("gone", "2"))
	if got := past(t, path, b.table, "k") + ", " + past(t, path, b.table, "gone"); got != "1, 1" {
		t.Error(got)
	}
}

// A table that happens to have the name of a history is somebody's.
func TestATableOfTheNameOfAHistoryIsLeftAlone(t *testing.T) {
	path, w := testdb.Open(t)
	testdb.Exec(t, path, "CREATE TABLE orders_history(key, id); INSERT INTO orders_history VALUES ('a', 1)")
	b := newBook(w)
	b.table = "orders"
	b.begin(t)
	op := set("a", "v")
	_, _, err := b.try(&op)
	wantKind(t, err, refusal.SQLError)
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n := one(t, path, "SELECT count(*) FROM orders_history").Int; n != 1 {
		t.Error("its rows are gone")
	}
}

// CREATE TABLE … AS SELECT copies columns, and nothing of what makes a key a key.
func TestACopyThatCouldHoldAKeyTwiceIsReadAndNotWritten(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	f := func(want refusal.Kind, statements ...string) {
		t.Helper()
		commitSQL(t, w, sql("DROP TABLE IF EXISTS copy"))
		for _, statement := range statements {
			commitSQL(t, w, sql(statement))
		}
		row := get(t, testdb.Reader(t, path), "copy", "k")
		if bodyOf(&row) != "v" {
			t.Errorf("%v: it reads %+v", statements, row)
		}
		b.table = "copy"
		b.begin(t)
		op := set("k", "w")
		_, _, err := b.try(&op)
		wantKind(t, err, want)
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		// The others are none the worse.
		b.table = kv.DefaultTable
		b.all(t, set("other", "v"))
		sweep(t, b, 1)
	}
	f(refusal.InvalidParameters, "CREATE TABLE copy AS SELECT * FROM kv_store")
	f(refusal.InvalidParameters, "CREATE TABLE copy AS SELECT * FROM kv_store", "CREATE UNIQUE INDEX once ON copy(key)")
	f(refusal.InvalidParameters, "CREATE TABLE copy AS SELECT * FROM kv_store", "CREATE UNIQUE INDEX once ON copy(key, value)")
	f(0, "CREATE TABLE copy("+keyValueColumns+")", "INSERT INTO copy(key, value) SELECT key, value FROM kv_store WHERE key = 'k'")
}

// Where a client's trigger would leave a change unnoticed, there is no change.
func TestAStatementWhoseChangeATriggerWouldHideFails(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	commitSQL(t, w, sql("CREATE TRIGGER keeper BEFORE UPDATE ON kv_store BEGIN SELECT RAISE(IGNORE); END"))
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := run(w, sql("REPLACE INTO kv_store(key, value) VALUES ('k', 'unseen')"))
	wantKind(t, err, refusal.SQLConstraint)
	if !strings.Contains(err.Error(), "a trigger kept the row from being written") {
		t.Error(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if row := get(t, testdb.Reader(t, path), b.table, "k"); bodyOf(&row) != "v" {
		t.Error(bodyOf(&row))
	}
}

// A client's trigger that ends a statement with RAISE(IGNORE) after the change runs after
// ours, once ours were made anew.
func TestATriggerThatKeepsOthersFromRunningRunsAfterOurs(t *testing.T) {
	for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		path, w := testdb.Open(t)
		newBook(w).all(t, set("k", "v"))
		commitSQL(t, w, sql("CREATE TRIGGER last AFTER "+event+" ON kv_store BEGIN SELECT RAISE(IGNORE); END"))
		commitSQL(t, w, sql("REPLACE INTO kv_store(key, value) VALUES ('k', 1)"), sql("UPDATE kv_store SET value = 2"), sql("DELETE FROM kv_store"))
		newBook(w).all(t, set("k", "w"))
		if got := past(t, path, kv.DefaultTable, "k"); got != "1 11 1" {
			t.Errorf("AFTER %s: %s", event, got)
		}
	}
}

func TestOtherProgramsSettingsMakeNoDifference(t *testing.T) {
	for _, recursive := range []string{"ON", "OFF"} {
		for _, trusted := range []string{"ON", "OFF"} {
			path, w := testdb.Open(t)
			newBook(w).all(t, set("k", "v"), set("l", "v"))
			rawExec(t, raw(t, path), "PRAGMA recursive_triggers = "+recursive, "PRAGMA trusted_schema = "+trusted,
				"REPLACE INTO kv_store(key, value) VALUES ('k', 1), ('k', 2)", "UPDATE OR REPLACE kv_store SET key = 'l' WHERE key = 'k'",
				"UPDATE kv_store SET value = 3", "DELETE FROM kv_store", "INSERT INTO kv_store(key, value) VALUES ('k', 4)")
			if got := past(t, path, kv.DefaultTable, "k") + ", " + past(t, path, kv.DefaultTable, "l"); got != "1 11, 1 11" {
				t.Errorf("recursive %s, trusted %s: %s", recursive, trusted, got)
			}
		}
	}
}

// Whoever gives a row a version of its own is taken for us. Nobody is locked out by it.
func TestARowWithAnyVersionCanBeWritten(t *testing.T) {
	for _, version := range []string{"-1", "-2", "0", "-9223372036854775808", "9223372036854775807"} {
		for _, op := range []kv.Op{set("k", "w"), incr("k", 1), {Code: kv.Delete, Key: "k"}, {Code: kv.Expire, Key: "k", TTLSeconds: 5}} {
			path := testdb.CreateUnchecked(t)
			w := testdb.Writer(t, path, store.Options{})
			newBook(w).all(t, set("k", "1"))
			commitSQL(t, w, sql("UPDATE kv_store SET version = "+version))
			newBook(w).all(t, op)
			if row := get(t, testdb.Reader(t, path), kv.DefaultTable, "k"); row.Exists && row.Version < 1 {
				t.Errorf("version %s, then %s: %+v", version, op.Code, row)
			}
			// What was recorded before stays as it was.
			first := testdb.History(t, testdb.Reader(t, path), kv.DefaultTable)["k"][0]
			if first.Op != kv.EntrySet || string(first.Value.Bytes) != "1" {
				t.Errorf("version %s, then %s: the first entry is %+v", version, op.Code, first)
			}
		}
	}
}

// To look whether they are as they should be must not find what is not so: they would be
// made anew by every writer, for ever.
func TestWhoFindsTheTriggersAsTheyShouldBeLeavesThem(t *testing.T) {
	for _, client := range []string{"", "CREATE TRIGGER client AFTER UPDATE ON kv_store BEGIN SELECT 1; END", "CREATE TRIGGER client AFTER INSERT ON kv_store_history BEGIN SELECT 1; END"} {
		path, w := testdb.Open(t)
		newBook(w).all(t, set("k", "v"))
		if client != "" {
			rawExec(t, raw(t, path), client)
		}
		newBook(w).all(t, set("k", "w")) // once, ours are made to go with it
		before := one(t, path, "PRAGMA schema_version").Int
		for range 3 {
			w := testdb.Writer(t, path, store.Options{})
			newBook(w).all(t, set("k", "w"))
			commitSQL(t, w, sql("UPDATE kv_store SET value = 1"))
			sweep(t, newBook(w), 1)
		}
		if after := one(t, path, "PRAGMA schema_version").Int; after != before {
			t.Errorf("%q: the schema has changed %d times", client, after-before)
		}
	}
}
