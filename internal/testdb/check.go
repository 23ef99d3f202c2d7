package testdb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// laws are what must hold in the file for every KV table; each query answers what
// breaks it.
var laws = []struct{ broken, sql string }{
	{"rows whose head is no entry of their key",
		`SELECT key, head, op_number FROM "$table" AS r WHERE head <> 0 AND NOT EXISTS
			(SELECT 1 FROM "$table_history" AS h WHERE h.id = r.head AND h.key = r.key AND h.op_number = r.op_number)`},
	{"rows with the number of an entry but no head",
		`SELECT key, op_number FROM "$table" WHERE head = 0 AND op_number <> 0`},
	{"deleted keys whose head is no entry of theirs",
		`SELECT key, head, op_number FROM "_urlite_$table_deleted" AS r WHERE NOT EXISTS
			(SELECT 1 FROM "$table_history" AS h WHERE h.id = r.head AND h.key = r.key AND h.op_number = r.op_number)`},
	{"entries that neither a row nor a deleted key leads to",
		`SELECT id, key, op_number FROM "$table_history" AS h WHERE op_number > coalesce((SELECT op_number FROM "$table" WHERE key = h.key),
			(SELECT op_number FROM "_urlite_$table_deleted" WHERE key = h.key), 0)`},
	{"entries whose chain does not lead back to the key's first",
		`SELECT id, key, op_number, prev FROM "$table_history" AS h WHERE
			op_number < 1 OR (op_number = 1 AND prev <> 0) OR (prev <> 0 AND NOT EXISTS
			(SELECT 1 FROM "$table_history" AS p WHERE p.id = h.prev AND p.id < h.id AND p.key = h.key AND p.op_number = h.op_number - 1))`},
	{"oldest entries that are not the key's first and do not tell their state",
		`SELECT id, key, op_number FROM "$table_history" AS h WHERE prev = 0 AND op_number > 1 AND content_type IS NULL AND op NOT IN (3, 12)
			AND (op <> 11 OR (arg IS NULL AND EXISTS (SELECT 1 FROM "$table_history" AS n WHERE n.prev = h.id)))`},
	{"keyframes that do not tell their state",
		`SELECT id, key, op_number FROM "$table_history" WHERE (op_number & 63) = 0 AND content_type IS NULL AND op NOT IN (3, 11, 12)`},
	{"entries that are older than one before them",
		`SELECT id, at, latest FROM (SELECT id, at, max(at) OVER (ORDER BY id) AS latest FROM "$table_history") WHERE at < latest`},
	{"entries that are later than the clock",
		`SELECT at, clock FROM (SELECT max(at) AS at FROM "$table_history"), (SELECT value AS clock FROM _urlite_meta WHERE name = 'clock') WHERE at > clock`},
	{"a number of rows that is not that of its rows",
		`SELECT rows FROM _urlite_tables WHERE name = '$table' AND rows IS NOT NULL AND rows <> (SELECT count(*) FROM "$table")`},
	{"numbers beyond the sequence",
		`SELECT n, sequence FROM (SELECT max(n) AS n FROM (SELECT max(version) AS n FROM "$table" UNION ALL
			SELECT max(version) FROM "_urlite_$table_deleted" UNION ALL SELECT max(id) FROM "$table_history")),
			(SELECT value AS sequence FROM _urlite_meta WHERE name = 'sequence') WHERE n > sequence`},
	{"rows whose version is not that of their latest entry, though it is recorded",
		`SELECT r.key, version, head FROM "$table" AS r JOIN "$table_history" AS h ON h.id = r.head
			WHERE version < head OR (h.op = 11 AND version = head)`},
	{"deleted keys whose version is not that of their latest entry, though it is told",
		`SELECT r.key, version, head FROM "_urlite_$table_deleted" AS r JOIN "$table_history" AS h ON h.id = r.head
			WHERE version >= 0 AND (version < head OR (version > head AND h.op <> 11))`},
	{"keys that are both there and deleted",
		// A negative version is a chain that was set aside before its row was replaced.
		`SELECT key FROM "$table" WHERE key IN (SELECT key FROM "_urlite_$table_deleted" WHERE version >= 0)`},
	{"chains that were set aside and are nobody's",
		`SELECT key FROM "_urlite_$table_deleted" WHERE version < 0 AND key NOT IN (SELECT key FROM "$table" WHERE head <> 0)`},
	{"two entries of one key with one number",
		`SELECT key, op_number FROM "$table_history" GROUP BY key, op_number HAVING count(*) > 1`},
	{"gaps that are open in the middle of a chain",
		`SELECT id, key, op_number FROM "$table_history" AS h WHERE op = 11 AND arg IS NULL AND content_type IS NULL
			AND EXISTS (SELECT 1 FROM "$table_history" AS n WHERE n.prev = h.id)`},
}

