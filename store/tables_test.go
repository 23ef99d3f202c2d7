package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

func TestATableIsMadeByItsFirstWriteAndMissingUntilThen(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.table = "own_table"
	if row := get(t, r, b.table, "k"); row.Exists {
		t.Fatal("a row in no table")
	}
	if more, err := r.List(&store.Page{Table: b.table, Limit: 10}, func(*store.ListedRow) { t.Error("a row in no table") }); more || err != nil {
		t.Fatal(more, err)
	}
	b.begin(t)
	missing := kv.Op{Code: kv.Delete, Key: "k"}
	if _, why := b.do(t, &missing); why != kv.KeyNotFound {
		t.Fatal(why)
	}
	b.commit(t)
	if n := one(t, path, "SELECT count(*) FROM sqlite_master WHERE name LIKE '%own_table%'").Int; n != 0 {
		t.Fatal("a refused operation made its table")
	}
	b.all(t, set("k", "v"))
	if row := get(t, r, b.table, "k"); bodyOf(&row) != "v" {
		t.Fatalf("%+v", row)
	}
}

func TestATableMadeInATransactionThatWasRolledBackIsMadeAgain(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	for range 3 {
		b.begin(t)
		op := set("k", "v")
		b.do(t, &op)
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	b.all(t, set("k", "v"))
	if row := get(t, testdb.Reader(t, path), b.table, "k"); row.Version != 1 {
		t.Fatalf("%+v", row)
	}
}

// Both by SQL on the writer's own connection and by another process; with all or
// part of what belongs to a table. Nobody who reads or writes next may notice.
func TestADroppedTableIsEmptyToReadersAndMadeAnewByTheNextWrite(t *testing.T) {
	drops := map[string][]string{
		"table":         {"DROP TABLE kv_store"},
		"history":       {"DROP TABLE kv_store_history"},
		"both":          {"DROP TABLE kv_store", "DROP TABLE kv_store_history"},
		"and recreated": {"DROP TABLE kv_store", "CREATE TABLE kv_store(" + keyValueColumns + ")"},
	}
	for name, drop := range drops {
		for _, who := range []string{"own", "other"} {
			t.Run(name+" by "+who, func(t *testing.T) {
				path := testdb.Create(t)
				w, r := testdb.Writer(t, path, store.Options{}), testdb.Reader(t, path)
				b := newBook(w)
				b.all(t, set("k", "old"))
				get(t, r, b.table, "k")
				list(t, r, &store.Page{Table: b.table, Limit: 10})
				if who == "other" {
					testdb.Exec(t, path, drop...)
				} else {
					for _, statement := range drop {
						commitSQL(t, w, sql(statement))
					}
				}
				if row := get(t, r, b.table, "k"); row.Exists && name != "history" {
					t.Fatalf("%+v is left", row)
				}
				list(t, r, &store.Page{Table: b.table, Limit: 10})
				b.all(t, set("k", "new"))
				if row := get(t, r, b.table, "k"); bodyOf(&row) != "new" {
					t.Fatalf("%+v", row)
				}
				if keys := list(t, r, &store.Page{Table: b.table, Limit: 10}); fmt.Sprint(keys) != "[k]" {
					t.Fatal(keys)
				}
			})
		}
	}
}

const keyValueColumns = `key TEXT PRIMARY KEY NOT NULL, content_type TEXT NOT NULL DEFAULT 'text/plain', created_at INTEGER NOT NULL DEFAULT 0,
	updated_at INTEGER NOT NULL DEFAULT 0, expire_at INTEGER, version INTEGER NOT NULL DEFAULT 0,
	op_number INTEGER NOT NULL DEFAULT 0, head INTEGER NOT NULL DEFAULT 0, value`

func TestATableDroppedEarlierInTheSameTransactionIsMadeAnew(t *testing.T) {
	path := testdb.Create(t)
	w := testdb.Writer(t, path, store.Options{})
	b := newBook(w)
	b.all(t, set("k", "old"))
	b.begin(t)
	if _, err := run(w, sql("DROP TABLE kv_store")); err != nil {
		t.Fatal(err)
	}
	op := set("k", "new")
	b.do(t, &op)
	b.commit(t)
	if got := one(t, path, "SELECT value FROM kv_store"); string(got.Bytes) != "new" {
		t.Fatalf("%q", got.Bytes)
	}
}

func TestATableThatIsNoKVTableIsRefused(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	testdb.Exec(t, path, "CREATE TABLE people(name, age)", "CREATE VIEW everyone AS SELECT name FROM people")
	b := newBook(w)
	for _, table := range []string{"people", "everyone"} {
		b.table = table
		var row kv.Row
		_, err := r.Get(table, "k", &row, nil)
		wantKind(t, err, refusal.InvalidParameters)
		_, err = r.List(&store.Page{Table: table, Limit: 1}, func(*store.ListedRow) {})
		wantKind(t, err, refusal.InvalidParameters)
		b.begin(t)
		err = w.Load(table, "k", true, &row)
		wantKind(t, err, refusal.InvalidParameters)
		if !strings.Contains(err.Error(), "is not a key-value table") {
			t.Error(err)
		}
		b.commit(t)
	}
	b.table = kv.DefaultTable
	b.all(t, set("k", "v"))
}

// Whatever a client makes of a table, the others are none the worse.
func TestATableThatIsNoLongerAKVTableDoesNotStopTheSweep(t *testing.T) {
	path := testdb.Create(t)
	w := testdb.Writer(t, path, store.Options{})
	b := newBook(w)
	b.all(t, set("k", "v"))
	b.table = "gone"
	b.all(t, set("k", "v"))
	testdb.Exec(t, path, "DROP TABLE gone", "CREATE TABLE gone(a, b)")
	b.table = kv.DefaultTable
	short := set("short", "v")
	short.TTLSeconds = 1
	b.all(t, short)
	b.begin(t)
	swept, err := w.Sweep(birth+5000, 0, 10)
	if err != nil || swept.Rows != 1 {
		t.Fatal(swept, err)
	}
	b.commit(t)
}

func TestMoreTablesThanAreKeptReadyWorkAllTheSame(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	for range 2 {
		for i := range store.WriteTablesMax + 5 {
			b.table = fmt.Sprint("t", i)
			b.all(t, incr("n", 1))
		}
	}
	for range 2 {
		for i := range store.WriteTablesMax + 5 {
			if row := get(t, r, fmt.Sprint("t", i), "n"); row.Value.Int != 2 {
				t.Fatalf("%+v", row)
			}
		}
	}
}

func TestMoreContentTypesThanAreKeptReadRight(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	for i := range store.InternedMax + 5 {
		op := set(fmt.Sprint(i), "v")
		op.ContentType = fmt.Sprint("text/", i)
		b.all(t, op)
	}
	for range 2 {
		for i := range store.InternedMax + 5 {
			if row := get(t, r, b.table, fmt.Sprint(i)); row.ContentType != fmt.Sprint("text/", i) {
				t.Fatalf("%+v", row)
			}
		}
	}
}

// Another SQLite program may do to our tables what our policy forbids.
func TestTheSequenceGoesOnFromTheLargestInUseWhenItIsLost(t *testing.T) {
	losses := map[string][]string{
		"its row":          {"DELETE FROM _urlite_meta WHERE name = 'sequence'"},
		"all rows":         {"DELETE FROM _urlite_meta"},
		"the table":        {"DROP TABLE _urlite_meta"},
		"tables and names": {"DROP TABLE _urlite_meta", "DROP TABLE _urlite_actors"},
	}
	for name, loss := range losses {
		t.Run(name, func(t *testing.T) {
			path := testdb.Create(t)
			w := testdb.Writer(t, path, store.Options{})
			b := newBook(w)
			b.actor = "ann"
			b.table = "second"
			b.all(t, set("a", "1"), set("b", "2"), set("c", "3"), set("d", "4"), kv.Op{Code: kv.Delete, Key: "d"})
			b.all(t, kv.Op{Code: kv.Set, Key: "c", Value: kv.IntegerValue(1), Unrecorded: true})
			before := b.sequence
			if b.table = kv.DefaultTable; before != 7 {
				t.Fatalf("the sequence is at %d", before)
			}
			rawExec(t, raw(t, path), loss...)
			b.begin(t)
			if b.sequence != before {
				t.Fatalf("the sequence goes on from %d, not %d", b.sequence, before)
			}
			op := set("e", "5")
			b.do(t, &op)
			b.commit(t)
			if n := one(t, path, "SELECT value FROM _urlite_meta WHERE name = 'sequence'").Int; n != before+1 {
				t.Fatalf("the file says %d", n)
			}
			if fileID, sequence, err := testdb.Reader(t, path).Cursor(); fileID == "" || sequence != before+1 || err != nil {
				t.Fatal(fileID, sequence, err)
			}
		})
	}
}

func TestAnotherWritersSequenceIsSeen(t *testing.T) {
	path, w := testdb.Open(t)
	other := testdb.Writer(t, path, store.Options{})
	a, b := newBook(w), newBook(other)
	for i := range 10 {
		a.all(t, set(fmt.Sprint("a", i), "x"))
		b.all(t, set(fmt.Sprint("b", i), "x"))
	}
	if b.sequence != 20 {
		t.Fatal(b.sequence)
	}
}
