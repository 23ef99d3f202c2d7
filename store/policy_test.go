package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// The policies of the two kinds of connection, line by line. Each statement runs
// on a database with a table t(a), a KV table, and a row in both.
func TestWhatForeignSQLMayDo(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	newBook(w).all(t, set("k", "v"))
	commitSQL(t, w, sql("CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE INDEX ta ON t(a)"))

	f := func(statement string, writer, reader bool) {
		t.Helper()
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		_, err := run(w, sql(statement))
		if ended := w.TransactionEnded(); ended {
			t.Errorf("%s ended the transaction", statement)
		}
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		check(t, "a writer", statement, err, writer)
		_, err = r.Query(&sqltx.Item{SQL: statement}, longEnough, 100, &testdb.Table{})
		check(t, "a reader", statement, err, reader)
	}
	both, writes, nobody := [2]bool{true, true}, [2]bool{true, false}, [2]bool{false, false}
	each := func(who [2]bool, statements ...string) {
		t.Helper()
		for _, statement := range statements {
			f(statement, who[0], who[1])
		}
	}

	each(both,
		"SELECT a FROM t",
		"SELECT key, value FROM kv_store",
		"SELECT * FROM kv_store_history",
		"SELECT * FROM _urlite_meta",
		"SELECT * FROM _query_history",
		"SELECT * FROM sqlite_master",
		"SELECT count(*), upper('x'), random(), json('{}'), date('now') FROM t",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3) SELECT i FROM n",
		"VALUES (1)",
		"EXPLAIN SELECT a FROM t",
		"EXPLAIN QUERY PLAN SELECT a FROM t",
	)
	if have, _ := store.EngineVersion(); !older(have, "3.35") {
		// Older engines ask the authorizer about the tables of their own.
		each(both, "SELECT * FROM pragma_table_info('t')", "SELECT * FROM json_each('[1]')")
	}
	each(writes,
		"INSERT INTO t VALUES (2)",
		"INSERT INTO kv_store(key, value) VALUES ('x', 1)",
		"REPLACE INTO t VALUES (2)",
		"UPDATE t SET a = 2",
		"DELETE FROM t",
		"CREATE TABLE u(a)",
		"CREATE TABLE u AS SELECT * FROM t",
		"CREATE INDEX i ON t(a)",
		"CREATE VIEW v AS SELECT a FROM t",
		"CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
		"CREATE VIRTUAL TABLE f USING fts5(x)",
		"ALTER TABLE t ADD COLUMN b",
		"ALTER TABLE t RENAME TO u",
		"ALTER TABLE t RENAME COLUMN a TO b",
		"DROP TABLE t",
		"DROP INDEX ta",
		"REINDEX t", "REINDEX",
		"ANALYZE", "ANALYZE t", "ANALYZE main",
		"PRAGMA user_version = 7",
		"PRAGMA application_id = 7",
		"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
	)
	// The transaction and the connection are the server's.
	each(nobody,
		"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "RELEASE request", "ROLLBACK TO request",
		"SELECT 1; COMMIT",
		"ATTACH ':memory:' AS other", "ATTACH 'other.db' AS other", "DETACH main",
		"CREATE TEMP TABLE x(a)", "CREATE TEMP VIEW x AS SELECT 1", "CREATE TABLE temp.x(a)", "CREATE VIEW TEMP.x AS SELECT 1",
		"CREATE TABLE temp.x AS SELECT 1", "CREATE VIRTUAL TABLE temp.x USING fts5(a)", "CREATE TRIGGER temp.g AFTER INSERT ON main.t BEGIN DELETE FROM t; END",
		"CREATE TEMP TABLE x AS SELECT 1",
		"CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
		"SELECT load_extension('x')", "SELECT LOAD_EXTENSION('x', 'y')",
	)
	// The server's own tables are the server's.
	each(nobody,
		"INSERT INTO _urlite_meta VALUES ('x', 1)", "UPDATE _urlite_meta SET value = 0", "DELETE FROM _urlite_meta",
		`DELETE FROM "_URLITE_META"`, "DELETE FROM main.[_urlite_actors]",
		"DROP TABLE _urlite_meta", "ALTER TABLE _urlite_meta ADD COLUMN b", "CREATE TABLE _urlite_x(a)",
		"CREATE INDEX _urlite_i ON t(a)", "CREATE INDEX i ON _urlite_meta(value)", "DROP INDEX _urlite_kv_store_expiry",
		"CREATE VIEW _urlite_v AS SELECT 1", "CREATE TRIGGER _urlite_g AFTER INSERT ON t BEGIN DELETE FROM t; END",
		"CREATE TRIGGER g AFTER INSERT ON _urlite_meta BEGIN DELETE FROM t; END",
		"CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM _urlite_meta; END; INSERT INTO t VALUES (1)",
		"DELETE FROM _urlite_kv_store_deleted",
		"DELETE FROM _query_history", "INSERT INTO _Query_History DEFAULT VALUES", "DROP TABLE _query_history", "ALTER TABLE _query_history RENAME TO h",
		"CREATE TRIGGER g AFTER INSERT ON _query_history BEGIN DELETE FROM t; END", "CREATE INDEX i ON _query_history(sql)",
		"UPDATE sqlite_master SET sql = ''", "DELETE FROM sqlite_schema",
	)
	each(both,
		"PRAGMA journal_mode", "PRAGMA synchronous", "PRAGMA foreign_keys", "PRAGMA page_count", "PRAGMA page_size",
		"PRAGMA data_version", "PRAGMA user_version", "PRAGMA schema_version", "PRAGMA database_list", "PRAGMA compile_options",
		"PRAGMA table_info(t)", "PRAGMA table_xinfo = t", "PRAGMA main.table_info(t)", "PRAGMA index_list(t)", "PRAGMA index_info(ta)",
		"PRAGMA foreign_key_list(t)", "PRAGMA integrity_check", "PRAGMA integrity_check(5)", "PRAGMA quick_check", "PRAGMA query_only",
	)
	each(writes, "PRAGMA journal_mode = WAL", "PRAGMA journal_mode('wal')")
	each(nobody,
		"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode = OFF", "PRAGMA main.journal_mode = memory",
		"PRAGMA synchronous = OFF", "PRAGMA synchronous(0)", "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA query_only = 0", "PRAGMA query_only = 1",
		"PRAGMA writable_schema = 1", "PRAGMA trusted_schema = 1", "PRAGMA schema_version = 9", "PRAGMA foreign_keys = 1",
		"PRAGMA wal_autocheckpoint = 1", "PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA cache_size = -1",
		"PRAGMA max_page_count = 1", "PRAGMA busy_timeout = 0", "PRAGMA recursive_triggers = 1", "PRAGMA secure_delete = 1",
		"PRAGMA optimize", "PRAGMA incremental_vacuum", "PRAGMA shrink_memory", "PRAGMA mmap_size = 1000000", "PRAGMA temp_store = 2",
		"PRAGMA encoding = 'UTF-16'", "PRAGMA auto_vacuum = 1", "PRAGMA page_size = 512", "PRAGMA case_sensitive_like = 1",
		"PRAGMA ignore_check_constraints = 1", "PRAGMA cell_size_check = 0", "PRAGMA journal_size_limit = 1", "PRAGMA reverse_unordered_selects = 1",
		"PRAGMA soft_heap_limit = 1", "PRAGMA threads = 8", "PRAGMA analysis_limit = 9", "PRAGMA legacy_alter_table = 1", "PRAGMA fullfsync = 0",
	)
	if rows := testdb.Text(testdb.Query(t, path, "SELECT a FROM t")); rows != "1" {
		t.Errorf("t holds %s", rows)
	}
}

