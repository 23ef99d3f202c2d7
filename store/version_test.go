package store_test

import (
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// versionReader opens a reader that can tell versions.
func versionReader(t testing.TB, path string, versions *store.Versions) *store.ReadConn {
	t.Helper()
	r, err := store.OpenReader(path, store.Options{Versions: versions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// asked is the version that a query was asked about, and what it read.
type asked struct {
	version store.Version
	known   bool
	rows    testdb.Table
}

func ask(t fataler, r *store.ReadConn, query string) (a asked) {
	t.Helper()
	_, err := r.QueryUnless(&sqltx.Item{SQL: query}, longEnough, 100, func(v store.Version) bool {
		a.version, a.known = v, true
		return false
	}, &a.rows)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return a
}

// quietCommit are the statements of a commit that writes nothing but the query history.
var quietCommit = []string{
	"BEGIN IMMEDIATE",
	"INSERT INTO _query_history(sql, timestamp, execution_time_ms, success) VALUES ('SELECT 1', 1, 1, 1)",
	"INSERT INTO _urlite_meta(name, value) VALUES ('quiet', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1",
	"COMMIT",
}

// An ETag that stays after a change would be a lie, one that moves without a change a
// needless answer. What counts as a change is any commit but the quiet ones.
func TestAVersionIsAnotherAfterEachChangeAndNoOther(t *testing.T) {
	path, full := testdb.Open(t)
	newBook(full).all(t, set("key", "value")) // our own tables are there
	w := testdb.Writer(t, path, store.Options{Synchronous: store.Normal})
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	other, versions := raw(t, path), store.NewVersions()
	rawExec(t, other, "PRAGMA synchronous = OFF")
	readers := []*store.ReadConn{versionReader(t, path, versions), versionReader(t, path, versions)}
	book := newBook(w)

	seen := map[store.Version]int{} // and after how many changes
	var last store.Version
	changes, changed := 0, true
	rapid.Check(t, func(t *rapid.T) {
		change := func(statements ...string) func() {
			return func() { rawRun(t, other, statements...); changed = true }
		}
		steps := map[string]func(){
			"sql":      func() { commitSQL(t, w, sql("INSERT INTO t VALUES (1)")); changed = true },
			"key":      func() { book.all(t, incr("n", 1)); changed = true },
			"other":    change("INSERT INTO t VALUES (2)"),
			"schema":   change("DROP TABLE t", "CREATE TABLE t(a)"),
			"quiet":    func() { rawRun(t, other, quietCommit...) },
			"nothing":  func() { commitSQL(t, w, sql("DELETE FROM t WHERE a = 'none'")) },
			"undone":   func() { rawRun(t, other, "BEGIN", "INSERT INTO t VALUES (3)", "ROLLBACK") },
			"passive":  func() { w.Checkpoint(store.Passive) },
			"truncate": func() { w.Checkpoint(store.Truncate) },
			"restart":  func() { rawRun(t, other, "PRAGMA wal_checkpoint(RESTART)") },
		}
		names := slices.Sorted(maps.Keys(steps))
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 30).Draw(t, "steps") {
			steps[name]()
			if rapid.Bool().Draw(t, "unseen") {
				continue
			}
			got := ask(t, readers[rapid.IntRange(0, 1).Draw(t, "reader")], "SELECT a FROM t")
			if !got.known {
				t.Fatalf("after %s no version is known", name)
			}
			if !changed && got.version != last {
				t.Fatalf("the version moved by %s", name)
			}
			if changed {
				changes++
			}
			if at, ok := seen[got.version]; ok && at != changes {
				t.Fatalf("after %s the version is that of change %d, this is %d", name, at, changes)
			}
			seen[got.version], last, changed = changes, got.version, false
		}
	})
}

func TestAnUntouchedFileHasAVersion(t *testing.T) {
	path := t.TempDir() + "/untouched.db"
	if err := store.Create(path, "", nil); err != nil {
		t.Fatal(err)
	}
	testdb.Exec(t, path, "CREATE TABLE t(a)") // the log goes with the connection
	w := testdb.Writer(t, path, store.Options{})
	r := versionReader(t, path, store.NewVersions())
	first, second := ask(t, r, "SELECT * FROM t"), ask(t, r, "SELECT * FROM t")
	if !first.known || first.version != second.version {
		t.Errorf("%+v, then %+v", first, second)
	}
	commitSQL(t, w, sql("INSERT INTO t VALUES (1)"))
	if ask(t, r, "SELECT * FROM t").version == first.version {
		t.Error("the first commit did not move it")
	}
}

func TestAFileWithoutALogHasNoVersion(t *testing.T) {
	path := t.TempDir() + "/plain.db"
	conn := raw(t, path)
	rawExec(t, conn, "CREATE TABLE t(a)")
	r := versionReader(t, path, store.NewVersions())
	if ask(t, r, "SELECT * FROM t").known {
		t.Error("it has one")
	}
	w := testdb.Writer(t, path, store.Options{}) // which makes it one with a log
	commitSQL(t, w, sql("INSERT INTO t VALUES (1)"))
	if !ask(t, r, "SELECT * FROM t").known {
		t.Error("it has none")
	}
	if ask(t, testdb.Reader(t, path), "SELECT * FROM t").known {
		t.Error("a reader that shares no versions knows one")
	}
}

// A program that dies while it writes to the wal-index leaves one that the next reader makes
// anew, with a count that begins again: what was told before must not be believed.
func TestAWalIndexThatIsMadeAnewBeginsAnEpoch(t *testing.T) {
	path, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a)"))
	r := versionReader(t, path, store.NewVersions())
	seen := map[store.Version]bool{}
	for i := range 20 {
		commitSQL(t, w, sql("INSERT INTO t VALUES (1)"))
		got := ask(t, r, "SELECT * FROM t")
		if !got.known || seen[got.version] {
			t.Fatalf("commit %d: %+v", i, got.version)
		}
		seen[got.version] = true
		if i%4 == 3 {
			shm, err := os.OpenFile(path+"-shm", os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := shm.WriteAt(make([]byte, 96), 0); err != nil { // both copies of its header
				t.Fatal(err)
			}
			shm.Close()
		}
	}
}

func TestWhatTheServerWritesForItselfHasNoVersion(t *testing.T) {
	path, w := testdb.Open(t)
	newBook(w).all(t, set("key", "value"))
	commitSQL(t, w, sql("CREATE TABLE t(a)"), sql("CREATE VIEW log AS SELECT sql FROM _query_history"), sql("CREATE VIEW v AS SELECT a FROM t"))
	r := versionReader(t, path, store.NewVersions())
	f := func(query string, want bool) {
		t.Helper()
		for range 2 { // prepared, and kept
			if got := ask(t, r, query); got.known != want {
				t.Errorf("%s: a version is known: %v", query, got.known)
			}
		}
	}
	f("SELECT * FROM t", true)
	f("SELECT * FROM v", true)
	f("SELECT * FROM kv_store", true)
	f("SELECT name FROM sqlite_master", true)
	f("SELECT * FROM _query_history", false)
	f("SELECT count(*) FROM _QUERY_HISTORY", false)
	f("SELECT * FROM log", false)
	f("SELECT a, (SELECT count(*) FROM _urlite_meta) FROM t", false)
	f("PRAGMA page_count", false)
	if !store.EngineBundled { // the old one keeps these from clients
		f("SELECT * FROM pragma_table_info('t')", false)
	}
	f("EXPLAIN SELECT * FROM t", true)

	// A statement that is kept reads what its view has become.
	commitSQL(t, w, sql("DROP VIEW v"), sql("CREATE VIEW v AS SELECT sql FROM _query_history"))
	f("SELECT * FROM v", false)
	commitSQL(t, w, sql("DROP VIEW v"), sql("CREATE VIEW v AS SELECT a FROM t"))
	f("SELECT * FROM v", true)
}

func TestAQueryThatIsAnsweredAlreadyIsNotRun(t *testing.T) {
	path, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a)"), sql("INSERT INTO t VALUES (1)"))
	r := versionReader(t, path, store.NewVersions())
	var rows testdb.Table
	query := &sqltx.Item{SQL: "SELECT a FROM t"}
	yes := func(store.Version) bool { return true }
	if _, err := r.QueryUnless(query, longEnough, 100, yes, &rows); err != nil || rows.Names != nil {
		t.Errorf("%v: %+v", err, rows)
	}
	// The version is that of the rows, whoever commits in between.
	var before store.Version
	_, err := r.QueryUnless(query, longEnough, 100, func(v store.Version) bool {
		before = v
		commitSQL(t, w, sql("UPDATE t SET a = a + 1"))
		return false
	}, &rows)
	if err != nil || testdb.Text(rows.Rows) != "1" {
		t.Errorf("%v: %s", err, testdb.Text(rows.Rows))
	}
	if after := ask(t, r, "SELECT a FROM t"); after.version == before || testdb.Text(after.rows.Rows) != "2" {
		t.Errorf("%s", testdb.Text(after.rows.Rows))
	}
}
