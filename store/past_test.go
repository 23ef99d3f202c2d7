package store_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	bygone "github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// entryText writes all of an entry, so that no bytes and none at all read alike.
func entryText(e *kv.Entry) string {
	return fmt.Sprintf("%d #%d %s closes %v at %d prev %d arg %d path %q delta %d %q expires %v state %v absent %v %d %q %q %d",
		e.ID, e.OpNumber, e.Op, e.Closes, e.At, e.Prev, e.Arg, e.Path, e.Delta.Kind, e.Delta.Append(nil), e.Expires,
		e.HasState, e.Absent, e.Value.Kind, e.Value.Append(nil), e.ContentType, e.ExpireAt)
}

func TestEveryEntryIsReadAsItWasWritten(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	c := newChronicle(w)
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		c.anyWrites(t, 6)
		within(t, r, c.table, func(p *store.Past) {
			for key, chain := range testdb.History(t, r, c.table) {
				for i := range chain {
					want := &chain[i]
					arena := []byte("before")
					var got bygone.Entry
					arena, err := p.Entry(key, want.ID, &got, arena)
					must(t, err)
					if entryText(&got.Entry) != entryText(want) || string(arena[:6]) != "before" {
						t.Fatalf("%q:\nread  %s\nwrote %s", key, entryText(&got.Entry), entryText(want))
					}
					link, err := p.Link(key, want.ID)
					must(t, err)
					if link != (bygone.Link{ID: want.ID, OpNumber: want.OpNumber, Prev: want.Prev, At: want.At, Op: want.Op, HasState: want.HasState}) {
						t.Fatalf("%q: %+v of %s", key, link, entryText(want))
					}
					seen[fmt.Sprint(want.Op, want.HasState, want.Absent, want.Expires, want.Delta.Kind != kv.Stored)]++
				}
			}
		})
	})
	if len(seen) < 15 {
		t.Errorf("only %d kinds of entries: %v", len(seen), seen)
	}
}

func TestEntriesOfAnySizeAndKindAreRead(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	w := testdb.Writer(t, path, store.Options{})
	c := newChronicle(w)
	c.group(t, func() { c.do(t, set("k", "v")) })
	conn := raw(t, path)
	big := strings.Repeat("0123456789abcdef", 1<<20)
	r := testdb.Reader(t, path)
	id := 100
	f := func(columns, want string) {
		t.Helper()
		id++
		rawExec(t, conn, fmt.Sprintf("INSERT INTO kv_store_history(id, key, op_number, at, prev, op, arg, path, content_type, expire_at, value) VALUES (%d, 'k', 7, 9, 8, %s)", id, columns))
		within(t, r, c.table, func(p *store.Past) {
			var e bygone.Entry
			if _, err := p.Entry("k", int64(id), &e, nil); err != nil {
				t.Error(err)
			}
			e.ID, e.OpNumber, e.At, e.Prev = 0, 0, 0, 0
			if got := strings.ReplaceAll(entryText(&e.Entry), big, "BIG"); got != want {
				t.Errorf("%s\nread %s\nwant %s", strings.ReplaceAll(columns, big, "BIG"), got, want)
			}
		})
	}
	line := func(op, rest string) string { return "0 #0 " + op + " closes false at 0 prev 0 " + rest }
	f("1, NULL, NULL, 'text/plain', NULL, '"+big+"'", line("SET", `arg 0 path "" delta 0 "" expires false state true absent false 2 "BIG" "text/plain" 0`))
	f("1, NULL, NULL, 'image/png', 5, CAST('"+big+"' AS BLOB)", line("SET", `arg 0 path "" delta 0 "" expires false state true absent false 3 "BIG" "image/png" 5`))
	f("1, NULL, NULL, '', NULL, x''", line("SET", `arg 0 path "" delta 0 "" expires false state true absent false 3 "" "" 0`))
	f("1, NULL, NULL, 'a', NULL, NULL", line("SET", `arg 0 path "" delta 0 "" expires false state true absent false 2 "" "a" 0`))
	f("1, NULL, NULL, 'a', NULL, 1.5", line("SET", `arg 0 path "" delta 0 "" expires false state true absent false 2 "1.5" "a" 0`))
	f("2, NULL, '"+big+"', NULL, NULL, '{}'", line("PATCH", `arg 0 path "BIG" delta 2 "{}" expires false state false absent false 0 "" "" 0`))
	f("2, NULL, 'a.b', NULL, NULL, '"+big+"'", line("PATCH", `arg 0 path "a.b" delta 2 "BIG" expires false state false absent false 0 "" "" 0`))
	f("6, 3, 'a', NULL, NULL, 9223372036854775807", line("PUSH", `arg 3 path "a" delta 1 "9223372036854775807" expires false state false absent false 0 "" "" 0`))
	f("4, -9223372036854775808, NULL, NULL, NULL, NULL", line("INCR", `arg -9223372036854775808 path "" delta 0 "" expires false state false absent false 0 "" "" 0`))
	f("9, NULL, NULL, NULL, 77, NULL", line("EXPIRE_SET", `arg 0 path "" delta 0 "" expires true state false absent false 0 "" "" 77`))
	f("10, NULL, NULL, NULL, 0, NULL", line("PERSIST", `arg 0 path "" delta 0 "" expires true state false absent false 0 "" "" 0`))
	f("3, NULL, NULL, NULL, NULL, NULL", line("DELETE", `arg 0 path "" delta 0 "" expires false state true absent true 0 "" "" 0`))
	f("11, NULL, NULL, NULL, NULL, NULL", line("UNRECORDED", `arg 0 path "" delta 0 "" expires false state false absent false 0 "" "" 0`))
	f("11, 5, NULL, NULL, NULL, NULL", line("UNRECORDED", `arg 5 path "" delta 0 "" expires false state true absent true 0 "" "" 0`))
	f("11, 5, NULL, 'a', 6, NULL", line("UNRECORDED", `arg 5 path "" delta 0 "" expires false state true absent false 2 "" "a" 6`))
	f("12, 5, NULL, NULL, NULL, NULL", line("ROLLBACK", `arg 5 path "" delta 0 "" expires false state true absent true 0 "" "" 0`))
	f("12, 5, NULL, 'a', NULL, 'x'", line("ROLLBACK", `arg 5 path "" delta 0 "" expires false state true absent false 2 "x" "a" 0`))
	// What a later version of us does, we can't replay.
	f("77, 5, NULL, NULL, 3, 'x'", line("UNRECORDED", `arg 5 path "" delta 0 "" expires false state true absent true 0 "" "" 0`))
	f("300, NULL, NULL, NULL, 3, 'x'", line("UNRECORDED", `arg 0 path "" delta 0 "" expires false state false absent false 0 "" "" 0`))
	f("-1, NULL, NULL, 'a', 3, 'x'", line("UNRECORDED", `arg 0 path "" delta 0 "" expires false state true absent false 2 "x" "a" 3`))
}

