package store_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"crawshaw.io/sqlite"
	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// witness watches a file that several programs write to by all means, and holds what
// it sees against what it saw before.
type witness struct {
	t     *rapid.T
	w     *store.WriteConn
	r     *store.ReadConn
	other *sqlite.Conn // as another program would have it
	b     *book
	did   []string // what was done, for a message

	rows     map[string]seenRow        // by key and its type
	versions map[int64]bool            // ever seen
	told     map[string]map[int]string // by key and op_number: the state after the entry
}

// seenRow is a row: what a user of the table made it, and what we did.
type seenRow struct {
	content string
	version int64
	state   string // as history tells it
}

func newWitness(t *testing.T, rt *rapid.T) *witness {
	path := testdb.CreateUnchecked(t)
	w, err := store.OpenWriter(path, store.Options{Synchronous: store.Normal})
	if err != nil {
		rt.Fatal(err)
	}
	r, err := store.OpenReader(path, store.Options{})
	if err != nil {
		rt.Fatal(err)
	}
	other, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		rt.Fatal(err)
	}
	x := &witness{t: rt, w: w, r: r, other: other, b: newBook(w), versions: map[int64]bool{}, told: map[string]map[int]string{}}
	x.elsewhere("PRAGMA synchronous = OFF")
	return x
}

func (x *witness) close() {
	x.w.Close()
	x.r.Close()
	x.other.Close()
}

func (x *witness) note(format string, args ...any) {
	x.did = append(x.did, fmt.Sprintf(format, args...))
}

func (x *witness) fatalf(format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf("%s\n\t%s", fmt.Sprintf(format, args...), strings.Join(x.did, "\n\t"))
}

// elsewhere runs SQL in the other program.
func (x *witness) elsewhere(statement string) error {
	stmt, _, err := x.other.PrepareTransient(statement)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	for more := true; more && err == nil; {
		more, err = stmt.Step()
	}
	return err
}

// plain runs SQL by one of the ways there are. What a table or a trigger forbids is
// no matter.
func (x *witness) plain(statement string) {
	x.t.Helper()
	if rapid.Bool().Draw(x.t, "elsewhere") {
		recursive := rapid.IntRange(0, 3).Draw(x.t, "recursive") == 0
		trusted := rapid.Bool().Draw(x.t, "trusted")
		x.elsewhere(fmt.Sprintf("PRAGMA recursive_triggers = %v", recursive))
		x.elsewhere(fmt.Sprintf("PRAGMA trusted_schema = %v", trusted))
		x.elsewhere("SELECT count(*) FROM sqlite_master") // SQLite notices a new table behind a trigger too late
		err := x.elsewhere(statement)
		x.note("elsewhere (recursive %v): %s => %v", recursive, statement, err)
		var code sqlite.Error
		if err != nil && !(errors.As(err, &code) && code.Code&0xff == sqlite.SQLITE_CONSTRAINT) && !strings.Contains(err.Error(), "nested too deep") {
			x.fatalf("%v", err)
		}
		return
	}
	_, err := x.w.Begin()
	if err != nil {
		x.fatalf("%v", err)
	}
	item := sql(statement)
	item.NoFail = rapid.Bool().Draw(x.t, "noFail")
	answer, err := run(x.w, item)
	x.note("here: %s => %s %v", statement, answer, err)
	x.end(err)
}

// end commits, or rolls back what failed for a good reason.
func (x *witness) end(err error) {
	x.t.Helper()
	ending := x.w.Commit
	if err != nil {
		ending = x.w.Rollback
		if kindOf(err) != refusal.SQLConstraint {
			x.fatalf("%v", err)
		}
	}
	if err := ending(); err != nil {
		x.fatalf("%v", err)
	}
}

