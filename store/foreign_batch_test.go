package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// drawnBatch is random rows for INSERT INTO t VALUES (?, ?): some break a constraint of the
// table, some have too few or too many values, some can't be bound.
func drawnBatch(t *rapid.T) (rows [][]sqltx.Value, faults []string) {
	id := rapid.OneOf(rapid.Custom(func(t *rapid.T) sqltx.Value { return integer(rapid.Int64Range(0, 2000).Draw(t, "id")) }),
		rapid.SampledFrom([]sqltx.Value{{}, text("no number"), {Kind: sqltx.Float, Float: 2.5}}))
	size := rapid.OneOf(rapid.IntRange(0, 4), rapid.SampledFrom([]int{300, 5000}))
	b := rapid.Custom(func(t *rapid.T) sqltx.Value {
		v := sqltx.Value{Kind: sqltx.ValueKind(rapid.IntRange(0, 4).Draw(t, "kind"))}
		v.Int, v.Float = rapid.Int64().Draw(t, "int"), rapid.Float64().Draw(t, "float")
		v.Bytes = []byte(strings.Repeat("x", size.Draw(t, "size")))
		return v
	})
	for range rapid.OneOf(rapid.IntRange(0, 8), rapid.IntRange(250, 600)).Draw(t, "rows") {
		row, fault := []sqltx.Value{id.Draw(t, "id"), b.Draw(t, "b")}, ""
		switch rapid.IntRange(0, 20).Draw(t, "fault") {
		case 0:
			row = row[:1]
		case 1:
			row = append(row, integer(3))
		case 2:
			fault = "a nested list"
		}
		rows, faults = append(rows, row), append(faults, fault)
	}
	return rows, faults
}

// mayMiss tells whether a row may be skipped for that.
func mayMiss(why *refusal.Refusal) bool {
	return why.Kind == refusal.SQLBindError || why.Kind == refusal.SQLConstraint || why.Text == "datatype mismatch"
}

func packed(rows [][]sqltx.Value, faults []string) *sqltx.PackedRows {
	p := &sqltx.PackedRows{Count: len(rows)}
	for i := range rows {
		if faults[i] != "" {
			p.Rows = sqltx.AppendFault(p.Rows, faults[i])
		} else {
			p.Rows = sqltx.AppendPacked(p.Rows, rows[i])
		}
	}
	return p
}

// A batch is its rows one after the other: the model runs each as an item that may fail.
func TestABatchDoesWhatItsRowsWouldDoOneByOne(t *testing.T) {
	_, w := testdb.Open(t)
	const schema = "(a INTEGER PRIMARY KEY, b NOT NULL CHECK (typeof(b) <> 'integer' OR b > 0))"
	commitSQL(t, w, sql("CREATE TABLE t"+schema+"; CREATE TABLE u"+schema+"; CREATE TABLE log(a)"),
		sql("CREATE TRIGGER g AFTER INSERT ON t WHEN new.a % 7 = 0 BEGIN INSERT INTO log VALUES (new.a), (new.a); END"))
	rapid.Check(t, func(rt *rapid.T) {
		rows, faults := drawnBatch(rt)
		if _, err := w.Begin(); err != nil {
			rt.Fatal(err)
		}
		defer w.Rollback()
		item := sqltx.Item{SQL: "INSERT INTO t VALUES (?, ?)", Batch: packed(rows, faults)}
		named := rapid.Bool().Draw(rt, "named")
		if named {
			item.SQL, item.Names = "INSERT INTO t(b, a) VALUES (:b, $a)", []string{"a", "b"}
		}
		changed, skipped, err := w.RunBatch(&item, longEnough, true)
		if err != nil || len(changed) != len(rows) {
			rt.Fatalf("%d rows of %d, %v", len(changed), len(rows), err)
		}
		first := -1
		for i, row := range rows {
			answer := faults[i]
			if answer == "" {
				if answer, err = run(w, sqltx.Item{SQL: "INSERT INTO u VALUES (?, ?)", Values: row, NoFail: true}); err != nil {
					rt.Fatal(err)
				}
			}
			ok := strings.Contains(answer, `"success":true`)
			switch {
			case ok && changed[i] != 1:
				rt.Fatalf("row %d was skipped", i)
			case !ok && (changed[i] != 0 || len(skipped) == 0 || skipped[0].Row != i || !mayMiss(skipped[0].Why)):
				rt.Fatalf("row %d: %d changed, %v; one by one it is %s", i, changed[i], skipped, answer)
			case !ok:
				if first < 0 {
					first = i
				}
				skipped = skipped[1:]
			}
		}
		if len(skipped) != 0 {
			rt.Fatalf("skipped as well: %v", skipped)
		}
		if answer, err := run(w, sql("SELECT count(*) FROM (SELECT * FROM t EXCEPT SELECT * FROM u UNION ALL SELECT * FROM u EXCEPT SELECT * FROM t)")); err != nil || !strings.Contains(answer, "[[0]]") {
			rt.Fatalf("the tables differ: %s %v", answer, err)
		}
		// Without leave to fail the first such row is the refusal.
		run(w, sql("DELETE FROM t"))
		_, _, err = w.RunBatch(&item, longEnough, false)
		if (err != nil) != (first >= 0) || err != nil && !strings.HasPrefix(err.Error(), fmt.Sprintf("row %d: ", first)) {
			rt.Fatalf("%v, want row %d", err, first)
		}
	})
}

