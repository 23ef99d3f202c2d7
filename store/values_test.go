package store_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

// roundTrip writes a row and reads it back on both kinds of connection.
func roundTrip(t fataler, w *store.WriteConn, r *store.ReadConn, key string, row kv.Row) {
	t.Helper()
	var was kv.Row
	sequence, err := w.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Reserve(max(sequence, row.Version), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Load(kv.DefaultTable, key, true, &was); err != nil {
		t.Fatal(err)
	}
	if err := w.Save(kv.DefaultTable, key, &was, &row); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	var loaded, bare kv.Row
	if err := w.Load(kv.DefaultTable, key, true, &loaded); err != nil {
		t.Fatal(err)
	}
	if err := w.Load(kv.DefaultTable, key, false, &bare); err != nil {
		t.Fatal(err)
	}
	sameRow(t, "loaded", loaded, row)
	bareWant := row
	bareWant.Value = kv.Value{Kind: kv.Stored}
	sameRow(t, "loaded without its value", bare, bareWant)
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	sameRow(t, "read", get(t, r, kv.DefaultTable, key), row)
}

func sameRow(t fataler, how string, got, want kv.Row) {
	t.Helper()
	if got.Value.Kind != want.Value.Kind || got.Value.Int != want.Value.Int || !bytes.Equal(got.Value.Bytes, want.Value.Bytes) {
		t.Fatalf("%s: value %+.100v, want %+.100v", how, got.Value, want.Value)
	}
	got.Value, want.Value = kv.Value{}, kv.Value{}
	if got.Exists != want.Exists || got.ContentType != want.ContentType || got.CreatedAt != want.CreatedAt ||
		got.UpdatedAt != want.UpdatedAt || got.ExpireAt != want.ExpireAt || got.Version != want.Version ||
		got.OpNumber != want.OpNumber || got.Head != want.Head {
		t.Fatalf("%s: %+v, want %+v", how, got, want)
	}
}

func rowOf(value kv.Value) kv.Row {
	return kv.Row{Exists: true, Value: value, ContentType: "text/plain", CreatedAt: birth, UpdatedAt: birth + 1, Version: 3}
}

func TestEveryKindOfValueComesBackAsItWasSaved(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	version := int64(3)
	f := func(value kv.Value, class string) {
		t.Helper()
		row := rowOf(value)
		version++ // every write of ours gives a row a new one
		row.Version = version
		roundTrip(t, w, r, "key", row)
		if got := string(one(t, path, "SELECT typeof(value) FROM kv_store").Bytes); got != class {
			t.Fatalf("stored as %s, want %s", got, class)
		}
	}
	plain := func(kind kv.ValueKind, s string) kv.Value { return kv.Value{Kind: kind, Bytes: []byte(s)} }

	f(plain(kv.Text, ""), "text")
	f(plain(kv.Text, "hello"), "text")
	f(plain(kv.Text, `{"a":[1,"žluť 漢字 😀"]}`), "text")
	f(plain(kv.Text, "12"), "text") // no affinity makes a number of it
	f(plain(kv.Blob, ""), "blob")
	f(plain(kv.Blob, "hello"), "blob")
	f(plain(kv.Blob, "a\x00b\x00"), "blob")
	f(plain(kv.Blob, "\xff\xfe\x80"), "blob")
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		f(kv.IntegerValue(n), "integer")
	}
	f(plain(kv.Blob, strings.Repeat("\x00\x01\x02\xff", 1<<18)), "blob")
	f(plain(kv.Text, strings.Repeat("€uro", 1<<20/6)), "text")
	f(plain(kv.Text, "short again"), "text")
}

func TestRandomRowsComeBackAsTheyWereSaved(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	version := int64(0)
	rapid.Check(t, func(t *rapid.T) {
		version++
		value := kv.IntegerValue(rapid.Int64().Draw(t, "n"))
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 1:
			value = kv.Value{Kind: kv.Text, Bytes: []byte(strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", ""))}
		case 2:
			value = kv.Value{Kind: kv.Blob, Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "blob")}
		}
		roundTrip(t, w, r, rapid.SampledFrom([]string{"a", "b/c", "ключ 😀"}).Draw(t, "key"), kv.Row{
			Exists: true, Value: value,
			ContentType: rapid.SampledFrom([]string{"", "text/plain", "application/json", "x/\u00e9"}).Draw(t, "type"),
			CreatedAt:   rapid.Int64Range(0, 1<<50).Draw(t, "created"),
			UpdatedAt:   rapid.Int64Range(0, 1<<50).Draw(t, "updated"),
			ExpireAt:    rapid.SampledFrom([]int64{0, 1, 1 << 50}).Draw(t, "expires"),
			Version:     version,
		})
	})
}

