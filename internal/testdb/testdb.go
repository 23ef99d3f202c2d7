// Package testdb is temporary databases for tests. Each is checked when its test
// ends: by SQLite for its pages, and by us for what a key-value table must be.
// Only tests import it.
package testdb

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// Failer is a test, or a property's run of one.
type Failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Create makes a database without a KV table and answers its path. When the test
// ends, after its connections are closed, the file is checked.
func Create(t testing.TB) (path string) {
	t.Helper()
	path = CreateUnchecked(t)
	t.Cleanup(func() { Check(t, path) })
	return path
}

// CreateUnchecked makes a database that the test is going to hurt.
func CreateUnchecked(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	if err := store.Create(path, "", nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// Open makes a database and opens the connection that writes to it.
func Open(t testing.TB) (path string, w *store.WriteConn) {
	t.Helper()
	path = Create(t)
	return path, Writer(t, path, store.Options{})
}

// Writer opens a connection that writes, until the test ends.
func Writer(t testing.TB, path string, options store.Options) *store.WriteConn {
	t.Helper()
	w, err := store.OpenWriter(path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// Reader opens a connection that reads, until the test ends.
func Reader(t testing.TB, path string) *store.ReadConn {
	t.Helper()
	r, err := store.OpenReader(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

const (
	// sqlTimeMax is far more than any test's SQL takes, unless it hangs.
	sqlTimeMax = time.Minute
	rowsMax    = 10_000_000
)

// Exec runs SQL as a client would, in a transaction of its own on a connection of
// its own: to everybody else it is another process.
func Exec(t Failer, path string, statements ...string) {
	t.Helper()
	w, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	request := sqltx.Request{}
	for _, sql := range statements {
		request.AddItem().SQL = sql
	}
	var results sqltx.Results
	results.Begin(request.Format)
	if err := RunSQL(w, &request, sqlTimeMax, rowsMax, &results); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// RunSQL runs the items of a request in the open transaction, all or none, as the writer
// does it with one that has no key-value operations. After any error but an
// *sqltx.ItemError, and when the transaction has ended, only Rollback is left.
func RunSQL(w *store.WriteConn, request *sqltx.Request, limit time.Duration, rowsMax int, out store.Results) error {
	if err := w.BeginSQL(limit); err != nil {
		return err
	}
	fault := runItems(w, request, rowsMax, out)
	if w.TransactionEnded() {
		return fault
	}
	why, err := w.EndSQL(fault != nil)
	switch {
	case err != nil:
		return err
	case why != nil:
		return &sqltx.ItemError{Index: sqltx.WholeRequest, Refusal: why}
	}
	return fault
}

func runItems(w *store.WriteConn, request *sqltx.Request, rowsMax int, out store.Results) error {
	for i := range request.Items {
		item, mark := &request.Items[i], out.Mark()
		if err := w.Mark(); err != nil {
			return err
		}
		err := w.RunItem(item, rowsMax, out)
		why := refusal.Of(err)
		if w.TransactionEnded() {
			return &sqltx.ItemError{Index: i, Refusal: why}
		}
		if err := w.Unmark(err != nil); err != nil {
			return err
		}
		switch {
		case err == nil:
		case item.NoFail && sqltx.Forgives(why):
			out.Rewind(mark)
			if err := out.Failed(why); err != nil {
				return err
			}
		default:
			return &sqltx.ItemError{Index: i, Refusal: why}
		}
	}
	return nil
}

// Query answers the rows of a statement that only reads, on a connection of its own.
func Query(t Failer, path, sql string, values ...sqltx.Value) [][]sqltx.Value {
	t.Helper()
	r, err := store.OpenReader(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return Rows(t, r, sql, values...)
}

// Rows answers the rows of a statement that only reads.
func Rows(t Failer, r *store.ReadConn, sql string, values ...sqltx.Value) [][]sqltx.Value {
	t.Helper()
	var rows Table
	if _, err := r.Query(&sqltx.Item{SQL: sql, Values: values}, sqlTimeMax, rowsMax, &rows); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows.Rows
}

// Set makes op one that sets a key of the default table to a text.
func Set(op *kv.Op, key, value string) {
	*op = kv.Op{Code: kv.Set, Key: key, ContentType: "text/plain", Value: kv.BytesValue([]byte(value), "text/plain")}
}

// Value answers what a key of the default table holds, "" if it is missing.
func Value(t Failer, r *store.ReadConn, key string) string {
	t.Helper()
	var row kv.Row
	if _, err := r.Get(kv.DefaultTable, key, &row, nil); err != nil {
		t.Fatal(err)
	}
	return string(row.Value.Append(nil))
}

// Table collects a result.
type Table struct {
	Names []string
	Rows  [][]sqltx.Value
}

// StartRows begins the result.
func (o *Table) StartRows(names []string) error {
	o.Names, o.Rows = append([]string(nil), names...), nil
	return nil
}

// Row keeps a copy of a row.
func (o *Table) Row(values []sqltx.Value) error {
	row := make([]sqltx.Value, len(values))
	for i, v := range values {
		v.Bytes = append([]byte(nil), v.Bytes...)
		row[i] = v
	}
	o.Rows = append(o.Rows, row)
	return nil
}
