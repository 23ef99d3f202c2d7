package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

// What the triggers that notice plain SQL cost our own writes, which only ask them
// whether they have anything to do: groups of 256 operations on 20,000 keys, on a file
// with the triggers and on one that they were dropped from.
func BenchmarkTriggers(b *testing.B) {
	const keys, group = 20_000, 256
	f := func(b *testing.B, dropped bool, op func(key string, n int) kv.Op) {
		path := testdb.CreateUnchecked(b)
		w := testdb.Writer(b, path, store.Options{Synchronous: store.Normal})
		book := newBook(w)
		book.begin(b)
		for i := range keys {
			op := incr(fmt.Sprintf("counter-%06d", i), 1)
			book.do(b, &op)
		}
		book.commit(b)
		if dropped {
			other := raw(b, path)
			for _, name := range []string{"replacing", "inserted", "updated", "deleted", "moving", "moved"} {
				// In its place one that these writes never fire, or it would be made anew.
				rawExec(b, other, `DROP TRIGGER "_urlite_kv_store_`+name+`"`,
					`CREATE TRIGGER "_urlite_`+name+`" AFTER UPDATE OF created_at ON kv_store BEGIN SELECT 1; END`)
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			if i%group == 0 {
				book.begin(b)
			}
			op := op(fmt.Sprintf("counter-%06d", random.IntN(keys)), i)
			if _, why := book.do(b, &op); why != nil {
				b.Fatal(why)
			}
			if i%group == group-1 || i == b.N-1 {
				book.commit(b)
			}
		}
	}
	ops := map[string]func(key string, n int) kv.Op{
		"incr":   func(key string, _ int) kv.Op { return incr(key, 1) },
		"insert": func(_ string, n int) kv.Op { return set(fmt.Sprintf("new-%09d", n), "value") },
	}
	for _, name := range []string{"incr", "insert"} {
		for _, dropped := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/dropped=%v", name, dropped), func(b *testing.B) { f(b, dropped, ops[name]) })
		}
	}
}