func TestLoadedValuesStayGoodUntilTheTransactionEnds(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	large := strings.Repeat("x", 3<<20)
	b.all(t, set("a", "first"), set("b", large), set("c", "third"))
	b.begin(t)
	var rows [3]kv.Row
	for i, key := range []string{"a", "b", "c"} {
		if err := w.Load(b.table, key, true, &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if bodyOf(&rows[0]) != "first" || bodyOf(&rows[1]) != large || bodyOf(&rows[2]) != "third" {
		t.Fatal("a later load overwrote an earlier one")
	}
	b.commit(t)
}

func TestARowThatPlainSQLInsertedIsAValidRow(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("other", "x"))
	f := func(expression string, kind kv.ValueKind, body string) {
		t.Helper()
		testdb.Exec(t, path, "DELETE FROM kv_store WHERE key = 'k'", "INSERT INTO kv_store(key, value) VALUES ('k', "+expression+")")
		r := testdb.Reader(t, path)
		row := get(t, r, b.table, "k")
		if !row.Exists || row.Value.Kind != kind || bodyOf(&row) != body || row.ContentType != "text/plain" || row.ExpireAt != 0 || row.Head != 0 {
			t.Fatalf("%s reads as %+v", expression, row)
		}
		if row.CreatedAt < birth || row.UpdatedAt < row.CreatedAt || row.CreatedAt > 1<<43 {
			t.Fatalf("%s was created at %d", expression, row.CreatedAt)
		}
	}
	f("'text'", kv.Text, "text")
	f("''", kv.Text, "")
	f("42", kv.Integer, "42")
	f("-9223372036854775808", kv.Integer, "-9223372036854775808")
	f("x'00ff'", kv.Blob, "\x00\xff")
	f("1.5", kv.Text, "1.5")
	f("NULL", kv.Text, "")
	f("'a' || char(0) || 'b'", kv.Text, "a\x00b")
}

func TestARowThatPlainSQLInsertedCountsAndGetsAHistory(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("other", "x"))
	testdb.Exec(t, path, "INSERT INTO kv_store(key, value) VALUES ('hits', 41)")
	b.now = 1 << 42
	b.all(t, incr("hits", 1))
	r := testdb.Reader(t, path)
	row := get(t, r, b.table, "hits")
	if row.Value.Int != 42 || row.OpNumber != 2 {
		t.Fatalf("%+v", row)
	}
	past := testdb.History(t, r, b.table)["hits"]
	if len(past) != 2 || past[0].Op != kv.EntryUnrecorded || past[0].Value.Int != 41 || past[1].Op != kv.EntryIncr {
		t.Fatalf("%+v", past)
	}
}

func TestTheKeyframeIndexIsOverTheEntriesThatAreKeyframes(t *testing.T) {
	_, w := testdb.Open(t)
	newBook(w).all(t, set("k", "v"))
	for _, n := range []int64{kv.KeyframeEvery - 1, kv.KeyframeEvery, kv.KeyframeEvery + 1, 2 * kv.KeyframeEvery, kv.KeyframeEvery / 2} {
		mask := store.KeyframesSchema[strings.Index(store.KeyframesSchema, "WHERE ")+len("WHERE "):]
		mask = strings.ReplaceAll(mask, "op_number", "?1")
		answer := commitSQL(t, w, sql("SELECT "+mask, integer(n)))
		if want := n%kv.KeyframeEvery == 0; strings.Contains(answer, "[1]") != want {
			t.Errorf("op_number %d is in the index: %s, is a keyframe: %v", n, answer, want)
		}
	}
	plan := commitSQL(t, w, sql(`EXPLAIN QUERY PLAN SELECT id FROM kv_store_history
		WHERE key = 'k' AND op_number <= 1000 AND (op_number & 63) = 0 ORDER BY op_number DESC LIMIT 1`))
	if !strings.Contains(plan, "_urlite_kv_store_keyframes") {
		t.Errorf("the index is not used: %s", plan)
	}
}
