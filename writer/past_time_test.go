package writer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

// times are when the committed entries of a key were written, in seconds after birth.
func (f *fake) times(key string) (seconds []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.was.lines {
		if l.key == key {
			seconds = append(seconds, (l.entry.At-birth)/1000)
		}
	}
	return seconds
}

// again is another writer on the file of a fake, as after a restart.
func again(t testing.TB, f *fake, w *Writer, c *clock) *Writer {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.closed = false
	f.mu.Unlock()
	return startBusy(t, f, c)
}

func TestTimesOfHistoryNeverRunBackwardsWhenTheClockDoes(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(set("a", "1"), incr("n")))
	c.advance(100_000)
	do(t, w, call(set("a", "2"), incr("n")))
	c.advance(-90_000) // within one writer, its own time does not go back either
	do(t, w, call(incr("n")))
	w = again(t, f, w, c)
	calls := []*Call{call(incr("n")), undo("n", 1), call(incr("n")), backTo(birthSecond + 50), call(incr("n")), call(set("a", "4"))}
	if err := errors.Join(gather(t, f, w, calls...)...); err != nil {
		t.Fatal(err)
	}
	f.wantHistory("a", "4", "SET 1, SET 2, ROLLBACK 1, SET 4")
	f.wantHistory("n", "2", "INCR 1, INCR 2, INCR 3, INCR 4, ROLLBACK 1, INCR 2")
	f.checkPast()
	if got := fmt.Sprint(f.times("a"), f.times("n")); got != "[0 100 100 100] [0 100 100 100 100 100]" {
		t.Errorf("they were written at %s", got)
	}
	// SQL goes by the machine's time, which may be ahead of ours: that of what follows is too.
	f.mu.Lock()
	f.sqlTime = birth + 500_000
	f.mu.Unlock()
	calls = []*Call{call(incr("n")), sqlCall("set t a 5"), call(incr("n")), undo("n", 2), backTo(birthSecond+50, "a"), call(incr("n"))}
	if err := errors.Join(gather(t, f, w, calls...)...); err != nil {
		t.Fatal(err)
	}
	f.checkPast()
	if got := fmt.Sprint(f.times("a"), f.times("n")); got != "[0 100 100 100 500 500] [0 100 100 100 100 100 500]" {
		t.Errorf("they were written at %s", got)
	}
	f.wantHistory("a", "1", "SET 1, SET 2, ROLLBACK 1, SET 4, UNRECORDED 5, ROLLBACK 1")
	// A writer that comes after an hour that was set back still goes on from there, and
	// when time has caught up, with the clock.
	c.advance(-3_600_000)
	w = again(t, f, w, c)
	do(t, w, backTo(birthSecond+499, "a"))
	do(t, w, call(incr("n")))
	c.advance(3_600_000 + 1_000_000)
	do(t, w, backTo(birthSecond, "n"))
	if got := fmt.Sprint(f.times("a"), f.times("n")); got != "[0 100 100 100 500 500 500] [0 100 100 100 100 100 500 500 1010]" {
		t.Errorf("they were written at %s", got)
	}
	f.wantHistory("a", "4", "SET 1, SET 2, ROLLBACK 1, SET 4, UNRECORDED 5, ROLLBACK 1, ROLLBACK 4")
}

// Undo writes no entry, so nothing but the row tells its time.
func TestAnUndoNeitherMovesTheTimeOfHistoryNorSetsItBack(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	do(t, w, call(incr("n")))
	do(t, w, call(incr("n")))
	c.advance(-50_000)
	w = again(t, f, w, c)
	do(t, w, undo("n", 1))
	if clock := f.committed().clock; clock != birth {
		t.Errorf("the time of history is %d", clock)
	}
	do(t, w, undo("n", 1))
	do(t, w, call(incr("n")))
	if got := fmt.Sprint(f.times("n")); got != "[0]" || f.committed().clock != birth {
		t.Errorf("they were written at %s", got)
	}
}

