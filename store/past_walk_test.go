package store_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	bygone "github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// changedSlowly is Changed by a query that has no need to be quick.
const changedSlowly = `SELECT DISTINCT key FROM (
		SELECT key FROM kv_store_history WHERE id >= ?1 AND id < ?2
		UNION ALL SELECT key FROM kv_store WHERE coalesce(expire_at, 0) <> 0 AND expire_at >= ?3 AND expire_at < ?4
		UNION ALL SELECT key FROM _urlite_kv_store_deleted WHERE version >= 0 AND updated_at >= ?3 AND updated_at < ?4
		UNION ALL SELECT key FROM kv_store AS r WHERE version <> head AND version IS NOT (SELECT version FROM _urlite_kv_store_undone AS u WHERE u.key = r.key))
	WHERE typeof(key) = 'text' AND key <> '' AND substr(CAST(key AS BLOB), 1, length(CAST(?5 AS BLOB))) = CAST(?5 AS BLOB) AND key > ?6 ORDER BY key`

func TestChangedFindsWhateverMayHaveChanged(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	c := newChronicle(w)
	c.group(t, func() {
		c.do(t, set("k", "v"))
		_, err := run(w, sql("INSERT INTO kv_store(key, value) VALUES (x'61', 1), ('', 2), (7, 3)"))
		must(t, err)
	})
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		c.anyWrites(t, 4)
		moment := func(name string) int64 {
			if rapid.IntRange(0, 9).Draw(t, name+" is far") == 0 {
				return rapid.SampledFrom([]int64{math.MinInt64, 0, math.MaxInt64}).Draw(t, name)
			}
			return c.now - 4000 + rapid.Int64Range(0, 8000).Draw(t, name)
		}
		span := bygone.Span{
			From: moment("from"), To: moment("to"),
			Prefix: rapid.SampledFrom([]string{"", "", "a", "ab", "к", "zz", "\x00"}).Draw(t, "prefix"),
			After:  rapid.SampledFrom([]string{"", "", "a", "a\x00", "b", "zz"}).Draw(t, "after"),
		}
		within(t, r, c.table, func(p *store.Past) {
			var err error
			span.FromID, err = p.Cut(span.From)
			must(t, err)
			span.ToID, err = p.Cut(span.To)
			must(t, err)
			want := texts(testdb.Rows(t, r, changedSlowly, integer(span.FromID), integer(span.ToID), integer(span.From), integer(span.To), text(span.Prefix), text(span.After)))
			got := changed(t, p, span)
			if !slices.Equal(got, want) {
				t.Fatalf("%+v: %q, want %q", span, got, want)
			}
			found += len(got)
		})
	})
	if found < 20 {
		t.Errorf("only %d keys: nothing much was tested", found)
	}
}

func TestRowsAreWalkedOverInTheOrderOfTheirBytes(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	long := set("l", "much longer")
	long.TTLSeconds = 1
	c.group(t, func() {
		for _, op := range []kv.Op{set("b", "text"), {Code: kv.Decr, Key: "a", Delta: 10}, set("ä", "ž"), set("\xf4\x8f\xbf\xbf", "last"), long} {
			c.do(t, op)
		}
		_, err := run(w, sql("INSERT INTO kv_store(key, value) VALUES (x'61', 1), ('', 2), ('nothing', NULL), ('real', 1.5), (12, x'00ff'), (char(97, 0), '')"))
		must(t, err)
	})
	within(t, testdb.Reader(t, path), c.table, func(p *store.Past) {
		f := func(walk bygone.Walk, want string) {
			t.Helper()
			got := ""
			for _, row := range walked(t, p, walk) {
				got += fmt.Sprintf("%q %d %q, ", row.Key, row.Size, row.Value.Append(nil))
				if (row.Value.Kind == kv.Stored) == walk.Values {
					t.Errorf("%q: a value of kind %d", row.Key, row.Value.Kind)
				}
			}
			if got != want {
				t.Errorf("%+v:\ngot  %s\nwant %s", walk, got, want)
			}
		}
		f(bygone.Walk{Values: true}, `"12" 2 "\x00\xff", "a" 3 "-10", "a\x00" 0 "", "b" 4 "text", "l" 11 "much longer", "nothing" 0 "", "real" 3 "1.5", "ä" 2 "ž", "\U0010ffff" 4 "last", `)
		f(bygone.Walk{Prefix: "a"}, `"a" 3 "", "a\x00" 0 "", `)
		f(bygone.Walk{Prefix: "a", After: "a"}, `"a\x00" 0 "", `)
		f(bygone.Walk{After: "real"}, `"ä" 2 "", "\U0010ffff" 4 "", `)
		f(bygone.Walk{Prefix: "b", After: "c"}, ``)
		f(bygone.Walk{Prefix: "\xf4\x8f\xbf\xbf"}, `"\U0010ffff" 4 "", `)
		f(bygone.Walk{After: "\xf4\x8f\xbf\xbf"}, ``)
	})
}