func TestAnEntryOfAnotherKeyIsMissing(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	c.group(t, func() { c.do(t, set("a", "1")); c.do(t, set("b", "2")) })
	within(t, testdb.Reader(t, path), c.table, func(p *store.Past) {
		f := func(key string, id int64, want error) {
			t.Helper()
			var e bygone.Entry
			arena, err := p.Entry(key, id, &e, []byte("x"))
			if _, linkErr := p.Link(key, id); err != want || linkErr != want || (err != nil && string(arena) != "x") {
				t.Errorf("%q %d: %v, %v, want %v", key, id, err, linkErr, want)
			}
		}
		f("a", 1, nil)
		f("b", 2, nil)
		f("a", 2, bygone.ErrMissing)
		f("a", 3, bygone.ErrMissing)
		f("a", 0, bygone.ErrMissing)
		f("A", 1, bygone.ErrMissing)
		f("", 1, bygone.ErrMissing)
	})
}

func TestALargeStateIsReadFromWhereItIsKept(t *testing.T) {
	path := testdb.CreateUnchecked(t) // a check doesn't read states that are kept apart
	w := testdb.Writer(t, path, store.Options{})
	c := newChronicle(w)
	states := map[int64]string{}
	c.group(t, func() {
		element := strings.Repeat("0123456789abcdef", 64)
		for n := range int64(200) {
			c.do(t, kv.Op{Code: kv.Push, Key: "k", Value: kv.BytesValue([]byte(fmt.Sprintf(`"%d%s"`, n, element)), "application/json")})
			var row kv.Row
			must(t, w.Load(c.table, "k", true, &row))
			states[row.Head] = bodyOf(&row)
		}
	})
	if n := one(t, path, "SELECT count(*) FROM kv_store_history WHERE content_type IS NOT NULL AND value IS NULL").Int; n != 200/kv.KeyframeEvery {
		t.Fatalf("%d states are kept apart", n)
	}
	told := 0
	within(t, testdb.Reader(t, path), c.table, func(p *store.Past) {
		for id, want := range states {
			var e bygone.Entry
			arena, err := p.Entry("k", id, &e, []byte("before"))
			must(t, err)
			if e.HasState {
				told++
				if string(e.Value.Append(nil)) != want || string(arena[:6]) != "before" {
					t.Errorf("entry %d tells %d bytes, want %d", e.OpNumber, e.Value.Size(), len(want))
				}
			}
		}
	})
	if told != 1+200/kv.KeyframeEvery {
		t.Errorf("%d states were told", told)
	}
}