func check(t *testing.T, who, statement string, err error, allowed bool) {
	t.Helper()
	switch {
	case allowed && err != nil:
		t.Errorf("%s may not %s: %v", who, statement, err)
	case !allowed && err == nil:
		t.Errorf("%s may %s", who, statement)
	case !allowed && kindOf(err) != refusal.SQLError:
		t.Errorf("%s: %s answers %v", statement, who, err)
	}
}

func TestNobodyMayWriteFilesThroughSQL(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	folder := t.TempDir()
	target := filepath.Join(folder, "copy.db")
	for _, statement := range []string{
		"VACUUM", "VACUUM INTO '" + target + "'", "ATTACH '" + target + "' AS x", "SELECT writefile('" + target + "', 'x')",
		"SELECT * FROM pragma_wal_checkpoint", "SELECT * FROM pragma_journal_mode('delete')", "SELECT * FROM pragma_optimize",
		"EXPLAIN ATTACH '" + target + "' AS x", "CREATE VIRTUAL TABLE z USING zipfile('" + target + "')",
	} {
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		_, err := run(w, sql(statement))
		check(t, "a writer", statement, err, false)
		w.Rollback()
		_, err = r.Query(&sqltx.Item{SQL: statement}, longEnough, 100, &testdb.Table{})
		check(t, "a reader", statement, err, false)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Fatal(files, err)
	}
}

// The file itself holds what is not the policy's: no trick with a view or a
// trigger gives a reader's connection a pen.
func TestAReadersConnectionCannotWriteWhateverThePolicy(t *testing.T) {
	path, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t"),
		sql("CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a); END"))
	r := testdb.Reader(t, path)
	for _, statement := range []string{"INSERT INTO v VALUES (1)", "WITH x AS (SELECT 1) INSERT INTO v SELECT * FROM x", "PRAGMA query_only = 0; INSERT INTO t VALUES (1)"} {
		_, err := r.Query(&sqltx.Item{SQL: statement}, longEnough, 100, &testdb.Table{})
		wantKind(t, err, refusal.SQLError)
		if !strings.Contains(err.Error(), "GET /query only accepts read-only") {
			t.Error(err)
		}
	}
	if n := one(t, path, "SELECT count(*) FROM t").Int; n != 0 {
		t.Fatalf("%d rows", n)
	}
}