// Who plans a return on the writer's connection carries it out as it walks.
func TestAWalkOnTheWriterGoesOnWhileItsKeysAreWritten(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	want := []string{}
	c.group(t, func() {
		for i := range 600 {
			op := set(fmt.Sprintf("k%04d", i), "v")
			op.Unrecorded = i%3 == 0
			if i%5 == 0 {
				op.TTLSeconds = 100
			}
			c.do(t, op)
			if op.Unrecorded = i%7 == 0; op.Unrecorded {
				c.do(t, op)
			}
			want = append(want, op.Key)
		}
	})
	for _, how := range []string{"with history", "without history", "deleted", "with another lifetime"} {
		c.group(t, func() {
			c.do(t, set("k0599", "written in this transaction"))
			source, err := w.Past(c.table, longEnough)
			must(t, err)
			defer w.EndPast()
			keys, err := source.Changed(&bygone.Span{FromID: 1, ToID: math.MaxInt64, From: 0, To: math.MaxInt64})
			must(t, err)
			got := []string{}
			for {
				key, ok, err := keys.Next()
				must(t, err)
				if !ok {
					break
				}
				got = append(got, string([]byte(key.Key)))
				op := set(got[len(got)-1], "another")
				switch how {
				case "without history":
					op.Unrecorded = true
				case "deleted":
					op.Code = kv.Delete
				case "with another lifetime":
					op.TTLSeconds = 1 + int64(len(got))
				}
				c.do(t, op)
				if len(got) > len(want) {
					t.Fatalf("%s: it does not end", how)
				}
			}
			must(t, keys.Close())
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d keys, want %d", how, len(got), len(want))
			}
		})
	}
	testdb.Check(t, path)
}

func TestAPastOnTheWriterSeesWhatTheTransactionWrote(t *testing.T) {
	_, w := testdb.Open(t)
	c := newChronicle(w)
	c.begin(t)
	source, err := w.Past(c.table, longEnough)
	must(t, err)
	if got := changed(t, source, bygone.Span{ToID: 9, To: 9}); len(got) != 0 {
		t.Errorf("%q in no table", got)
	}
	w.EndPast()
	c.do(t, set("k", "v"))
	source, err = w.Past(c.table, longEnough)
	must(t, err)
	if got := changed(t, source, bygone.Span{ToID: 9, To: 9}); fmt.Sprint(got) != "[k]" {
		t.Errorf("%q", got)
	}
	if rows := walked(t, source, bygone.Walk{Values: true}); len(rows) != 1 || rows[0].Size != 1 {
		t.Errorf("%+v", rows)
	}
	w.EndPast()
	must(t, w.Rollback())
	c.begin(t)
	source, err = w.Past(c.table, longEnough)
	must(t, err)
	if n, err := source.Count("", 0); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	w.EndPast()
	must(t, w.Rollback())
}

// emptiesLog tells whether nobody reads an older state of the database.
func emptiesLog(t testing.TB, path string) bool {
	t.Helper()
	busy := one(t, path, "SELECT 0").Int
	conn := raw(t, path)
	stmt, _, err := conn.PrepareTransient("PRAGMA wal_checkpoint(TRUNCATE)")
	must(t, err)
	defer stmt.Finalize()
	_, err = stmt.Step()
	must(t, err)
	return busy == 0 && stmt.ColumnInt64(0) == 0
}

