package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	bygone "github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// copied is a copy of a database, alone in a folder.
func copied(t testing.TB, r *store.ReadConn) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "copy.db")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, r.CopyTo(path, longEnough))
	return path
}

// pastOf tells all that can be asked about the past of a table, but for the ids of entries
// and the versions of rows: at every moment at which something happened, and before and
// after it.
func pastOf(t fataler, r *store.ReadConn, table string) (told []string) {
	note := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	moments := []int64{}
	for _, row := range testdb.Rows(t, r, "SELECT DISTINCT at FROM (SELECT at FROM "+table+"_history UNION ALL SELECT expire_at FROM "+table+
		" UNION ALL SELECT updated_at FROM _urlite_"+table+"_deleted) WHERE at > 0 ORDER BY 1") {
		moments = append(moments, row[0].Int-1, row[0].Int, row[0].Int+1)
	}
	moments = append(moments[max(0, len(moments)-12):], 1<<50)
	state := func(s *bygone.State) string {
		return fmt.Sprintf("fate %d #%d at %d oldest %d %s", s.Fate, s.OpNumber, s.At, s.Oldest, testdb.Display(&s.Row))
	}
	within(t, r, table, func(p *store.Past) {
		past, s := bygone.Of(p), bygone.State{}
		for _, key := range fewKeys {
			gaps, err := past.History(key, 0, 20, func(e *bygone.Told) error {
				e.ID, e.Prev = 0, 0
				note("%q: %s by %q, before %s, after %s", key, entryText(&e.Entry.Entry), e.Actor, state(e.Before), state(e.After))
				return nil
			})
			note("%q has gaps %v %v", key, gaps, err)
			for steps := range int64(3) {
				u, err := past.Undo(key, steps+1)
				note("%q less %d: %v", key, steps+1, err)
				if err == nil {
					note("is %s, %d go", state(u.Then), len(u.Gone))
				}
			}
			for _, at := range moments {
				note("%q at %d: %v %s", key, at, past.At(key, at, &s), state(&s))
			}
			for number := range int64(4) {
				note("%q after %d: %v %s", key, number, past.After(key, number, &s), state(&s))
			}
		}
		gap := func(key string) { note("%q can't be told", key) }
		for i, at := range moments {
			for _, page := range []bygone.Page{{Limit: -1, Values: true, Counted: true}, {Limit: 2, Offset: 1, Prefix: "a", Counted: true}, {Limit: 3, After: "a"}} {
				total, err := past.Snapshot(at, &page, func(f *bygone.Found) error {
					note("%q was %d bytes of #%d %s", f.Key, f.Size, f.OpNumber, f.Row.ContentType)
					return nil
				}, gap)
				note("at %d there are %d %v", at, total, err)
			}
			counts, err := past.Plan(&bygone.Return{Until: at, Now: 1 << 50}, func(step *bygone.Step) error {
				note("%q: %d to %s, %d operations", step.Key, step.Action, testdb.Display(step.Then), step.Operations)
				return nil
			}, gap)
			note("back to %d: %+v %v", at, counts, err)
			stats, err := past.Diff(at, moments[(i+2)%len(moments)], nil, func(c *bygone.Change) error {
				note("%q became %s, was %s", c.Key, state(c.To), state(c.From))
				return nil
			}, gap)
			note("since %d: %+v %v", at, stats, err)
		}
	})
	return told
}

// anyCourse draws a few groups of writes, to be written more than once: with operations,
// returns, undone entries, sweeps and what is kept of the past.
func anyCourse(t *rapid.T) func(t fataler, c *chronicle) {
	var steps []func(t fataler, c *chronicle)
	for range rapid.IntRange(1, 5).Draw(t, "groups") {
		ms := rapid.SampledFrom([]int64{0, 1, 1000, 3000}).Draw(t, "ms")
		ops := rapid.SliceOfN(rapid.Custom(anyWrite), 0, 5).Draw(t, "ops")
		key, as := rapid.SampledFrom(fewKeys).Draw(t, "key"), rapid.SampledFrom(fewKeys).Draw(t, "as")
		then, keep := rapid.IntRange(0, 4).Draw(t, "then"), rapid.Int64Range(1, 3).Draw(t, "keep")
		steps = append(steps, func(t fataler, c *chronicle) {
			c.now += ms
			c.group(t, func() {
				for _, op := range ops {
					c.do(t, op)
				}
				switch then {
				case 0:
					_, err := c.w.Sweep(c.now, 0, 2)
					must(t, err)
				case 1:
					c.back(t, key, as)
				case 2:
					c.undo(t, key)
				case 3:
					_, err := c.w.Retain(bygone.Keep{Entries: keep, Seconds: 4 - keep}, c.now, 100)
					must(t, err)
				}
			})
		})
	}
	return func(t fataler, c *chronicle) {
		for _, step := range steps {
			step(t, c)
		}
	}
}

