package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

// list answers the keys of a page.
func list(t fataler, r *store.ReadConn, page *store.Page) (keys []string) {
	t.Helper()
	keys, _ = listMore(t, r, page)
	return keys
}

func listMore(t fataler, r *store.ReadConn, page *store.Page) (keys []string, more bool) {
	t.Helper()
	more, err := r.List(page, func(row *store.ListedRow) { keys = append(keys, string(row.Key)) })
	if err != nil {
		t.Fatal(err)
	}
	return keys, more
}

// anyListedKey has neighbours that differ in the last byte, the length or the
// number of bytes of a letter.
var anyListedKey = rapid.StringOfN(rapid.SampledFrom([]rune("aab/ÿĀ€\uffff😀\U0010ffff\x01\x7f")), 1, 4, -1)

func TestPagesOfAListAreThoseOfTheSortedKeys(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	tables := 0
	rapid.Check(t, func(t *rapid.T) {
		tables++
		b.table = fmt.Sprint("t", tables)
		keys := rapid.SliceOfNDistinct(anyListedKey, 1, 40, rapid.ID[string]).Draw(t, "keys")
		expired := map[string]bool{}
		b.begin(t)
		for i, key := range keys {
			op := set(key, strings.Repeat("x", i))
			if i%5 == 4 {
				op.TTLSeconds, expired[key] = 1, true
			}
			b.do(t, &op)
		}
		b.commit(t)
		slices.Sort(keys) // by bytes, as the contract wants them

		for range 5 {
			page := store.Page{Table: b.table, Now: b.now + 1000}
			page.Limit, page.Offset = rapid.IntRange(0, 12).Draw(t, "limit"), rapid.IntRange(0, 6).Draw(t, "offset")
			if rapid.Bool().Draw(t, "with prefix") {
				page.Prefix = rapid.OneOf(rapid.StringN(0, 2, -1), rapid.SampledFrom(keys)).Draw(t, "prefix")
			}
			if rapid.Bool().Draw(t, "with after") {
				page.After = rapid.OneOf(anyListedKey, rapid.SampledFrom(keys)).Draw(t, "after")
			}
			page.Reverse = rapid.Bool().Draw(t, "reverse")
			var want []string
			total := int64(0)
			for _, key := range keys {
				if !strings.HasPrefix(key, page.Prefix) || expired[key] {
					continue
				}
				total++
				if page.After == "" || (key > page.After) != page.Reverse && key != page.After {
					want = append(want, key)
				}
			}
			if n, err := r.Count(&page, longEnough); n != total || err != nil {
				t.Fatalf("%+v: %d keys, %v; want %d", page, n, err, total)
			}
			if page.Reverse {
				slices.Reverse(want)
			}
			want = want[min(page.Offset, len(want)):]
			wantMore := len(want) > page.Limit
			want = want[:min(page.Limit, len(want))]
			got, more := listMore(t, r, &page)
			if !slices.Equal(got, want) || more != wantMore {
				t.Fatalf("%+v: %q, more %v; want %q, more %v; of %q", page, got, more, want, wantMore, keys)
			}
		}
	})
}

func TestAListedRowTellsAllButTheValue(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("text", "žluť"), incr("counter", 100), kv.Op{Code: kv.Set, Key: "blob", Value: kv.BytesValue([]byte("\x00\xff\x00"), ""), ContentType: "image/png", TTLSeconds: 9})
	testdb.Exec(t, path, "INSERT INTO kv_store(key, value, created_at, updated_at) VALUES ('null', NULL, 1, 2), ('real', 1.25, 1, 2)")
	want := map[string]store.ListedRow{
		"text":    {ContentType: "text/plain", Size: 6, CreatedAt: birth, UpdatedAt: birth, Version: 1},
		"counter": {ContentType: "text/plain", Size: 3, CreatedAt: birth, UpdatedAt: birth, Version: 2},
		"blob":    {ContentType: "image/png", Size: 3, CreatedAt: birth, UpdatedAt: birth, ExpireAt: birth + 9000, Version: 3},
		"null":    {ContentType: "text/plain", Size: 0, CreatedAt: 1, UpdatedAt: 2, Version: 5},
		"real":    {ContentType: "text/plain", Size: 4, CreatedAt: 1, UpdatedAt: 2, Version: 7},
	}
	_, err := r.List(&store.Page{Table: b.table, Limit: 100, Now: b.now}, func(row *store.ListedRow) {
		key := string(row.Key)
		got := *row
		got.Key = nil
		if fmt.Sprint(got) != fmt.Sprint(want[key]) {
			t.Errorf("%s: %+v, want %+v", key, got, want[key])
		}
		delete(want, key)
	})
	if err != nil || len(want) != 0 {
		t.Fatal(err, want)
	}
}

func TestRowsThatSQLKeyedByNoTextAreNotListed(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("k", "v"))
	testdb.Exec(t, path, "INSERT INTO kv_store(key, value) VALUES (x'6b6b', 1)")
	if keys, more := listMore(t, r, &store.Page{Table: b.table, Limit: 10}); fmt.Sprint(keys, more) != "[k] false" {
		t.Fatal(keys, more)
	}
}
