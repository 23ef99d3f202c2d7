//go:build !race

package server

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/sqltx"
)

func TestBatchRowsAllocateNothingEach(t *testing.T) {
	allocations := func(rows int) float64 {
		list := []byte(`[` + strings.Repeat(`{"name":"a\nb","n":1.5,"data":null},`, rows) + `{"n":2,"name":"","data":true}]`)
		var b transactionBinder
		b.sql = sqltx.DefaultLimits()
		return testing.AllocsPerRun(10, func() {
			var item sqltx.Item
			b.values, b.rows = 0, 0
			if err := b.bindBatch(list, &item); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocations(10), allocations(5000); many > few+2 { // the block may have to grow
		t.Errorf("%v allocations for 10 rows, %v for 5,000", few, many)
	}
}