// versionsOf are the versions of rows, by key.
func versionsOf(t fataler, r *store.ReadConn, table string) map[string]int64 {
	t.Helper()
	versions := map[string]int64{}
	for _, row := range testdb.Rows(t, r, "SELECT key, version FROM "+table) {
		versions[string(row[0].Bytes)] = row[1].Int
	}
	return versions
}

// Two files that were one go on in the same way, one of them in another's place: they tell
// the same of all that was, before and after, and no version comes again.
func TestAnAdoptedFileTellsTheSamePastInOtherVersions(t *testing.T) {
	open, undone, asides := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), "source.db")
		must(rt, store.Create(path, "", nil))
		w, err := store.OpenWriter(path, store.Options{Synchronous: store.Normal})
		must(rt, err)
		defer w.Close()
		r, err := store.OpenReader(path, store.Options{})
		must(rt, err)
		defer r.Close()
		source := newChronicle(w)
		source.now = 4_000_000_000_000 // ahead of the machine's clock, which triggers go by
		source.anyWrites(rt, 4)
		floor, unseen := rapid.Int64Range(1, 2000).Draw(rt, "floor"), rapid.IntRange(0, 4).Draw(rt, "unseen") == 0
		most := max(floor, number(rt, r, "SELECT value FROM _urlite_meta WHERE name = 'sequence'"))
		open += int(number(rt, r, "SELECT count(*) FROM kv_store WHERE version <> head AND head <> 0"))
		undone += int(number(rt, r, "SELECT count(*) FROM kv_store AS r JOIN _urlite_kv_store_undone AS u ON u.key = r.key AND u.version = r.version"))
		asides += int(number(rt, r, "SELECT count(*) FROM _urlite_kv_store_deleted WHERE version < 0"))

		var twins [2]*chronicle
		var readers [2]*store.ReadConn
		for i := range twins {
			twin := copied(t, r)
			if unseen { // SQL chose a version
				conn := another(t, twin)
				rawRun(rt, conn, "UPDATE kv_store SET version = version + 10000 WHERE key = 'a'")
				must(rt, conn.Close())
			}
			if i == 1 {
				must(rt, store.Adopt(twin, floor, longEnough))
			}
			tw, err := store.OpenWriter(twin, store.Options{Synchronous: store.Normal})
			must(rt, err)
			defer tw.Close()
			readers[i], err = store.OpenReader(twin, store.Options{})
			must(rt, err)
			defer readers[i].Close()
			twins[i] = newChronicle(tw)
			twins[i].now = source.now
		}
		same := func(about string, a, b []string) {
			rt.Helper()
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					rt.Fatalf("%s:\ntold before %s\ntold now    %s", about, a[i], b[i])
				}
			}
			if len(a) != len(b) {
				rt.Fatalf("%s: %d answers before, %d now", about, len(a), len(b))
			}
		}
		same("adopted", pastOf(rt, readers[0], source.table), pastOf(rt, readers[1], source.table))
		given := map[int64]bool{}
		for key, version := range versionsOf(rt, readers[1], source.table) {
			if version <= most || given[version] {
				rt.Fatalf("%q has version %d, and they had come to %d", key, version, most)
			}
			given[version] = true
		}
		if unseen {
			return // it is no row of our laws, and triggers date what becomes of it by the machine's clock
		}
		for range 2 {
			if broken := testdb.Broken(rt, readers[1]); len(broken) > 0 {
				rt.Fatalf("%s", strings.Join(broken, "\n"))
			}
			course := anyCourse(rt)
			for i := range twins {
				course(rt, twins[i])
			}
			same("after more writes", pastOf(rt, readers[0], source.table), pastOf(rt, readers[1], source.table))
		}
	})
	if open == 0 || undone == 0 || asides == 0 {
		t.Errorf("%d rows had open gaps, %d were undone, %d chains were set aside", open, undone, asides)
	}
}

