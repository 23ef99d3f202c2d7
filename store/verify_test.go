package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// arrived puts content where an upload is verified.
func arrived(t testing.TB, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), ".urlite-restore-1")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWhatIsNoSoundDatabaseIsNotLetIn(t *testing.T) {
	sound := contentOf(t, settled(t, "v"))
	f := func(about string, content []byte) {
		t.Helper()
		err := store.Verify(arrived(t, content), longEnough)
		if kindOf(err) != refusal.InvalidSQLiteHeader {
			t.Errorf("%s: %v", about, err)
		}
	}
	f("nothing", nil)
	f("a text", []byte(strings.Repeat("not a database ", 1000)))
	f("a header alone", sound[:16])
	f("a first page cut", sound[:100])
	for end := 2048; end < len(sound); end += 2048 {
		f(fmt.Sprint("cut after bytes: ", end), sound[:end])
	}
	f("cut within a page", sound[:len(sound)-1])
	unreadable := append([]byte(nil), sound...)
	unreadable[18], unreadable[19] = 9, 9 // a format of the future
	if err := store.Verify(arrived(t, unreadable), longEnough); err == nil {
		f("of a format of the future", unreadable)
	}
	encoded := append([]byte(nil), sound...)
	encoded[59] = 4 // SQLite takes it for UTF-8, until it reads the schema again
	f("of an unknown encoding", encoded)
	if err := store.Verify(arrived(t, sound), longEnough); err != nil {
		t.Error(err)
	}
}

// Whatever is verified can be served: our own readers and SQLite find nothing wrong.
func TestAFileWithAFewBytesChangedIsRefusedOrSound(t *testing.T) {
	sound := contentOf(t, settled(t, "v"))
	refused := 0
	rapid.Check(t, func(r *rapid.T) {
		content := append([]byte(nil), sound...)
		for range rapid.IntRange(1, 4).Draw(r, "changes") {
			content[rapid.IntRange(16, len(content)-1).Draw(r, "place")] = rapid.Byte().Draw(r, "byte")
		}
		path := arrived(t, content)
		if err := store.Verify(path, longEnough); err != nil {
			refused++
			if kindOf(err) != refusal.InvalidSQLiteHeader {
				r.Fatal(err)
			}
			return
		}
		if err := store.Adopt(path, 0, longEnough); err != nil {
			if kindOf(err) != refusal.InvalidSQLiteHeader {
				r.Fatal(err)
			}
			return
		}
		if found := testdb.Query(r, path, "PRAGMA quick_check"); testdb.Text(found) != `"ok"` {
			r.Fatal(testdb.Text(found))
		}
	})
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// A file from a stranger may have been made for the one who opens it.
func TestNothingOfAnArrivingFileRuns(t *testing.T) {
	path := settled(t, "v")
	stranger := another(t, path)
	rawExec(t, stranger,
		"CREATE TABLE ran(what)",
		"CREATE TRIGGER moved AFTER UPDATE ON _urlite_meta BEGIN INSERT INTO ran VALUES ('trigger'); END",
		"CREATE VIEW looked AS SELECT * FROM ran",
		"CREATE VIRTUAL TABLE words USING fts5(text)",
		"INSERT INTO words VALUES ('some text')")
	stranger.Close()
	if err := store.Verify(path, longEnough); err != nil {
		t.Fatal(err)
	}
	if err := store.Adopt(path, 1000, longEnough); err != nil {
		t.Fatal(err)
	}
	if n := one(t, path, "SELECT count(*) FROM ran").Int; n != 0 {
		t.Error("a trigger ran")
	}
	if n := one(t, path, "SELECT value FROM _urlite_meta WHERE name = 'sequence'").Int; n != 1001 { // and a row
		t.Errorf("the sequence is %d", n)
	}
}

func TestATableThatClaimsToBeOursAndIsNotIsRefused(t *testing.T) {
	f := func(statements ...string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "theirs.db")
		conn := raw(t, path)
		rawExec(t, conn, statements...)
		err := store.Verify(path, longEnough)
		if err == nil {
			err = store.Adopt(path, 5, longEnough)
		}
		wantKind(t, err, refusal.InvalidSQLiteHeader)
	}
	f("CREATE TABLE _urlite_meta(a)")
	f("CREATE TABLE t(name, value)", "CREATE VIEW _urlite_meta AS SELECT * FROM t")
	for _, far := range []string{
		"('sequence', 9223372036854775807), ('clock', 0)", "('sequence', -1), ('clock', 0)",
		"('sequence', 1), ('clock', 9223372036854775807)", "('sequence', 1), ('clock', -1)",
	} {
		f("CREATE TABLE _urlite_meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID", "INSERT INTO _urlite_meta VALUES "+far)
	}
	f("CREATE TABLE _urlite_meta(name PRIMARY KEY, value CHECK (value < 3))", "INSERT INTO _urlite_meta VALUES ('sequence', 1), ('clock', 0)")
}

// A check that never ends must not hold up whoever asked for it for ever.
func TestVerifyingEndsInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slow.db")
	conn := another(t, path)
	rawExec(t, conn, "CREATE TABLE big(a)", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) INSERT INTO big SELECT hex(randomblob(50)) FROM n")
	conn.Close()
	wantKind(t, store.Verify(path, time.Nanosecond), refusal.RequestTimeout)
	if err := store.Verify(path, longEnough); err != nil {
		t.Fatal(err)
	}
}

func TestAnAdoptedFileGoesOnWhereBothHaveBeenAndIsAnother(t *testing.T) {
	f := func(least, want int64) {
		t.Helper()
		path := settled(t, "v") // one write
		was := one(t, path, "SELECT value FROM _urlite_meta WHERE name = 'file_id'").Bytes
		if err := store.Adopt(path, least, longEnough); err != nil {
			t.Fatal(err)
		}
		if n := store.FilesOf(path); n != 1 {
			t.Errorf("%d files", n)
		}
		w := testdb.Writer(t, path, store.Options{})
		sequence, err := w.Begin()
		if err != nil || sequence != want {
			t.Errorf("it goes on from %d, want %d: %v", sequence, want, err)
		}
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		if is := one(t, path, "SELECT value FROM _urlite_meta WHERE name = 'file_id'").Bytes; string(is) == string(was) {
			t.Error("its change cursors are the other's")
		}
		testdb.Check(t, path)
	}
	f(0, 1) // no ETags were given: its row keeps its own
	f(1, 2)
	f(77, 78)
}

func TestAFileOfSomebodyElseIsAdoptedAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "theirs.db")
	conn := another(t, path)
	rawExec(t, conn, "PRAGMA page_size = 512", "CREATE TABLE t(a)", "INSERT INTO t VALUES (7)")
	conn.Close()
	if err := store.Adopt(path, 9, longEnough); err != nil {
		t.Fatal(err)
	}
	if got := testdb.Text(testdb.Query(t, path, "SELECT a, (SELECT count(*) FROM sqlite_master) FROM t")); got != "7 1" {
		t.Error(got)
	}
}
