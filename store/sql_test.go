package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

func TestWhatAnItemAnswers(t *testing.T) {
	_, w := testdb.Open(t)
	f := func(want string, items ...sqltx.Item) {
		t.Helper()
		if got := commitSQL(t, w, items...); got != want {
			t.Errorf("%v: %s, want %s", items, got, want)
		}
	}
	updated := func(rows ...int) string {
		var all []string
		for _, n := range rows {
			all = append(all, fmt.Sprintf(`{"success":true,"rowsUpdated":%d}`, n))
		}
		return strings.Join(all, ",")
	}
	rows := func(headers, rows string) string {
		return `{"success":true,"resultHeaders":[` + headers + `],"resultSetList":[` + rows + `]}`
	}
	f(updated(0), sql("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"))
	inserted := func(rows, rowid int) string {
		return fmt.Sprintf(`{"success":true,"rowsUpdated":%d,"lastInsertRowid":%d}`, rows, rowid)
	}
	f(inserted(3, 3), sql("INSERT INTO t(b) VALUES ('x'), (2.5), (x'00ff')"))
	f(updated(0), sql("CREATE INDEX tb ON t(b)"))
	f(updated(0), sql("UPDATE t SET b = 1 WHERE a > 100"))
	f(updated(1, 0, 0), sql("UPDATE t SET b = 'y' WHERE a = 1"), sql("CREATE TABLE u(a)"), sql("DELETE FROM u"))
	f(rows(`"a","b"`, `[1,"y"],[2,2.5],[3,"AP8="]`), sql("SELECT * FROM t ORDER BY a"))
	f(rows(`"a","b"`, ``), sql("SELECT * FROM t WHERE a > 100"))
	f(rows(`"1","1:2"`, `[1,1]`), sql("SELECT 1, 1"))
	// Several statements: the last one's result is the answer.
	f(rows(`"n"`, `[4]`), sql("INSERT INTO t(b) VALUES (1); SELECT count(*) AS n FROM t;  -- done\n"))
	f(inserted(2, 2), sql("SELECT 1; INSERT INTO u VALUES (1), (2)"))
	f(inserted(0, 3), sql("INSERT INTO u VALUES (3); CREATE TABLE v(a)"))
	// A trigger's changes are not the statement's.
	f(updated(0), sql("CREATE TRIGGER tr AFTER INSERT ON v BEGIN INSERT INTO u VALUES (new.a), (new.a); END"))
	f(inserted(1, 1), sql("INSERT INTO v VALUES (9)"))
	f(rows(`"count(*)"`, `[5]`), sql("SELECT count(*) FROM u"))
	f(updated(0), sql("DROP TABLE u"))
	f(rows(`"journal_mode"`, `["wal"]`), sql("PRAGMA journal_mode"))
	f(rows(`"journal_mode"`, `["wal"]`), sql("PRAGMA journal_mode = WAL"))
	f(rows(`"a"`, `[9]`), sql("/* a comment */ ; SELECT a FROM v"))
	f(rows(`"x"`, `["no_column"]`), sql(`SELECT "no_column" AS x`))
	f(rows(`"n"`, `[9223372036854775807]`), sql("SELECT 9223372036854775807 AS n"))
	f(rows(`"a","b","c"`, `[null,"",""]`), sql("SELECT NULL AS a, '' AS b, x'' AS c"))
	f(rows(`"x"`, `["a\u0000b"]`), sql("SELECT 'a' || char(0) || 'b' AS x"))
}

func TestReturningAnswersRows(t *testing.T) {
	needsEngine(t, "3.35")
	_, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"))
	if got := commitSQL(t, w, sql("INSERT INTO t(b) VALUES (?), (?) RETURNING a", integer(1), integer(2))); !strings.Contains(got, `[[1],[2]]`) {
		t.Fatal(got)
	}
	// What is cut off is only not shown.
	var results sqltx.Results
	results.Begin(sqltx.FormatList)
	_, err := w.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := testdb.RunSQL(w, &sqltx.Request{Items: []sqltx.Item{sql("UPDATE t SET b = 7 RETURNING a")}}, longEnough, 1, &results); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	results.End()
	if !strings.Contains(string(results.Bytes()), `[[1]],"truncated":true`) {
		t.Fatal(string(results.Bytes()))
	}
	if got := commitSQL(t, w, sql("SELECT count(*) FROM t WHERE b = 7")); !strings.Contains(got, "[[2]]") {
		t.Fatal(got)
	}
}