func TestWhatIsNoBatch(t *testing.T) {
	path, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a UNIQUE, b); INSERT INTO t VALUES (0, 0)"),
		sql("CREATE TRIGGER g AFTER INSERT ON t WHEN new.a = 13 BEGIN SELECT RAISE(ROLLBACK, 'unlucky'); END"))
	one := func(values ...sqltx.Value) sqltx.Batch {
		return &sqltx.PackedRows{Rows: sqltx.AppendPacked(nil, values), Count: 1}
	}
	f := func(item sqltx.Item, want string) {
		t.Helper()
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		_, _, err := w.RunBatch(&item, longEnough, true)
		if err == nil || refusal.Of(err).Kind.Code()+": "+refusal.Of(err).Text != want {
			t.Errorf("%s: %v, want %s", item.SQL, err, want)
		}
		if err := w.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	f(sqltx.Item{SQL: "INSERT INTO t VALUES (?, ?); SELECT 1", Batch: one(integer(1), integer(2))}, "SQL_ERROR: a batch of values takes one statement")
	f(sqltx.Item{SQL: "ALTER TABLE t RENAME TO _urlite_t", Batch: one()}, "SQL_ERROR: ALTER TABLE takes no batch of values")
	f(sqltx.Item{SQL: "COMMIT", Batch: one()}, "SQL_ERROR: not authorized")
	f(sqltx.Item{SQL: "INSERT INTO t VALUES (:a, :b)", Names: []string{"a"}, Batch: one(integer(1))}, "SQL_BIND_ERROR: no value for parameter :b")
	f(sqltx.Item{SQL: "INSERT INTO t VALUES (:a, 1)", Names: []string{"a", "b"}, Batch: one(integer(1), integer(2))}, "SQL_BIND_ERROR: no parameter named b")
	f(sqltx.Item{SQL: "INSERT INTO t VALUES (?, ?)", Names: []string{"a", "b"}, Batch: one(integer(1), integer(2))}, "SQL_BIND_ERROR: named values for a statement with positional parameters")
	f(sqltx.Item{SQL: "INSERT INTO t VALUES (abs(?), 1)", Batch: one(integer(-1 << 63))}, "SQL_ERROR: row 0: integer overflow")
	// What ends the transaction ends the batch, whatever it may.
	f(sqltx.Item{SQL: "INSERT OR ROLLBACK INTO t VALUES (?, 1)", Batch: one(integer(0))}, "SQL_CONSTRAINT: row 0: UNIQUE constraint failed: t.a")
	f(sqltx.Item{SQL: "INSERT INTO t VALUES (?, 1)", Batch: one(integer(13))}, "SQL_CONSTRAINT: row 0: unlucky")
	if rows := testdb.Text(testdb.Query(t, path, "SELECT * FROM t")); rows != "0 0" {
		t.Errorf("t holds %s", rows)
	}
}

// Every row of it is short; time is up between two of them, or within one.
func TestABatchEndsAtItsDeadline(t *testing.T) {
	_, w := testdb.Open(t)
	commitSQL(t, w, sql("CREATE TABLE t(a)"), sql(`CREATE TRIGGER g AFTER INSERT ON t WHEN new.a = -1 BEGIN
		SELECT count(*) FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c); END`))
	f := func(rows []byte, count int) {
		t.Helper()
		if _, err := w.Begin(); err != nil {
			t.Fatal(err)
		}
		defer w.Rollback()
		started := time.Now()
		item := sqltx.Item{SQL: "INSERT INTO t VALUES (?)", Batch: &sqltx.PackedRows{Rows: rows, Count: count}}
		_, _, err := w.RunBatch(&item, 20*time.Millisecond, true)
		wantKind(t, err, refusal.RequestTimeout)
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("stopped after %v", took)
		}
	}
	var rows []byte
	for i := range 2_000_000 {
		rows = sqltx.AppendPacked(rows, []sqltx.Value{integer(int64(i))})
	}
	f(rows, 2_000_000)
	f(sqltx.AppendPacked(nil, []sqltx.Value{integer(-1)}), 1)
}