func TestTimesOnARealFileNeverRunBackwards(t *testing.T) {
	c := newClock()
	path := testdb.Create(t)
	w, stop := serve(t, path, c)
	do(t, w, call(set("a", "1"), set("b", "1"), incr("n")))
	c.advance(100_000)
	do(t, w, call(set("a", "2"), del("b"), incr("n")))
	c.advance(-90_000)
	stop()
	w, stop = serve(t, path, c)
	for _, c := range []*Call{
		call(incr("n")), undo("n", 1), backTo(birthSecond + 50), call(incr("n")),
		sqlCall("UPDATE t SET value = 'sql' WHERE key = 'a'", "DELETE FROM t WHERE key = 'b'"), // at the machine's time
		call(set("b", "3"), set("a", "3")), backTo(birthSecond + 100), undo("b", 1), call(incr("n")),
	} {
		submit(t, w, c)
		if err := await(c); err != nil {
			t.Fatal(err)
		}
		testdb.Check(t, path)
	}
	c.advance(-1_000_000)
	stop()
	w, stop = serve(t, path, c)
	do(t, w, call(incr("n"), set("b", "4")))
	do(t, w, backTo(birthSecond+100, "n"))
	testdb.Check(t, path)
	stop()
	if got := value(t, path, "a") + value(t, path, "b") + value(t, path, "n"); got != `"1""4"2` {
		t.Errorf("the file holds %s", got)
	}
}