// Check holds the file at path to SQLite's laws and ours.
func Check(t testing.TB, path string) {
	t.Helper()
	r, err := store.OpenReader(path, store.Options{})
	if err != nil {
		t.Errorf("the file can't be checked: %v", err)
		return
	}
	defer r.Close()
	if rows := Rows(t, r, "PRAGMA integrity_check"); len(rows) != 1 || string(rows[0][0].Bytes) != "ok" {
		t.Errorf("the file is damaged: %s", Text(rows))
		return
	}
	for _, finding := range Broken(t, r) {
		t.Errorf("%s", finding)
	}
}

// Broken answers what in the file breaks our laws.
func Broken(t Failer, r *store.ReadConn) (findings []string) {
	t.Helper()
	for _, table := range keyValueTables(t, r) {
		for _, law := range laws {
			if rows := Rows(t, r, strings.ReplaceAll(law.sql, "$table", table)); len(rows) > 0 {
				findings = append(findings, fmt.Sprintf("%s: %s: %s", table, law.broken, Text(rows)))
			}
		}
		findings = append(findings, brokenPast(t, r, table)...)
	}
	return findings
}

func keyValueTables(t Failer, r *store.ReadConn) (tables []string) {
	t.Helper()
	rows := Rows(t, r, `SELECT t.name FROM sqlite_master AS t JOIN sqlite_master AS h ON h.name = t.name || '_history'
		JOIN sqlite_master AS d ON d.name = '_urlite_' || t.name || '_deleted' WHERE t.type = 'table'
		AND t.sql LIKE '%head INTEGER%'`)
	for _, row := range rows {
		tables = append(tables, string(row[0].Bytes))
	}
	return tables
}

// brokenPast folds the entries of every key and holds the result against its row.
func brokenPast(t Failer, r *store.ReadConn, table string) (findings []string) {
	t.Helper()
	for key, chain := range History(t, r, table) {
		if wrong := brokenChain(t, r, table, key, chain); wrong != "" {
			findings = append(findings, fmt.Sprintf("%s: the past of %q %s", table, key, wrong))
		}
	}
	slices.Sort(findings)
	return findings
}

func brokenChain(t Failer, r *store.ReadConn, table, key string, chain []kv.Entry) string {
	t.Helper()
	state, known := Fold(chain)
	var row kv.Row
	err := r.Snapshot(func() error {
		source, err := r.Past(table)
		if err == nil {
			_, err = source.Row(key, &row, nil)
		}
		return err
	})
	if err != nil {
		return fmt.Sprintf("can't be held against its row: %v", err)
	}
	last := &chain[len(chain)-1]
	open := last.Op == kv.EntryUnrecorded && !last.HasState
	switch {
	case row.Unseen: // SQL gave it a version: nobody noticed, and history does not claim to
		return ""
	case row.Exists && row.Head != last.ID:
		return fmt.Sprintf("ends with entry %d, its row goes on from %d", last.ID, row.Head)
	case known == open:
		return fmt.Sprintf("ends in an open gap: %v; its state is known: %v", open, known)
	case !row.Exists && known && state.Live(1<<62):
		return fmt.Sprintf("says %s, there is no such row", Display(&state))
	case row.Exists && known && Display(&row) != Display(&state):
		return fmt.Sprintf("says %s, its row is %s", Display(&state), Display(&row))
	}
	return ""
}

// Fold replays a chain, oldest first.
func Fold(chain []kv.Entry) (state kv.Row, known bool) {
	for i := range chain {
		known = chain[i].Fold(&state)
	}
	return state, known
}

