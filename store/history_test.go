package store_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// anyOp is a random write of one of a few keys. Values are short: what matters is
// what follows what.
func anyOp(t *rapid.T) kv.Op {
	op := kv.Op{
		Code:       rapid.SampledFrom([]kv.Code{kv.Set, kv.Delete, kv.Incr, kv.Incr, kv.Decr}).Draw(t, "op"),
		Key:        rapid.SampledFrom([]string{"a", "b", "c/d", "ключ"}).Draw(t, "key"),
		Unrecorded: rapid.IntRange(0, 3).Draw(t, "recorded") == 0,
		MissingOK:  true,
		Delta:      1,
	}
	if op.Code == kv.Set {
		op.ContentType = rapid.SampledFrom([]string{"text/plain", "application/json", "image/png"}).Draw(t, "type")
		op.Value = kv.BytesValue([]byte(rapid.SampledFrom([]string{"1", "7", "-3", "10"}).Draw(t, "body")), op.ContentType)
		op.TTLSeconds = rapid.SampledFrom([]int64{0, 0, 1, 5}).Draw(t, "ttl")
	}
	return op
}

// What the file holds after any writes, sweeps and rollbacks is checked by testdb:
// chains, numbers, and that folding the entries gives the rows.
func TestRandomWritesKeepTheHistoryFoldable(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 20).Draw(t, "groups") {
			b.now += rapid.SampledFrom([]int64{0, 1, 1000, 3000}).Draw(t, "ms")
			b.begin(t)
			for range rapid.IntRange(1, 8).Draw(t, "ops") {
				op := anyOp(t)
				b.do(t, &op)
			}
			if rapid.Bool().Draw(t, "sweep") {
				if _, err := w.Sweep(b.now, 0, rapid.IntRange(0, 3).Draw(t, "rows")); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "commit") == 0 {
				if err := w.Rollback(); err != nil {
					t.Fatal(err)
				}
				continue
			}
			b.commit(t)
		}
	})
	testdb.Check(t, path)
	if n := len(testdb.Rows(t, r, "SELECT 1 FROM kv_store_history LIMIT 1000")); n < 1000 {
		t.Errorf("only %d entries: nothing much was tested", n)
	}
}

func TestADeletedKeyKeepsItsChainAndGoesOnWithIt(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "one"))
	b.all(t, kv.Op{Code: kv.Delete, Key: "k"})
	if n := one(t, path, "SELECT count(*) FROM kv_store").Int; n != 0 {
		t.Fatalf("%d rows", n)
	}
	b.all(t, set("k", "two"), kv.Op{Code: kv.Delete, Key: "k"}, set("k", "three"))
	past := testdb.History(t, testdb.Reader(t, path), b.table)["k"]
	if got := fmt.Sprint(ops(past)); got != "[SET DELETE SET DELETE SET]" {
		t.Fatalf("the entries are %s", got)
	}
	if n := one(t, path, "SELECT count(*) FROM _urlite_kv_store_deleted").Int; n != 0 {
		t.Fatalf("a living key is kept among the deleted")
	}
}

func ops(chain []kv.Entry) (ops []kv.EntryOp) {
	for _, e := range chain {
		ops = append(ops, e.Op)
	}
	return ops
}

// A gap lasts until the last of its writes, whatever the group in which that is
// noted: a question about a time within it must not get an answer.
func TestAGapThatADeletionEndsLastsUntilTheDeletion(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "one"))
	b.now = birth + 100
	b.all(t, kv.Op{Code: kv.Set, Key: "k", Value: kv.IntegerValue(2), Unrecorded: true})
	b.now = birth + 200
	b.all(t, kv.Op{Code: kv.Delete, Key: "k", Unrecorded: true})
	b.now = birth + 300
	b.all(t, set("k", "three"))
	past := testdb.History(t, testdb.Reader(t, path), b.table)["k"]
	if len(past) != 3 || past[1].Op != kv.EntryUnrecorded || past[1].At != birth+100 || past[1].Arg != birth+200 || !past[1].Absent {
		t.Fatalf("%+v", past)
	}
}