// write does key-value operations in one transaction, with plain SQL in between if
// asked to. It answers the keys whose state before the write is certain.
func (x *witness) write(mixed bool) (once map[string]bool) {
	x.t.Helper()
	sequence, err := x.w.Begin()
	if err != nil {
		x.fatalf("%v", err)
	}
	x.b.sequence = sequence
	once = map[string]bool{}
	for range rapid.IntRange(1, 4).Draw(x.t, "ops") {
		op := anyOp(x.t)
		op.Key = rapid.SampledFrom(witnessKeys).Draw(x.t, "key")
		_, again := once[op.Key]
		once[op.Key] = !again && !mixed
		_, why, fault := x.b.try(&op)
		x.note("%s %q (recorded %v, value %s, ttl %d) => %v %v", op.Code, op.Key, !op.Unrecorded, op.Value.Append(nil), op.TTLSeconds, why, fault)
		if err = fault; err != nil {
			break
		}
		if mixed {
			statement := anySQL(x.t)
			var answer string
			if answer, err = run(x.w, sql(statement)); isItemError(err) && !x.w.TransactionEnded() {
				err = nil
			}
			x.note("in the same transaction: %s => %s %v", statement, answer, err)
			if err != nil {
				break
			}
			if x.b.sequence, err = x.w.Sequence(); err != nil {
				break
			}
		}
	}
	x.end(err)
	return once
}

func (x *witness) sweep() {
	x.t.Helper()
	if _, err := x.w.Begin(); err != nil {
		x.fatalf("%v", err)
	}
	swept, err := x.w.Sweep(x.b.now, 0, rapid.IntRange(1, 4).Draw(x.t, "rows"))
	x.note("swept at %d: %+v %v", x.b.now, swept, err)
	x.end(err)
}

// look holds the file against all laws and against what was seen before. once are keys
// of which only one write is since.
func (x *witness) look(once map[string]bool) {
	x.t.Helper()
	if broken := testdb.Broken(x.t, x.r); len(broken) > 0 {
		x.fatalf("%s", strings.Join(broken, "\n"))
	}
	before := x.rows
	x.rows = x.read()
	fresh := map[int64]bool{}
	for key, row := range x.rows {
		was, there := before[key]
		changed := !there || was.content != row.content
		switch {
		case changed && there && row.version == was.version:
			x.fatalf("%s became %s, and has its version still", key, row.content)
		case (changed || row.version != was.version) && x.versions[row.version]:
			x.fatalf("%s has the version %d, which was seen before", key, row.version)
		}
		fresh[row.version] = true
	}
	maps.Copy(x.versions, fresh)
	for key, chain := range testdb.History(x.t, x.r, x.b.table) {
		for n := 1; n <= len(chain); n++ {
			x.hear(key, n, chain, before, once)
		}
	}
}

// hear notes what history tells of the state after the n-th entry of a key.
func (x *witness) hear(key string, n int, chain []kv.Entry, before map[string]seenRow, once map[string]bool) {
	x.t.Helper()
	state, known := testdb.Fold(chain[:n])
	if !known {
		return
	}
	if x.told[key] == nil {
		x.told[key] = map[int]string{}
	}
	told, was := x.told[key][n], testdb.Display(&state)
	switch {
	case told != "" && told != was:
		x.fatalf("the past of %s: entry %d left %s, and now %s", key, n, told, was)
	case told == "" && n < len(chain) && chain[n-1].Op == kv.EntryUnrecorded && once[key] && was != before["text "+key].told():
		x.fatalf("the past of %s: the gap %d ended with %s, and the row was %s", key, n, was, before["text "+key].told())
	}
	x.told[key][n] = was
}

func (s seenRow) told() string {
	if s.state == "" {
		return "nothing"
	}
	return s.state
}

// read answers all rows of the table.
func (x *witness) read() map[string]seenRow {
	rows := map[string]seenRow{}
	for _, row := range testdb.Rows(x.t, x.r, `SELECT typeof(key) || ' ' || key, key, version, content_type, typeof(value), value,
		created_at, updated_at, expire_at FROM "`+x.b.table+`"`) {
		seen := seenRow{content: testdb.Text([][]sqltx.Value{row[3:]}), version: row[2].Int}
		var state kv.Row
		if _, err := x.r.Get(x.b.table, string(row[1].Bytes), &state, nil); err != nil {
			x.fatalf("%v", err)
		}
		seen.state = testdb.Display(&state)
		rows[string(row[0].Bytes)] = seen
	}
	return rows
}

