package writer

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// real runs a writer on a real file, which is checked when the test ends.
func real(t testing.TB, c *clock, change ...func(*Limits)) (path string, w *Writer) {
	t.Helper()
	path = testdb.Create(t)
	return path, open(t, path, c, change...)
}

// reopen runs a writer on a file as another process would.
func reopen(t testing.TB, path string) *Writer {
	t.Helper()
	return open(t, path, newClock())
}

func open(t testing.TB, path string, c *clock, change ...func(*Limits)) *Writer {
	t.Helper()
	w := openAlone(t, path, c, change...)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// openAlone is open for who closes it.
func openAlone(t testing.TB, path string, c *clock, change ...func(*Limits)) *Writer {
	t.Helper()
	disk, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	limits := DefaultLimits()
	for _, change := range change {
		change(&limits)
	}
	return New(disk, Config{Limits: limits, Now: c.now, Metrics: NewMetrics(metrics.NewSet(), "real")})
}

func value(t testing.TB, path, key string) string {
	t.Helper()
	return testdb.Text(testdb.Query(t, path, "SELECT value FROM t WHERE key = '"+key+"'"))
}

func TestManyCallersCountOnARealFileWithoutLosingOne(t *testing.T) {
	path, w := real(t, newClock(), func(l *Limits) { l.CheckpointFrames = 20 })
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			for range 20 {
				c := call(incr("hits"), incr(fmt.Sprint("mine", i)))
				if err := w.Do(c); err != nil {
					t.Error(err)
				}
				c.Release()
			}
		})
	}
	group.Wait()
	if got := value(t, path, "hits"); got != "1000" {
		t.Errorf("hits = %s", got)
	}
	if frames := w.disk.LogBytes() / 2048; frames > 2000 {
		t.Errorf("the log was never copied: %d pages", frames)
	}
}

func TestATriggerThatForbidsSweepingFailsNobodysWrites(t *testing.T) {
	for _, how := range []string{"ABORT, 'never'", "ROLLBACK, 'never'", "FAIL, 'never'", "IGNORE"} {
		c := newClock()
		path, w := real(t, c)
		short := set("short", "v")
		short.TTLSeconds = 1
		if err := w.Do(call(short)); err != nil {
			t.Fatal(err)
		}
		if err := w.Do(sqlCall("CREATE TRIGGER keeper BEFORE DELETE ON t BEGIN SELECT RAISE(" + how + "); END")); err != nil {
			t.Fatal(err)
		}
		c.advance(5000)
		for range 3 {
			if err := w.Do(call(incr("n"))); err != nil {
				t.Fatalf("RAISE(%s): %v", how, err)
			}
		}
		if got := value(t, path, "n"); got != "3" {
			t.Errorf("RAISE(%s): n = %s", how, got)
		}
		c.advance(10_000)
		if err := w.Do(sqlCall("DROP TRIGGER keeper", "SELECT 1")); err != nil {
			t.Fatal(err)
		}
		eventually(t, "swept after all", func() bool { return value(t, path, "short") == "" })
	}
}

func TestARealTriggerThatForbidsAWriteFailsOnlyThatWrite(t *testing.T) {
	path, w := real(t, newClock())
	if err := w.Do(call(set("k", "v"))); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"ABORT", "ROLLBACK", "FAIL"} {
		name := strings.ToLower(how)
		trigger := "CREATE TRIGGER " + name + " BEFORE INSERT ON t WHEN new.key = '" + name + "' BEGIN SELECT RAISE(" + how + ", 'unlucky'); END"
		if err := w.Do(sqlCall(trigger)); err != nil {
			t.Fatal(err)
		}
		calls := []*Call{call(set("a"+name, "1")), call(set(name, "1"), set("b", "1")), call(set("c"+name, "1"))}
		for _, c := range calls {
			submit(t, w, c)
		}
		for i, c := range calls {
			if err := await(c); (err != nil) != (i == 1) || (err != nil && refusal.Of(err).Kind != refusal.SQLConstraint) {
				t.Errorf("RAISE(%s): call %d: %v", how, i, err)
			}
		}
		if got := value(t, path, "a"+name) + value(t, path, "c"+name) + value(t, path, name); got != `"1""1"` {
			t.Errorf("RAISE(%s): the file holds %s", how, got)
		}
	}
}

func TestSQLAndOperationsMeetInOneGroupOnARealFile(t *testing.T) {
	path, w := real(t, newClock())
	if err := w.Do(sqlCall("CREATE TABLE log(a UNIQUE)")); err != nil {
		t.Fatal(err)
	}
	calls := []*Call{
		call(set("k", "1")),
		sqlCall("INSERT INTO log SELECT value FROM t WHERE key = 'k'"),
		call(incr("k")),
		sqlCall("INSERT OR ROLLBACK INTO log VALUES ('1')"),
		sqlCall("INSERT INTO log SELECT value FROM t WHERE key = 'k'"),
		sqlCall("DROP TABLE t"),
		call(incr("k")),
	}
	for _, c := range calls {
		submit(t, w, c)
	}
	for i, c := range calls {
		if err := await(c); (err != nil) != (i == 3) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if got := testdb.Text(testdb.Query(t, path, "SELECT a FROM log")); got != `"1" | 2` {
		t.Errorf("the log holds %s", got)
	}
	if got := value(t, path, "k"); got != "1" {
		t.Errorf("k = %s", got)
	}
}

func TestALimitStopsSQLAloneAndItsNeighboursAreCommitted(t *testing.T) {
	path, w := real(t, newClock())
	if err := w.Do(call(set("k", "v"))); err != nil {
		t.Fatal(err)
	}
	endless := sqlCall("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO t(key, value) SELECT i, 1 FROM n")
	endless.Deadline = birth + 30
	before, after := call(set("before", "1")), call(set("after", "1"))
	for _, c := range []*Call{before, endless, after} {
		submit(t, w, c)
	}
	if err := errors.Join(await(before), await(after)); err != nil {
		t.Fatal(err)
	}
	if err := await(endless); refusal.Of(err).Kind != refusal.RequestTimeout {
		t.Fatal(err)
	}
	if got := value(t, path, "before") + value(t, path, "after"); got != `"1""1"` {
		t.Errorf("the file holds %s", got)
	}
	if n := testdb.Query(t, path, "SELECT count(*) FROM t")[0][0].Int; n != 3 {
		t.Errorf("%d rows", n)
	}
}
