package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

var impatient = store.Options{BusyWait: 10 * time.Millisecond}

func seize(t testing.TB, path string) *store.Exclusive {
	t.Helper()
	e, err := store.Seize(path, impatient, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// withLog makes a database whose latest writes are in its log alone, as it is left by a
// process that was killed: nobody has it open.
func withLog(t testing.TB, values ...string) (path string) {
	t.Helper()
	live := testdb.CreateUnchecked(t)
	w := testdb.Writer(t, live, store.Options{})
	b := newBook(w)
	for _, value := range values {
		b.all(t, set("k", value))
	}
	path = filepath.Join(t.TempDir(), "killed.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(live + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func valueAt(t testing.TB, path string) string {
	t.Helper()
	return testdb.Value(t, testdb.Reader(t, path), "k")
}

func TestAFileIsSeizedOnlyWhenNobodyHasItOpenAndThenNobodyGetsIn(t *testing.T) {
	f := func(about, mode string) {
		t.Helper()
		path := testdb.CreateUnchecked(t)
		other := another(t, path)
		rawExec(t, other, "PRAGMA journal_mode = "+mode, "CREATE TABLE t(a)", "BEGIN", "SELECT * FROM t")
		_, err := store.Seize(path, impatient, time.Minute)
		wantKind(t, err, refusal.DatabaseBusy)
		rawExec(t, other, "COMMIT")
		if mode == "wal" { // who has it open at all may have read what is in the log
			_, err := store.Seize(path, impatient, time.Minute)
			wantKind(t, err, refusal.DatabaseBusy)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		e := seize(t, path)
		if e.Damaged() {
			t.Fatal("a sound file is taken for a damaged one")
		}
		late := another(t, path)
		defer late.Close()
		late.SetBusyTimeout(time.Millisecond)
		stmt, _, err := late.PrepareTransient("SELECT * FROM t")
		if err == nil {
			_, err = stmt.Step()
			stmt.Finalize()
		}
		if err == nil {
			t.Errorf("%s: it is read while it is seized", about)
		}
		e.Close()
		rawExec(t, late, "SELECT * FROM t")
	}
	f("write-ahead log", "wal")
	f("rollback journal", "delete")
}

// another opens a file as another program would, until the test closes it.
func another(t testing.TB, path string) *sqlite.Conn {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_CREATE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Who has a second does not stand behind another program for longer.
func TestSeizingWaitsNoLongerThanItsLimit(t *testing.T) {
	path := testdb.Create(t)
	other := another(t, path)
	defer other.Close()
	rawExec(t, other, "PRAGMA user_version")
	_, err := store.Seize(path, store.Options{BusyWait: 24 * time.Hour}, time.Millisecond)
	wantKind(t, err, refusal.DatabaseBusy)
}

// What nobody waits for does not stand behind another program, and nobody behind it.
func TestATransactionThatBeginsBrieflyGivesWayToAnotherProgram(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w := testdb.Writer(t, path, store.Options{BusyWait: 24 * time.Hour})
	other := another(t, path)
	defer other.Close()
	rawExec(t, other, "BEGIN IMMEDIATE")
	_, err := w.BeginBriefly()
	wantKind(t, err, refusal.DatabaseBusy)
	rawExec(t, other, "COMMIT")
	if _, err := w.BeginBriefly(); err != nil {
		t.Fatal(err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestAFileWithoutWritePermissionIsNotSeized(t *testing.T) {
	path := testdb.Create(t)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	_, err := store.Seize(path, impatient, time.Minute)
	wantKind(t, err, refusal.DatabaseReadOnly)
}

// A server that dies while it removes a database does no more than these removals: what is
// left is the last acknowledged state, or no database, whichever of them were done.
func TestADatabaseHalfRemovedIsWholeOrGone(t *testing.T) {
	died := errors.New("the process died")
	f := func(about string, make func() string, wantWhole bool) {
		t.Helper()
		for alive := 0; ; alive++ {
			path := make()
			e := seize(t, path)
			steps := 0
			e.RemoveWith(func(path string) error {
				if steps++; steps > alive {
					return died
				}
				return os.Remove(path)
			})
			err := e.Remove()
			e.Close()
			if err == nil {
				if store.FilesOf(path) != 0 {
					t.Errorf("%s: files are left", about)
				}
				if alive < 4 {
					t.Fatalf("%s: it was removed in %d steps", about, alive)
				}
				return
			}
			wantKind(t, err, refusal.DeleteIncomplete)
			if _, err := os.Stat(path); err == nil && wantWhole {
				if got := valueAt(t, path); got != "last" {
					t.Errorf("%s: after %d steps it holds %q", about, alive, got)
				}
				continue
			}
			// Its name may be used again at once, and nothing of it comes back.
			if _, err := os.Stat(path); err != nil {
				if err := store.Create(path, "", nil); err != nil {
					t.Fatal(err)
				}
				if got := valueAt(t, path); got != "" {
					t.Errorf("%s: after %d steps the new database holds %q", about, alive, got)
				}
				testdb.Check(t, path)
			}
		}
	}
	f("sound", func() string { return withLog(t, "first", "last") }, true)
	f("damaged", func() string {
		path := withLog(t, "first", "last")
		damage(t, path)
		return path
	}, false)
}

// damage makes a file one that SQLite can't read.
func damage(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < len(content); i++ {
		content[i] = 0xff
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-wal", []byte("what is left of a log"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// SQLite replays what log it finds beside a file.
func TestTheLogOfAFileThatIsGoneIsNotReplayedIntoTheNextOneOfItsName(t *testing.T) {
	path := withLog(t, "old")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := store.Create(path, "", nil); err != nil {
		t.Fatal(err)
	}
	if n := store.FilesOf(path); n != 1 {
		t.Errorf("%d files", n)
	}
	if got := valueAt(t, path); got != "" {
		t.Errorf("the new database holds %q", got)
	}
	testdb.Check(t, path)
}

func TestAFileIsReplacedWithItsLog(t *testing.T) {
	f := func(about string, path string) {
		t.Helper()
		arriving := filepath.Join(filepath.Dir(path), ".urlite-restore-1")
		if err := os.Rename(settled(t, "new"), arriving); err != nil {
			t.Fatal(err)
		}
		e := seize(t, path)
		if err := e.Replace(arriving); err != nil {
			t.Fatalf("%s: %v", about, err)
		}
		e.Close()
		if n := store.FilesOf(path); n != 1 {
			t.Errorf("%s: %d files", about, n)
		}
		if got := valueAt(t, path); got != "new" {
			t.Errorf("%s: it holds %q", about, got)
		}
		testdb.Check(t, path)
	}
	f("after a crash", withLog(t, "old", "older"))
	damaged := withLog(t, "old")
	damage(t, damaged)
	f("damaged", damaged)
}

// settled makes a database that is closed, and all in its file.
func settled(t testing.TB, value string) (path string) {
	t.Helper()
	path = withLog(t, value)
	e := seize(t, path)
	if err := e.Settle(); err != nil {
		t.Fatal(err)
	}
	e.Close()
	return path
}
