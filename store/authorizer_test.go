package store_test

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// ours is what the file has under names of ours, by name: the schema of things, and what
// the tables hold. Among a client's triggers there are a few more of ours.
func ours(t testing.TB, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, row := range testdb.Query(t, path, `SELECT name, tbl_name || sql FROM sqlite_master
		WHERE name LIKE '\_urlite%' ESCAPE '\' AND name NOT LIKE '%again' AND sql IS NOT NULL`) {
		all[string(row[0].Bytes)] = string(row[1].Bytes)
	}
	for _, table := range []string{"_urlite_meta", "_urlite_kv_store_deleted"} {
		all["rows of "+table] = testdb.Text(testdb.Query(t, path, "SELECT * FROM "+table))
	}
	return all
}

// Statements run one after the other, each in a transaction of its own that is
// committed; the last one is to be refused.
func TestClientsHaveNoWayToWhatIsOurs(t *testing.T) {
	f := func(statements ...string) {
		t.Helper()
		path := testdb.CreateUnchecked(t)
		w := testdb.Writer(t, path, store.Options{})
		newBook(w).all(t, set("k", "v"), set("gone", "v"), kv.Op{Code: kv.Delete, Key: "gone"})
		before := ours(t, path)
		last := len(statements) - 1
		for i, statement := range statements {
			for _, noFail := range []bool{true, false} {
				if noFail && i < last {
					continue
				}
				if _, err := w.Begin(); err != nil {
					t.Fatal(err)
				}
				item := sql(statement)
				item.NoFail = noFail
				answer, err := run(w, item)
				if i == last && kindOf(err) != refusal.SQLError && !strings.Contains(answer, `"code":"SQL_ERROR"`) {
					t.Errorf("%s: %s %v", statement, answer, err)
				}
				if i < last && err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
				if err := w.Commit(); err != nil {
					t.Fatal(err)
				}
			}
		}
		after := ours(t, path)
		for name := range after {
			if _, there := before[name]; !there {
				t.Errorf("%v: there is %s now", statements, name)
			}
		}
		for name, was := range before {
			if after[name] != was {
				t.Errorf("%v: %s was %.200s and is %.200s", statements, name, was, after[name])
			}
		}
	}
	const body = " BEGIN SELECT 1; END"
	// Triggers with our names, in every spelling.
	f("CREATE TRIGGER _urlite_kv_store_more AFTER UPDATE ON kv_store" + body)
	f("CREATE TRIGGER _URLITE_x AFTER UPDATE ON kv_store" + body)
	f("CREATE TRIGGER main._Urlite_x_inserted AFTER UPDATE ON kv_store" + body)
	f(`CREATE TRIGGER "_urlite_x_inserted" AFTER UPDATE ON kv_store` + body)
	f("CREATE TRIGGER [_urlite_x_inserted] AFTER UPDATE ON kv_store" + body)
	f("CREATE TRIGGER '_urlite_x_inserted' AFTER UPDATE ON kv_store" + body)
	f("CREATE TRIGGER IF NOT EXISTS `_urlite_x_inserted` AFTER UPDATE ON kv_store" + body)
	f("CREATE TABLE people(name)", "CREATE TRIGGER _urlite_people_inserted AFTER INSERT ON people"+body)
	f("CREATE TEMP TRIGGER _urlite_x AFTER UPDATE ON kv_store" + body)
	// Ours may go with their table, and not otherwise.
	f("DROP TRIGGER _urlite_kv_store_updated")
	f("DROP TRIGGER IF EXISTS main._URLITE_KV_STORE_UPDATED")
	f("EXPLAIN DROP TABLE kv_store", "DROP TRIGGER _urlite_kv_store_updated")
	f("EXPLAIN DROP TABLE kv_store; DROP TRIGGER _urlite_kv_store_updated")
	f("SELECT 1", "EXPLAIN DROP TABLE kv_store; SELECT 1; DROP TRIGGER _urlite_kv_store_updated")
	f("CREATE TABLE t(a)", "DROP TABLE t; DROP TRIGGER _urlite_kv_store_updated")
	// Tables.
	f("DROP TABLE _urlite_kv_store_deleted")
	f("DROP TABLE IF EXISTS main.[_URLITE_META]")
	f("CREATE TABLE t(a)", "ALTER TABLE t RENAME TO _urlite_t")
	f("CREATE TABLE t(a)", "ALTER TABLE t RENAME TO _URLITE_answers")
	f("CREATE TABLE t(a)", `ALTER TABLE main.t RENAME TO "_Urlite"`)
	f("CREATE TABLE t(a)", "SELECT 1; ALTER TABLE t RENAME TO _urlite_t; SELECT 1")
	f("ALTER TABLE kv_store RENAME TO _urlite_kv_store")
	f("ALTER TABLE kv_store_history RENAME TO _urlite_kv_store_history")
	f("ALTER TABLE _urlite_meta RENAME TO meta")
	f("ALTER TABLE _urlite_kv_store_deleted RENAME COLUMN head TO tail")
	f("ALTER TABLE _urlite_kv_store_deleted ADD COLUMN more")
	f("CREATE TABLE _urlite_answers(key, at, request, version, answer)")
	f("CREATE VIEW _urlite_answers AS SELECT 1")
	f("CREATE VIRTUAL TABLE _urlite_answers USING fts5(key)")
	f("CREATE INDEX _urlite_i ON kv_store(value)")
	f("CREATE INDEX i ON _urlite_kv_store_deleted(head)")
	f("DROP INDEX _urlite_kv_store_keyframes")
	// Rows.
	for _, write := range []string{
		"INSERT INTO _urlite_meta VALUES ('x', 1)",
		"REPLACE INTO _urlite_meta VALUES ('sequence', 0)",
		"UPDATE _urlite_meta SET value = 0 WHERE name = 'sequence'",
		"DELETE FROM _URLITE_META",
		`UPDATE "_urlite_kv_store_deleted" SET head = 0`,
		"DELETE FROM main._urlite_kv_store_deleted",
	} {
		f(write)
		f("WITH _urlite_kv_store_inserted AS (SELECT 1) " + write)
		trigger := " BEGIN " + strings.NewReplacer("main.", "").Replace(write) + "; END"
		f("CREATE TRIGGER g AFTER UPDATE ON kv_store"+trigger, "UPDATE kv_store SET value = 1")
		f("CREATE TRIGGER g AFTER INSERT ON kv_store"+trigger, "INSERT INTO kv_store(key, value) VALUES ('new', 1)")
		f("CREATE TRIGGER g AFTER UPDATE OF version ON kv_store"+trigger, "INSERT INTO kv_store(key, value) VALUES ('new', 1)")
		f("CREATE TRIGGER g AFTER INSERT ON kv_store_history"+trigger, "UPDATE kv_store SET value = 1")
		f("CREATE TABLE t(a)", "CREATE TRIGGER inserted AFTER INSERT ON t"+trigger, "INSERT INTO t VALUES (1)")
		f("CREATE VIEW v AS SELECT 1 AS a", "CREATE TRIGGER i INSTEAD OF INSERT ON v"+trigger, "INSERT INTO v VALUES (1)")
	}
	f("CREATE VIEW v AS SELECT * FROM _urlite_meta", "UPDATE v SET value = 0")
	f("PRAGMA recursive_triggers = ON")
	f("PRAGMA trusted_schema = ON")
	f("PRAGMA writable_schema = ON")
	f("DELETE FROM sqlite_master WHERE name = '_urlite_kv_store_updated'")
	f("UPDATE sqlite_master SET sql = NULL WHERE name = '_urlite_kv_store_updated'")
}

