package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

const (
	littleMemory = 32 << 20
	littleDisk   = 24 << 20
	endlessRows  = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
)

// hungry is SQL that takes all there is, by the way in which it does.
func hungry() map[string]string {
	many := strings.Repeat("hex(randomblob(5000000)), ", 100) + "1"
	return map[string]string{
		"one large value":            "SELECT hex(zeroblob(30000000))",
		"many large values":          "SELECT " + many,
		"zeros that are spelled out": "SELECT zeroblob(60000000)",
		"a joined text":              endlessRows + "SELECT group_concat(hex(randomblob(1000))) FROM n",
		"a JSON array":               endlessRows + "SELECT json_group_array(hex(randomblob(1000))) FROM n",
		"many groups":                endlessRows + "SELECT count(*) FROM (SELECT group_concat(i) FROM n GROUP BY hex(randomblob(5000)))",
		"a sort":                     endlessRows + "SELECT hex(randomblob(1000)) FROM n ORDER BY 1",
		"distinct rows":              endlessRows + "SELECT count(DISTINCT hex(randomblob(1000))) FROM n",
		"a queue":                    "WITH RECURSIVE n(i) AS (SELECT '' UNION ALL SELECT hex(randomblob(500)) FROM n, (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)) SELECT count(*) FROM n",
		"a remembered table":         "WITH m AS MATERIALIZED (" + endlessRows + "SELECT hex(randomblob(1000)) AS x FROM n) SELECT count(*) FROM m, m AS o",
		"windows":                    endlessRows + "SELECT group_concat(x) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM (SELECT i, hex(randomblob(100000)) AS x FROM n)",
		"a large pattern":            "SELECT replace(hex(zeroblob(5000000)), '0', 'aaaaaa')",
		"a long list":                "SELECT 1 IN (" + strings.Repeat("1,", 1_000_000) + "1)",
	}
}

// Whatever it is that it eats, SQL is refused in words when it has had its share, and whoever
// uses the connection next finds it as good as new.
func TestHungrySQLIsRefusedAndTheConnectionIsAsGoodAsNew(t *testing.T) {
	needsEngine(t, "3.41")
	path := testdb.Create(t)
	options := store.Options{SQLMemoryBytes: littleMemory, SQLFilesBytes: littleDisk}
	w := testdb.Writer(t, path, options)
	r, err := store.OpenReader(path, options)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := newBook(w)
	b.all(t, set("k", "v"))
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	refused := func(name string, err error) {
		t.Helper()
		if kindOf(err) != refusal.SQLError || !strings.Contains(err.Error(), "the SQL needs more than") {
			t.Errorf("%s: %.300v", name, err)
		}
	}
	for name, statement := range hungry() {
		t.Run(name, func(t *testing.T) {
			_, err := r.Query(&sqltx.Item{SQL: statement}, longEnough, 1<<30, &testdb.Table{})
			refused("a reader", err)
			if row := get(t, r, b.table, "k"); bodyOf(&row) != "v" {
				t.Fatal("the reader is not what it was")
			}
			if _, err := r.Query(&sqltx.Item{SQL: "SELECT length(group_concat(a)) FROM (SELECT 1 AS a UNION ALL SELECT 2) ORDER BY a"}, longEnough, 10, &testdb.Table{}); err != nil {
				t.Fatalf("the reader is not what it was: %v", err)
			}

			b.begin(t)
			op := set("neighbour", name)
			b.do(t, &op)
			var results sqltx.Results
			results.Begin(sqltx.FormatList)
			err = testdb.RunSQL(w, &sqltx.Request{Items: []sqltx.Item{{SQL: statement}}}, longEnough, 1<<30, &results)
			refused("a writer", err)
			if took := w.Memory(); took > littleMemory {
				t.Errorf("the writer holds %d bytes", took)
			}
			if w.TransactionEnded() {
				t.Fatal("what only reads ended the transaction")
			}
			b.commit(t)
			if row := get(t, r, b.table, "neighbour"); bodyOf(&row) != name {
				t.Fatal("the neighbour is gone")
			}
		})
	}
}

