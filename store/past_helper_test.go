package store_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	bygone "github.com/urlite/urlite/past"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// chronicle writes to a file as the writer room does, so that times never go back.
type chronicle struct {
	*book
	scratch kv.Scratch
}

func newChronicle(w *store.WriteConn) *chronicle { return &chronicle{book: newBook(w)} }

// group is one transaction.
func (c *chronicle) group(t fataler, work func()) {
	t.Helper()
	c.begin(t)
	c.now = max(c.now, c.w.Clock())
	work()
	c.commit(t)
}

// do works one operation inside the transaction, unless it is refused.
func (c *chronicle) do(t fataler, op kv.Op) {
	t.Helper()
	var row kv.Row
	if err := c.w.Load(c.table, op.Key, true, &row); err != nil {
		t.Fatal(err)
	}
	was, out := row, kv.Outcome{Scratch: &c.scratch}
	if kv.Check(&op, &kv.Limits{KeyBytesMax: 1000, ValueBytesMax: 1 << 20}) != nil || kv.Decide(&op, &row, c.now, &out) != nil || !out.Changed {
		return
	}
	c.write(t, op.Key, &was, &row, out.Apply(&op, &row, c.now, &c.sequence, nil))
}

// write carries a change into the file.
func (c *chronicle) write(t fataler, key string, was, row *kv.Row, log []kv.Entry) {
	t.Helper()
	must(t, c.w.Reserve(c.sequence, c.now))
	for i := range log {
		must(t, c.w.Record(c.table, key, c.actor, &log[i]))
	}
	must(t, c.w.Save(c.table, key, was, row))
	var err error
	c.sequence, err = c.w.Sequence()
	must(t, err)
}

// back records that key is what another was.
func (c *chronicle) back(t fataler, key, as string) {
	t.Helper()
	var row, then kv.Row
	must(t, c.w.Load(c.table, key, true, &row))
	must(t, c.w.Load(c.table, as, true, &then))
	was := row
	c.write(t, key, &was, &row, kv.ReturnTo(&row, &then, c.now, c.now/1000, &c.sequence, nil))
}

// undo takes the newest entry of key back.
func (c *chronicle) undo(t fataler, key string) {
	t.Helper()
	source, err := c.w.Past(c.table, longEnough)
	must(t, err)
	u, err := bygone.Of(source).Undo(key, 1)
	c.w.EndPast()
	if err != nil {
		return
	}
	row := u.Row
	kv.UndoTo(&row, &u.Then.Row, &u.To, c.now, &c.sequence)
	must(t, c.w.Reserve(c.sequence, c.now))
	must(t, c.w.Forget(c.table, key, u.Gone, u.To.OpNumber))
	if row.Exists && u.To.Op == kv.EntryUnrecorded {
		must(t, c.w.Record(c.table, key, c.actor, &kv.Entry{ID: u.To.ID, Closes: true}))
	}
	must(t, c.w.Save(c.table, key, &u.Row, &row))
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var fewKeys = []string{"a", "ab", "b", "c/d", "ключ", "\x01", "a\x00b"}

// anyWrite is a random operation of every kind.
func anyWrite(t *rapid.T) kv.Op {
	op := kv.Op{
		Code:       rapid.SampledFrom([]kv.Code{kv.Set, kv.Set, kv.Delete, kv.Incr, kv.Decr, kv.Push, kv.Pop, kv.Remove, kv.Expire, kv.Persist, kv.Append}).Draw(t, "op"),
		Key:        rapid.SampledFrom(fewKeys).Draw(t, "key"),
		Unrecorded: rapid.IntRange(0, 4).Draw(t, "recorded") == 0,
		MissingOK:  true, Delta: 3, HasIndex: true,
		ContentType: rapid.SampledFrom([]string{"text/plain", "application/json", "image/png"}).Draw(t, "type"),
		TTLSeconds:  rapid.SampledFrom([]int64{0, 0, 0, 1, 5}).Draw(t, "ttl"),
		Path:        rapid.SampledFrom([]string{"", "", "list", "a.b"}).Draw(t, "path"),
	}
	body := rapid.SampledFrom([]string{"1", "[]", `{"list":[1]}`, `"text"`, "9223372036854775807"}).Draw(t, "body")
	op.Value = kv.BytesValue([]byte(body), op.ContentType)
	return op
}

// anyWrites writes a few random groups, with sweeps, undone entries, returns and plain SQL.
func (c *chronicle) anyWrites(t *rapid.T, groups int) {
	must(t, c.w.Rollback()) // what a run that failed has left
	c.group(t, func() { c.do(t, set("a", "the table is there")) })
	for range rapid.IntRange(1, groups).Draw(t, "groups") {
		c.now += rapid.SampledFrom([]int64{0, 1, 1000, 3000}).Draw(t, "ms")
		c.actor = rapid.SampledFrom([]string{"", "ann", "10.0.0.1"}).Draw(t, "actor")
		c.group(t, func() {
			for range rapid.IntRange(1, 8).Draw(t, "ops") {
				c.do(t, anyWrite(t))
			}
			key := rapid.SampledFrom(fewKeys).Draw(t, "key")
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				_, err := c.w.Sweep(c.now, 0, 2)
				must(t, err)
			case 1:
				c.back(t, key, rapid.SampledFrom(fewKeys).Draw(t, "as"))
			case 2:
				c.undo(t, key)
			case 3:
				statement := rapid.SampledFrom([]string{
					"UPDATE kv_store SET value = 'sql' WHERE key = ?1", "DELETE FROM kv_store WHERE key = ?1",
					"INSERT OR IGNORE INTO kv_store(key, value) VALUES (?1, 'sql')", "INSERT OR REPLACE INTO kv_store(key, value) VALUES (?1, NULL)",
				}).Draw(t, "sql")
				_, err := run(c.w, sql(statement, text(key)))
				must(t, err)
			}
		})
	}
}

