package writer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// keeper is a writer on a real file that stands still: the test is its goroutine, and
// sees each of its steps.
type keeper struct {
	t     testdb.Failer
	path  string
	clock *clock
	usual past.Keep
	limit int
	w     *Writer
}

// newKeeper begins on a new file, of the past of whose tables usual is kept.
func newKeeper(t testing.TB, usual past.Keep, limit int) *keeper {
	t.Helper()
	k := &keeper{t: t, path: testdb.Create(t), clock: newClock(), usual: usual, limit: limit}
	t.Cleanup(func() {
		if k.w != nil {
			k.close()
		}
	})
	k.open()
	return k
}

func (k *keeper) open() {
	k.t.Helper()
	disk, err := store.OpenWriter(k.path, store.Options{Synchronous: store.Normal})
	if err != nil {
		k.t.Fatal(err)
	}
	limits := DefaultLimits()
	limits.RetainEntries, limits.HoldMax = k.limit, time.Hour
	k.w = &Writer{
		config: Config{Limits: limits, Keep: k.usual, Now: k.clock.now, Metrics: NewMetrics(metrics.NewSet(), "real")},
		limits: limits, disk: disk, inbox: newInbox(limits.InboxCallsMax, limits.InboxBytesMax),
	}
	k.w.metrics = k.w.config.Metrics
	k.w.upkeep.checkpointAt = limits.CheckpointFrames
	k.w.outcome.Scratch = &k.w.overlay.scratch
}

func (k *keeper) close() {
	k.t.Helper()
	if err := k.w.disk.Close(); err != nil {
		k.t.Fatal(err)
	}
	k.w = nil
}

// restart closes the file and opens it as another process does.
func (k *keeper) restart() {
	k.t.Helper()
	k.close()
	k.open()
}

// group commits calls together, none of which may be refused.
func (k *keeper) group(calls ...*Call) {
	k.t.Helper()
	for rest := calls; len(rest) > 0; {
		n := k.w.commitNext(rest)
		for _, c := range rest[:n] {
			if err := await(c); err != nil {
				k.t.Fatal(err)
			}
		}
		rest = rest[n:]
		k.w.maintain()
	}
}

// folded is how many entries were taken away so far.
func (k *keeper) folded() int { return int(k.w.metrics.folded.Get()) }

// settle has the idle writer take its steps until it has nothing to do at once, and
// answers the most entries that one of them has taken away.
func (k *keeper) settle() (most int) {
	k.t.Helper()
	k.w.upkeep.retainAt = 0
	for range 5_000 {
		before := k.folded()
		k.w.maintainIdle()
		most = max(most, k.folded()-before)
		if k.w.upkeep.sweepNotBefore > k.w.now {
			k.t.Fatal("a step has failed")
		}
		if k.w.upkeep.retainAt > k.w.now+sweepMillisMin && k.w.upkeep.nextSweep() > k.w.now {
			return most
		}
		k.clock.advance(sweepMillisMin)
	}
	k.t.Fatalf("it never ends: %+v", k.w.upkeep)
	return most
}

// stepMax is what a step may take away: what it is limited to, and the fold that goes
// beyond it.
func (k *keeper) stepMax() int { return k.limit + 2*kv.KeyframeEvery }

// settled settles how much of the past of the table is kept.
func settled(entries, seconds int64) *Call {
	c := call()
	c.Keep = &Keep{Entries: entries, EntriesSet: true, Seconds: seconds, SecondsSet: true}
	return c
}

// bygone is a table's past, as it was told at a time.
type bygone struct {
	now     int64
	chains  map[string][]bygoneEntry
	heads   map[string]int64 // numbers of the latest entries
	horizon int64
}

// bygoneEntry is an entry, its time, and all that is told of it.
type bygoneEntry struct {
	number, at int64
	text       string
}

// reading answers what read does with the past of table t.
func (k *keeper) reading(read func(*past.Table, *store.Past) error) error {
	k.t.Helper()
	r, err := store.OpenReader(k.path, store.Options{})
	if err != nil {
		k.t.Fatal(err)
	}
	defer r.Close()
	return r.SnapshotFor(time.Minute, func() error {
		source, err := r.Past("t")
		if err != nil {
			return err
		}
		return read(past.Of(source), source)
	})
}