func TestRowsPastTheCapAreCutAndTheResultSaysSo(t *testing.T) {
	_, w := testdb.Open(t)
	const ten = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10) SELECT i FROM n"
	f := func(rowsMax int, want string) {
		t.Helper()
		var results sqltx.Results
		results.Begin(sqltx.FormatList)
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		defer w.Rollback()
		if err := testdb.RunSQL(w, &sqltx.Request{Items: []sqltx.Item{sql(ten)}}, longEnough, rowsMax, &results); err != nil {
			t.Fatal(err)
		}
		if got := string(results.Bytes()); !strings.HasSuffix(got, want) {
			t.Errorf("%d rows: %s", rowsMax, got)
		}
	}
	f(10, `[10]]}`)
	f(11, `[10]]}`)
	f(9, `[9]],"truncated":true}`)
	f(1, `[[1]],"truncated":true}`)
	f(0, `[],"truncated":true}`)
}

func TestValuesAreBoundByPlaceOrByName(t *testing.T) {
	_, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a, b)"))
	f := func(want string, item sqltx.Item) {
		t.Helper()
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		defer w.Rollback()
		got, err := run(w, item)
		if err != nil {
			got = refusal.Of(err).Kind.Code() + ": " + refusal.Of(err).Text
		} else {
			got = strings.TrimSuffix(got[strings.Index(got, `"resultSetList":`)+len(`"resultSetList":`):], "}")
		}
		if got != want {
			t.Errorf("%+v: %s, want %s", item, got, want)
		}
	}
	named := func(text string, names []string, values ...sqltx.Value) sqltx.Item {
		return sqltx.Item{SQL: text, Names: names, Values: values}
	}
	f(`[[1,"two"]]`, sql("SELECT ?, ?", integer(1), text("two")))
	f(`[["two",1,"two"]]`, sql("SELECT ?2, ?1, ?2", integer(1), text("two")))
	f(`[[null,2.5,"",""]]`, sql("SELECT ?, ?, ?, ?", sqltx.Value{}, sqltx.Value{Kind: sqltx.Float, Float: 2.5}, text(""), sqltx.Value{Kind: sqltx.Blob}))
	f(`[["text","blob","blob","text","null","real"]]`, sql("SELECT typeof(?), typeof(?), typeof(?), typeof(?), typeof(?), typeof(?)",
		text(""), sqltx.Value{Kind: sqltx.Blob}, sqltx.Value{Kind: sqltx.Blob, Bytes: []byte("x")}, text("x"), sqltx.Value{}, sqltx.Value{Kind: sqltx.Float}))
	f(`[[3,4]]`, named("SELECT :a, @b", []string{"a", "b"}, integer(3), integer(4)))
	f(`[[3,3]]`, named("SELECT $a, $a", []string{"a"}, integer(3)))
	f(`[[5]]`, named("SELECT 5", []string{}))
	// Positional values are used up statement by statement; named ones are there for all.
	f(`[[2]]`, sql("INSERT INTO t VALUES (?, 1); SELECT ?", integer(1), integer(2)))
	f(`[[7]]`, named("INSERT INTO t VALUES (:a, :b); SELECT :a", []string{"a", "b"}, integer(7), integer(8)))

	f("SQL_BIND_ERROR: the statement takes 2 values, got 1", sql("SELECT ?, ?", integer(1)))
	f("SQL_BIND_ERROR: the statement takes 1 values, got 0", sql("SELECT ?"))
	f("SQL_BIND_ERROR: the statement takes 3 values, got 1", sql("SELECT ?3", integer(1)))
	f("SQL_BIND_ERROR: 1 values more than the SQL takes", sql("SELECT ?", integer(1), integer(2)))
	f("SQL_BIND_ERROR: 2 values more than the SQL takes", sql("SELECT 1; SELECT 2", integer(1), integer(2)))
	f("SQL_BIND_ERROR: no value for parameter :b", named("SELECT :a, :b", []string{"a"}, integer(1)))
	f("SQL_BIND_ERROR: no parameter named c", named("SELECT :a", []string{"a", "c"}, integer(1), integer(2)))
	f("SQL_BIND_ERROR: named values for a statement with positional parameters", named("SELECT ?", []string{"a"}, integer(1)))
	f("SQL_BIND_ERROR: named values for a statement with positional parameters", named("SELECT ?1", []string{"1"}, integer(1)))
	f("SQL_BIND_ERROR: no value for parameter :A", named("SELECT :A", []string{"a"}, integer(1)))
}