// within hands the past of a table to look, in a snapshot.
func within(t fataler, r *store.ReadConn, table string, look func(p *store.Past)) {
	t.Helper()
	must(t, r.SnapshotFor(longEnough, func() error {
		p, err := r.Past(table)
		if err == nil {
			look(p)
		}
		return err
	}))
}

// changed collects a walk.
func changed(t fataler, p bygone.Source, span bygone.Span) (found []string) {
	t.Helper()
	keys, err := p.Changed(&span)
	must(t, err)
	defer keys.Close()
	for {
		key, ok, err := keys.Next()
		must(t, err)
		if !ok {
			return found
		}
		found = append(found, string([]byte(key.Key)))
	}
}

// walked collects a walk: its rows, and their values.
func walked(t fataler, p bygone.Source, walk bygone.Walk) (found []bygone.WalkedRow) {
	t.Helper()
	rows, err := p.Rows(&walk)
	must(t, err)
	defer rows.Close()
	for {
		row, ok, err := rows.Next()
		must(t, err)
		if !ok {
			return found
		}
		copied := *row
		copied.Key, copied.Value.Bytes = string([]byte(row.Key)), slices.Clone(row.Value.Bytes)
		found = append(found, copied)
	}
}

// texts are the first columns of rows.
func texts(rows [][]sqltx.Value) (found []string) {
	for _, row := range rows {
		found = append(found, string(row[0].Bytes))
	}
	return found
}

// number answers a number that a query on r answers.
func number(t fataler, r *store.ReadConn, query string, values ...sqltx.Value) int64 {
	t.Helper()
	return testdb.Rows(t, r, query, values...)[0][0].Int
}

// fill makes rows and entries of n keys, each with so many entries, as other programs
// would: it is quick.
func fill(t testing.TB, path string, keys, entries int) {
	t.Helper()
	conn := raw(t, path)
	for _, sql := range []string{
		`INSERT INTO kv_store_history(id, key, op_number, op, at, prev, content_type, value)
			SELECT 10 + i, printf('k%08d', i % ?1), 1 + i / ?1, 1, 1000 + i, CASE WHEN i < ?1 THEN 0 ELSE 10 + i - ?1 END, 'text/plain', 'v'
			FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1 * ?2) SELECT i FROM n)`,
		`INSERT INTO kv_store(key, version, head, op_number, value)
			SELECT key, max(id), id, op_number, value FROM kv_store_history WHERE ?1 * ?2 > 0 AND key LIKE 'k0%' GROUP BY key`,
	} {
		stmt, _, err := conn.PrepareTransient(sql)
		must(t, err)
		stmt.BindInt64(1, int64(keys))
		stmt.BindInt64(2, int64(entries))
		_, err = stmt.Step()
		stmt.Finalize()
		must(t, err)
	}
	rawExec(t, conn, "UPDATE _urlite_meta SET value = 1000000000 WHERE name IN ('sequence', 'clock')")
}
