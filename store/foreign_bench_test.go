package store_test

import (
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/sqltx"
)

// counter takes rows and keeps none.
type counter struct{ rows int }

func (c *counter) StartRows([]string) error { return nil }
func (c *counter) Row([]sqltx.Value) error  { c.rows++; return nil }

func BenchmarkForeignRows(b *testing.B) {
	path, w := testdb.Open(b)
	r := testdb.Reader(b, path)
	commitSQL(b, w, sql("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, share REAL)"),
		sql("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i, 'name of ' || i, i / 7.0 FROM n"))
	b.ResetTimer()
	var c counter
	for range b.N {
		if _, err := r.Query(&sqltx.Item{SQL: "SELECT * FROM t"}, longEnough, 1<<30, &c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkForeignBatch(b *testing.B) {
	_, w := testdb.Open(b)
	commitSQL(b, w, sql("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, share REAL)"))
	var packed []byte
	const count = 10_000
	for i := range count {
		packed = sqltx.AppendPacked(packed, []sqltx.Value{integer(int64(i)), text("name of somebody"), {Kind: sqltx.Float, Float: 0.5}})
	}
	b.ResetTimer()
	for range b.N {
		if _, err := w.Begin(); err != nil {
			b.Fatal(err)
		}
		item := sqltx.Item{SQL: "INSERT INTO t VALUES (?, ?, ?)", Batch: &sqltx.PackedRows{Rows: packed, Count: count}}
		if _, _, err := w.RunBatch(&item, longEnough, false); err != nil {
			b.Fatal(err)
		}
		if err := w.Rollback(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "rows/s")
}