// forget is for a table that is another one now.
func (x *witness) forget() {
	x.rows, x.told = x.read(), map[string]map[int]string{}
}

var witnessKeys = []string{"a", "b", "c", "log"}

// anySQL is a statement on a few keys that changes rows in one of the ways there are.
func anySQL(t *rapid.T) string {
	draw := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "sql") }
	key := func() string { return draw("'a'", "'b'", "'c'", "'log'", "5", "x'61'", "NULL") }
	value := func() string { return draw("1", "'text'", "2.5", "NULL", "x'00ff'", "'{}'", "value") }
	constant := func() string { return strings.Replace(value(), "value", "7", 1) }
	expiry := func() string { return draw("NULL", "0", "5", "1700000002000", "99999999999999") }
	insert := draw("INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE", "REPLACE", "INSERT OR FAIL", "INSERT OR ROLLBACK") + " INTO kv_store"
	update := draw("UPDATE", "UPDATE OR REPLACE", "UPDATE OR IGNORE", "UPDATE OR FAIL") + " kv_store SET "
	where := func() string {
		return draw("", " WHERE key = "+key(), " WHERE key IN ("+key()+", "+key()+")", " WHERE key > 'a'", " WHERE expire_at IS NOT NULL")
	}
	switch rapid.IntRange(0, 13).Draw(t, "statement") {
	case 0, 1:
		return insert + "(key, value) VALUES (" + key() + ", " + constant() + ")"
	case 2:
		return insert + "(key, value, expire_at) VALUES (" + key() + ", " + constant() + ", " + expiry() + "), (" + key() + ", " + constant() + ", NULL)"
	case 3:
		return insert + "(key, value) SELECT key, " + value() + " FROM kv_store"
	case 4:
		return insert + "(key, value) SELECT " + key() + ", value FROM kv_store"
	case 5:
		return "INSERT INTO kv_store(key, value) VALUES (" + key() + ", 1), (" + key() + ", 2) ON CONFLICT" +
			draw(" DO NOTHING", "(key) DO UPDATE SET value = excluded.value", "(key) DO UPDATE SET key = "+key(), "(key) DO UPDATE SET value = 3 WHERE key > 'a'")
	case 6, 7:
		return update + "value = " + value() + where()
	case 8:
		return update + "expire_at = " + expiry() + where()
	case 9:
		return update + "content_type = 'text/html', updated_at = updated_at + 1" + where()
	case 10, 11:
		return update + "key = " + draw(key(), "CASE key WHEN 'a' THEN 'b' WHEN 'b' THEN 'c' ELSE 'a' END", "key") + draw("", ", value = 9") + where()
	default:
		return "DELETE FROM kv_store" + where()
	}
}

// Whatever writes to the rows, and in whatever order: each change is seen, none is
// seen twice, and history never tells what was not so.
func TestWhateverPlainSQLDoesIsNoticed(t *testing.T) {
	needsEngine(t, "3.35")
	rapid.Check(t, func(rt *rapid.T) {
		x := newWitness(t, rt)
		defer x.close()
		x.b.all(rt, set("a", "first"))
		x.look(nil)
		for range rapid.IntRange(1, 15).Draw(rt, "steps") {
			x.b.now += rapid.SampledFrom([]int64{0, 1, 1000, 3000}).Draw(rt, "ms")
			var once map[string]bool
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0, 1:
				once = x.write(false)
			case 2:
				x.write(true)
			case 3:
				x.sweep()
			default:
				x.plain(anySQL(rt))
			}
			x.look(once)
		}
	})
}