// What is near our names is not ours.
func TestNamesThatOnlyLookLikeOursAreTheClients(t *testing.T) {
	_, w := testdb.Open(t)
	newBook(w).all(t, set("k", "v"))
	for _, statement := range []string{
		"CREATE TABLE urlite(a)", "ALTER TABLE urlite RENAME TO urlite_meta", "DROP TABLE urlite_meta",
		"CREATE TABLE x_urlite_meta(a)", "ALTER TABLE x_urlite_meta RENAME TO xurlite_meta",
		"CREATE TABLE _urlıte(a)", // a letter of its own
		"CREATE TRIGGER kv_store_inserted AFTER INSERT ON kv_store BEGIN DELETE FROM xurlite_meta; END",
		"DROP TRIGGER kv_store_inserted",
	} {
		commitSQL(t, w, sql(statement))
	}
}

func TestATableGoesWithItsTriggers(t *testing.T) {
	path, w := testdb.Open(t)
	f := func(statement string, left int64) {
		t.Helper()
		newBook(w).all(t, set("k", "v"))
		commitSQL(t, w, sql(statement))
		if n := one(t, path, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").Int; n != left {
			t.Errorf("%s: %d triggers are left", statement, n)
		}
	}
	f("DROP TABLE kv_store", 0)
	f("DROP TABLE IF EXISTS KV_Store", 0)
	f("DROP TABLE main.kv_store; CREATE TABLE other(a)", 0)
	f("CREATE TRIGGER g AFTER UPDATE ON kv_store BEGIN SELECT 1; END; DROP TABLE kv_store", 0)
}

// An authorizer that is asked for one statement may not be answered for another that is
// prepared again: the schema may have changed since a kept one was.
func TestAKeptStatementIsAllowedWhatItWasAndNoMore(t *testing.T) {
	path, w := testdb.Open(t)
	newBook(w).all(t, set("k", "v"))
	explain, drop := sql("EXPLAIN DROP TABLE kv_store"), sql("DROP TRIGGER _urlite_kv_store_moved")
	for i := range 3 {
		commitSQL(t, w, explain)
		commitSQL(t, w, sql("CREATE TABLE t"+string(rune('a'+i))+"(a)"))
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		_, err := run(w, explain, drop)
		wantKind(t, err, refusal.SQLError)
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	if n := one(t, path, "SELECT count(*) FROM sqlite_master WHERE name = '_urlite_kv_store_moved'").Int; n != 1 {
		t.Error("it was dropped")
	}
}
