package store_test

import (
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

func maintain(t testing.TB, w *store.WriteConn, task store.Task) string {
	t.Helper()
	found, err := w.Maintain(task, longEnough)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Vacuuming changes every page, and nothing that anybody is told.
func TestVacuumMakesTheFileSmallerAndChangesNothingElse(t *testing.T) {
	path, w, b := large(t)
	r := testdb.Reader(t, path)
	b.all(t, incr("n", 5))
	commitSQL(t, w, sql("CREATE TABLE t(a)"), sql("INSERT INTO t SELECT value FROM kv_store"))
	commitSQL(t, w, sql("DROP TABLE t"))
	b.begin(t)
	for more := true; more; {
		var err error
		if more, err = w.Recount(); err != nil {
			t.Fatal(err)
		}
	}
	b.commit(t)
	const facts = "SELECT (SELECT value FROM _urlite_meta WHERE name = 'sequence'), (SELECT rows FROM _urlite_tables), (SELECT group_concat(key || version || value) FROM kv_store), (SELECT max(id) FROM kv_store_history)"
	before, was := testdb.Text(testdb.Query(t, path, facts)), bytesOf(t, r)
	for range 2 {
		if found := maintain(t, w, store.Vacuum); found != "ok" {
			t.Error(found)
		}
	}
	if after := testdb.Text(testdb.Query(t, path, facts)); after != before {
		t.Errorf("%.200s, before %.200s", after, before)
	}
	if is := bytesOf(t, r); is >= was {
		t.Errorf("%d bytes after %d", is, was)
	}
	b.all(t, incr("n", 1))
	if counted := one(t, path, "SELECT rows FROM _urlite_tables").Int; counted != 301 {
		t.Errorf("%d rows are counted", counted)
	}
}

func bytesOf(t testing.TB, r *store.ReadConn) int64 {
	t.Helper()
	n, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestATaskThatTakesTooLongChangesNothingAndTheWriterGoesOn(t *testing.T) {
	path, w, b := large(t)
	refused := 0
	for limit := time.Nanosecond; ; limit *= 2 {
		_, err := w.Maintain(store.Vacuum, limit)
		b.all(t, incr("n", 1))
		if err == nil {
			break
		}
		wantKind(t, err, refusal.RequestTimeout)
		refused++
	}
	if refused == 0 {
		t.Error("it always was in time")
	}
	testdb.Check(t, path)
}

func TestTheLogIsEmptiedUnlessAReaderNeedsIt(t *testing.T) {
	path, w, b := large(t)
	r := testdb.Reader(t, path)
	err := r.Snapshot(func() error {
		get(t, r, "kv_store", "key1")
		b.all(t, set("k", "v"))
		if found := maintain(t, w, store.EmptyLog); found != "busy" {
			t.Error(found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := maintain(t, w, store.EmptyLog); found != "ok" || w.LogBytes() != 0 {
		t.Error(found, w.LogBytes())
	}
	if found := maintain(t, w, store.Optimize); found != "ok" {
		t.Error(found)
	}
	b.all(t, set("k", "w"))
}

func TestChecksTellOfASoundFileAndOfADamagedOne(t *testing.T) {
	path, w, _ := large(t)
	r := testdb.Reader(t, path)
	for _, quickly := range []bool{true, false} {
		found, err := r.CheckPages(quickly, longEnough)
		if err != nil || found != "ok" {
			t.Error(found, err)
		}
		_, err = r.CheckPages(quickly, time.Nanosecond)
		wantKind(t, err, refusal.RequestTimeout)
	}
	w.Checkpoint(store.Truncate)
	content := contentOf(t, path)
	for i := len(content) / 2; i < len(content)/2+10_000; i++ {
		content[i] = 0xff
	}
	damaged, err := store.OpenReader(arrived(t, content), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	for _, quickly := range []bool{true, false} {
		if found, err := damaged.CheckPages(quickly, longEnough); err != nil || found == "ok" || found == "" {
			t.Error(found, err)
		}
	}
}