// clientTriggers are what somebody might put on a key-value table, and worse.
var clientTriggers = []string{
	`AFTER UPDATE ON kv_store BEGIN INSERT INTO audit VALUES (NEW.key, NEW.version); END`,
	`AFTER UPDATE OF version ON kv_store BEGIN INSERT INTO audit VALUES (NEW.key, NEW.version); END`,
	`AFTER DELETE ON kv_store BEGIN INSERT INTO audit VALUES (OLD.key, OLD.version); END`,
	// Others of the same table.
	`AFTER UPDATE ON kv_store WHEN NEW.key = 'a' BEGIN UPDATE kv_store SET value = 1 + length(value) WHERE key = 'b'; END`,
	`AFTER UPDATE ON kv_store WHEN NEW.key = 'a' BEGIN UPDATE kv_store SET value = 'done' WHERE key = 'c' AND value IS NOT 'done'; END`,
	`AFTER UPDATE ON kv_store WHEN NEW.version <> OLD.version AND NEW.key = 'b' BEGIN
		UPDATE kv_store SET content_type = content_type || 'x' WHERE key = 'c' AND length(content_type) < 20; END`,
	`AFTER UPDATE ON kv_store WHEN NEW.key <> 'log' BEGIN INSERT OR REPLACE INTO kv_store(key, value) VALUES ('log', NEW.key); END`,
	`AFTER INSERT ON kv_store WHEN NEW.key <> 'log' BEGIN REPLACE INTO kv_store(key, value) VALUES ('log', NEW.key); END`,
	`AFTER UPDATE ON kv_store WHEN NEW.key = 'b' BEGIN DELETE FROM kv_store WHERE key = 'c'; END`,
	`AFTER DELETE ON kv_store WHEN OLD.key = 'a' BEGIN DELETE FROM kv_store WHERE key IN ('b', 'log'); END`,
	`AFTER UPDATE ON kv_store WHEN NEW.key = 'b' BEGIN UPDATE OR REPLACE kv_store SET key = 'c' WHERE key = 'a'; END`,
	// The row itself.
	`AFTER UPDATE ON kv_store BEGIN UPDATE kv_store SET updated_at = updated_at + 1 WHERE key = NEW.key; END`,
	`AFTER INSERT ON kv_store BEGIN UPDATE kv_store SET content_type = 'text/x' WHERE key = NEW.key; END`,
	`AFTER INSERT ON kv_store WHEN NEW.key = 'c' BEGIN DELETE FROM kv_store WHERE key = NEW.key; END`,
	`AFTER UPDATE ON kv_store WHEN NEW.value = 1 BEGIN DELETE FROM kv_store WHERE key = NEW.key; END`,
	`AFTER UPDATE OF key ON kv_store BEGIN UPDATE kv_store SET value = 'moved' WHERE key = NEW.key; END`,
	`AFTER UPDATE OF key ON kv_store WHEN NEW.key = 'b' BEGIN DELETE FROM kv_store WHERE key = NEW.key; END`,
	`AFTER DELETE ON kv_store WHEN OLD.key = 'b' BEGIN INSERT OR IGNORE INTO kv_store(key, value) VALUES (OLD.key, 'back'); END`,
	`AFTER INSERT ON kv_store WHEN NEW.key = 'a' BEGIN UPDATE OR REPLACE kv_store SET key = 'c' WHERE key = NEW.key; END`,
	// Of the row before it changes, SQLite promises nothing.
	`BEFORE DELETE ON kv_store WHEN OLD.key = 'a' BEGIN UPDATE kv_store SET value = 'last words' WHERE key = OLD.key; END`,
	`BEFORE UPDATE ON kv_store WHEN OLD.key = 'a' BEGIN UPDATE kv_store SET value = 'overwritten' WHERE key = 'b'; END`,
	`BEFORE INSERT ON kv_store BEGIN DELETE FROM kv_store WHERE key = NEW.key; END`,
	// Those that say no.
	`BEFORE UPDATE ON kv_store WHEN OLD.key = 'c' BEGIN SELECT RAISE(IGNORE); END`,
	`AFTER UPDATE ON kv_store WHEN OLD.key = 'c' BEGIN SELECT RAISE(IGNORE); END`,
	`BEFORE INSERT ON kv_store WHEN NEW.key = 'c' BEGIN SELECT RAISE(IGNORE); END`,
	`AFTER INSERT ON kv_store WHEN NEW.key = 'c' BEGIN SELECT RAISE(IGNORE); END`,
	`BEFORE DELETE ON kv_store WHEN OLD.key = 'a' BEGIN SELECT RAISE(IGNORE); END`,
	`AFTER DELETE ON kv_store WHEN OLD.key = 'a' BEGIN SELECT RAISE(IGNORE); END`,
	`BEFORE UPDATE ON kv_store WHEN OLD.key = 'b' BEGIN SELECT RAISE(ABORT, 'never'); END`,
	`AFTER INSERT ON kv_store WHEN NEW.key = 'b' BEGIN SELECT RAISE(FAIL, 'never'); END`,
	`AFTER DELETE ON kv_store WHEN OLD.key = 'b' BEGIN SELECT RAISE(ROLLBACK, 'never'); END`,
}

