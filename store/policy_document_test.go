package store_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

var policyLine = regexp.MustCompile("^\\| `(.+)` \\| (yes|no) \\| (yes|no) \\|$")

// The document is the table of this test: what it says is what is so.
func TestThePolicyIsWhatItsDocumentSays(t *testing.T) {
	needsEngine(t, "3.41")
	document, err := os.ReadFile("../docs/decisions/0015-sql-policy.md")
	if err != nil {
		t.Fatal(err)
	}
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	newBook(w).all(t, set("k", "v"))
	commitSQL(t, w, sql("CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE INDEX ta ON t(a); CREATE VIRTUAL TABLE f USING fts5(x)"))
	lines := 0
	for _, line := range strings.Split(string(document), "\n") {
		match := policyLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		lines++
		t.Run(match[1], func(t *testing.T) {
			_, err := r.Query(&sqltx.Item{SQL: match[1]}, longEnough, 100, &testdb.Table{})
			check(t, "a reader", match[1], err, match[2] == "yes")
			if _, err := w.Begin(); err != nil {
				t.Fatal(err)
			}
			_, err = run(w, sql(match[1]))
			check(t, "a writer", match[1], err, match[3] == "yes")
			if w.TransactionEnded() {
				t.Error("it ended the transaction")
			}
			if err := w.Rollback(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if lines < 80 {
		t.Errorf("%d lines were understood", lines)
	}
}

// A PRAGMA of a new engine waits until somebody has thought about it.
func TestEveryPragmaOfTheEngineHasItsLine(t *testing.T) {
	needsEngine(t, "3.41")
	path, _ := testdb.Open(t)
	r := testdb.Reader(t, path)
	for _, row := range testdb.Rows(t, r, "SELECT name FROM pragma_pragma_list") {
		if name := string(row[0].Bytes); !store.PragmaKnown(name) {
			t.Errorf("PRAGMA %s is not in the table", name)
		}
	}
}
