package testdb

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

// recorder is a test that is told of errors and does not mind.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, format)
	r.TB.Logf(format, args...)
}

// history writes three entries of one key.
func history(t *testing.T, w *store.WriteConn) {
	t.Helper()
	var row kv.Row
	sequence, err := w.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		op, out := kv.Op{Code: kv.Incr, Key: "k", Delta: 1}, kv.Outcome{}
		was := row
		if why := kv.Decide(&op, &row, 1, &out); why != nil {
			t.Fatal(why)
		}
		log := out.Apply(&op, &row, 1, &sequence, nil)
		if err := w.Reserve(sequence, 1); err != nil {
			t.Fatal(err)
		}
		for _, entry := range log {
			if err := w.Record("t", "k", "", &entry); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Save("t", "k", &was, &row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestTheCheckNoticesEveryLawThatIsBroken(t *testing.T) {
	f := func(damage string, want bool) {
		t.Helper()
		path := CreateUnchecked(t)
		history(t, Writer(t, path, store.Options{}))
		if damage != "" {
			Exec(t, path, damage)
		}
		r := &recorder{TB: t}
		Check(r, path)
		if (len(r.errors) == 0) != want {
			t.Errorf("%s: %d findings", damage, len(r.errors))
		}
	}
	const sound, broken = true, false
	f("", sound)
	f("INSERT INTO t(key, value) VALUES ('by SQL', 1)", sound)
	f("UPDATE t SET value = 99", sound)
	f("UPDATE t SET key = 'l', value = 99", sound)
	f("REPLACE INTO t(key, value) VALUES ('k', 2)", sound)
	f("INSERT OR IGNORE INTO t(key, value) VALUES ('k', 2)", sound)
	f("DELETE FROM t", sound)
	// What changes the version itself is taken for ours.
	unnoticed := func(change string) string {
		return "UPDATE t SET version = 99, " + change + "; UPDATE t SET version = 3"
	}
	f(unnoticed("head = 99"), broken)
	f(unnoticed("op_number = 2"), broken)
	f("UPDATE t SET version = 2", broken)
	f("UPDATE t SET version = 99, head = 99", broken)
	f(unnoticed("value = 99"), broken)
	f(unnoticed("content_type = 'x/y'"), broken)
	f(unnoticed("expire_at = 99"), broken)
	f("DELETE FROM t_history WHERE op_number = 1", broken)
	f("DELETE FROM t_history WHERE op_number = 2", broken)
	f("DELETE FROM t_history WHERE op_number = 3", broken)
	f("UPDATE t_history SET prev = 1 WHERE op_number = 3", broken)
	f("UPDATE t_history SET key = 'l' WHERE op_number = 2", broken)
	f("UPDATE t_history SET arg = 5 WHERE op_number = 2", broken)
	f("UPDATE t_history SET id = 99 WHERE op_number = 3; UPDATE t SET head = 99", broken)
	f("INSERT INTO t_history(id, key, op_number, op, at, prev) VALUES (9, 'k', 3, 3, 1, 2)", broken)
	f("INSERT INTO t_history(id, key, op_number, op, at, prev) VALUES (9, 'k', 4, 4, 1, 3)", broken)
	f("INSERT INTO t_history(id, key, op_number, op, at, prev) VALUES (9, 'nobody', 1, 4, 1, 0)", broken)
	f(unnoticed("head = 0"), broken)
	f(unnoticed("head = 0, op_number = 0"), broken)
	f("UPDATE t_history SET op = 11, arg = NULL WHERE op_number = 2", broken)
	f("UPDATE t_history SET op = 11, arg = NULL WHERE op_number = 3", broken)
	f("DELETE FROM t; UPDATE t_history SET op = 4 WHERE op_number = 4", broken)
	f("DELETE FROM t; DELETE FROM t_history WHERE op_number = 4", broken)
	f("DELETE FROM t; INSERT INTO t(key, version) VALUES ('k', 4)", broken)
}

func TestLawsNameTheirTable(t *testing.T) {
	for _, law := range laws {
		if !strings.Contains(law.sql, "$table") {
			t.Error(law.broken)
		}
	}
}