// historyTriggers are alone in a run: with one on the rows as well, a client's trigger may
// run within one of ours for the third time, and there are two of each.
var historyTriggers = []string{
	`AFTER INSERT ON kv_store_history BEGIN INSERT INTO audit VALUES (NEW.key, NEW.id); END`,
	`AFTER INSERT ON kv_store_history WHEN NEW.key <> 'b' BEGIN UPDATE kv_store SET value = 'of history' WHERE key = 'b'; END`,
	`AFTER INSERT ON kv_store_history WHEN NEW.key = 'a' BEGIN UPDATE kv_store SET content_type = 'text/y' WHERE key = NEW.key; END`,
	`AFTER INSERT ON kv_store_history WHEN NEW.key = 'c' BEGIN DELETE FROM kv_store WHERE key = NEW.key; END`,
}

// However a client's triggers change, remove, move or keep rows while ours are at work.
func TestWhatAClientsTriggersDoIsNoticed(t *testing.T) {
	needsEngine(t, "3.35")
	rapid.Check(t, func(rt *rapid.T) {
		x := newWitness(t, rt)
		defer x.close()
		x.b.all(rt, set("a", "first"))
		if err := x.elsewhere("CREATE TABLE audit(key, version)"); err != nil {
			rt.Fatal(err)
		}
		from, n := clientTriggers, rapid.IntRange(0, 2).Draw(rt, "triggers")
		if n == 0 {
			from, n = historyTriggers, 1
		}
		for i := range n {
			trigger := fmt.Sprintf("CREATE TRIGGER client%d ", i) + rapid.SampledFrom(from).Draw(rt, "trigger")
			if err := x.elsewhere(trigger); err != nil {
				rt.Fatal(err)
			}
			x.note("%s", trigger)
		}
		x.b.all(rt, set("other", "the next write")) // ours are made anew, to go first
		x.look(nil)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			x.b.now += rapid.SampledFrom([]int64{0, 1, 1000, 3000}).Draw(rt, "ms")
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0, 1:
				x.write(false)
			case 2:
				x.write(true)
			case 3:
				x.sweep()
			default:
				x.plain(anySQL(rt))
			}
			x.look(nil)
		}
	})
}

const columnNames = "key, content_type, created_at, updated_at, expire_at, version, op_number, head, value"

// tableChanges are what somebody may do to a table as a whole.
var tableChanges = [][]string{
	{"DROP TABLE kv_store"},
	{"DROP TABLE kv_store", "CREATE TABLE kv_store(" + keyValueColumns + ")", "INSERT INTO kv_store(key, value) VALUES ('a', 'by hand'), ('log', 1)"},
	{"DROP TABLE kv_store", "CREATE TABLE kv_store(" + keyValueColumns + ") WITHOUT ROWID"},
	{"DROP TABLE IF EXISTS kept", "CREATE TABLE kept(" + keyValueColumns + ")", "INSERT INTO kept(key, content_type, expire_at, value) SELECT key, content_type, expire_at, value FROM kv_store"},
	{"DROP TABLE IF EXISTS kept", "ALTER TABLE kv_store RENAME TO kept"},
	{"DROP TABLE IF EXISTS kept", "ALTER TABLE kv_store RENAME TO kept", "ALTER TABLE kept RENAME TO kv_store"},
	{"ALTER TABLE kv_store RENAME TO moved", "CREATE TABLE kv_store(" + keyValueColumns + ")", "INSERT INTO kv_store(key, value) SELECT key, value FROM moved", "DROP TABLE moved"},
	{"CREATE TABLE IF NOT EXISTS kept(" + keyValueColumns + ")", "DROP TABLE kv_store", "ALTER TABLE kept RENAME TO kv_store"},
	{"DROP TABLE kv_store_history"},
	{"DROP TABLE kv_store_history", "DROP TABLE kv_store"},
	{"ALTER TABLE kv_store_history RENAME TO kv_store_past"},
	{"ALTER TABLE kv_store ADD COLUMN IF_ANY"},
	{"ALTER TABLE kv_store_history ADD COLUMN IF_ANY"},
}

