package store_test

import (
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// A client's trigger runs in our own statements as well, and may never end. This test
// waits for as long as one is let run: five seconds.
func TestATriggerThatNeverEndsIsStoppedInAKeyValueWrite(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"))
	commitSQL(t, w, sql(`CREATE TRIGGER forever AFTER UPDATE ON kv_store BEGIN
		SELECT count(*) FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c); END`))
	b.begin(t)
	var was kv.Row
	if err := w.Load(b.table, "k", true, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Value.Bytes = []byte("2")
	err := w.Save(b.table, "k", &was, &now)
	if err == nil || refusal.Of(err).Kind != refusal.RequestTimeout {
		t.Fatalf("the write answers %v", err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	commitSQL(t, w, sql("DROP TRIGGER forever"))
	b.all(t, set("k", "3"))
}

// Whoever fires a trigger, it may do what its author may.
func TestATriggerMayNotWriteTheServersOwnTables(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"))
	commitSQL(t, w, sql("CREATE TRIGGER forge AFTER UPDATE ON kv_store BEGIN DELETE FROM _urlite_meta; END"))
	b.begin(t)
	var was kv.Row
	err := w.Load(b.table, "k", true, &was)
	if err == nil {
		now := was
		err = w.Save(b.table, "k", &was, &now)
	}
	if err == nil || refusal.Of(err).Kind != refusal.SQLError {
		t.Fatalf("the write answers %v", err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	commitSQL(t, w, sql("DROP TRIGGER forge"))
	b.all(t, set("k", "2"))
}

func TestOneValueCannotTakeAGigabyte(t *testing.T) {
	_, w := testdb.Open(t)
	_, err := w.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, err = run(w, sql("SELECT length(randomblob(900000000))"))
	if err == nil || refusal.Of(err).Kind != refusal.SQLError {
		t.Fatalf("the query answers %v", err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestASnapshotEndsWhenItsReaderPanics(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"))
	r := testdb.Reader(t, path)
	func() {
		defer func() { recover() }()
		r.Snapshot(func() error { panic("a fault of ours") })
	}()
	b.all(t, set("k", "2"))
	if row := get(t, r, b.table, "k"); bodyOf(&row) != "2" {
		t.Fatalf("the connection still reads %q", bodyOf(&row))
	}
}
