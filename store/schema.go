package store

import (
	"strings"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// The file's own tables. docs/architecture.md explains each column.
//
// Names of the server's own begin with kv.ReservedPrefix, which no KV table can
// have. Everything is addressed in main: a temporary table must not shadow it.
const (
	metaTable   = "_urlite_meta"
	actorsTable = "_urlite_actors"

	// fileFormat is the layout of the server's own tables.
	fileFormat = 1
)

const metaSchema = `CREATE TABLE IF NOT EXISTS main._urlite_meta(
	name TEXT PRIMARY KEY NOT NULL,
	value
) WITHOUT ROWID`

const actorsSchema = `CREATE TABLE IF NOT EXISTS main._urlite_actors(
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
)`

// tablesSchema is what is settled for single KV tables: how much of their past is kept,
// NULL for as much as the server keeps of any; the moment before which keys may have
// been there that have left no trace; and how many rows the table has, NULL if nobody
// knows (count.go).
const tablesSchema = `CREATE TABLE IF NOT EXISTS main._urlite_tables(
	name TEXT PRIMARY KEY NOT NULL,
	keep_entries INTEGER,
	keep_seconds INTEGER,
	horizon INTEGER NOT NULL DEFAULT 0,
	rows INTEGER
) WITHOUT ROWID`

// queryHistorySchema is the query history that the API shows under /history.
const queryHistorySchema = `CREATE TABLE IF NOT EXISTS main._query_history(
	id INTEGER PRIMARY KEY,
	sql TEXT NOT NULL,
	timestamp INTEGER NOT NULL,
	execution_time_ms REAL NOT NULL,
	success INTEGER NOT NULL,
	error TEXT,
	row_count INTEGER NOT NULL DEFAULT 0,
	is_statement INTEGER NOT NULL DEFAULT 0,
	source TEXT NOT NULL DEFAULT 'sql',
	client_ip TEXT
)`

// value stands last: what is before it is read without walking through the pages
// of a large value. The defaults make a row that plain SQL inserted with key and
// value a valid one.
const tableSchema = `CREATE TABLE IF NOT EXISTS main."$table"(
	key TEXT PRIMARY KEY NOT NULL,
	content_type TEXT NOT NULL DEFAULT 'text/plain',
	created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
	updated_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
	expire_at INTEGER,
	version INTEGER NOT NULL DEFAULT 0,
	op_number INTEGER NOT NULL DEFAULT 0,
	head INTEGER NOT NULL DEFAULT 0,
	value
) WITHOUT ROWID`

const historySchema = `CREATE TABLE IF NOT EXISTS main."$table_history"(
	id INTEGER PRIMARY KEY,
	key TEXT NOT NULL,
	op_number INTEGER NOT NULL,
	op INTEGER NOT NULL,
	at INTEGER NOT NULL,
	prev INTEGER NOT NULL,
	actor INTEGER,
	arg,
	path TEXT,
	content_type TEXT,
	expire_at INTEGER,
	value
)`

// A full (key, op_number) index would cost a random page per write; the chain
// needs a way in only at its keyframes (kv.KeyframeEvery).
const keyframesSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_keyframes"
	ON "$table_history"(key, op_number) WHERE (op_number & 63) = 0`

const expirySchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_expiry"
	ON "$table"(expire_at) WHERE expire_at IS NOT NULL`

// unrecordedSchema and gappedSchema find the rows that history does not tell: those that
// never had any, and those that were written since without. (And a few that are undone.)
// They are two, so that a write without history to a row without one, such as of a rate
// limit, moves neither: it does not touch head.
const (
	unrecordedSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_unrecorded"
	ON "$table"(key) WHERE head = 0`
	gappedSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_gapped"
	ON "$table"(key) WHERE version <> head AND head <> 0`
)

// gapsSchema finds the entries that stand for unrecorded writes.
const gapsSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_gaps"
	ON "$table_history"(key, op_number) WHERE op = 11`

// deletedSchema keeps the chain of deleted keys apart, so that SELECT over the KV
// table shows live keys only.
const deletedSchema = `CREATE TABLE IF NOT EXISTS main."_urlite_$table_deleted"(
	key TEXT PRIMARY KEY NOT NULL,
	updated_at INTEGER NOT NULL,
	version INTEGER NOT NULL,
	op_number INTEGER NOT NULL,
	head INTEGER NOT NULL
) WITHOUT ROWID`

// goneSchema finds the keys that ceased to be since a moment: updated_at is when.
const goneSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_gone"
	ON "_urlite_$table_deleted"(updated_at)`

// undoneSchema marks the rows that their latest entry tells, though they have a version of
// their own: the entries after it were undone. SQL that sets a version is no undo.
const undoneSchema = `CREATE TABLE IF NOT EXISTS main."_urlite_$table_undone"(
	key TEXT PRIMARY KEY NOT NULL,
	version INTEGER NOT NULL
) WITHOUT ROWID`

// tableSchemas are what belongs to a KV table, in the order that they are made in.
var tableSchemas = append([]string{
	tableSchema, historySchema, keyframesSchema, gapsSchema, expirySchema, unrecordedSchema, gappedSchema, deletedSchema, goneSchema, undoneSchema,
}, chunkSchemas...)

// forTable puts a table's name into a statement. kv.CheckTable has passed it, so
// it needs no escaping.
func forTable(sql, table string) string { return strings.ReplaceAll(sql, "$table", table) }

// createTable makes the KV table and what belongs to it, as far as it is not there.
func createTable(conn *sqlite.Conn, table string, state tableState) error {
	if state == tableBehind {
		if err := beginCount(conn, table, false); err != nil {
			return err
		}
		return createTriggers(conn, table)
	}
	if state == tableBare {
		if err := mustHoldKeys(conn, table); err != nil {
			return err
		}
	}
	past, err := columnsOf(conn, table+"_history")
	if err != nil {
		return err
	}
	for _, schema := range tableSchemas {
		if err := run(conn, forTable(schema, table)); err != nil {
			return err
		}
	}
	if err := forgetStrangers(conn, table, state, isHistory(past)); err != nil {
		return err
	}
	if err := beginCount(conn, table, state == tableMissing); err != nil {
		return err
	}
	return createTriggers(conn, table)
}

// mustHoldKeys refuses a table that has the columns of a KV table and not what we rely
// on, as CREATE TABLE … AS SELECT makes it: a key is there once, and a row that SQL
// inserts has a version.
func mustHoldKeys(conn *sqlite.Conn, table string) error {
	stmt, _, err := conn.PrepareTransient(`SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') AS l WHERE l."unique" AND NOT l.partial
		AND (SELECT group_concat(name) FROM pragma_index_info(l.name, 'main')) = 'key')
		AND (SELECT count(*) FROM pragma_table_info(?1, 'main') WHERE name IN ('version', 'op_number', 'head') AND "notnull") = 3`)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	if _, err := stmt.Step(); err != nil || stmt.ColumnInt(0) != 0 {
		return err
	}
	return refusal.Newf(refusal.InvalidParameters, "%q is not a key-value table: its key is not unique, or version, op_number and head may be NULL", table)
}

// isHistory tells a history of ours from a table that happens to have the name.
func isHistory(columns map[string]bool) bool {
	for _, name := range []string{"id", "key", "op_number", "op", "at", "prev", "actor", "arg", "path", "content_type", "expire_at", "value"} {
		if !columns[name] {
			return false
		}
	}
	return true
}

// tableState is what stands under a KV table's name.
type tableState uint8

const (
	tableMissing tableState = iota
	tableReady
	tableBehind // only its triggers have to be made anew
	tableBare   // the table is there, but something of its history or its triggers is not
)

// tableColumns is what a KV table must have to be one.
var tableColumns = []string{"key", "content_type", "created_at", "updated_at", "expire_at", "version", "op_number", "head", "value"}

// inspectTable tells what stands under the name, and refuses what is no KV table.
func inspectTable(conn *sqlite.Conn, table string) (tableState, error) {
	columns, err := columnsOf(conn, table)
	if err != nil || len(columns) == 0 {
		return tableMissing, err
	}
	view, err := isView(conn, table)
	if err != nil {
		return tableMissing, err
	}
	if view {
		return tableMissing, refusal.Newf(refusal.InvalidParameters, "%q is not a key-value table: it is a view", table)
	}
	for _, name := range tableColumns {
		if !columns[name] {
			return tableMissing, refusal.Newf(refusal.InvalidParameters, "%q is not a key-value table: it has no column %s", table, name)
		}
	}
	for _, companion := range []string{table + "_history", "_urlite_" + table + "_deleted", "_urlite_" + table + "_undone"} {
		columns, err := columnsOf(conn, companion)
		if err != nil {
			return tableMissing, err
		}
		if len(columns) == 0 {
			return tableBare, nil
		}
	}
	found, err := findTriggers(conn, table)
	if err != nil {
		return tableMissing, err
	}
	return map[triggerState]tableState{triggersMissing: tableBare, triggersBehind: tableBehind, triggersReady: tableReady}[found.state], nil
}

func isView(conn *sqlite.Conn, name string) (bool, error) {
	stmt, _, err := conn.PrepareTransient("SELECT 1 FROM main.sqlite_master WHERE type = 'view' AND name = ?1 COLLATE NOCASE")
	if err != nil {
		return false, err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, name)
	return stmt.Step()
}

func columnsOf(conn *sqlite.Conn, table string) (map[string]bool, error) {
	stmt, _, err := conn.PrepareTransient("SELECT name FROM pragma_table_info(?1, 'main')")
	if err != nil {
		return nil, err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	columns := map[string]bool{}
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return columns, err
		}
		columns[stmt.ColumnText(0)] = true
	}
}

