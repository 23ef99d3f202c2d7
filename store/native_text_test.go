package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// literal draws a value as SQL. Few letters, so that texts contain one another; among them
// bytes that are no UTF-8, and NUL.
func literal(t *rapid.T) string {
	letter := rapid.SampledFrom([]string{"a", "b", "A", "0", "1", " ", "é", "ž", "世", "😀", "\x00", "\xc3", "\xa9", "\xff", "\xed\xa0\x80", "\xef\xbf\xbe", "-"})
	letters := strings.Join(rapid.SliceOfN(letter, 0, 12).Draw(t, "letters"), "")
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return "NULL"
	case 1:
		return fmt.Sprint(rapid.IntRange(-1000, 1000).Draw(t, "integer"))
	case 2:
		return fmt.Sprintf("%g", rapid.Float64Range(-10, 10).Draw(t, "real"))
	case 3:
		return fmt.Sprintf("x'%x'", letters)
	case 4:
		return fmt.Sprintf("zeroblob(%d)", rapid.IntRange(0, 3).Draw(t, "zeros"))
	}
	return fmt.Sprintf("CAST(x'%x' AS TEXT)", letters)
}

// SQLite's own functions, on a connection that we left alone, are the model.
func TestOurFunctionsAnswerWhatSQLitesDo(t *testing.T) {
	needsEngine(t, "3.41")
	path, _ := testdb.Open(t)
	r := testdb.Reader(t, path)
	theirs := raw(t, ":memory:")
	rapid.Check(t, func(rt *rapid.T) {
		call := rapid.SampledFrom([]string{"instr(%s, %s)", "replace(%s, %s, %s)", "trim(%s, %s)", "ltrim(%s, %s)", "rtrim(%s, %s)", "unhex(%s, %s)"}).Draw(rt, "call")
		values := make([]any, strings.Count(call, "%s"))
		for i := range values {
			values[i] = literal(rt)
		}
		call = fmt.Sprintf(call, values...)
		query := fmt.Sprintf("SELECT typeof(x) || ' ' || hex(x) FROM (SELECT %s AS x)", call)
		stmt, _, err := theirs.PrepareTransient(query)
		if err != nil {
			rt.Fatal(err)
		}
		defer stmt.Finalize()
		if _, err := stmt.Step(); err != nil {
			rt.Fatal(err)
		}
		rows := testdb.Rows(t, r, query)
		if got := string(rows[0][0].Bytes); got != stmt.ColumnText(0) {
			rt.Fatalf("%s is %q, SQLite says %q", call, got, stmt.ColumnText(0))
		}
	})
}

// Values of tens of megabytes, each made to be slow: with SQLite's own functions, or without
// a look at the clock, most of these take hours.
func TestFunctionsOnLargeValuesEndInTime(t *testing.T) {
	needsEngine(t, "3.41")
	path, _ := testdb.Open(t)
	r := testdb.Reader(t, path)
	const zeros, halves = "hex(zeroblob(30000000))", "hex(zeroblob(15000000)) || '1'"
	const letters, set = "replace(hex(zeroblob(5000000)), '0', 'ž')", "replace(hex(zeroblob(5000000)), '0', 'é') || 'ž'"
	for _, expression := range []string{
		"instr(" + zeros + ", " + halves + ")",
		"instr(zeroblob(60000000), zeroblob(30000000) || x'01')",
		"length(replace(hex(zeroblob(20000000)), hex(zeroblob(10000000)) || '1', ''))",
		"length(replace(hex(zeroblob(20000000)), '0', ''))",
		"length(trim(hex(zeroblob(20000000)), hex(zeroblob(10000000)) || '1'))",
		"length(trim(" + letters + ", " + set + "))",
		"length(rtrim(" + letters + ", " + set + "))",
		"length(unhex(" + letters + ", " + set + "))",
		zeros + " LIKE '" + strings.Repeat("%0_", 80) + "1'",
		"length(printf('%.*c', 60000000, 'x'))",
		"length(quote(zeroblob(30000000)))",
		"length(printf('%,d%*s', 5, 60000000, 'x'))",
		"json_valid(replace(hex(zeroblob(20000000)), '0', '['))",
		"json_extract(printf('[%.*c]', 30000000, '1'), '$[0]')",
	} {
		started := time.Now()
		_, err := r.Query(&sqltx.Item{SQL: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000) SELECT " + expression}, 50*time.Millisecond, 1, &testdb.Table{})
		if err != nil {
			wantKind(t, err, refusal.RequestTimeout)
		}
		t.Logf("%v %.60s", time.Since(started), expression)
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("%.100s ended after %v", expression, took)
		}
	}
}
