package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

func TestKeptStatementsAreBoundedAndLongOnesAreNotKept(t *testing.T) {
	_, w := testdb.Open(t)
	for i := range 3 * store.ForeignKeptMax {
		commitSQL(t, w, sql(fmt.Sprintf("SELECT %d", i)), sql("SELECT 'used each time'"))
		if w.Kept() > store.ForeignKeptMax {
			t.Fatalf("%d statements are kept", w.Kept())
		}
	}
	before := w.Kept()
	long := "SELECT '" + strings.Repeat("x", store.ForeignKeptBytes) + "'"
	for range 3 {
		commitSQL(t, w, sql(long))
	}
	if w.Kept() != before {
		t.Fatalf("%d statements were kept, now %d", before, w.Kept())
	}
}

func TestAKeptStatementForgetsItsValues(t *testing.T) {
	_, w := testdb.Open(t)
	for i := range 5 {
		if got := commitSQL(t, w, sql("SELECT ?", integer(int64(i)))); !strings.Contains(got, fmt.Sprintf("[[%d]]", i)) {
			t.Fatal(got)
		}
	}
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := run(w, sql("SELECT ?"))
	wantKind(t, err, refusal.SQLBindError)
	w.Rollback()
}

func TestAKeptStatementSeesTheSchemaOfToday(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a); INSERT INTO t VALUES (1)"))
	f := func(change, want string) {
		t.Helper()
		commitSQL(t, w, sql(change))
		if got := commitSQL(t, w, sql("SELECT * FROM t")); !strings.Contains(got, want) {
			t.Errorf("the writer after %s: %s", change, got)
		}
		var results sqltx.Results
		results.Begin(sqltx.FormatList)
		request := sqltx.Request{Items: []sqltx.Item{sql("SELECT * FROM t")}}
		if err := r.RunSQL(&request, longEnough, 10, &results); err != nil || !strings.Contains(string(results.Bytes()), want) {
			t.Errorf("a reader after %s: %s, %v", change, results.Bytes(), err)
		}
	}
	f("SELECT 1", `"resultHeaders":["a"],"resultSetList":[[1]]`)
	f("ALTER TABLE t ADD COLUMN b DEFAULT 'new'", `"resultHeaders":["a","b"],"resultSetList":[[1,"new"]]`)
	f("ALTER TABLE t RENAME COLUMN b TO c", `"resultHeaders":["a","c"],"resultSetList":[[1,"new"]]`)
	f("DROP TABLE t; CREATE TABLE t(z); INSERT INTO t VALUES (5)", `"resultHeaders":["z"],"resultSetList":[[5]]`)
	f("DROP TABLE t; CREATE VIEW t AS SELECT 1 AS x, 2 AS y", `"resultHeaders":["x","y"],"resultSetList":[[1,2]]`)

	commitSQL(t, w, sql("DROP VIEW t"))
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := run(w, sql("SELECT * FROM t"))
	wantKind(t, err, refusal.SQLError)
	w.Rollback()
}

// In one request, too: the second item was prepared before the first one ran.
func TestAStatementSeesTheTableMadeJustBeforeIt(t *testing.T) {
	_, w := testdb.Open(t)
	for range 3 {
		got := commitSQL(t, w, sql("CREATE TABLE t(a)"), sql("INSERT INTO t VALUES (1)"), sql("SELECT * FROM t"), sql("DROP TABLE t"))
		if !strings.Contains(got, `"resultSetList":[[1]]`) {
			t.Fatal(got)
		}
	}
}
