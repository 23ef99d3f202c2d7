package store_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// entries are n entries with the IDs from first on.
func entries(first int64, n int) (made []querylog.Entry) {
	for i := range n {
		made = append(made, querylog.Entry{ID: first + int64(i), SQL: fmt.Sprint("SELECT ", i), Success: true, At: 1000 + int64(i)})
	}
	return made
}

// logged commits entries to the query history as the writer does.
func logged(t fataler, w *store.WriteConn, made []querylog.Entry, make bool) (last int64) {
	t.Helper()
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	last, err := w.Log(made, make)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return last
}

// told is the query history of a file, oldest first.
func told(t fataler, r *store.ReadConn) (all []querylog.Entry) {
	t.Helper()
	if err := r.QueryLog(func(e *querylog.Entry) bool {
		all = append([]querylog.Entry{*e}, all...)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// quiet is how many commits of the file are said to have been of query history only.
func quiet(t testing.TB, path string) int64 {
	t.Helper()
	return one(t, path, "SELECT coalesce((SELECT value FROM _urlite_meta WHERE name = 'quiet'), 0)").Int
}

func TestTheQueryHistoryIsReadAsItWasWritten(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	model, next := []querylog.Entry(nil), int64(1)
	rapid.Check(t, func(rt *rapid.T) {
		var made []querylog.Entry
		for range rapid.IntRange(1, 5).Draw(rt, "entries") {
			made = append(made, querylog.Entry{
				ID: next, SQL: rapid.String().Draw(rt, "sql"), Error: rapid.String().Draw(rt, "error"), Client: rapid.StringMatching(`[0-9a-f:.]*`).Draw(rt, "client"),
				At: rapid.Int64().Draw(rt, "at"), Took: time.Duration(rapid.Int64Range(0, 1e9).Draw(rt, "took")) * time.Microsecond,
				Rows: rapid.Int64().Draw(rt, "rows"), Success: rapid.Bool().Draw(rt, "success"),
				Statement: rapid.Bool().Draw(rt, "statement"), Source: querylog.Source(rapid.IntRange(0, 1).Draw(rt, "source")),
			})
			next++
		}
		for i := range made { // SQLite's substr ends a text at a NUL, which no request has
			made[i].SQL, made[i].Error = strings.ReplaceAll(made[i].SQL, "\x00", ""), strings.ReplaceAll(made[i].Error, "\x00", "")
		}
		if last := logged(rt, w, made, false); last != next-1 || w.LastLogged() != last || r.LastLogged() != last {
			rt.Fatalf("the last is %d, want %d", last, next-1)
		}
		model = append(model, made...)
		model = model[max(0, len(model)-querylog.EntriesMax):]
		if got := told(rt, r); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", model) {
			rt.Fatalf("told  %+v\nwant %+v", got, model)
		}
	})
	if commits := quiet(t, path); commits < 1 {
		t.Error("they were not quiet")
	}
}

func TestTheLatestThousandAreKept(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	logged(t, w, entries(1, 700), false)
	logged(t, w, entries(701, 700), false)
	if all := told(t, r); len(all) != 1000 || all[0].ID != 401 || all[999].ID != 1400 {
		t.Fatalf("%d entries, %d to %d", len(all), all[0].ID, all[len(all)-1].ID)
	}
	// What a client adds goes the same way, in steps.
	stranger(t, path, `WITH RECURSIVE n(i) AS (SELECT 2000 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
		INSERT INTO _query_history(id, sql, timestamp, execution_time_ms, success) SELECT i, 'mine', 0, 0, 1 FROM n`)
	for step := range int64(4) {
		if last := logged(t, w, entries(1401+step, 1), false); last != 7000+step {
			t.Fatalf("the ID is %d", last)
		}
	}
	if n := one(t, path, "SELECT count(*) FROM _query_history").Int; n != 1000 {
		t.Errorf("%d entries are left", n)
	}
}

func TestAnIDIsNeverGivenAgain(t *testing.T) {
	path, w := testdb.Open(t)
	logged(t, w, entries(1, 10), false)
	begin := func() {
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
	}
	commit := func() {
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	for id, want := range map[int64]bool{10: true, 3: true, 11: false, -1: false} {
		if found, err := w.Unlog(id); err != nil || found != want {
			t.Fatalf("Unlog(%d) = %v, %v", id, found, err)
		}
	}
	commit()
	if last := logged(t, w, entries(10, 1), false); last != 11 {
		t.Fatalf("after the last one was removed comes %d", last)
	}
	before := quiet(t, path)
	begin()
	if err := w.ClearLog(0); err != nil {
		t.Fatal(err)
	}
	commit()
	if quiet(t, path) != before {
		t.Error("to clear it is a quiet commit")
	}
	again := testdb.Writer(t, path, store.Options{}) // after a restart, or in another process
	if last := logged(t, again, entries(again.LastLogged()+1, 2), false); last != 13 {
		t.Fatalf("after it was cleared comes %d", last)
	}
	if last := logged(t, w, entries(12, 2), false); last != 15 {
		t.Fatalf("after those of another process comes %d", last)
	}
	// An ID that leaves no room is a client's own business.
	stranger(t, path, fmt.Sprintf("INSERT INTO _query_history(id, sql, timestamp, execution_time_ms, success) VALUES (%d, 'mine', 0, 9e999, 1)", math.MaxInt64))
	if last := logged(t, w, entries(16, 1), false); last != 16 {
		t.Fatalf("after the largest of all comes %d", last)
	}
	if all := told(t, testdb.Reader(t, path)); all[len(all)-1].Took != time.Duration(1e11)*time.Millisecond {
		t.Errorf("it took %v", all[len(all)-1].Took)
	}
}

// Other programs and the ETags of queries go by it: a commit that changed anything but the
// query history must never be counted as quiet.
func TestOnlyWhatIsNothingButQueryHistoryIsQuiet(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "v"))
	id := int64(1)
	f := func(what string, want int64, do func()) {
		t.Helper()
		before := quiet(t, path)
		b.begin(t)
		do()
		if _, err := w.Log(entries(id, 3), true); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		id += 3
		b.commit(t)
		if got := quiet(t, path) - before; got != want {
			t.Errorf("%s: counted %d times, want %d", what, got, want)
		}
	}
	nothing := func() {}
	f("nothing else", 1, nothing)
	f("a write", 0, func() { op := set("k", "w"); b.do(t, &op) })
	f("nothing else, after it", 1, nothing)
	f("SQL that changes no row", 0, func() { run(w, sql("CREATE TABLE t(a)")) })
	f("nothing else, after SQL", 1, nothing)
	f("SQL that reads", 0, func() { run(w, sql("SELECT 1")) }) // to be safe
	f("nothing, and a trigger that adds to another table", 1, nothing)
	stranger(t, path, "CREATE TRIGGER mine AFTER INSERT ON _query_history BEGIN INSERT INTO t VALUES (new.sql); END")
	f("a trigger that writes", 0, nothing)
	stranger(t, path, "DROP TRIGGER mine", "CREATE TRIGGER mine BEFORE INSERT ON _query_history BEGIN SELECT RAISE(IGNORE); END")
	f("a trigger that ignores", 0, nothing)
	stranger(t, path, "DROP TRIGGER mine", "CREATE TRIGGER mine BEFORE INSERT ON _query_history BEGIN INSERT INTO t VALUES (new.sql); SELECT RAISE(IGNORE); END")
	f("a trigger that writes elsewhere instead", 0, nothing)
	stranger(t, path, "DROP TABLE _query_history")
	f("the making of the table", 0, nothing)
	f("nothing else, in the end", 1, nothing)
	if n := one(t, path, "SELECT count(*) FROM _query_history").Int; n != 6 {
		t.Errorf("%d entries", n)
	}
}

// A transaction that failed has counted nothing.
func TestARolledBackLogLeavesNoTrace(t *testing.T) {
	path, w := testdb.Open(t)
	logged(t, w, entries(1, 5), false)
	before := testdb.Text(testdb.Query(t, path, "SELECT * FROM _query_history, _urlite_meta"))
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Log(entries(6, 1000), false); err != nil {
		t.Fatal(err)
	}
	if err := w.Rollback(); err != nil {
		t.Fatal(err)
	}
	if after := testdb.Text(testdb.Query(t, path, "SELECT * FROM _query_history, _urlite_meta")); after != before {
		t.Errorf("%s\nis left, was %s", after, before)
	}
	if last := logged(t, w, entries(6, 1), false); last != 6 {
		t.Errorf("the next is %d", last)
	}
}

func TestATableOfAClientsWithTheNameIsLeftAlone(t *testing.T) {
	for _, how := range []string{
		"CREATE TABLE _query_history(mine)",
		"CREATE VIEW _query_history AS SELECT 1 AS mine",
		"CREATE VIEW _query_history AS SELECT 1 AS id, 2 AS sql, 3 AS timestamp, 4 AS execution_time_ms, 5 AS success, 6 AS error, 7 AS row_count, 8 AS is_statement, 9 AS source, 10 AS client_ip",
		"",
	} {
		path, w := testdb.Open(t)
		r := testdb.Reader(t, path)
		logged(t, w, entries(1, 5), false)
		stranger(t, path, "ALTER TABLE _query_history RENAME TO renamed")
		if how != "" {
			stranger(t, path, how)
		}
		schema := testdb.Text(testdb.Query(t, path, "SELECT * FROM sqlite_master"))
		if last := logged(t, w, entries(6, 1), how != ""); last != 0 {
			t.Errorf("%s: the last is %d", how, last)
		}
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		if found, err := w.Unlog(1); found || err != nil {
			t.Errorf("%s: Unlog %v %v", how, found, err)
		}
		if err := w.ClearLog(0); err != nil {
			t.Errorf("%s: ClearLog %v", how, err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		if all := told(t, r); len(all) > 0 {
			t.Errorf("%s: %+v is told", how, all)
		}
		if after := testdb.Text(testdb.Query(t, path, "SELECT * FROM sqlite_master")); after != schema {
			t.Errorf("%s: the schema is %s, was %s", how, after, schema)
		}
		if n := one(t, path, "SELECT count(*) FROM renamed").Int; n != 5 {
			t.Errorf("%s: %d entries in the one that was renamed", how, n)
		}
		if how != "" {
			kind := strings.Fields(how)[1]
			stranger(t, path, "DROP "+kind+" _query_history")
		}
		if last := logged(t, w, entries(6, 1), true); last != 6 || len(told(t, r)) != 1 {
			t.Errorf("%s: made anew, the last is %d", how, last)
		}
	}
}

// Columns that are ours and rules that are not: entries are refused, and nothing is left of
// them. Whoever waits for the group waits no longer than is allowed.
func TestWhatRefusesEntriesRefusesThemSoon(t *testing.T) {
	for _, how := range []string{
		"CREATE TRIGGER mine BEFORE INSERT ON _query_history BEGIN SELECT RAISE(ABORT, 'no'); END",
		"CREATE TRIGGER mine BEFORE INSERT ON _query_history BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
		"CREATE TRIGGER mine AFTER INSERT ON _query_history BEGIN SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n); END",
		"CREATE TRIGGER mine AFTER INSERT ON _query_history BEGIN INSERT INTO _urlite_meta(name) VALUES ('mine'); END",
		"CREATE TRIGGER mine AFTER INSERT ON _query_history BEGIN DELETE FROM _query_history WHERE id = new.id; END",
		"ALTER TABLE _query_history ADD COLUMN more NOT NULL DEFAULT '' CHECK (more <> '')",
		"CREATE UNIQUE INDEX mine ON _query_history(timestamp)",
	} {
		path, w := testdb.Open(t)
		if strings.Contains(how, "WITH RECURSIVE") { // a trigger's own statement can't have one, its view can
			stranger(t, path, "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
			how = "CREATE TRIGGER mine AFTER INSERT ON _query_history BEGIN SELECT count(*) FROM endless; END"
		}
		stranger(t, path, how)
		b := newBook(w)
		b.begin(t)
		op := set("k", "v")
		b.do(t, &op)
		made := entries(1, 3)
		made[2].At = made[1].At
		started := time.Now()
		if _, err := w.Log(made, true); err == nil {
			t.Errorf("%s: they were taken", how)
		} else if refusal.Of(err) == nil {
			t.Errorf("%s: %v", how, err)
		}
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("%s: it took %v", how, took)
		}
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
		b.all(t, set("k", "w"))
		if n := one(t, path, "SELECT count(*) FROM _query_history").Int; n != 0 {
			t.Errorf("%s: %d entries are left", how, n)
		}
	}
}

// BenchmarkLog is the most that a second may cost: a thousand entries in, a thousand out.
func BenchmarkLog(b *testing.B) {
	for _, text := range []string{"INCR visits", strings.Repeat("SELECT 1 + 1; ", 290)} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			_, w := testdb.Open(b)
			next := int64(1)
			made := entries(next, querylog.EntriesMax)
			var hold, commit time.Duration
			for b.Loop() {
				for i := range made {
					made[i].ID, made[i].SQL, made[i].Client = next, text, "127.0.0.1"
					next++
				}
				if _, err := w.Begin(); err != nil {
					b.Fatal(err)
				}
				started := time.Now()
				if _, err := w.Log(made, true); err != nil {
					b.Fatal(err)
				}
				worked := time.Now()
				if err := w.Commit(); err != nil {
					b.Fatal(err)
				}
				hold, commit = hold+worked.Sub(started), commit+time.Since(worked)
				if w.Frames() > 16_000 {
					w.Checkpoint(store.Passive)
				}
			}
			b.ReportMetric(float64(hold.Milliseconds())/float64(b.N), "hold-ms/op")
			b.ReportMetric(float64(commit.Milliseconds())/float64(b.N), "commit-ms/op")
		})
	}
}

// stranger runs SQL as another program would, which no policy of ours binds.
func stranger(t testing.TB, path string, statements ...string) {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rawRun(t, conn, statements...)
}
