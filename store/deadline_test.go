package store_test

import (
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// Wherever the endless part sits, it ends at its deadline, takes nothing along that was not
// its own, and the connection is as good as new.
func TestWhateverRunsOnEndsAtItsDeadline(t *testing.T) {
	needsEngine(t, "3.41")
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	const endless = "(" + endlessRows + "SELECT i FROM n)"
	commitSQL(t, w, sql("CREATE TABLE t(a); CREATE TABLE u(a); CREATE TABLE big(a); CREATE VIRTUAL TABLE f USING fts5(x); CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)"),
		sql("CREATE TRIGGER g AFTER INSERT ON u BEGIN SELECT count(*) FROM "+endless+"; END"),
		sql("CREATE VIEW v AS SELECT count(*) AS c FROM "+endless),
		sql("CREATE TRIGGER h AFTER INSERT ON big WHEN new.a < 0 BEGIN UPDATE big SET a = a - 1 WHERE a >= 0; SELECT count(*) FROM "+endless+"; END"),
		sql("INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) SELECT i FROM n"),
		sql("INSERT INTO f SELECT 'some words ' || a FROM big"))
	reads := []string{
		"SELECT count(*) FROM " + endless,
		"SELECT c FROM v",
		"SELECT i FROM " + endless + " WHERE i < 0",
		"SELECT count(*) FROM big a, big b, big c, big d WHERE a.a + b.a + c.a = d.a - 1000000",
		"SELECT count(*) FROM f a, f b, f c WHERE a.x <> b.x AND b.x > c.x",
		"SELECT count(*) FROM " + endless + ", json_each('[1, 2, 3]')",
		"SELECT (SELECT count(*) FROM boxes WHERE low > i) FROM " + endless + " WHERE i < 0",
		"SELECT group_concat(a.a) OVER (ORDER BY b.a ROWS BETWEEN 3000 PRECEDING AND CURRENT ROW) FROM big a, big b ORDER BY 1",
		"EXPLAIN QUERY PLAN SELECT 1; SELECT c FROM v; SELECT 2",
	}
	writes := []string{
		"INSERT INTO t SELECT i FROM " + endless,
		"INSERT INTO u VALUES (1)",
		"INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); INSERT INTO t VALUES (2)",
		"INSERT INTO big VALUES (-1)",
		"UPDATE t SET a = (SELECT c FROM v)",
		"CREATE TABLE x AS SELECT i FROM " + endless,
		"INSERT INTO f SELECT 'word' || i FROM " + endless,
		"INSERT INTO boxes SELECT i, i, i + 1 FROM " + endless,
		"DELETE FROM t WHERE a = (SELECT c FROM v)",
	}
	commitSQL(t, w, sql("INSERT INTO t VALUES (0)"))
	const limit = 30 * time.Millisecond
	in := func(what string, run func() error) {
		t.Helper()
		started := time.Now()
		err := run()
		if kindOf(err) != refusal.RequestTimeout {
			t.Errorf("%s: %v", what, err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s: stopped after %v", what, took)
		}
	}
	for i, statement := range append(append([]string(nil), reads...), writes...) {
		if i < len(reads)-1 {
			in("a reader: "+statement, func() error {
				_, err := r.Query(&sqltx.Item{SQL: statement}, limit, 1<<30, &testdb.Table{})
				return err
			})
		}
		for _, noFail := range []bool{false, true} {
			b.begin(t)
			op := set("neighbour", statement)
			b.do(t, &op)
			in("a writer: "+statement, func() error {
				var results sqltx.Results
				results.Begin(sqltx.FormatList)
				return testdb.RunSQL(w, &sqltx.Request{Items: []sqltx.Item{sql("INSERT INTO t VALUES (9)"), {SQL: statement, NoFail: noFail}, sql("SELECT 1")}}, limit, 1<<30, &results)
			})
			if w.TransactionEnded() {
				if err := w.Rollback(); err != nil {
					t.Fatal(err)
				}
			} else {
				b.commit(t)
			}
			b.all(t, set("k", statement))
			if row := get(t, r, b.table, "k"); bodyOf(&row) != statement {
				t.Fatal("the connections are not what they were")
			}
			if left := testdb.Text(testdb.Rows(t, r, "SELECT (SELECT group_concat(a) FROM t), (SELECT count(*) FROM u), (SELECT count(*) FROM big), (SELECT max(a) FROM big), (SELECT count(*) FROM f), (SELECT count(*) FROM boxes)")); left != `"0" 0 3000 3000 3000 0` {
				t.Fatalf("%s left %s", statement, left)
			}
		}
	}
}