func TestNothingOfAWalkIsLeftOpen(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	c.group(t, func() {
		for i := range 50 {
			c.do(t, set(fmt.Sprint("k", i), "v"))
		}
	})
	r := testdb.Reader(t, path)
	all := bygone.Span{ToID: math.MaxInt64, To: math.MaxInt64}
	f := func(name string, left int, read func(p *store.Past)) {
		t.Helper()
		func() {
			defer func() { recover() }()
			within(t, r, c.table, func(p *store.Past) {
				defer func() {
					if busy := p.Busy(); busy != left {
						t.Errorf("%s: %d statements stand on a row, want %d", name, busy, left)
					}
				}()
				read(p)
			})
		}()
		c.group(t, func() { c.do(t, incr("after", 1)) })
		if !emptiesLog(t, path) {
			t.Errorf("%s: a state of the database is still being read", name)
		}
	}
	begin := func(p *store.Past) (bygone.Keys, bygone.Rows) {
		keys, err := p.Changed(&all)
		must(t, err)
		rows, err := p.Rows(&bygone.Walk{Values: true})
		must(t, err)
		keys.Next()
		rows.Next()
		return keys, rows
	}
	f("walked to the end", 0, func(p *store.Past) { changed(t, p, all); walked(t, p, bygone.Walk{}) })
	f("stopped early", 0, func(p *store.Past) {
		keys, rows := begin(p)
		must(t, keys.Close())
		must(t, rows.Close())
		must(t, keys.Close())
		if _, ok, err := keys.Next(); ok || err != nil {
			t.Error("a walk goes on after it was closed")
		}
	})
	f("never closed", 2, func(p *store.Past) { begin(p) })
	f("ended by a panic", 2, func(p *store.Past) { begin(p); panic("now") })
	f("without a row", 0, func(p *store.Past) {
		if _, err := p.Rows(&bygone.Walk{Prefix: "nobody"}); err != nil {
			t.Error(err)
		}
	})
}

func TestWalksOfOneKindDoNotDisturbEachOther(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	c.group(t, func() {
		for i := range 20 {
			c.do(t, set(fmt.Sprintf("k%02d", i), "v"))
		}
	})
	within(t, testdb.Reader(t, path), c.table, func(p *store.Past) {
		var walks []bygone.Rows
		for {
			rows, err := p.Rows(&bygone.Walk{After: fmt.Sprintf("k%02d", len(walks))})
			if err != nil {
				wantKind(t, err, refusal.DatabaseError)
				break
			}
			walks = append(walks, rows)
		}
		if len(walks) < 2 {
			t.Fatalf("%d walks", len(walks))
		}
		for n := range 5 {
			for i, rows := range walks {
				row, ok, err := rows.Next()
				if err != nil || !ok || row.Key != fmt.Sprintf("k%02d", i+n+1) {
					t.Fatalf("walk %d stands on %+v, %v", i, row, err)
				}
			}
		}
		must(t, walks[1].Close())
		if _, err := p.Rows(&bygone.Walk{}); err != nil {
			t.Error(err)
		}
	})
}

