package store_test

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// whatever runs on a file that somebody made: SQL of clients and operations of ours. It
// answers the first refusal, and fails if something takes far longer than it may.
func whatever(t *testing.T, path string, statements ...string) (why *refusal.Refusal) {
	t.Helper()
	started := time.Now()
	note := func(err error) {
		if err != nil && why == nil {
			why = refusal.Of(err)
		}
	}
	const limit = 100 * time.Millisecond
	if r, err := store.OpenReader(path, store.Options{}); err != nil {
		note(err)
	} else {
		for _, statement := range statements {
			_, err := r.Query(&sqltx.Item{SQL: statement}, limit, 100, &testdb.Table{})
			if strings.HasPrefix(statement, "SELECT") { // else it is refused for what it is
				note(err)
			}
		}
		var row kv.Row
		_, err = r.Get(kv.DefaultTable, "k1", &row, nil)
		note(err)
		r.Close()
	}
	w, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		note(err)
		return why
	}
	defer w.Close()
	for _, statement := range statements {
		if _, err := w.Begin(); err != nil {
			note(err)
			continue
		}
		var results sqltx.Results
		results.Begin(sqltx.FormatList)
		note(testdb.RunSQL(w, &sqltx.Request{Items: []sqltx.Item{{SQL: statement}}}, limit, 100, &results))
		w.Rollback()
	}
	if _, err := w.Begin(); err == nil {
		b := newBook(w)
		op := set("k1", "new")
		_, _, err = b.try(&op)
		note(err)
		w.Rollback()
	}
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("%v took %v", statements, took)
	}
	return why
}

// A file may hold what the policy would not let anybody write. It does not help.
func TestAFileThatSomebodyCraftedDoesNoMoreThanItsSQLMay(t *testing.T) {
	needsEngine(t, "3.41")
	schema := func(table, sql string) []string {
		return []string{"CREATE TABLE " + table + "(a, b)", "PRAGMA writable_schema = 1", "UPDATE sqlite_master SET sql = '" + sql + "' WHERE name = '" + table + "'"}
	}
	f := func(name string, made []string, statements ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			path := testdb.CreateUnchecked(t)
			w := testdb.Writer(t, path, store.Options{})
			newBook(w).all(t, set("k1", "v"))
			before := one(t, path, "SELECT group_concat(name || '=' || value) FROM _urlite_meta")
			rawExec(t, raw(t, path), made...)
			for _, statement := range statements {
				if why := whatever(t, path, statement); why == nil {
					t.Errorf("%s is let through", statement)
				} else if why.Kind == refusal.Internal {
					t.Errorf("%s: %v", statement, why)
				}
			}
			conn := raw(t, path)
			stmt, _, err := conn.PrepareTransient("SELECT group_concat(name || '=' || value) FROM _urlite_meta")
			if err != nil {
				return // it is a view, or nothing
			}
			defer stmt.Finalize()
			if row, err := stmt.Step(); err == nil && row && stmt.ColumnText(0) != string(before.Bytes) {
				t.Errorf("the numbers are %s, and were %s", stmt.ColumnText(0), before.Bytes)
			}
		})
	}
	f("a view that loads", []string{"CREATE VIEW v AS SELECT load_extension('x') AS a"}, "SELECT a FROM v", "SELECT * FROM (SELECT * FROM v)")
	f("a view that logs", []string{"CREATE VIEW v AS SELECT sqlite_log(1, 'x')"}, "SELECT * FROM v")
	f("views in a circle", []string{"CREATE VIEW v AS SELECT * FROM w", "CREATE VIEW w AS SELECT * FROM v"}, "SELECT * FROM v")
	f("a view that never ends", []string{"CREATE VIEW v AS " + endlessRows + "SELECT i FROM n WHERE i < 0"}, "SELECT * FROM v")
	f("a trigger that writes ours", []string{"CREATE TRIGGER g AFTER UPDATE ON kv_store BEGIN UPDATE _urlite_meta SET value = 0; END"}, "UPDATE kv_store SET value = 1")
	f("a trigger that loads", []string{"CREATE TABLE t(a)", "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT load_extension('x'); END"}, "INSERT INTO t VALUES (1)")
	f("a trigger on the schema's view", []string{"CREATE VIEW v AS SELECT 1 AS a", "CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN DELETE FROM _urlite_meta; END"}, "INSERT INTO v VALUES (1)")
	f("a default that loads", schema("t", "CREATE TABLE t(a DEFAULT (load_extension(''x'')), b)"), "INSERT INTO t(b) VALUES (1)")
	f("a generated column that loads", schema("t", "CREATE TABLE t(a, b AS (load_extension(a)))"), "SELECT b FROM t", "INSERT INTO t(a) VALUES (1)")
	f("a check that loads", schema("t", "CREATE TABLE t(a CHECK (load_extension(a)), b)"), "INSERT INTO t(a) VALUES (1)")
	f("a virtual table of no module", []string{"PRAGMA writable_schema = 1", "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, 'CREATE VIRTUAL TABLE x USING zipfile(''/etc/passwd'')')"}, "SELECT * FROM x")
	f("a schema that is no SQL", append(schema("t", "CREATE TABLE t(("), "PRAGMA schema_version = 999"), "SELECT * FROM t", "SELECT 1")
	f("a view in place of ours", []string{"DROP TABLE _urlite_meta", "CREATE VIEW _urlite_meta AS SELECT 'sequence' AS name, load_extension('x') AS value"}, "SELECT * FROM _urlite_meta")
	f("a view in place of keys", []string{"DROP TABLE kv_store", "CREATE VIEW kv_store AS SELECT load_extension('x') AS key"}, "SELECT * FROM kv_store")
	f("roots that are the schema's", []string{"CREATE TABLE t(a, b)", "PRAGMA writable_schema = 1", "UPDATE sqlite_master SET rootpage = 99999 WHERE name = 't'"}, "SELECT * FROM t", "INSERT INTO t VALUES (1, 2)")
}