func TestWhatIsWrongWithSQLIsToldInSQLitesWords(t *testing.T) {
	_, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a PRIMARY KEY NOT NULL, b CHECK (b > 0)); INSERT INTO t VALUES (1, 1)"))
	f := func(statement string, kind refusal.Kind, words string) {
		t.Helper()
		for _, padding := range []string{"", strings.Repeat(" ", store.ForeignKeptBytes)} { // kept and not kept
			if _, err := w.Begin(); err != nil {
				t.Fatal(err)
			}
			_, err := run(w, sql("SELECT 1"), sql(statement+padding))
			w.Rollback()
			var item *sqltx.ItemError
			if !errors.As(err, &item) || item.Index != 1 || item.Refusal.Kind != kind || !strings.Contains(item.Refusal.Text, words) {
				t.Errorf("%s: %v, want %s %q", statement, err, kind.Code(), words)
			}
		}
	}
	f("SELEC 1", refusal.SQLError, `near "SELEC": syntax error`)
	f("SELECT * FROM missing", refusal.SQLError, "no such table: missing")
	f("SELECT missing()", refusal.SQLError, "no such function: missing")
	f("SELECT abs(-9223372036854775808)", refusal.SQLError, "integer overflow")
	f("SELECT 1; SELEC 2", refusal.SQLError, `near "SELEC": syntax error`)
	f("INSERT INTO t VALUES (1, 1)", refusal.SQLConstraint, "UNIQUE constraint failed: t.a")
	f("INSERT INTO t VALUES (NULL, 1)", refusal.SQLConstraint, "NOT NULL constraint failed: t.a")
	f("INSERT INTO t VALUES (2, 0)", refusal.SQLConstraint, "CHECK constraint failed")
	f("VACUUM", refusal.SQLError, "cannot VACUUM from within a transaction")
	f("COMMIT", refusal.SQLError, "not authorized")
	f("\ufeff", refusal.SQLError, "empty SQL statement")
}

func TestWhatAClientRaisesIsToldInShort(t *testing.T) {
	needsEngine(t, "3.47") // RAISE takes an expression since
	_, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a)"),
		sql("CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'x' || replace(hex(zeroblob(500000)), '00', 'é')); END"))
	fails := sql("INSERT INTO t VALUES (1)")
	fails.NoFail = true
	answer := commitSQL(t, w, fails)
	if !utf8.ValidString(answer) || !strings.Contains(answer, "ééé…") || len(answer) > 3000 {
		t.Errorf("%d bytes: %.100s", len(answer), answer)
	}
}

func TestAFailingItemTakesItsRequestBackAndNothingElse(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	commitSQL(t, w, sql("CREATE TABLE t(a UNIQUE)"))
	b.begin(t)
	op := set("neighbour", "v")
	b.do(t, &op)
	if _, err := run(w, sql("INSERT INTO t VALUES (1)")); err != nil {
		t.Fatal(err)
	}
	_, err := run(w, sql("INSERT INTO t VALUES (2)"), sql("CREATE TABLE u(a)"), sql("INSERT INTO t VALUES (3); INSERT INTO t VALUES (1)"))
	wantKind(t, err, refusal.SQLConstraint)
	if !isItemError(err) || w.TransactionEnded() {
		t.Fatal(err)
	}
	b.commit(t)
	if got := testdb.Text(testdb.Query(t, path, "SELECT a FROM t")); got != "1" {
		t.Errorf("t holds %s", got)
	}
	if n := one(t, path, "SELECT count(*) FROM sqlite_master WHERE name = 'u'").Int; n != 0 {
		t.Error("u is left")
	}
	if row := get(t, testdb.Reader(t, path), b.table, "neighbour"); bodyOf(&row) != "v" {
		t.Error("the neighbour is gone")
	}
}

