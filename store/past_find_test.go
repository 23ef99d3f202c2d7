package store_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	bygone "github.com/urlite/urlite/past"
	"github.com/urlite/urlite/store"
)

func TestFramesAndGapsAreFoundByTheirNumbers(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	gaps := map[int64]bool{}
	c.group(t, func() {
		c.do(t, set("short", "v"))
		for n := int64(1); n < 300; {
			c.do(t, incr("k", 1))
			c.do(t, incr("other", 1))
			if n++; n%7 == 0 || n == 128 {
				unrecorded := incr("k", 1)
				unrecorded.Unrecorded = true
				c.do(t, unrecorded)
				gaps[n] = true
				n++
			}
		}
	})
	r := testdb.Reader(t, path)
	within(t, r, c.table, func(p *store.Past) {
		for _, key := range []string{"k", "other", "short", "never", ""} {
			chain := testdb.History(t, r, c.table)[key]
			want := bygone.Link{}
			for n := int64(-1); n < 400; n++ {
				id, err := p.Frame(key, n)
				must(t, err)
				switch {
				case n < 1 || n%kv.KeyframeEvery != 0 || n > int64(len(chain)):
					if id != 0 {
						t.Fatalf("%q has frame %d", key, n)
					}
				case id != chain[n-1].ID:
					t.Fatalf("frame %d of %q is %d", n, key, id)
				case want.ID == 0:
					e := &chain[n-1]
					want = bygone.Link{ID: e.ID, OpNumber: n, Prev: e.Prev, At: e.At, Op: e.Op, HasState: e.HasState}
				}
			}
			if got, err := p.FirstFrame(key); err != nil || got != want {
				t.Errorf("the first frame of %q is %+v, %v; want %+v", key, got, err, want)
			}
		}
		f := func(key string, after, upTo int64) {
			t.Helper()
			want := int64(0)
			for n := range gaps {
				if key == "k" && n > after && n <= upTo {
					want++
				}
			}
			if got, err := p.Gaps(key, after, upTo); err != nil || got != want {
				t.Errorf("%d gaps of %q in (%d, %d], %v; want %d", got, key, after, upTo, err, want)
			}
		}
		f("k", 0, math.MaxInt64)
		f("k", math.MinInt64, math.MaxInt64)
		f("k", 7, 14)
		f("k", 6, 14)
		f("k", 7, 13)
		f("k", 14, 14)
		f("k", 14, 7)
		f("other", 0, 1000)
		f("never", 0, 1000)
	})
}

func TestACutPartsWhatIsOlderFromWhatIsNot(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w := testdb.Writer(t, path, store.Options{})
	c := newChronicle(w)
	r := testdb.Reader(t, path)
	within(t, r, c.table, func(p *store.Past) { // no table yet
		if id, err := p.Cut(5); err != nil || id > 1 {
			t.Error(id, err)
		}
	})
	c.group(t, func() { c.do(t, set("k", "v")) })
	conn := raw(t, path)
	rapid.Check(t, func(t *rapid.T) {
		rawRun := func(sql string) {
			stmt, _, err := conn.PrepareTransient(sql)
			must(t, err)
			_, err = stmt.Step()
			stmt.Finalize()
			must(t, err)
		}
		rawRun("DELETE FROM kv_store_history")
		id, at := int64(0), int64(-5)
		type line struct{ id, at int64 }
		var lines []line
		for range rapid.IntRange(0, 30).Draw(t, "entries") {
			step := rapid.SampledFrom([]int64{1, 1, 2, 100, 1 << 40, math.MaxInt64 / 8}).Draw(t, "step")
			if id > math.MaxInt64-step {
				break
			}
			id, at = id+step, at+rapid.SampledFrom([]int64{0, 0, 1, 7, 1000}).Draw(t, "ms")
			lines = append(lines, line{id, at})
			rawRun(fmt.Sprintf("INSERT INTO kv_store_history(id, key, op_number, op, at, prev) VALUES (%d, 'k', 1, 1, %d, 0)", id, at))
		}
		within(t, r, c.table, func(p *store.Past) {
			for _, moment := range append(lines, line{0, math.MinInt64}, line{0, math.MaxInt64}, line{0, at + 1}, line{0, 3}) {
				cut, err := p.Cut(moment.at)
				must(t, err)
				for _, l := range lines {
					if (l.id < cut) != (l.at < moment.at) {
						t.Fatalf("the cut at %d is %d, entry %d was written at %d", moment.at, cut, l.id, l.at)
					}
				}
			}
		})
	})
}