func TestAQuestionThatTakesTooLongIsStopped(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w := testdb.Writer(t, path, store.Options{})
	c := newChronicle(w)
	c.group(t, func() { c.do(t, set("k", "v")) })
	fill(t, path, 200_000, 1)
	r := testdb.Reader(t, path)
	all := bygone.Span{ToID: math.MaxInt64, To: math.MaxInt64}
	f := func(name string, read func(p bygone.Source) error) {
		t.Helper()
		err := r.SnapshotFor(time.Millisecond, func() error {
			p, err := r.Past(c.table)
			must(t, err)
			return read(p)
		})
		if kindOf(err) != refusal.RequestTimeout {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		if p, err := w.Past(c.table, time.Millisecond); err != nil || kindOf(read(p)) != refusal.RequestTimeout {
			t.Errorf("%s, on the writer: %v", name, err)
		}
		w.EndPast()
		if row := (kv.Row{}); w.Load(c.table, "k", true, &row) != nil || !row.Exists {
			t.Errorf("%s: the transaction has ended", name)
		}
		must(t, w.Rollback())
		within(t, r, c.table, func(p *store.Past) {
			if _, err := p.Row("k", new(kv.Row), nil); err != nil {
				t.Errorf("%s: the next question: %v", name, err)
			}
		})
	}
	again := func(ask func() error) (err error) {
		for end := time.Now().Add(longEnough); err == nil && time.Now().Before(end); {
			err = ask()
		}
		return err
	}
	f("one long statement", func(p bygone.Source) error {
		return again(func() error {
			keys, err := p.Changed(&all)
			if err == nil {
				err = keys.Close()
			}
			return err
		})
	})
	f("a long walk", func(p bygone.Source) error {
		return again(func() error {
			rows, err := p.Rows(&bygone.Walk{Values: true})
			for ok := true; ok && err == nil; {
				_, ok, err = rows.Next()
			}
			return err
		})
	})
	for name, ask := range map[string]func(p bygone.Source) error{
		"row":   func(p bygone.Source) error { _, err := p.Row("k", new(kv.Row), nil); return err },
		"entry": func(p bygone.Source) error { _, err := p.Entry("k", 1, new(bygone.Entry), nil); return err },
		"link":  func(p bygone.Source) error { _, err := p.Link("k", 1); return err },
		"cut":   func(p bygone.Source) error { _, err := p.Cut(1); return err },
		"frame": func(p bygone.Source) error { _, err := p.Frame("k", 64); return err },
		"gaps":  func(p bygone.Source) error { _, err := p.Gaps("k", 0, 64); return err },
	} {
		f("many short ones: "+name, func(p bygone.Source) (err error) { return again(func() error { return ask(p) }) })
	}
	err := r.SnapshotFor(longEnough, func() error {
		p, err := r.Past(c.table)
		must(t, err)
		for range 2 {
			r.InterruptOverdue()
		}
		_, err = p.Row("k", new(kv.Row), nil)
		return err
	})
	wantKind(t, err, refusal.RequestTimeout)
	within(t, r, c.table, func(p *store.Past) { changed(t, p, all) })
	must(t, r.Snapshot(func() error { // without a limit, after one that was over
		p, err := r.Past(c.table)
		must(t, err)
		_, err = p.Row("k", new(kv.Row), nil)
		return err
	}))
}

func TestATableThatIsMissingOrBareHasNoPast(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	r := testdb.Reader(t, path)
	conn := raw(t, path)
	ask := func(wantRows, wantChanged string) {
		t.Helper()
		within(t, r, "t", func(p *store.Past) {
			if got := fmt.Sprint(changed(t, p, bygone.Span{ToID: math.MaxInt64, To: math.MaxInt64})); got != wantChanged {
				t.Errorf("changed are %s, want %s", got, wantChanged)
			}
			got := ""
			for _, row := range walked(t, p, bygone.Walk{}) {
				got += fmt.Sprintf("%s head %d op %d %v ", row.Key, row.Head, row.OpNumber, row.Undone)
			}
			if got != wantRows {
				t.Errorf("rows are %s, want %s", got, wantRows)
			}
			var row kv.Row
			if _, err := p.Row("k", &row, nil); err != nil || row.Exists != (wantRows != "") || row.Head != 0 || row.OpNumber != 0 {
				t.Errorf("%+v, %v", row, err)
			}
			if _, err := p.Entry("k", 1, new(bygone.Entry), nil); err != bygone.ErrMissing {
				t.Error(err)
			}
			if _, err := p.Link("k", 1); err != bygone.ErrMissing {
				t.Error(err)
			}
			id, err := p.Frame("k", 64)
			first, err2 := p.FirstFrame("k")
			gaps, err3 := p.Gaps("k", 0, 100)
			count, err4 := p.Count("", 0)
			within, err5 := p.Count("k", 0)
			cut, err6 := p.Cut(5)
			if id+gaps+count+within != 0 || cut > 1 || first.ID != 0 || err != nil || err2 != nil || err3 != nil || err4 != nil || err5 != nil || err6 != nil {
				t.Error(id, first, gaps, count, within, cut, err, err2, err3, err4, err5, err6)
			}
		})
	}
	ask("", "[]")
	rawExec(t, conn, "CREATE TABLE t(key TEXT PRIMARY KEY NOT NULL, content_type, created_at, updated_at, expire_at, version, op_number, head, value) WITHOUT ROWID",
		"INSERT INTO t VALUES ('k', 'a/b', 1, 2, NULL, 7, 7, 7, 'v'), ('l', 'a/b', 1, 2, 3, 0, 0, 0, 'v')")
	ask("k head 0 op 0 false l head 0 op 0 false ", "[k l]")
	rawExec(t, conn, "CREATE TABLE t_history(no, history, of, ours)", "CREATE TABLE _urlite_t_deleted(neither)")
	ask("k head 0 op 0 false l head 0 op 0 false ", "[k l]")
	rawExec(t, conn, "DROP TABLE t")
	ask("", "[]")
}

func TestAFileFromBeforeItsIndexesIsToldAllTheSame(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	c := newChronicle(testdb.Writer(t, path, store.Options{}))
	r := testdb.Reader(t, path)
	all := bygone.Span{FromID: 0, ToID: math.MaxInt64, From: 0, To: math.MaxInt64}
	rapid.Check(t, func(t *rapid.T) { c.anyWrites(t, 3) })
	tell := func() (told string) {
		within(t, r, c.table, func(p *store.Past) {
			count, err := p.Count("", c.now)
			must(t, err)
			gaps, err := p.Gaps("a", 0, math.MaxInt64)
			must(t, err)
			told = fmt.Sprint(changed(t, p, all), count, gaps)
		})
		return told
	}
	before := tell()
	conn := raw(t, path)
	for _, index := range []string{"gaps", "unrecorded", "gapped", "gone"} {
		rawExec(t, conn, "DROP INDEX _urlite_kv_store_"+index)
	}
	rawExec(t, conn, "DROP TABLE _urlite_tables", "DROP TABLE _urlite_actors")
	if after := tell(); after != before {
		t.Errorf("told %s, now %s", before, after)
	}
	within(t, r, c.table, func(p *store.Past) {
		for key, chain := range testdb.History(t, r, c.table) {
			if _, err := p.Entry(key, chain[0].ID, new(bygone.Entry), nil); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestATableThatIsMadeAnewIsTheOneThatIsTold(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	r := testdb.Reader(t, path)
	f := func(change sqltx.Item, want string) {
		t.Helper()
		if change.SQL != "" {
			commitSQL(t, w, change)
		}
		c.group(t, func() { c.do(t, incr("k", 1)) })
		within(t, r, c.table, func(p *store.Past) {
			var row kv.Row
			_, err := p.Row("k", &row, nil)
			must(t, err)
			var e bygone.Entry
			_, err = p.Entry("k", row.Head, &e, nil)
			must(t, err)
			if got := fmt.Sprintf("%s #%d", row.Value.Append(nil), e.OpNumber); got != want {
				t.Errorf("after %s: %s, want %s", change.SQL, got, want)
			}
		})
	}
	f(sql(""), "1 #1")
	f(sql(""), "2 #2")
	f(sql("CREATE TABLE other(a)"), "3 #3")
	f(sql("ALTER TABLE kv_store ADD COLUMN mine"), "4 #4")
	f(sql("DROP TABLE kv_store"), "1 #1")
}

func TestWhatIsNoKeyValueTableIsRefused(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	rawExec(t, raw(t, path), "CREATE TABLE t(a)", "CREATE VIEW v AS SELECT 1 AS key")
	r := testdb.Reader(t, path)
	for _, name := range []string{"t", "v"} {
		wantKind(t, r.Snapshot(func() error { _, err := r.Past(name); return err }), refusal.InvalidParameters)
	}
}