func TestAnItemThatMayFailTakesOnlyItselfBack(t *testing.T) {
	path, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a UNIQUE)"))
	may := func(item sqltx.Item) sqltx.Item { item.NoFail = true; return item }
	got := commitSQL(t, w,
		sql("INSERT INTO t VALUES (1)"),
		may(sql("INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)")),
		may(sql("SELEC")),
		may(sql("SELECT ?")),
		may(sql("INSERT INTO t VALUES (4)")),
		may(sql("SELECT count(*) AS n FROM t")))
	for _, want := range []string{
		`{"success":false,"error":"UNIQUE constraint failed: t.a","code":"SQL_CONSTRAINT"}`,
		`"code":"SQL_ERROR"`, `"code":"SQL_BIND_ERROR"`, `"resultHeaders":["n"],"resultSetList":[[2]]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if rows := testdb.Text(testdb.Query(t, path, "SELECT a FROM t ORDER BY a")); rows != "1 | 4" {
		t.Errorf("t holds %s", rows)
	}
}

func TestSQLThatEndsTheTransactionIsNoticed(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	commitSQL(t, w, sql("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)"),
		sql("CREATE TRIGGER tr BEFORE INSERT ON t WHEN new.a = 13 BEGIN SELECT RAISE(ROLLBACK, 'unlucky'); END"))
	f := func(noFail bool, statement, words string) {
		t.Helper()
		b.begin(t)
		op := set("k", "lost")
		b.do(t, &op)
		item := sql(statement)
		item.NoFail = noFail
		_, err := run(w, sql("INSERT INTO t VALUES (2)"), item, sql("INSERT INTO t VALUES (3)"))
		if !w.TransactionEnded() {
			t.Fatalf("%s: the transaction goes on", statement)
		}
		wantKind(t, err, refusal.SQLConstraint)
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", statement, err)
		}
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		if rows := testdb.Text(testdb.Query(t, path, "SELECT a FROM t")); rows != "1" {
			t.Errorf("t holds %s", rows)
		}
		b.all(t, set("k", "next"))
	}
	for _, noFail := range []bool{false, true} {
		f(noFail, "INSERT OR ROLLBACK INTO t VALUES (1)", "UNIQUE constraint failed")
		f(noFail, "INSERT INTO t VALUES (13)", "unlucky")
		f(noFail, "INSERT OR IGNORE INTO t VALUES (13)", "unlucky")
	}
}

func TestSQLThatTakesTooLongIsStoppedAndTheConnectionIsAsGoodAsNew(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("k", "v"))
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
	request := func(statement string) *sqltx.Request { return &sqltx.Request{Items: []sqltx.Item{sql(statement)}} }
	var results sqltx.Results
	for range 3 {
		for _, statement := range []string{endless + "SELECT count(*) FROM n", endless + "INSERT INTO t SELECT i FROM n"} {
			b.begin(t)
			started := time.Now()
			results.Begin(sqltx.FormatList)
			err := testdb.RunSQL(w, request(statement), 20*time.Millisecond, 10, &results)
			wantKind(t, err, refusal.RequestTimeout)
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("stopped after %v", took)
			}
			if err := w.Rollback(); err != nil {
				t.Fatal(err)
			}
			b.all(t, set("k", "next"))
		}
		// Rows are stopped between two of them as well.
		_, err := r.Query(&sqltx.Item{SQL: endless + "SELECT count(*) FROM n"}, 20*time.Millisecond, 1<<30, &testdb.Table{})
		wantKind(t, err, refusal.RequestTimeout)
		if row := get(t, r, b.table, "k"); bodyOf(&row) != "next" {
			t.Fatal(bodyOf(&row))
		}
		if rows := testdb.Rows(t, r, "SELECT count(*) FROM t"); rows[0][0].Int != 0 {
			t.Fatalf("%d rows", rows[0][0].Int)
		}
	}
}

// A limit that passes between two statements stops the next.
func TestManyFastStatementsTogetherKeepTheLimit(t *testing.T) {
	_, w := testdb.Open(t)
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	defer w.Rollback()
	var request sqltx.Request
	for range 200_000 {
		request.AddItem().SQL = "SELECT 1"
	}
	var results sqltx.Results
	results.Begin(sqltx.FormatList)
	wantKind(t, testdb.RunSQL(w, &request, 10*time.Millisecond, 10, &results), refusal.RequestTimeout)
}

// A dump is one item of a great many statements. If each of them cost the length of what
// is left, nine hundred thousand would take minutes.
func TestALongScriptCostsItsLength(t *testing.T) {
	_, w := testdb.Open(t)
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	for n := range 20 { // statements that are kept, among which the script is looked for
		if _, err := run(w, sql(fmt.Sprint("SELECT ", n))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(w, sql(strings.Repeat("SELECT 1;", 900_000))); err != nil {
		t.Error(err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
}
