package store_test

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

const birth = 1_700_000_000_000

// fataler is a test, or a property's run of one.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// book writes key-value operations to a file as the writer room does, one
// transaction after the other.
type book struct {
	w        *store.WriteConn
	table    string
	actor    string
	now      int64
	sequence int64
}

func newBook(w *store.WriteConn) *book { return &book{w: w, table: kv.DefaultTable, now: birth} }

// begin, do…, commit is one transaction.
func (b *book) begin(t fataler) {
	t.Helper()
	var err error
	if b.sequence, err = b.w.Begin(); err != nil {
		t.Fatal(err)
	}
}

func (b *book) commit(t fataler) {
	t.Helper()
	if err := b.w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// do works one operation inside the transaction and answers its row after.
func (b *book) do(t fataler, op *kv.Op) (row kv.Row, refused *refusal.Refusal) {
	t.Helper()
	row, refused, err := b.try(op)
	if err != nil {
		t.Fatal(err)
	}
	return row, refused
}

// try is do where the file may say no.
func (b *book) try(op *kv.Op) (row kv.Row, refused *refusal.Refusal, err error) {
	if err := b.w.Load(b.table, op.Key, true, &row); err != nil {
		return row, nil, err
	}
	was := row
	var out kv.Outcome
	if why := kv.Decide(op, &row, b.now, &out); why != nil {
		return row, why, nil
	}
	if !out.Changed {
		return row, nil, nil
	}
	log := out.Apply(op, &row, b.now, &b.sequence, nil)
	clock := max(b.now, b.w.Clock()) // SQL in between goes by the machine's
	if err := b.w.Reserve(b.sequence, clock); err != nil {
		return row, nil, err
	}
	for _, entry := range log {
		entry.At = clock
		if err := b.w.Record(b.table, op.Key, b.actor, &entry); err != nil {
			return row, nil, err
		}
	}
	if err := b.w.Save(b.table, op.Key, &was, &row); err != nil {
		return row, nil, err
	}
	row.Value.Bytes = bytes.Clone(row.Value.Bytes)
	b.sequence, err = b.w.Sequence() // triggers may have moved it
	return row, nil, err
}

// all commits the operations, none of which may be refused.
func (b *book) all(t fataler, ops ...kv.Op) {
	t.Helper()
	b.begin(t)
	for i := range ops {
		if _, why := b.do(t, &ops[i]); why != nil {
			t.Fatalf("%s %q: %v", ops[i].Code, ops[i].Key, why)
		}
	}
	b.commit(t)
}

func set(key, value string) kv.Op {
	return kv.Op{Code: kv.Set, Key: key, ContentType: "text/plain", Value: kv.BytesValue([]byte(value), "text/plain")}
}

func incr(key string, delta int64) kv.Op { return kv.Op{Code: kv.Incr, Key: key, Delta: delta} }

// get reads a row on a connection.
func get(t fataler, r *store.ReadConn, table, key string) kv.Row {
	t.Helper()
	var row kv.Row
	if _, err := r.Get(table, key, &row, nil); err != nil {
		t.Fatal(err)
	}
	return row
}

func bodyOf(row *kv.Row) string { return string(row.Value.Append(nil)) }

const longEnough = time.Minute

// run runs SQL items in the open transaction of w and answers their results.
func run(w *store.WriteConn, items ...sqltx.Item) (string, error) {
	var results sqltx.Results
	results.Begin(sqltx.FormatList)
	err := testdb.RunSQL(w, &sqltx.Request{Items: items}, longEnough, 1000, &results)
	results.End()
	return strings.TrimSuffix(strings.TrimPrefix(string(results.Bytes()), `{"results":[`), `]}`), err
}

// commitSQL runs SQL in a transaction of its own.
func commitSQL(t fataler, w *store.WriteConn, items ...sqltx.Item) string {
	t.Helper()
	_, err := w.Begin()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := run(w, items...)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return answer
}

func sql(text string, values ...sqltx.Value) sqltx.Item {
	return sqltx.Item{SQL: text, Values: values}
}

func integer(n int64) sqltx.Value { return sqltx.Value{Kind: sqltx.Integer, Int: n} }

func text(s string) sqltx.Value { return sqltx.Value{Kind: sqltx.Text, Bytes: []byte(s)} }

// kindOf is the kind of refusal that an error is, 0 for none.
func kindOf(err error) refusal.Kind {
	if err == nil {
		return 0
	}
	return refusal.Of(err).Kind
}

func wantKind(t fataler, err error, want refusal.Kind) {
	t.Helper()
	if kindOf(err) != want {
		t.Fatalf("got %v, want %s", err, want.Code())
	}
}

// raw opens the file as any other SQLite program would: no policy holds it back.
func raw(t testing.TB, path string) *sqlite.Conn {
	t.Helper()
	conn, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_CREATE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func rawExec(t testing.TB, conn *sqlite.Conn, statements ...string) {
	t.Helper()
	rawRun(t, conn, statements...)
}

func rawRun(t fataler, conn *sqlite.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		stmt, _, err := conn.PrepareTransient(statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		for more := true; more && err == nil; {
			more, err = stmt.Step()
		}
		stmt.Finalize()
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// needsEngine skips a test of SQL that the bundled engine is too old for.
func needsEngine(t *testing.T, version string) {
	t.Helper()
	have, err := store.EngineVersion()
	if err != nil {
		t.Fatal(err)
	}
	if older(have, version) {
		t.Skipf("needs SQLite %s, this is %s", version, have)
	}
}

func older(have, want string) bool {
	a, b := strings.Split(have, "."), strings.Split(want, ".")
	for i := range min(len(a), len(b)) {
		n, _ := strconv.Atoi(a[i])
		m, _ := strconv.Atoi(b[i])
		if n != m {
			return n < m
		}
	}
	return false
}

// one answers the only value of a query.
func one(t testing.TB, path, query string, values ...sqltx.Value) sqltx.Value {
	t.Helper()
	rows := testdb.Query(t, path, query, values...)
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s answers %s", query, testdb.Text(rows))
	}
	return rows[0][0]
}

func isItemError(err error) bool {
	var item *sqltx.ItemError
	return errors.As(err, &item)
}
