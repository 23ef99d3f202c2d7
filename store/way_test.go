package store_test

import (
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// Only what is long and a client's gives way, only on a reader, and only to a busy process.
func TestLongQueriesGiveWayToABusyProcess(t *testing.T) {
	const long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600000) SELECT count(*) FROM n"
	const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n"
	f := func(what string, share int, wants bool, run func(r *store.ReadConn, w *store.WriteConn)) {
		t.Helper()
		way := store.NewWay(2)
		way.Believe(share)
		options := store.Options{Way: way}
		path := testdb.Create(t)
		w := testdb.Writer(t, path, options)
		newBook(w).all(t, set("key", "value"))
		r, err := store.OpenReader(path, options)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		run(r, w)
		if pauses := way.Pauses(); (pauses > 0) != wants {
			t.Errorf("%s, while others take %d thousandths: %d pauses", what, share, pauses)
		}
	}
	ask := func(sql string) func(*store.ReadConn, *store.WriteConn) {
		return func(r *store.ReadConn, _ *store.WriteConn) {
			if _, err := r.Query(&sqltx.Item{SQL: sql}, longEnough, 1<<30, &counted{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	f("a long query", 600, true, ask(long))
	f("a long query", 100, false, ask(long))
	f("many rows", 600, true, ask(many))
	f("a short query", 1000, false, ask("SELECT 1"))
	f("a long write", 1000, false, func(_ *store.ReadConn, w *store.WriteConn) { commitSQL(t, w, sql("CREATE TABLE t AS "+many)) })
}

// counted takes rows and keeps none.
type counted struct{ rows int }

func (c *counted) StartRows([]string) error { return nil }

func (c *counted) Row([]sqltx.Value) error {
	c.rows++
	return nil
}
