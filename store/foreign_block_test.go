package store_test

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/sqltx"
)

// Rows come out of SQLite in blocks; those that fit in none come alone. Whatever their sizes
// and wherever the cut falls, they are the rows that went in.
func TestRowsComeOutAsTheyWentIn(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	commitSQL(t, w, sql("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c)"))
	size := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(20_000, 80_000), rapid.SampledFrom([]int{65_479, 65_480, 65_481, 65_500, 65_536, 200_000}))
	value := rapid.Custom(func(t *rapid.T) sqltx.Value {
		v := sqltx.Value{Kind: sqltx.ValueKind(rapid.IntRange(0, 4).Draw(t, "kind"))}
		switch v.Kind {
		case sqltx.Integer:
			v.Int = rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, 1<<53 + 1})).Draw(t, "int")
		case sqltx.Float:
			v.Float = rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.Inf(1), math.Inf(-1), math.MaxFloat64})).Draw(t, "float")
		case sqltx.Text, sqltx.Blob:
			v.Bytes = bytes.Repeat([]byte{byte(rapid.IntRange(1, 127).Draw(t, "byte"))}, size.Draw(t, "size"))
		}
		return v
	})
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(value, 3, 3), 0, 30).Draw(rt, "rows")
		small := rapid.SampledFrom([]int{0, 0, 3000}).Draw(rt, "small rows")
		for i := range small {
			rows = append(rows, []sqltx.Value{integer(int64(i)), text("a short one"), {}})
		}
		if _, err := w.Begin(); err != nil {
			rt.Fatal(err)
		}
		item := sqltx.Item{SQL: "INSERT INTO t(a, b, c) VALUES (?, ?, ?)", Batch: packed(rows, make([]string, len(rows)))}
		if _, err := run(w, sql("DELETE FROM t")); err != nil {
			rt.Fatal(err)
		}
		if _, _, err := w.RunBatch(&item, longEnough, false); err != nil {
			rt.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			rt.Fatal(err)
		}
		rowsMax := rapid.OneOf(rapid.IntRange(0, 40), rapid.Just(len(rows)), rapid.Just(1<<30)).Draw(rt, "most rows")
		var got testdb.Table
		truncated, err := r.Query(&sqltx.Item{SQL: "SELECT a, b, c FROM t ORDER BY id"}, longEnough, rowsMax, &got)
		if err != nil || truncated != (rowsMax < len(rows)) || len(got.Rows) != min(len(rows), rowsMax) {
			rt.Fatalf("%d rows of %d, %d at most: truncated %v, %v", len(got.Rows), len(rows), rowsMax, truncated, err)
		}
		for i, row := range got.Rows {
			for j := range row {
				if want := rows[i][j]; row[j].Kind != want.Kind || row[j].Int != want.Int || row[j].Float != want.Float || !bytes.Equal(row[j].Bytes, want.Bytes) {
					rt.Fatalf("row %d, column %d: %d bytes of kind %d, want %d of kind %d", i, j, len(row[j].Bytes), row[j].Kind, len(want.Bytes), want.Kind)
				}
			}
		}
	})
}