func TestACountIsOfTheRowsThatHistoryTells(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	c := newChronicle(w)
	rapid.Check(t, func(t *rapid.T) {
		c.anyWrites(t, 5)
		if rapid.Bool().Draw(t, "strange keys") {
			_, err := w.Begin()
			must(t, err)
			_, err = run(w, sql("INSERT OR REPLACE INTO kv_store(key, value) VALUES (x'61', 1), ('', 2), (7, 3)"))
			must(t, err)
			must(t, w.Commit())
		}
		within(t, r, c.table, func(p *store.Past) {
			for _, prefix := range []string{"", "a", "a\x00", "к", "z"} {
				for _, until := range []int64{0, birth, c.now, c.now + 1500, c.now + 10_000} {
					want := int64(0)
					for _, row := range walked(t, p, bygone.Walk{Prefix: prefix}) {
						if (row.Version == row.Head || row.Undone) && row.Live(until-1) {
							want++
						}
					}
					if got, err := p.Count(prefix, until); err != nil || got != want {
						t.Fatalf("%d rows in %q before %d, %v; want %d", got, prefix, until, err, want)
					}
				}
			}
		})
	})
}

func TestAHorizonIsThatOfItsTable(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w := testdb.Writer(t, path, store.Options{})
	c := newChronicle(w)
	c.group(t, func() { c.do(t, set("k", "v")) })
	r := testdb.Reader(t, path)
	f := func(table string, want int64) {
		t.Helper()
		within(t, r, table, func(p *store.Past) {
			if got, err := p.Horizon(); err != nil || got != want {
				t.Errorf("%d, %v; want %d", got, err, want)
			}
		})
	}
	conn := raw(t, path)
	f("kv_store", 0)
	rawExec(t, conn, "INSERT INTO _urlite_tables(name, horizon) VALUES ('kv_store', 12345) ON CONFLICT(name) DO UPDATE SET horizon = 12345")
	f("kv_store", 12345)
	f("missing", 0)
	rawExec(t, conn, "DROP TABLE _urlite_tables")
	f("kv_store", 0)
	rawExec(t, conn, "CREATE TABLE _urlite_tables(something)")
	f("kv_store", 0)
}

// needsRows are the queries that may look at all rows: no other may.
// The rows that c stands for are those that other lines of its plan have found.
var needsRows = map[string]string{"all": "SCAN kv_store", "changed": "SCAN c"}

func TestNoQueryAboutThePastLooksAtAWholeTable(t *testing.T) {
	needsEngine(t, "3.39.0") // older ones tell their plans in other words
	path, w := testdb.Open(t)
	c := newChronicle(w)
	c.group(t, func() { c.do(t, set("k", "v")) })
	r := testdb.Reader(t, path)
	within(t, r, c.table, func(p *store.Past) {
		for name, query := range p.PastQueries() {
			plan, err := store.PlanOf(r.ReaderConn(), query)
			must(t, err)
			for _, line := range plan {
				_, line, _ := strings.Cut(line, " ")
				whole := strings.HasPrefix(line, "SCAN") && !strings.HasPrefix(line, "SCAN CONSTANT") && !strings.HasSuffix(line, "USING INDEX _urlite_kv_store_unrecorded")
				if whole && line != needsRows[name] {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
	})
	f := func(name, index string) {
		t.Helper()
		within(t, r, c.table, func(p *store.Past) {
			plan, err := store.PlanOf(r.ReaderConn(), p.PastQueries()[name])
			if err != nil || !strings.Contains(strings.Join(plan, "\n"), index) {
				t.Errorf("%s: %q, %v", name, plan, err)
			}
		})
	}
	f("frame", "COVERING INDEX _urlite_kv_store_keyframes (key=? AND op_number=?)")
	f("first frame", "INDEX _urlite_kv_store_keyframes (key=?)")
	f("gaps", "COVERING INDEX _urlite_kv_store_gaps (key=? AND op_number>? AND op_number<?)")
	f("cut", "INTEGER PRIMARY KEY (rowid>?)")
	f("changed", "SEARCH main.kv_store_history USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)")
	f("changed", "COVERING INDEX _urlite_kv_store_expiry (expire_at>? AND expire_at<?)")
	f("changed", "INDEX _urlite_kv_store_gone (updated_at>? AND updated_at<?)")
	f("changed", "INDEX _urlite_kv_store_unrecorded (key>? AND key<?)")
	f("count", "INDEX _urlite_kv_store_unrecorded (key>? AND key<?)")
	f("count", "INDEX _urlite_kv_store_expiry (expire_at<?)")
}
