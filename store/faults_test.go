package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

func TestAnotherProcesssLockIsBusyAndThenGone(t *testing.T) {
	path := testdb.Create(t)
	w := testdb.Writer(t, path, store.Options{BusyWait: 10 * time.Millisecond})
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("k", "v"))
	other := raw(t, path)
	rawExec(t, other, "BEGIN IMMEDIATE")
	for range 2 {
		_, err := w.Begin()
		wantKind(t, err, refusal.DatabaseBusy)
	}
	if row := get(t, r, b.table, "k"); bodyOf(&row) != "v" {
		t.Fatal("a lock keeps readers out")
	}
	rawExec(t, other, "COMMIT")
	b.all(t, set("k", "w"))
}

func TestALockThatGoesAwayInTimeIsWaitedFor(t *testing.T) {
	path := testdb.Create(t)
	w := testdb.Writer(t, path, store.Options{BusyWait: time.Minute})
	b := newBook(w)
	b.all(t, set("k", "v"))
	other := raw(t, path)
	rawExec(t, other, "BEGIN IMMEDIATE", "UPDATE kv_store SET updated_at = updated_at")
	begun := make(chan error)
	go func() {
		_, err := w.Begin()
		begun <- err
	}()
	rawExec(t, other, "COMMIT")
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
}

// full lets the file grow by so many pages and no further.
func full(t *testing.T, w *store.WriteConn, pages int64) {
	t.Helper()
	stmt, _, err := w.Conn().PrepareTransient("PRAGMA page_count")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Finalize()
	if _, err := stmt.Step(); err != nil {
		t.Fatal(err)
	}
	rawExec(t, w.Conn(), fmt.Sprintf("PRAGMA max_page_count = %d", stmt.ColumnInt64(0)+pages))
}

func TestAFullDiskIsUnavailableAndLeavesNothingHalfWritten(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("small", "v"))
	full(t, w, 20)
	b.begin(t)
	var failed error
	for i := 0; failed == nil; i++ {
		row := rowOf(kv.Value{Kind: kv.Blob, Bytes: make([]byte, 4000)})
		failed = w.Save(b.table, fmt.Sprint("large", i), &kv.Row{}, &row)
	}
	wantKind(t, failed, refusal.Unavailable)
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n := one(t, path, "SELECT count(*) FROM kv_store").Int; n != 1 {
		t.Fatalf("%d rows", n)
	}
	b.all(t, set("small", "w")) // what fits is still written
	full(t, w, 1_000_000)
	b.all(t, set("large", strings.Repeat("x", 1<<20)))
}

func TestSQLThatFillsTheDiskIsUnavailableAndTheOthersGoOn(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	testdb.Exec(t, path, "CREATE TABLE t(a)")
	full(t, w, 20)
	b.begin(t)
	op := set("k", "in the same group")
	b.do(t, &op)
	_, err := run(w, sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) INSERT INTO t SELECT zeroblob(4000) FROM n"))
	wantKind(t, err, refusal.Unavailable)
	if !w.TransactionEnded() {
		t.Log("the transaction went on")
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.all(t, set("k", "after"))
	if n := one(t, path, "SELECT count(*) FROM t").Int; n != 0 {
		t.Fatalf("%d rows", n)
	}
}

func TestAFileWithoutWritePermissionIsReadOnlyAlsoToRoot(t *testing.T) {
	path, w := testdb.Open(t)
	newBook(w).all(t, set("k", "v"))
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	_, err := store.OpenWriter(path, store.Options{})
	wantKind(t, err, refusal.DatabaseReadOnly)
	if row := get(t, testdb.Reader(t, path), kv.DefaultTable, "k"); bodyOf(&row) != "v" {
		t.Fatal("it can't be read")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNoDatabaseIsRefusedByName(t *testing.T) {
	folder := t.TempDir()
	f := func(name, content string, want refusal.Kind) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := store.OpenWriter(path, store.Options{})
		wantKind(t, err, want)
		_, err = store.OpenReader(path, store.Options{})
		wantKind(t, err, want)
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%s was changed", name)
		}
	}
	f("text.db", strings.Repeat("This is a text, whatever its name says. ", 100), refusal.InvalidSQLiteHeader)
	f("cut.db", "SQLite format 3\x00"+strings.Repeat("\xff", 500), refusal.InvalidSQLiteHeader)
	missing := filepath.Join(folder, "missing.db")
	if _, err := store.OpenReader(missing, store.Options{}); err == nil {
		t.Error("a missing file was opened")
	}
	_, err := store.OpenWriter(missing, store.Options{})
	wantKind(t, err, refusal.FileSystemError)
	if _, err := os.Stat(missing); err == nil {
		t.Error("opening made the file")
	}
}

func TestADamagedFileIsAnErrorAndNoCrash(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(w)
	for i := range 200 {
		b.all(t, set(fmt.Sprint(i), strings.Repeat("v", 500)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4 * 2048; at < len(content); at += 7 {
		content[at] ^= 0x55
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := store.OpenReader(path, store.Options{})
	if err != nil {
		return
	}
	defer r.Close()
	failed := 0
	for i := range 200 {
		var row kv.Row
		if _, err := r.Get(b.table, fmt.Sprint(i), &row, nil); err != nil {
			wantKind(t, err, refusal.DatabaseError)
			failed++
		}
	}
	if failed == 0 {
		t.Error("nobody noticed")
	}
}

func TestARolledBackTransactionLeavesNothing(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	before := testdb.Text(testdb.Query(t, path, "SELECT * FROM kv_store_history"))
	b.begin(t)
	for _, op := range []kv.Op{set("k", "w"), set("l", "x"), incr("n", 1), {Code: kv.Delete, Key: "k"}} {
		b.do(t, &op)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatalf("a second rollback: %v", err)
	}
	if after := testdb.Text(testdb.Query(t, path, "SELECT * FROM kv_store_history")); after != before {
		t.Fatalf("%s, before %s", after, before)
	}
	b.all(t, set("k", "w"))
	if b.sequence != 2 {
		t.Fatal(b.sequence)
	}
}

func TestSynchronousIsWhatWasAskedFor(t *testing.T) {
	for _, want := range []store.Synchronous{store.Full, store.Normal} {
		path := testdb.Create(t)
		w := testdb.Writer(t, path, store.Options{Synchronous: want})
		answer := commitSQL(t, w, sql("PRAGMA synchronous"))
		if full := strings.Contains(answer, "[[2]]"); full != (want == store.Full) {
			t.Errorf("%s: %s", want, answer)
		}
		if parsed, err := store.ParseSynchronous(want.String()); parsed != want || err != nil {
			t.Error(parsed, err)
		}
	}
	if _, err := store.ParseSynchronous("off"); err == nil {
		t.Error("off is accepted")
	}
}