func TestSweepingARowDoesNotChangeWhatItsPastTells(t *testing.T) {
	for _, swept := range []bool{false, true} {
		path, w := testdb.Open(t)
		b := newBook(w)
		b.all(t, set("k", "one"))
		b.now = birth + 100
		unrecorded := set("k", "two")
		unrecorded.Unrecorded, unrecorded.TTLSeconds = true, 1
		b.all(t, unrecorded)
		b.now = birth + 5000
		if swept {
			b.begin(t)
			if did, err := w.Sweep(b.now, 0, 10); err != nil || did.Rows != 1 {
				t.Fatal(did, err)
			}
			b.commit(t)
		}
		b.all(t, set("k", "three"))
		past := testdb.History(t, testdb.Reader(t, path), b.table)["k"]
		if len(past) != 3 {
			t.Fatalf("%+v", past)
		}
		// It was there from the end of the gap until it expired.
		gap := past[1]
		if gap.Op != kv.EntryUnrecorded || gap.Arg != birth+100 || gap.Absent || string(gap.Value.Bytes) != "two" || gap.ExpireAt != birth+1100 {
			t.Errorf("swept %v: %+v", swept, gap)
		}
	}
}

func TestAClosedGapKeepsWhateverValueThereWas(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	values := map[string]kv.Value{
		"integer": kv.IntegerValue(-5),
		"text":    kv.BytesValue([]byte("žluť"), "text/plain"),
		"empty":   kv.BytesValue(nil, "text/plain"),
		"blob":    kv.BytesValue([]byte("\x00\xff"), "image/png"),
		"nothing": kv.BytesValue(nil, "image/png"),
	}
	for key, value := range values {
		b.all(t, set(key, "before"), kv.Op{Code: kv.Set, Key: key, Value: value, ContentType: "x/y", Unrecorded: true}, set(key, "after"))
	}
	for key, past := range testdb.History(t, testdb.Reader(t, path), b.table) {
		gap, want := past[1], values[key]
		if gap.Op != kv.EntryUnrecorded || gap.Value.Kind != want.Kind || string(gap.Value.Append(nil)) != string(want.Append(nil)) || gap.ContentType != "x/y" {
			t.Errorf("%s: %+v", key, gap)
		}
	}
}

func TestActorsAreNumberedOnceAndARollbackTakesTheNumberBack(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	name := func(key string) string {
		rows := testdb.Query(t, path, "SELECT a.name FROM kv_store_history AS h LEFT JOIN _urlite_actors AS a ON a.id = h.actor WHERE h.key = ?1",
			sqltx.Value{Kind: sqltx.Text, Bytes: []byte(key)})
		return testdb.Text(rows)
	}
	b.actor = "ann"
	b.all(t, set("1", "x"))

	b.actor = "bob"
	b.begin(t)
	op := set("2", "x")
	b.do(t, &op)
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.actor = "eve" // takes the number that bob had
	b.all(t, set("3", "x"))
	b.actor = "bob"
	b.all(t, set("4", "x"))
	b.actor = ""
	b.all(t, set("5", "x"))
	b.actor = "ann"
	b.all(t, set("6", "x"))
	for key, want := range map[string]string{"1": `"ann"`, "2": "", "3": `"eve"`, "4": `"bob"`, "5": "NULL", "6": `"ann"`} {
		if got := name(key); got != want {
			t.Errorf("key %s was written by %s, want %s", key, got, want)
		}
	}
	if n := one(t, path, "SELECT count(*) FROM _urlite_actors").Int; n != 3 {
		t.Errorf("%d names for 3 actors", n)
	}
}

func TestMoreActorsThanAreHeldInMemoryStillHaveOneNumberEach(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	b.begin(t)
	numbers := map[string]int64{}
	for round := range 2 {
		for i := range store.ActorsKnownMax + 10 {
			name := fmt.Sprint("actor ", i)
			id, err := w.ActorID(name)
			if err != nil {
				t.Fatal(err)
			}
			if round == 1 && numbers[name] != id {
				t.Fatalf("%s was %d and is %d", name, numbers[name], id)
			}
			numbers[name] = id
			if w.KnownActors() > store.ActorsKnownMax {
				t.Fatalf("%d names are held", w.KnownActors())
			}
		}
	}
	b.commit(t)
}

func TestDeletingWhatIsMissingIsRefusedByTheFileToo(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	b.begin(t)
	op := kv.Op{Code: kv.Delete, Key: "nobody"}
	if _, why := b.do(t, &op); why == nil || why.Kind != refusal.KeyNotFound {
		t.Fatal(why)
	}
	b.commit(t)
}