// serve runs a writer on a real file until stop, as a process does it.
func serve(t testing.TB, path string, c *clock) (w *Writer, stop func()) {
	t.Helper()
	disk, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w = New(disk, Config{Limits: DefaultLimits(), Now: c.now, Metrics: NewMetrics(metrics.NewSet(), "real")})
	return w, func() {
		t.Helper()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// manyKeys are more than there are numbers reserved for a return at a time.
const manyKeys = 2*numbersAhead + numbersAhead/2

func TestAReturnOfManyKeysGivesEachRowAVersionOfItsOwn(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	const keys = numbersAhead + 10
	fill(t, w, keys, "1")
	c.advance(5000)
	fill(t, w, keys, "2")
	errs := gather(t, f, w, call(incr("n")), backTo(birthSecond), call(incr("n")), sqlCall("set t k000000 3"), call(incr("n")))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	f.checkPast() // each version is there once, and none beyond the sequence
	f.wantHistory("n", "2", "INCR 1, ROLLBACK, INCR 1, INCR 2")
	f.wantHistory("k000007", "1", "SET 1, SET 2, ROLLBACK 1")
}

// Triggers of a client take numbers while a return is carried out: for rows of another
// table, and for others of its own.
func TestTriggersMayTakeNumbersWhileAReturnIsCarriedOut(t *testing.T) {
	c := newClock()
	path, w := real(t, c)
	fill(t, w, manyKeys, "1")
	other := call(incr("n"))
	other.Table = "other"
	do(t, w, other)
	do(t, w, call(set("aaa", "1")))
	c.advance(5000)
	fill(t, w, manyKeys, "2")
	do(t, w, call(del("k000003"), set("new", "1"), unrecorded(set("zzz", "1"))))
	do(t, w, sqlCall(
		"CREATE TRIGGER counts AFTER UPDATE ON t WHEN new.key LIKE 'k%' BEGIN UPDATE other SET value = value + 1 WHERE key = 'n'; UPDATE t SET value = new.key WHERE key = 'aaa'; END",
		"CREATE TRIGGER notes AFTER INSERT ON t WHEN new.key LIKE 'k%' BEGIN INSERT OR REPLACE INTO other(key, value) VALUES ('latest', new.key); END",
		"CREATE TRIGGER takes AFTER DELETE ON t WHEN old.key = 'new' BEGIN INSERT INTO t(key, value) VALUES ('from new', old.value); DELETE FROM other WHERE key = 'latest'; END"))
	back := backTo(birthSecond)
	calls := []*Call{call(incr("n")), back, call(incr("n")), call(set("k000001", "4"))}
	for _, c := range calls {
		submit(t, w, c)
	}
	for i, c := range calls {
		if err := await(c); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	testdb.Check(t, path)
	if r := back.Returned; r.RolledBack != manyKeys-1 || r.Restored != 1 || r.Deleted != 2 || fmt.Sprint(r.Untouched) != "[zzz]" {
		t.Errorf("%+v", r)
	}
	f := func(want, sql string) {
		t.Helper()
		if got := testdb.Text(testdb.Query(t, path, sql)); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	f("0", "SELECT count(*) - count(DISTINCT version) FROM (SELECT version FROM t UNION ALL SELECT version FROM other)")
	f("0", "SELECT count(*) FROM t WHERE version > (SELECT value FROM _urlite_meta WHERE name = 'sequence')")
	f(fmt.Sprint(manyKeys-1), "SELECT count(*) FROM t WHERE key LIKE 'k%' AND value = '1'")
	f(fmt.Sprint(manyKeys+1), "SELECT value FROM other WHERE key = 'n'") // all but the restored one, and that written after it
	f(`"1"`, "SELECT value FROM t WHERE key = 'from new'")
	f(`"k000001"`, "SELECT value FROM t WHERE key = 'aaa'")
	f("1", "SELECT value FROM t WHERE key = 'n'")
	do(t, w, backTo(birthSecond+5, "k000001", "k000002"))
	do(t, w, undo("k000002", 1))
	testdb.Check(t, path)
}

// A trigger of a client that forbids what a return does refuses it as a whole.
func TestATriggerThatForbidsAReturnLeavesNothingOfIt(t *testing.T) {
	for _, how := range []string{"ABORT, 'never'", "ROLLBACK, 'never'", "FAIL, 'never'", "IGNORE"} {
		c := newClock()
		path, w := real(t, c)
		do(t, w, call(set("a", "1"), set("m", "1"), set("z", "1"), set("gone", "1")))
		c.advance(5000)
		do(t, w, call(set("a", "2"), set("m", "2"), set("z", "2"), del("gone")))
		do(t, w, sqlCall("CREATE TRIGGER keeper BEFORE UPDATE ON t WHEN old.key = 'm' AND new.value = '1' BEGIN SELECT RAISE("+how+"); END"))
		calls := []*Call{call(incr("n")), backTo(birthSecond), undo("m", 1), undo("a", 1), call(incr("n"))}
		for _, c := range calls {
			submit(t, w, c)
		}
		for i, c := range calls {
			if err := await(c); (err != nil) != (i == 1 || i == 2) {
				t.Errorf("RAISE(%s): call %d: %v", how, i, err)
			}
		}
		if got := testdb.Text(testdb.Query(t, path, "SELECT key, value FROM t ORDER BY key")); got != `"a" "1" | "m" "2" | "n" 2 | "z" "2"` {
			t.Errorf("RAISE(%s): the file holds %s", how, got)
		}
		testdb.Check(t, path)
	}
}

// What is expired and not yet swept is over, for an undo and for a return.
func TestWhatIsExpiredAndNotYetSweptIsOver(t *testing.T) {
	c := newClock()
	path, w := real(t, c, func(l *Limits) { l.SweepRows = 0 })
	short := func(key, value string) kv.Op {
		op := set(key, value)
		op.TTLSeconds = 10
		return op
	}
	do(t, w, call(short("once", "1"), short("twice", "1"), set("lives", "1"), unrecorded(short("unseen", "1"))))
	c.advance(5000)
	do(t, w, call(set("twice", "2"), short("lives", "2"), unrecorded(short("once", "2"))))
	c.advance(60_000)
	calls := []*Call{backTo(birthSecond), undo("twice", 1), undo("twice", 5), undo("lives", 1), undo("once", 1), undo("unseen", 1)}
	for i, wish := range calls {
		submit(t, w, wish)
		if err := await(wish); (err != nil) != (i == 5) {
			t.Errorf("call %d: %v", i, err)
		}
		testdb.Check(t, path)
	}
	if got := fmt.Sprint(calls[0].Returned.Counts, calls[0].Returned.Untouched); got != "{4 0 1 1 0 2} [unseen]" {
		t.Errorf("it was told %s", got)
	}
}
