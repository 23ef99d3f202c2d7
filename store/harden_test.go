package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/sqltx"
)

// Each limit from both sides.
func TestWhatSQLiteRefusesByItself(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	ones := func(n int, between string) string { return strings.Repeat("1"+between, n-1) + "1" }
	f := func(name, within, beyond, words string) {
		t.Helper()
		if _, err := r.Query(&sqltx.Item{SQL: within}, longEnough, 10, &testdb.Table{}); err != nil {
			t.Errorf("%s: what is within is refused: %.200v", name, err)
		}
		_, err := r.Query(&sqltx.Item{SQL: beyond}, longEnough, 10, &testdb.Table{})
		check(t, "a reader", name, err, false)
		if err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %.200v lacks %q", name, err, words)
		}
	}
	f("length", "SELECT length(zeroblob(60000000))", "SELECT length(zeroblob(70000000))", "too big")
	f("text", "SELECT '"+strings.Repeat("x", 15<<20)+"' IS NULL", "SELECT '"+strings.Repeat("x", 17<<20)+"' IS NULL", "too big")
	f("columns", "SELECT "+ones(2000, ","), "SELECT "+ones(2001, ","), "too many columns")
	f("depth", "SELECT "+ones(900, "+"), "SELECT "+ones(1100, "+"), "too large")
	f("compound", "SELECT "+ones(490, " UNION ALL SELECT "), "SELECT "+ones(510, " UNION ALL SELECT "), "too many terms")
	f("arguments", "SELECT max("+ones(127, ",")+")", "SELECT max("+ones(128, ",")+")", "too many arguments")
	f("pattern", "SELECT 'x' LIKE '"+strings.Repeat("x", 256)+"'", "SELECT 'x' LIKE '"+strings.Repeat("x", 257)+"'", "too complex")
	f("glob", "SELECT 'x' GLOB '"+strings.Repeat("x", 256)+"'", "SELECT 'x' GLOB '"+strings.Repeat("x", 257)+"'", "too complex")
	if _, err := r.Query(&sqltx.Item{SQL: "SELECT ?32767"}, longEnough, 10, &testdb.Table{}); err == nil || !strings.Contains(err.Error(), "variable number must be") {
		t.Errorf("variables: %v", err)
	}
	if rows := testdb.Text(testdb.Rows(t, r, "PRAGMA threads")); rows != "0" {
		t.Errorf("threads: %s", rows)
	}

	// A chain of triggers, each of which fires the next.
	items := []sqltx.Item{sql("CREATE TABLE t0(a)")}
	for i := 1; i <= 102; i++ {
		items = append(items, sql(fmt.Sprintf("CREATE TABLE t%d(a); CREATE TRIGGER g%d AFTER INSERT ON t%d BEGIN INSERT INTO t%d VALUES (1); END", i, i, i-1, i)))
	}
	commitSQL(t, w, items...)
	commitSQL(t, w, sql("INSERT INTO t10 VALUES (1)"))
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := run(w, sql("INSERT INTO t0 VALUES (1)"))
	check(t, "a writer", "triggers", err, false)
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
}