// Bytes of a sound file are changed all over. Every answer is rows or a refusal: nothing
// crashes and nothing hangs.
func TestADamagedFileIsRefusedAndNothingElse(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(w)
	for i := range 40 {
		b.all(t, set(fmt.Sprint("k", i), fmt.Sprintf("%0*d", i*100, i)))
	}
	commitSQL(t, w, sql("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); CREATE INDEX tb ON t(b); CREATE VIRTUAL TABLE f USING fts5(x); CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)"),
		sql("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500) SELECT i, 'text ' || i % 7, randomblob(i * 10) FROM n"),
		sql("INSERT INTO f SELECT b || ' of ' || a FROM t; INSERT INTO boxes SELECT a, a, a + 1 FROM t"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewSource(seed))
	folder, refused := t.TempDir(), 0
	for round := range 80 {
		damaged := append([]byte(nil), sound...)
		for range 1 + chance.Intn(200) {
			at := chance.Intn(len(damaged))
			if chance.Intn(3) == 0 { // heads of pages do more harm
				at = at/2048*2048 + chance.Intn(16)
			}
			damaged[at] = byte(chance.Intn(256))
		}
		victim := filepath.Join(folder, fmt.Sprintf("%d.db", round))
		if err := os.WriteFile(victim, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if why := whatever(t, victim, "SELECT * FROM t", "SELECT b, count(*) FROM t GROUP BY b", "SELECT * FROM f WHERE f MATCH 'text'", "SELECT * FROM boxes WHERE low > 100",
			"SELECT * FROM kv_store_history", "PRAGMA integrity_check", "UPDATE t SET c = randomblob(100)", "DELETE FROM t WHERE a % 3 = 0",
			"INSERT INTO f VALUES ('more')", "DELETE FROM boxes", "DROP TABLE t", "INSERT INTO f(f) VALUES ('rebuild')"); why != nil {
			refused++
			if why.Kind == refusal.Internal {
				t.Errorf("round %d: %v", round, why)
			}
		}
	}
	if refused < 40 {
		t.Errorf("only %d of 80 were noticed", refused)
	}
}