// keyValueTables lists the KV tables of the file that have a history.
func keyValueTables(conn *sqlite.Conn) ([]string, error) {
	stmt, _, err := conn.PrepareTransient(`SELECT substr(d.name, 9, length(d.name) - 16)
		FROM main.sqlite_master AS d WHERE d.type = 'table' AND d.name GLOB '_urlite_*_deleted'
		AND EXISTS (SELECT 1 FROM main.sqlite_master AS t WHERE t.type = 'table' AND t.name = substr(d.name, 9, length(d.name) - 16))`)
	if err != nil {
		return nil, err
	}
	defer stmt.Finalize()
	var tables []string
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return tables, err
		}
		tables = append(tables, stmt.ColumnText(0))
	}
}

// noKeyValueTable tells of an error that says that under a KV table's name, or that
// of its history, somebody has put something else.
func noKeyValueTable(err error) bool {
	return err != nil && (refusal.Of(err).Kind == refusal.InvalidParameters || primary(err) == sqlite.SQLITE_ERROR)
}

// schemaWatch notices that tables were made, changed or dropped, by anybody.
type schemaWatch struct {
	conn    *sqlite.Conn
	version int64
	read    *sqlite.Stmt
	numbers numbers
}

// changed tells whether the schema is another one than at the last call.
func (s *schemaWatch) changed() (bool, error) {
	version, err := s.present()
	if err != nil {
		return false, err
	}
	changed := version != s.version
	s.version = version
	return changed, nil
}

// differs is changed that is not a call.
func (s *schemaWatch) differs() (bool, error) {
	version, err := s.present()
	return version != s.version, err
}

func (s *schemaWatch) present() (int64, error) {
	if s.read == nil {
		stmt, _, err := s.conn.PrepareTransient("PRAGMA main.schema_version")
		if err != nil {
			return 0, err
		}
		s.read = stmt
	}
	return s.numbers.first(s.conn, s.read)
}

func (s *schemaWatch) close() {
	if s.read != nil {
		s.read.Finalize()
		s.read = nil
	}
}
