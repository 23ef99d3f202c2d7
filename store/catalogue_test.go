package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/store"
)

// oddNames are names that SQL reads only when they are quoted well.
var oddNames = []string{`a"b`, `a]b`, "a`b", "a'b", "😀", "a b", "select", `"`, `""`, "[x]", "a;--", "ŽLUŤ", "%", "_"}

func TestTablesOfAnyNameAreFoundReadAndCounted(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	for i, name := range oddNames {
		table := store.SelectAll(name)[len("SELECT * FROM "):]
		commitSQL(t, w, sql("CREATE TABLE "+table+`("x""]`+"`"+`😀" INT NOT NULL DEFAULT 7, y PRIMARY KEY)`), sql(fmt.Sprintf("INSERT INTO %s VALUES (%d, 'x')", table, i)))
		found, err := r.FindTable(name)
		if err != nil || found != name {
			t.Errorf("%q: found %q, %v", name, found, err)
		}
		if got := testdb.Text(testdb.Rows(t, r, store.SelectAll(found))); got != fmt.Sprintf(`%d "x"`, i) {
			t.Errorf("%q: %s", name, got)
		}
		if rows, counted := r.CountRows(name, time.Minute); rows != 1 || !counted {
			t.Errorf("%q: %d rows, %v", name, rows, counted)
		}
		columns, err := r.Columns(name)
		want := store.SchemaColumn{Name: `x"]` + "`😀", Type: "INT", NotNull: true, Default: "7", HasDefault: true}
		if err != nil || len(columns) != 2 || columns[0] != want || columns[1].PrimaryKey != 1 {
			t.Errorf("%q: %+v, %v", name, columns, err)
		}
	}
	for _, name := range []string{"", "missing", `a""b`, `"a""b"`, "sqlite_master"} {
		if found, err := r.FindTable(name); err != nil || found != "" {
			t.Errorf("%q: found %q, %v", name, found, err)
		}
	}
}

func TestObjectsAreListedInOrder(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("key", "value"))
	b.begin(t)
	for more := true; more; {
		var err error
		if more, err = w.Recount(); err != nil {
			t.Fatal(err)
		}
	}
	b.commit(t)
	if rows, known, err := r.KeptRows("KV_Store"); rows != 1 || !known || err != nil {
		t.Errorf("kept: %d, %v, %v", rows, known, err)
	}
	commitSQL(t, w, sql("CREATE TABLE b(x UNIQUE)"), sql("CREATE TABLE a(x)"), sql("CREATE VIEW v AS SELECT * FROM vanished"),
		sql("CREATE INDEX i ON a(x)"), sql("CREATE TRIGGER g AFTER INSERT ON a BEGIN DELETE FROM b; END"))
	text := func(internal bool, max int) (all string) {
		t.Helper()
		objects, err := r.Objects(internal, max)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			all += o.Type + " " + o.Name + " of " + o.Table + "\n"
		}
		return all
	}
	want := "table a of a\ntable b of b\ntable kv_store of kv_store\ntable kv_store_history of kv_store_history\nview v of v\nindex i of a\ntrigger g of a\n"
	if got := text(false, 100); got != want {
		t.Errorf("%s", got)
	}
	if got := text(false, 2); got != "table a of a\ntable b of b\n" {
		t.Errorf("two: %s", got)
	}
	all, err := r.Objects(true, 1000)
	if n := one(t, path, "SELECT count(*) FROM sqlite_master").Int; err != nil || int64(len(all)) != n {
		t.Errorf("%d objects of %d: %v", len(all), n, err)
	}
	if columns, err := r.Columns("v"); err != nil || columns != nil {
		t.Errorf("a broken view: %v, %v", columns, err)
	}
	if _, known, err := r.KeptRows("a"); known || err != nil {
		t.Errorf("kept: %v, %v", known, err)
	}
}

// A count that takes too long ends alone: the snapshot that it is part of goes on.
func TestACountEndsInTime(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a)"), sql("CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"))
	err := r.Snapshot(func() error {
		if rows, counted := r.CountRows("t", time.Minute); rows != 0 || !counted {
			t.Errorf("%d rows, %v", rows, counted)
		}
		if _, counted := r.CountRows("endless", 10*time.Millisecond); counted {
			t.Error("it was counted")
		}
		commitSQL(t, w, sql("INSERT INTO t VALUES (1)"))
		if rows, counted := r.CountRows("t", time.Minute); rows != 0 || !counted {
			t.Errorf("%d rows, %v", rows, counted)
		}
		if _, counted := r.CountRows("vanished", time.Minute); counted {
			t.Error("what is not there was counted")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if rows, counted := r.CountRows("t", time.Minute); rows != 1 || !counted {
		t.Errorf("%d rows, %v", rows, counted)
	}
}