// What stands in a file from elsewhere under the name of a table: all of it is served, and so
// all of it gets other versions, as far as it can be.
func TestRowsOfEveryKindOfTableGetOtherVersions(t *testing.T) {
	f := func(about string, statements ...string) {
		t.Helper()
		path := testdb.CreateUnchecked(t)
		w, err := store.OpenWriter(path, store.Options{})
		must(t, err)
		b := newBook(w)
		b.all(t, set("k", "v"), set("l", "v"), incr("n", 1))
		must(t, w.Close())
		conn := another(t, path)
		rawExec(t, conn, "CREATE TABLE ran(what)")
		rawExec(t, conn, statements...)
		must(t, conn.Close())
		must(t, store.Adopt(path, 70, longEnough))
		r := testdb.Reader(t, path)
		for _, table := range texts(testdb.Rows(t, r, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%head%' AND name NOT GLOB '_urlite*' AND name NOT GLOB '*\"*'")) {
			for key, version := range versionsOf(t, r, table) {
				if version <= 70 {
					t.Errorf("%s: %q of %s has version %d", about, key, table, version)
				}
			}
		}
		if n := number(t, r, "SELECT count(*) FROM ran"); n != 0 {
			t.Errorf("%s: a trigger ran", about)
		}
	}
	f("as it was made")
	f("of before there were marks", "DROP TABLE _urlite_kv_store_undone")
	f("without triggers", "DROP TRIGGER _urlite_kv_store_updated", "INSERT INTO kv_store(key, value) VALUES ('m', 1)")
	f("with triggers of a client", "CREATE TRIGGER mine AFTER UPDATE ON kv_store BEGIN INSERT INTO ran VALUES (1); END",
		"DROP TABLE _urlite_kv_store_undone", "CREATE TRIGGER other AFTER INSERT ON _urlite_tables BEGIN INSERT INTO ran VALUES (2); END")
	f("renamed", "ALTER TABLE kv_store RENAME TO notes")
	f("in other letters", "ALTER TABLE kv_store RENAME TO x", "ALTER TABLE x RENAME TO KV_Store")
	f("a copy", "CREATE TABLE other AS SELECT * FROM kv_store", "INSERT INTO other SELECT * FROM kv_store")
	f("with a history of somebody's own", "DROP TABLE kv_store_history", "CREATE TABLE kv_store_history(a)")
	f("with an index of its own", "CREATE UNIQUE INDEX mine ON kv_store(version)")
	f("with a name that is SQL", `CREATE TABLE "a"" AS x; DELETE FROM kv_store; --"(key, head)`, `CREATE TABLE "_urlite_a"" AS x; DELETE FROM kv_store; --_deleted"(a)`)
	f("with a version beyond all", "UPDATE kv_store SET version = 9223372036854775807")
}

func TestAFileThatIsAtTheEndOfTheNumbersIsNotLetIn(t *testing.T) {
	path := settled(t, "v")
	conn := another(t, path)
	rawExec(t, conn, "UPDATE _urlite_meta SET value = 9223372036854775807 WHERE name = 'sequence'")
	must(t, conn.Close())
	wantKind(t, store.Adopt(path, 1, longEnough), refusal.InvalidSQLiteHeader)
}

func TestAdoptingEndsInTime(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w, err := store.OpenWriter(path, store.Options{})
	must(t, err)
	newBook(w).all(t, set("k", "v"))
	must(t, w.Close())
	fill(t, path, 100_000, 1)
	wantKind(t, store.Adopt(path, 1, 10_000_000), refusal.RequestTimeout)
	if one(t, path, "SELECT count(*) FROM kv_store WHERE version = head").Int != 100_001 {
		t.Error("it was done by half")
	}
}