// Display writes what history tells of a row.
func Display(row *kv.Row) string {
	if !row.Exists {
		return "nothing"
	}
	return fmt.Sprintf("%q (kind %d, type %q, expires %d)", row.Value.Append(nil), row.Value.Kind, row.ContentType, row.ExpireAt)
}

// History answers the entries of every key of a KV table, oldest first.
func History(t Failer, r *store.ReadConn, table string) map[string][]kv.Entry {
	t.Helper()
	all := map[string][]kv.Entry{}
	for _, row := range Rows(t, r, `SELECT key, id, op_number, op, at, prev, arg, content_type, expire_at, value, path
		FROM "`+table+`_history" ORDER BY id`) {
		key := string(row[0].Bytes)
		if row[0].Kind != sqltx.Text {
			key = fmt.Sprintf("%+v", row[0]) // not a key, and not the text of its bytes
		}
		all[key] = append(all[key], entryOf(row))
	}
	for key, chain := range all {
		for i := range chain {
			if chain[i].HasState && !chain[i].Absent && chain[i].Value.Kind == kv.Stored {
				readApart(t, r, table, key, &chain[i])
			}
		}
	}
	return all
}

// readApart reads a state that is kept apart from its entry.
func readApart(t Failer, r *store.ReadConn, table, key string, e *kv.Entry) {
	t.Helper()
	err := r.Snapshot(func() error {
		source, err := r.Past(table)
		if err != nil {
			return err
		}
		var entry past.Entry
		_, err = source.Entry(key, e.ID, &entry, nil)
		e.Value = entry.Value
		return err
	})
	if err != nil {
		t.Fatalf("entry %d of %q: %v", e.ID, key, err)
	}
}

// entryOf reads a line of history. NULLs read as zero.
func entryOf(row []sqltx.Value) kv.Entry {
	e := kv.Entry{
		ID: row[1].Int, OpNumber: row[2].Int, Op: kv.EntryOp(row[3].Int), At: row[4].Int, Prev: row[5].Int, Arg: row[6].Int,
		ContentType: string(row[7].Bytes), ExpireAt: row[8].Int, Path: string(row[10].Bytes),
		HasState: row[7].Kind != sqltx.Null,
	}
	value := kv.Value{}
	switch stored := row[9]; stored.Kind {
	case sqltx.Integer:
		value = kv.IntegerValue(stored.Int)
	case sqltx.Blob:
		value = kv.Value{Kind: kv.Blob, Bytes: stored.Bytes}
	case sqltx.Text:
		value = kv.Value{Kind: kv.Text, Bytes: stored.Bytes}
	case sqltx.Float, sqltx.Null:
		if e.HasState && !(stored.Kind == sqltx.Null && e.Op.Replays()) { // such a value reads as text
			value = kv.Value{Kind: kv.Text, Bytes: stored.Bytes}
		}
	}
	switch {
	case e.HasState:
		e.Value = value
	case e.Op.TellsAbsence():
		e.HasState, e.Absent = true, true
	case e.Op == kv.EntryUnrecorded:
		e.HasState = row[6].Kind != sqltx.Null
		e.Absent = e.HasState
	default:
		e.Delta, e.Expires = value, row[8].Kind != sqltx.Null
	}
	return e
}

// Text writes rows for a message.
func Text(rows [][]sqltx.Value) string {
	var out strings.Builder
	for i, row := range rows {
		if i == 10 {
			fmt.Fprintf(&out, "and %d more", len(rows)-i)
			break
		}
		for _, v := range row {
			switch v.Kind {
			case sqltx.Null:
				out.WriteString("NULL ")
			case sqltx.Integer:
				fmt.Fprintf(&out, "%d ", v.Int)
			case sqltx.Float:
				fmt.Fprintf(&out, "%g ", v.Float)
			case sqltx.Text:
				fmt.Fprintf(&out, "%q ", v.Bytes)
			case sqltx.Blob:
				fmt.Fprintf(&out, "x'%x' ", v.Bytes)
			}
		}
		out.WriteString("| ")
	}
	return strings.TrimSuffix(strings.TrimSuffix(out.String(), "| "), " ")
}