// elsewhereOnly are for programs that nobody holds back.
var elsewhereOnly = [][]string{
	{"DROP TRIGGER _urlite_kv_store_updated", "UPDATE kv_store SET content_type = 'text/z' WHERE head = 0"},
	{"DROP TRIGGER _urlite_kv_store_inserted", "INSERT OR IGNORE INTO kv_store(key, value) VALUES ('a', 'unseen'), ('log', 'unseen')"},
	{"DROP TRIGGER _urlite_kv_store_deleted", "CREATE TRIGGER _urlite_kv_store_deleted AFTER DELETE ON kv_store BEGIN DELETE FROM _urlite_meta; END"},
	{"DROP TABLE _urlite_kv_store_deleted"},
	{"DROP TABLE IF EXISTS kept", "CREATE TABLE kept(" + keyValueColumns + ")", "INSERT INTO kept(" + columnNames + ") SELECT " + columnNames + " FROM kv_store"},
	{"ALTER TABLE kv_store RENAME TO moved", "CREATE TABLE kv_store(" + keyValueColumns + ")", "INSERT INTO kv_store(" + columnNames + ") SELECT " + columnNames + " FROM moved", "DROP TABLE moved"},
	{"DROP INDEX _urlite_kv_store_keyframes"},
}

// A table that was dropped, renamed, copied or made by hand is whole again with the next
// write, and none of its rows or entries is taken for another's.
func TestATableThatChangesUnderUsIsWholeWithTheNextWrite(t *testing.T) {
	needsEngine(t, "3.35")
	rapid.Check(t, func(rt *rapid.T) {
		x := newWitness(t, rt)
		defer x.close()
		x.b.all(rt, set("a", "first"))
		x.look(nil)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			x.b.now += rapid.SampledFrom([]int64{0, 1, 1000, 3000}).Draw(rt, "ms")
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0, 1, 2:
				x.write(false)
			case 3:
				x.sweep()
			case 4, 5:
				x.change()
			default:
				x.plain(anySQL(rt))
			}
			x.look(nil)
		}
	})
}

// change changes a table as a whole, and then writes to it and to the one that it was
// copied to.
func (x *witness) change() {
	x.t.Helper()
	if rapid.Bool().Draw(x.t, "elsewhere") {
		changes := append(tableChanges[:len(tableChanges):len(tableChanges)], elsewhereOnly...)
		for _, statement := range rapid.SampledFrom(changes).Draw(x.t, "change") {
			err := x.elsewhere(statement)
			x.note("elsewhere: %s => %v", statement, err)
		}
	} else {
		if _, err := x.w.Begin(); err != nil {
			x.fatalf("%v", err)
		}
		for _, statement := range rapid.SampledFrom(tableChanges).Draw(x.t, "change") {
			answer, err := run(x.w, sql(statement))
			x.note("here: %s => %s %v", statement, answer, err)
		}
		x.end(nil)
	}
	for _, table := range []string{"kept", kv.DefaultTable} {
		x.b.table = table
		x.note("a write to %s", table)
		x.b.all(x.t, set(rapid.SampledFrom(witnessKeys).Draw(x.t, "key"), "the next write"))
	}
	x.forget()
}