func TestALargeStateThatIsMissingIsAnError(t *testing.T) {
	path := testdb.CreateUnchecked(t)
	c := newChronicle(testdb.Writer(t, path, store.Options{}))
	c.group(t, func() { c.do(t, set("k", "v")) })
	for i, op := range []kv.EntryOp{kv.EntryPush, kv.EntrySet, kv.EntryUnrecorded, kv.EntryRollback} {
		rawExec(t, raw(t, path), fmt.Sprintf("INSERT INTO kv_store_history(id, key, op_number, op, at, prev, arg, content_type) VALUES (%d, 'k', 2, %d, 9, 1, 1, 'a/b')", 100+i, op))
	}
	within(t, testdb.Reader(t, path), c.table, func(p *store.Past) {
		f := func(id int64, want refusal.Kind) {
			t.Helper()
			var e bygone.Entry
			if arena, err := p.Entry("k", id, &e, nil); kindOf(err) != want || (err != nil && len(arena) != 0) {
				t.Errorf("%d: %v", id, err)
			}
		}
		f(100, refusal.DatabaseError)
		f(101, 0)
		f(102, 0)
		f(103, 0)
	})
}

func TestARowIsToldAsTheWriterLoadsIt(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	c := newChronicle(w)
	undone := 0
	rapid.Check(t, func(t *rapid.T) {
		c.anyWrites(t, 6)
		want := map[string]kv.Row{}
		c.group(t, func() {
			for _, key := range append(fewKeys, "never") {
				var row kv.Row
				must(t, w.Load(c.table, key, true, &row))
				row.Value.Bytes = append([]byte{}, row.Value.Bytes...)
				want[key] = row
			}
		})
		within(t, r, c.table, func(p *store.Past) {
			there := map[string]bygone.WalkedRow{}
			for _, row := range walked(t, p, bygone.Walk{Values: true}) {
				there[row.Key] = row
			}
			for key, want := range want {
				var row kv.Row
				_, err := p.Row(key, &row, nil)
				must(t, err)
				row.Value.Bytes = append([]byte{}, row.Value.Bytes...)
				if !reflect.DeepEqual(row, want) {
					t.Fatalf("%q is %+v, loaded %+v", key, row, want)
				}
				walked, found := there[key]
				walked.Value.Bytes = append([]byte{}, walked.Value.Bytes...)
				if found != want.Exists || (found && (!reflect.DeepEqual(walked.Row, want) || walked.Size != int64(want.Value.Size()))) {
					t.Fatalf("%q is walked over as %+v, loaded %+v", key, walked, want)
				}
				if row.Undone {
					undone++
				}
			}
		})
	})
	if undone == 0 {
		t.Error("no row was undone")
	}
}

func TestActorsHaveTheirNames(t *testing.T) {
	path, w := testdb.Open(t)
	c := newChronicle(w)
	c.group(t, func() {
		for i := range store.ActorsToldMax + 20 {
			if c.actor = fmt.Sprint("actor ", i); i%10 == 0 {
				c.actor = ""
			}
			c.do(t, set("k", "v"))
		}
	})
	within(t, testdb.Reader(t, path), c.table, func(p *store.Past) {
		for i := range store.ActorsToldMax + 20 {
			want := fmt.Sprint("actor ", i)
			if i%10 == 0 {
				want = ""
			}
			var e bygone.Entry
			if _, err := p.Entry("k", int64(i)+1, &e, nil); err != nil || e.Actor != want {
				t.Fatalf("%q wrote entry %d: %v, want %q", e.Actor, i+1, err, want)
			}
		}
	})
}

// SQL that gives a row a version of its own goes past our triggers. It is a gap all the
// same; the next write, which is the first to see it, dates it.
func TestSQLThatSetsTheVersionIsAGapAndNoUndo(t *testing.T) {
	path, w := testdb.Open(t)
	b := newBook(w)
	b.all(t, set("k", "1"))
	commitSQL(t, w, sql("UPDATE kv_store SET value = 5, version = version + 7"))
	r := testdb.Reader(t, path)
	f := func(until int64, want bygone.Fate, value string) {
		t.Helper()
		within(t, r, b.table, func(p *store.Past) {
			var state bygone.State
			must(t, bygone.Of(p).At("k", until, &state))
			if state.Fate != want || string(state.Row.Value.Append(nil)) != value {
				t.Errorf("until %d: fate %d, value %s; want %d, %s", until, state.Fate, state.Row.Value.Append(nil), want, value)
			}
		})
	}
	f(b.now+10, bygone.Unknown, "")
	b.now += 100
	b.all(t, incr("k", 1))
	far := int64(1) << 60
	f(far, bygone.There, "6")
	if got := past(t, path, b.table, "k"); got != "1 11 4" {
		t.Error(got)
	}
}
