package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

func TestAQueryIsOneStatementThatOnlyReads(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)"))
	f := func(query, want string) {
		t.Helper()
		var rows testdb.Table
		_, err := r.Query(&sqltx.Item{SQL: query}, longEnough, 100, &rows)
		got := testdb.Text(rows.Rows)
		if err != nil {
			got = refusal.Of(err).Kind.Code()
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", query, got, err, want)
		}
	}
	f("SELECT a FROM t", "1 | 2")
	f("  -- all\n SELECT a FROM t ; ; /* x */ ;", "1 | 2")
	f("VALUES (1, 'x')", `1 "x"`)
	f("WITH x AS (SELECT max(a) AS m FROM t) SELECT m FROM x", "2")
	f("SELECT a FROM t WHERE 0", "")
	f("PRAGMA user_version", "0")

	f("SELECT 1; SELECT 2", "SQL_ERROR")
	f("INSERT INTO t VALUES (3)", "SQL_ERROR")
	f("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "SQL_ERROR")
	f("DELETE FROM t", "SQL_ERROR")
	f("DROP TABLE t", "SQL_ERROR")
	f("CREATE TEMP TABLE x(a)", "SQL_ERROR")
	f("BEGIN", "SQL_ERROR")
	f("SELEC", "SQL_ERROR")
	f("SELECT ?", "SQL_BIND_ERROR")
	f("SELECT * FROM missing", "SQL_ERROR")
	f("SELECT a FROM t", "1 | 2")
}

func TestAReadOnlyTransactionThatWritesIsHandedOn(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	f := func(want error, kind refusal.Kind, items ...sqltx.Item) {
		t.Helper()
		var results sqltx.Results
		results.Begin(sqltx.FormatList)
		err := r.RunSQL(&sqltx.Request{Items: items}, longEnough, 100, &results)
		if want != nil && !errors.Is(err, want) || want == nil && kindOf(err) != kind {
			t.Errorf("%v: %v", items, err)
		}
	}
	f(nil, 0, sql("SELECT 1"), sql("SELECT * FROM t"))
	f(store.ErrWrites, 0, sql("SELECT 1"), sql("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"))
	f(store.ErrWrites, 0, sql("SELECT 1; DELETE FROM t"))
	f(nil, refusal.SQLError, sql("SELECT 1"), sql("SELECT * FROM missing"))
	failing := sql("SELECT * FROM missing")
	failing.NoFail = true
	f(nil, 0, failing, sql("SELECT 1"))
	f(nil, 0, sql("SELECT 1"))
}

func TestAllOfAReadOnlyTransactionSeesOneState(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(a); INSERT INTO t VALUES (1)"))
	out := &between{between: func() { commitSQL(t, w, sql("UPDATE t SET a = a + 1")) }}
	request := sqltx.Request{Items: []sqltx.Item{sql("SELECT a FROM t"), sql("SELECT a FROM t"), sql("SELECT a FROM t")}}
	if err := r.RunSQL(&request, longEnough, 10, out); err != nil {
		t.Fatal(err)
	}
	if got := testdb.Text(out.all); got != "1 | 1 | 1" {
		t.Fatal(got)
	}
	if err := r.RunSQL(&request, longEnough, 10, out); err != nil || testdb.Text(out.all[3:4]) != "4" {
		t.Fatal(testdb.Text(out.all), err)
	}
}

// between does something after each item.
type between struct {
	sqltx.Results
	testdb.Table
	all     [][]sqltx.Value
	between func()
}

func (o *between) StartRows(names []string) error { return o.Table.StartRows(names) }
func (o *between) Row(values []sqltx.Value) error { return o.Table.Row(values) }
func (o *between) EndRows(bool) {
	o.all = append(o.all, o.Table.Rows...)
	o.between()
}

func TestAnAnswerThatGrowsTooLargeEndsTheRequest(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	big := sqltx.Request{Items: []sqltx.Item{sql("SELECT zeroblob(100000)")}}
	results := sqltx.Results{BytesMax: 1000}
	results.Begin(sqltx.FormatList)
	wantKind(t, r.RunSQL(&big, longEnough, 10, &results), refusal.ResponseTooLarge)

	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	results.Begin(sqltx.FormatList)
	big.Items = append([]sqltx.Item{sql("INSERT INTO t VALUES (1)")}, big.Items...)
	err := testdb.RunSQL(w, &big, longEnough, 10, &results)
	wantKind(t, err, refusal.ResponseTooLarge)
	if !isItemError(err) || w.TransactionEnded() {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := one(t, path, "SELECT count(*) FROM t").Int; n != 0 {
		t.Fatal("it was committed")
	}
}

func TestADatabaseOfUTF16TextReadsAsUTF8(t *testing.T) {
	for _, encoding := range []string{"UTF-16le", "UTF-16be"} {
		path := t.TempDir() + "/utf16.db"
		conn := raw(t, path)
		rawExec(t, conn, "PRAGMA encoding = '"+encoding+"'", "CREATE TABLE t(a)", "INSERT INTO t VALUES ('žluť 漢字 😀')")
		w := testdb.Writer(t, path, store.Options{})
		r := testdb.Reader(t, path)
		if got := testdb.Text(testdb.Rows(t, r, "SELECT a, 'ß' FROM t")); got != `"žluť 漢字 😀" "ß"` {
			t.Errorf("%s: %s", encoding, got)
		}
		if got := commitSQL(t, w, sql("SELECT a FROM t WHERE a = ?", text("žluť 漢字 😀"))); !strings.Contains(got, `[["žluť 漢字 😀"]]`) {
			t.Errorf("%s: %s", encoding, got)
		}
		b := newBook(w)
		b.actor = "žluť"
		for _, key := range []string{"ascii", "ключ 😀", "a/b"} {
			b.all(t, set(key, "váha "+key), incr(key+"#", 3), set(key, "again"), set(key, "váha "+key))
			row := get(t, r, b.table, key)
			if bodyOf(&row) != "váha "+key || row.ContentType != "text/plain" {
				t.Errorf("%s: %+v", encoding, row)
			}
		}
		blob := set("blob", "\x00\xff\xfe")
		blob.Value = rowOf(blob.Value).Value
		b.all(t, blob)
		if row := get(t, r, b.table, "blob"); bodyOf(&row) != "\x00\xff\xfe" {
			t.Errorf("%s: %+v", encoding, row)
		}
		if keys := list(t, r, &store.Page{Table: b.table, Limit: 100, Prefix: "ключ"}); len(keys) != 2 {
			t.Errorf("%s: %q", encoding, keys)
		}
		testdb.Check(t, path)
	}
}