// tell reads the whole past of keys.
func (k *keeper) tell(keys ...string) *bygone {
	k.t.Helper()
	all := &bygone{now: k.clock.now(), chains: map[string][]bygoneEntry{}, heads: map[string]int64{}}
	err := k.reading(func(table *past.Table, source *store.Past) (err error) {
		if all.horizon, err = source.Horizon(); err != nil {
			return err
		}
		for _, key := range keys {
			var row kv.Row
			if _, err := source.Row(key, &row, nil); err != nil {
				return err
			}
			all.heads[key] = row.OpNumber
			for before := int64(0); before != 1; {
				var page []bygoneEntry
				if _, err := table.History(key, before, past.HistoryMax, func(told *past.Told) error {
					page = append(page, bygoneEntry{told.OpNumber, told.At, fmt.Sprint(told.OpNumber, " ", told.Op, " ", told.At, " by ", told.Actor, ": ", state(told.Before), " to ", state(told.After))})
					return nil
				}); err != nil {
					return err
				}
				if len(page) == 0 {
					break
				}
				before = page[0].number
				all.chains[key] = append(page, all.chains[key]...)
			}
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}

func state(s *past.State) string {
	switch s.Fate {
	case past.There, past.Expired:
		return fmt.Sprint(s.Fate, testdb.Display(&s.Row))
	}
	return fmt.Sprint(s.Fate)
}

// at tells a key at a moment.
func (k *keeper) at(key string, until int64) (told past.State, text string) {
	k.t.Helper()
	err := k.reading(func(table *past.Table, _ *store.Past) error { return table.At(key, until, &told) })
	if err != nil {
		k.t.Fatal(err)
	}
	return told, fmt.Sprint(told.OpNumber, " at ", told.At, " ", state(&told))
}

// wantKept holds what is told after a retention against what was told before it: all
// that is within keep is there and the same, and of what is beyond it little is left.
func (k *keeper) wantKept(before, after *bygone, keep past.Keep, leftMax int) {
	k.t.Helper()
	beyond := after.now - keep.Seconds*1000
	if keep.Seconds == 0 {
		beyond = 0
	}
	for key, was := range before.chains {
		is := after.chains[key]
		if len(is) > len(was) || !slices.Equal(is, was[len(was)-len(is):]) {
			k.t.Fatalf("%s: the past is\n%s\nwas\n%s", key, texts(is), texts(was))
		}
		due := 0
		for _, e := range was {
			if (keep.Entries > 0 && e.number <= before.heads[key]-keep.Entries) || e.at < beyond {
				due++
			}
		}
		if gone := len(was) - len(is); gone > due || due-gone > leftMax {
			k.t.Fatalf("%s: of %d entries %d were to go, %d went; left are\n%s", key, len(was), due, gone, texts(is))
		}
	}
	if after.horizon > max(beyond, before.horizon) {
		k.t.Fatalf("the horizon is at %d, beyond what is kept since %d", after.horizon, beyond)
	}
}

func texts(chain []bygoneEntry) string {
	var text strings.Builder
	for _, e := range chain[:min(len(chain), 5)] {
		text.WriteString(e.text + "\n")
	}
	return text.String()
}

// check holds the file to its laws.
func (k *keeper) check() {
	k.t.Helper()
	r, err := store.OpenReader(k.path, store.Options{})
	if err != nil {
		k.t.Fatal(err)
	}
	defer r.Close()
	if broken := testdb.Broken(k.t, r); len(broken) > 0 {
		k.t.Fatalf("%s", strings.Join(broken, "\n"))
	}
}

// count increments a key in groups of many, a millisecond apart.
func (k *keeper) count(key string, times int) {
	k.t.Helper()
	for times > 0 {
		var calls []*Call
		for ; times > 0 && len(calls) < 50; times-- {
			calls = append(calls, call(incr(key)))
		}
		k.group(calls...)
		k.clock.advance(1)
	}
}

func TestALongChainOfAHotKeyIsFoldedInSmallSteps(t *testing.T) {
	for _, want := range []past.Keep{{Entries: 100}, {Entries: 1}, {Entries: 64}, {Seconds: 5}, {Entries: 1000, Seconds: 3}} {
		k := newKeeper(t, past.Keep{}, 200)
		k.count("hot", 3000)
		k.clock.advance(6000)
		k.count("hot", 150)
		k.group(call(set("other", "1")))
		before := k.tell("hot", "other")
		k.group(settled(want.Entries, want.Seconds))
		first := k.folded()
		k.check()
		most := k.settle()
		k.check()
		k.wantKept(before, k.tell("hot", "other"), want, 0)
		if max(first, most) > k.stepMax() || k.folded() < 2000 {
			t.Errorf("%+v: a step took %d entries, all took %d", want, max(first, most), k.folded())
		}
		if wait := k.w.upkeep.retainAt - k.w.now; wait <= sweepMillisMin {
			t.Errorf("%+v: it is not done: %d", want, wait)
		}
		// It goes on as it should.
		k.count("hot", 2000)
		k.settle()
		k.check()
		k.clock.advance(60_000)
		k.group(call(incr("hot")))
		k.settle()
		k.check()
	}
}

// A hot key is watched while it is written to, also when the writer was idle before: its
// chain does not grow by much more than two keyframes, and steps in passing are small.
func TestAHotKeyIsFoldedWhileItIsWritten(t *testing.T) {
	k := newKeeper(t, past.Keep{Entries: 10}, 200)
	for range 20 {
		k.count("hot", 500)
		k.clock.advance(retainMillis)
		k.group(call(incr("hot")))
		k.clock.advance(retainMillis)
		before := k.folded()
		k.group(call(incr("hot")))
		if step := k.folded() - before; step > k.stepMax() {
			t.Fatalf("a step took %d entries", step)
		}
		for k.w.upkeep.retainAt <= k.w.now+sweepMillisMin {
			k.clock.advance(sweepMillisMin)
			k.w.maintainIdle()
		}
		if n := len(k.tell("hot").chains["hot"]); n < 10 || n > 10+2*kv.KeyframeEvery {
			t.Fatalf("%d entries are left", n)
		}
	}
	k.check()
}

func TestManyKeysAreFoldedInSmallSteps(t *testing.T) {
	for _, want := range []past.Keep{{Entries: 3}, {Seconds: 10}} {
		k := newKeeper(t, past.Keep{}, 100)
		const keys, entries = 300, 10
		var names []string
		for n := range entries {
			var calls []*Call
			for i := range keys {
				key := fmt.Sprintf("k%03d", i)
				if n == 0 {
					names = append(names, key)
				}
				calls = append(calls, call(incr(key)))
			}
			k.group(calls...)
			k.clock.advance(1000)
		}
		k.clock.advance(5000)
		before := k.tell(names...)
		k.group(settled(want.Entries, want.Seconds))
		first := k.folded()
		most := k.settle()
		k.check()
		k.wantKept(before, k.tell(names...), want, 0)
		if max(first, most) > k.stepMax() {
			t.Errorf("%+v: a step took %d entries", want, max(first, most))
		}
	}
}

func TestManyLongChainsAreFoldedInSmallSteps(t *testing.T) {
	for _, want := range []past.Keep{{Entries: 3}, {Seconds: 1}} {
		k := newKeeper(t, past.Keep{}, 50)
		var names []string
		for i := range 50 {
			names = append(names, fmt.Sprintf("k%03d", i))
		}
		for range 200 {
			var calls []*Call
			for _, key := range names {
				calls = append(calls, call(incr(key)))
			}
			k.group(calls...)
		}
		k.clock.advance(60_000)
		before := k.tell(names...)
		k.group(settled(want.Entries, want.Seconds))
		first := k.folded()
		most := k.settle()
		k.check()
		k.wantKept(before, k.tell(names...), want, 0)
		if max(first, most) > k.stepMax() {
			t.Errorf("%+v: a step took %d entries, of %d at most", want, max(first, most), k.stepMax())
		}
	}
}

// Keys that are gone are forgotten with all their past, and not before their time.
func TestKeysThatAreGoneAreForgottenAfterTheirTime(t *testing.T) {
	k := newKeeper(t, past.Keep{Seconds: 100}, 100)
	short := set("expired", "v")
	short.TTLSeconds = 20
	k.count("long", 700)
	k.group(call(set("deleted", "1"), short, set("lives", "1"), unrecorded(set("bare", "1"))))
	k.clock.advance(10_000)
	k.group(call(set("deleted", "2")), call(del("long"), del("bare")))
	k.clock.advance(10_000)
	k.group(call(del("deleted")), call(set("gap", "1")))
	gone := map[string]int64{"deleted": k.clock.now(), "expired": birth + 14 + 20_000, "long": k.clock.now() - 10_000}
	k.group(call(unrecorded(set("gap", "2"))))
	k.clock.advance(1000)
	k.group(call(unrecorded(del("gap"))))
	gone["gap"] = k.clock.now()
	keys := []string{"deleted", "expired", "long", "gap"}
	for range 130 {
		k.clock.advance(1000)
		k.group(call(incr("n")))
		k.settle()
		k.check()
		beyond := k.clock.now() - 100_000
		all := k.tell(append(keys, "lives", "n")...)
		for _, key := range keys {
			switch there := all.heads[key] != 0; {
			case there && gone[key] < beyond-1000:
				t.Fatalf("%s is still told: %s", key, texts(all.chains[key]))
			case !there && gone[key] >= beyond:
				t.Fatalf("%s is forgotten at %d, it was there until %d", key, k.clock.now()-birth, gone[key]-birth)
			case !there && all.horizon < gone[key]:
				t.Fatalf("%s is forgotten, the horizon is at %d", key, all.horizon-birth)
			}
			if s, text := k.at(key, gone[key]+1); all.heads[key] == 0 && s.Fate != past.Absent && s.Fate != past.Folded {
				t.Fatalf("%s after its end: %s", key, text)
			}
			if s, text := k.at(key, gone[key]-1); all.heads[key] == 0 && s.Fate != past.Folded {
				t.Fatalf("%s before its end, which is forgotten: %s", key, text)
			}
		}
		if all.horizon >= beyond {
			t.Fatalf("the horizon is %d ms ago", k.clock.now()-all.horizon)
		}
	}
	all := k.tell(append(keys, "lives", "n")...)
	if len(all.chains["n"]) < 100 || len(all.chains["n"]) > 103 || all.heads["lives"] != 1 {
		t.Errorf("%d entries of n are left, lives is at %d", len(all.chains["n"]), all.heads["lives"])
	}
	if got := testdb.Text(testdb.Query(t, k.path, `SELECT count(*) FROM "_urlite_t_deleted"`)); got != "0" {
		t.Errorf("%s keys that are gone are left", got)
	}
	k.restart()
	if err := k.reading(func(table *past.Table, _ *store.Past) error {
		_, err := table.Diff(birth+1000, birth+50_000, nil, func(*past.Change) error { return nil }, func(string) {})
		return err
	}); refusal.Of(err).Kind != refusal.TimeTravelChainGap {
		t.Errorf("a difference from before the horizon: %v", err)
	}
}

func TestARestartInTheMiddleOfARetentionGoesOnWithIt(t *testing.T) {
	for _, want := range []past.Keep{{Entries: 20}, {Seconds: 5}} {
		k := newKeeper(t, past.Keep{}, 60)
		for range 10 {
			k.count("hot", 100)
			k.count("warm", 70)
			k.count("cold", 5)
		}
		k.group(call(del("warm")))
		k.clock.advance(5000)
		k.count("hot", 70)
		keys := []string{"hot", "cold"}
		before := k.tell(keys...)
		k.group(settled(want.Entries, want.Seconds))
		for range 200 {
			k.restart()
			before := k.folded()
			k.w.maintainIdle()
			k.check()
			if step := k.folded() - before; step > k.stepMax() {
				t.Fatalf("%+v: a step took %d entries", want, step)
			}
			k.clock.advance(1)
		}
		k.settle()
		k.check()
		k.wantKept(before, k.tell(keys...), want, 0)
	}
}

// Where both are settled, what is young is looked at again when it has grown old.
func TestWhatWasThereGrowsOldAlsoWhereEntriesAreCounted(t *testing.T) {
	k := newKeeper(t, past.Keep{}, 100)
	for range 5 {
		k.group(call(incr("n")), call(incr("m")))
		k.clock.advance(1000)
	}
	before := k.tell("n", "m")
	want := past.Keep{Entries: 1000, Seconds: 10}
	k.group(settled(want.Entries, want.Seconds))
	k.settle()
	k.wantKept(before, k.tell("n", "m"), want, 0)
	k.clock.advance(60_000)
	k.group(call(incr("other")))
	k.settle()
	k.wantKept(before, k.tell("n", "m"), want, 0)
}

// More tables than a writer keeps statements ready for have their pasts looked through as well.
func TestThePastOfManyTablesIsLookedThroughToItsEnd(t *testing.T) {
	k := newKeeper(t, past.Keep{Seconds: 5}, 20)
	for i := range 70 {
		for range 2 {
			c := call(incr("n"))
			c.Table = fmt.Sprint("u", i)
			k.group(c)
		}
	}
	for range 3 {
		for i := range 100 {
			k.group(call(incr(fmt.Sprint("k", i))))
		}
	}
	k.clock.advance(60_000)
	for range 40 { // 15 are enough
		k.w.maintainIdle()
		k.clock.advance(sweepMillisMin)
	}
	k.check()
	if got := testdb.Text(testdb.Query(t, k.path, "SELECT count(*) FROM t_history")); got != "100" {
		t.Errorf("%s entries are left", got)
	}
	if k.w.upkeep.retainAt <= k.w.now+sweepMillisMin {
		t.Error("it never ends")
	}
}

func TestWhatIsKeptForLongerThanTimeLastsIsKept(t *testing.T) {
	for _, seconds := range []int64{1 << 40, 100_000_000_000, 1<<63/1000 + 1, 1<<63 - 1} {
		k := newKeeper(t, past.Keep{}, 100)
		k.group(call(set("a", "1")), call(set("a", "2")), call(set("b", "1")), call(del("b")))
		before := k.tell("a", "b")
		k.usual.Seconds = seconds
		k.clock.advance(60_000)
		k.restart()
		k.settle()
		k.wantKept(before, k.tell("a", "b"), past.Keep{}, 0)
	}
}

// A gap that has ended may be the oldest entry that is kept. When what came after it is
// undone, it goes on.
func TestTheOldestEntryThatIsKeptMayBeAGapThatGoesOn(t *testing.T) {
	k := newKeeper(t, past.Keep{}, 100)
	k.group(call(set("g", "1")))
	k.group(call(unrecorded(set("g", "2"))))
	k.group(call(set("g", "3")))
	k.group(settled(1, 0))
	k.settle()
	k.check()
	k.group(undo("g", 1))
	k.check()
	k.group(call(incr("g")))
	k.settle()
	k.check()
	if got := value(t, k.path, "g"); got != "3" {
		t.Errorf("g = %s", got)
	}
}

// wish is a random call on few keys.
func wish(t *rapid.T, k *keeper) *Call {
	key := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key")
	op := incr(key)
	switch rapid.IntRange(0, 13).Draw(t, "call") {
	case 0:
		op = set(key, fmt.Sprint(rapid.IntRange(0, 99).Draw(t, "value")))
	case 1:
		op = del(key)
		op.MissingOK = true
	case 2:
		op = set(key, "7")
		op.TTLSeconds = 1 + int64(rapid.IntRange(0, 5).Draw(t, "ttl"))
	case 3:
		op = unrecorded(op)
	case 4:
		return undo(key, int64(rapid.IntRange(1, 70).Draw(t, "steps")))
	case 5:
		return backTo((k.clock.now() - int64(rapid.IntRange(0, 20_000).Draw(t, "back"))) / 1000)
	case 6:
		return sqlCall("UPDATE t SET value = value + 1 WHERE key = '" + key + "'")
	case 7:
		op = unrecorded(del(key)) // that of SQL goes by the machine's time
	case 8:
		op = set(key, strings.Repeat("large", 5000)) // no fold puts it into an entry that has it not
	}
	return call(op)
}

// live has random calls come in groups, of which some are refused.
func (k *keeper) live(t *rapid.T) {
	k.w.upkeep.sweepAt = 0
	k.w.maintainIdle() // SQL must not meet rows that are over: what it does to them is older than they are
	var calls []*Call
	for range rapid.IntRange(1, 5).Draw(t, "calls") {
		calls = append(calls, wish(t, k))
	}
	if rapid.IntRange(0, 3).Draw(t, "many") == 0 {
		for range rapid.IntRange(1, 150).Draw(t, "times") {
			calls = append(calls, call(incr("a")))
		}
	}
	for rest := calls; len(rest) > 0; {
		n := k.w.commitNext(rest)
		for _, c := range rest[:n] {
			if err := await(c); err != nil && refusal.Of(err).Kind >= refusal.Internal {
				t.Fatal(err)
			}
		}
		rest = rest[n:]
		k.w.maintain()
	}
	k.clock.advance(rapid.SampledFrom([]int64{0, 1, 500, 1000, 3000, 20_000}).Draw(t, "ms"))
}

// Whatever was written, undone and returned, and however much is kept: what is within it
// is the same after a retention as before, for each key, at each moment, and of the table.
func TestWhatIsWithinKeepIsExact(t *testing.T) {
	keys := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(rt *rapid.T) {
		k := &keeper{t: rt, path: testdb.CreateUnchecked(t), clock: newClock(), limit: rapid.SampledFrom([]int{1, 20, 256}).Draw(rt, "limit")}
		k.clock.advance(time.Now().UnixMilli() - birth + 100_000) // ahead of the time of SQL
		k.open()
		defer k.close()
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			for range rapid.IntRange(1, 6).Draw(rt, "groups") {
				k.live(rt)
			}
			k.w.upkeep.retainAt = never
			k.w.maintainIdle() // what is over is swept
			want := past.Keep{Entries: rapid.SampledFrom([]int64{0, 1, 5, 64, 100}).Draw(rt, "entries"), Seconds: rapid.SampledFrom([]int64{0, 1, 5, 30}).Draw(rt, "seconds")}
			moment := k.clock.now() - int64(rapid.IntRange(0, 40_000).Draw(rt, "moment"))
			before := k.tell(keys...)
			states, diff := k.states(keys, moment), k.diff(moment)
			k.group(settled(want.Entries, want.Seconds))
			k.check()
			if rapid.Bool().Draw(rt, "restart") {
				k.restart()
			}
			k.settle()
			k.check()
			k.wantKept(before, k.tell(keys...), want, 1<<30)
			k.wantStates(before, states, k.states(keys, moment), moment, want)
			if now := k.diff(moment); now != diff && !strings.HasPrefix(now, "refused") && want.Entries == 0 {
				rt.Fatalf("since %d there were the changes\n%s\nnow there are\n%s", moment, diff, now)
			} else if now != diff && want.Entries == 0 && (want.Seconds == 0 || moment > k.clock.now()-want.Seconds*1000) {
				rt.Fatalf("since %d, which is kept, there are no changes to be told: %s", moment, now)
			}
		}
	})
}

// states tells keys at a moment: of those that are folded or not there, nothing more.
func (k *keeper) states(keys []string, until int64) (told []string) {
	for _, key := range keys {
		s, text := k.at(key, until)
		switch s.Fate {
		case past.Folded:
			text = "folded"
		case past.Absent, past.Expired:
			text = "not there"
		}
		told = append(told, text)
	}
	return told
}

// wantStates holds what keys were at a moment against what was told before a retention.
func (k *keeper) wantStates(before *bygone, was, is []string, until int64, keep past.Keep) {
	k.t.Helper()
	for i, key := range slices.Sorted(maps.Keys(before.heads)) {
		if is[i] == was[i] {
			continue
		}
		beyond := int64(0)
		if keep.Seconds > 0 {
			beyond = k.clock.now() - keep.Seconds*1000
		}
		for _, e := range before.chains[key] {
			if keep.Entries > 0 && e.number <= before.heads[key]-keep.Entries {
				beyond = max(beyond, e.at+1)
			}
		}
		if is[i] != "folded" || until >= beyond {
			k.t.Fatalf("%s at %d, of what is kept since %d, was\n%s\nnow it is\n%s", key, until, beyond, was[i], is[i])
		}
	}
}

// diff tells what changed in the table since a moment.
func (k *keeper) diff(from int64) string {
	k.t.Helper()
	var told strings.Builder
	err := k.reading(func(table *past.Table, _ *store.Past) error {
		_, err := table.Diff(from, 1<<62, nil, func(c *past.Change) error {
			fmt.Fprintln(&told, c.Key, state(c.From), "to", state(c.To))
			return nil
		}, func(key string) { fmt.Fprintln(&told, key, "can't be told") })
		return err
	})
	if err != nil {
		if refusal.Of(err).Kind != refusal.TimeTravelChainGap {
			k.t.Fatal(err)
		}
		return "refused: " + err.Error()
	}
	return told.String()
}
