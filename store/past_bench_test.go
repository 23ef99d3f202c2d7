package store_test

import (
	"fmt"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	bygone "github.com/urlite/urlite/past"
	"github.com/urlite/urlite/store"
)

// The table as it was before a thousand of its keys changed, with a page of it and the
// total; against reading those keys one by one.
func BenchmarkSnapshot(b *testing.B) {
	const keys, changed = 200_000, 1_000
	path := testdb.CreateUnchecked(b)
	w := testdb.Writer(b, path, store.Options{Synchronous: store.Normal})
	book := newBook(w)
	name := func(i int) string { return fmt.Sprintf("key-%06d", i) }
	for at := 0; at < keys; at += 1000 {
		ops := make([]kv.Op, 1000)
		for i := range ops {
			ops[i] = set(name(at+i), "a value that fits")
		}
		book.all(b, ops...)
	}
	book.now += 10_000
	until := book.now
	var names []string
	ops := make([]kv.Op, changed)
	for i := range ops {
		names = append(names, name(i*keys/changed))
		ops[i] = set(names[i], "another value")
	}
	book.all(b, ops...)
	r := testdb.Reader(b, path)
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			err := r.Snapshot(func() error {
				source, err := r.Past(kv.DefaultTable)
				if err != nil {
					return err
				}
				n := 0
				total, err := bygone.Of(source).Snapshot(until, &bygone.Page{Limit: 100, Values: true, Counted: true},
					func(*bygone.Found) error { n++; return nil }, func(string) {})
				if n != 100 || total != keys {
					b.Fatalf("%d keys of %d", n, total)
				}
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		var row kv.Row
		var arena []byte
		for b.Loop() {
			err := r.Snapshot(func() (err error) {
				for _, name := range names {
					if arena, err = r.Get(kv.DefaultTable, name, &row, arena[:0]); err != nil {
						return err
					}
				}
				_, err = r.List(&store.Page{Table: kv.DefaultTable, Limit: 100, Now: book.now}, func(*store.ListedRow) {})
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