// The same, where a statement also writes: then SQLite may have to end the transaction.
func TestHungryWritesLeaveNothingBehind(t *testing.T) {
	needsEngine(t, "3.41")
	path := testdb.Create(t)
	w := testdb.Writer(t, path, store.Options{SQLMemoryBytes: littleMemory, SQLFilesBytes: littleDisk})
	b := newBook(w)
	commitSQL(t, w, sql("CREATE TABLE t(a); CREATE TABLE big(a); CREATE TABLE u(a)"),
		sql("INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000) SELECT randomblob(10000) FROM n"),
		sql("INSERT INTO u VALUES (1)"),
		sql("CREATE TRIGGER g AFTER INSERT ON u BEGIN INSERT INTO t SELECT length(hex(zeroblob(30000000))); END"))
	for name, statement := range map[string]string{
		"values":        "INSERT INTO t SELECT hex(zeroblob(30000000))",
		"a trigger":     "INSERT INTO u VALUES (2)",
		"a sort":        "INSERT INTO t " + endlessRows + "SELECT hex(randomblob(1000)) FROM n ORDER BY 1",
		"an index":      "CREATE INDEX i ON big(a)",
		"what it undid": "UPDATE big SET a = randomblob(10001)",
		"a new table":   "CREATE TABLE v AS SELECT hex(zeroblob(30000000))",
	} {
		t.Run(name, func(t *testing.T) {
			b.begin(t)
			_, err := run(w, sql("INSERT INTO t VALUES (1)"), sql(statement))
			if kindOf(err) != refusal.SQLError || !strings.Contains(err.Error(), "the SQL needs more than") {
				t.Errorf("%.300v", err)
			}
			if w.TransactionEnded() {
				if err := w.Rollback(); err != nil {
					t.Fatal(err)
				}
			} else {
				b.commit(t)
			}
			if rows := testdb.Text(testdb.Query(t, path, "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u), (SELECT count(*) FROM sqlite_master WHERE name IN ('i', 'v')), (SELECT max(length(a)) FROM big)")); rows != "0 1 0 10000" {
				t.Errorf("left behind: %s", rows)
			}
			b.all(t, set("k", name))
			commitSQL(t, w, sql("SELECT count(*) FROM (SELECT a FROM big ORDER BY length(a))"))
		})
	}
}

// What a request has not used is not the next one's, and what it has not given back is not
// its debt.
func TestEveryRequestHasAnAccountOfItsOwn(t *testing.T) {
	path := testdb.Create(t)
	w := testdb.Writer(t, path, store.Options{SQLMemoryBytes: littleMemory, SQLFilesBytes: littleDisk})
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	for range 20 {
		commitSQL(t, w, sql("SELECT length(hex(zeroblob(5000000)))"),
			sql("SELECT count(*) FROM (SELECT hex(randomblob(1000)) AS x FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n) ORDER BY x)"))
		if w.Spilled() == 0 || w.Spilled() > littleDisk {
			t.Fatal(w.Spilled())
		}
	}
}

// Large work of an honest client goes on: what the defaults have room for.
func TestTheDefaultsHaveRoomForHonestWork(t *testing.T) {
	if testing.Short() {
		t.Skip("sorts 30 MB")
	}
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a)"),
		sql("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000) SELECT randomblob(1000) FROM n"),
		sql("CREATE INDEX ta ON t(a)"))
	var got testdb.Table
	if _, err := r.Query(&sqltx.Item{SQL: "SELECT a FROM t ORDER BY a DESC, rowid"}, time.Minute, 10, &got); err != nil || len(got.Rows) != 10 {
		t.Fatal(len(got.Rows), err)
	}
	commitSQL(t, w, sql("SELECT length(randomblob(60000000)), length(zeroblob(60000000)) AS b"))
}
