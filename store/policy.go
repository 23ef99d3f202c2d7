package store

import (
	"slices"
	"strings"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

// The policies are written down, line by line, in docs/decisions/0015-sql-policy.md; a test
// runs that table.

// writePolicy is what SQL from a client may do on the writer's connection. The
// transaction is the writer's; the connection is shared, so nothing may stay
// behind in it; and the server's own tables are the server's.
func writePolicy(action sqlite.OpType, a, b, schema string) bool {
	switch action {
	case sqlite.SQLITE_TRANSACTION, sqlite.SQLITE_SAVEPOINT, sqlite.SQLITE_ATTACH, sqlite.SQLITE_DETACH,
		sqlite.SQLITE_CREATE_TEMP_INDEX, sqlite.SQLITE_CREATE_TEMP_TABLE,
		sqlite.SQLITE_CREATE_TEMP_TRIGGER, sqlite.SQLITE_CREATE_TEMP_VIEW:
		return false
	case sqlite.SQLITE_FUNCTION:
		return mayCall(b)
	case sqlite.SQLITE_PRAGMA:
		return readPragma(a, b) || writePragma(a, b)
	case sqlite.SQLITE_SELECT, sqlite.SQLITE_READ, sqlite.SQLITE_RECURSIVE:
		return true
	case sqlite.SQLITE_ANALYZE, sqlite.SQLITE_REINDEX:
		return true // whatever the tables, they stay as they are
	case sqlite.SQLITE_CREATE_TABLE, sqlite.SQLITE_CREATE_VIEW, sqlite.SQLITE_CREATE_INDEX,
		sqlite.SQLITE_CREATE_TRIGGER, sqlite.SQLITE_CREATE_VTABLE:
		if strings.EqualFold(schema, "temp") {
			return false // CREATE TABLE temp.t
		}
		if action == sqlite.SQLITE_CREATE_VTABLE && !slices.Contains(modules, strings.ToLower(b)) {
			return false
		}
	}
	// All that is left writes to what a and b name.
	return !isOwn(a) && !isOwn(b)
}

// readPolicy is what SQL from a client may do on a reader's connection.
func readPolicy(action sqlite.OpType, a, b, _ string) bool {
	switch action {
	case sqlite.SQLITE_SELECT, sqlite.SQLITE_READ, sqlite.SQLITE_RECURSIVE:
		return true
	case sqlite.SQLITE_FUNCTION:
		return mayCall(b)
	case sqlite.SQLITE_PRAGMA:
		return readPragma(a, b)
	case sqlite.SQLITE_INSERT, sqlite.SQLITE_UPDATE, sqlite.SQLITE_DELETE:
		// An rtree compiles all of its statements when it is first read. Run they are not: the
		// connection can't write.
		return isOfRtree(a)
	}
	return false
}

// isOfRtree tells whether a table has the name of one that an rtree keeps itself in.
func isOfRtree(table string) bool {
	table = strings.ToLower(table)
	return strings.HasSuffix(table, "_node") || strings.HasSuffix(table, "_rowid") || strings.HasSuffix(table, "_parent")
}

func isOwn(name string) bool {
	return len(name) >= len(kv.ReservedPrefix) && strings.EqualFold(name[:len(kv.ReservedPrefix)], kv.ReservedPrefix) ||
		strings.EqualFold(name, queryLogTable)
}

// modules are what virtual tables may be made of: they work on tables of the file, and on
// nothing else of the machine. An engine with more of them does not give more to clients.
var modules = []string{"fts5", "fts5vocab", "rtree", "rtree_i32", "geopoly"}

// mayCall refuses what reaches out of the database, most of which this engine does not
// have, and what takes time by the product of its arguments without looking up.
func mayCall(function string) bool {
	switch strings.ToLower(function) {
	case "load_extension", "readfile", "writefile", "edit", "fsdir", "lsdir", "fts3_tokenizer", "fts5",
		"sqlite_log", "geopoly_debug", "rtreecheck", "json_patch", "jsonb_patch":
		return false
	}
	return true
}

// pragmaUse is what a client may do with a PRAGMA. One that is not in the table, it may not use.
type pragmaUse uint8

const (
	never  pragmaUse = iota // it acts, or tells about the machine
	look                    // without an argument it only tells
	ask                     // the argument is what it tells about
	set                     // it changes the file's content, and not how the server runs it
	setWAL                  // it may be set to what it is
)

var pragmas = map[string]pragmaUse{
	"analysis_limit": look, "auto_vacuum": look, "automatic_index": look, "busy_timeout": look, "cache_size": look,
	"cache_spill": look, "cell_size_check": look, "checkpoint_fullfsync": look, "collation_list": look,
	"compile_options": look, "count_changes": look, "data_version": look, "database_list": look,
	"defer_foreign_keys": look, "empty_result_callbacks": look, "encoding": look, "foreign_keys": look,
	"freelist_count": look, "full_column_names": look, "fullfsync": look, "function_list": look,
	"hard_heap_limit": look, "ignore_check_constraints": look, "journal_size_limit": look, "legacy_alter_table": look,
	"locking_mode": look, "max_page_count": look, "mmap_size": look, "module_list": look, "page_count": look,
	"page_size": look, "pragma_list": look, "query_only": look, "read_uncommitted": look, "recursive_triggers": look,
	"reverse_unordered_selects": look, "schema_version": look, "secure_delete": look, "short_column_names": look,
	"soft_heap_limit": look, "synchronous": look, "temp_store": look, "threads": look, "trusted_schema": look,
	"wal_autocheckpoint": look, "writable_schema": look,

	"foreign_key_check": ask, "foreign_key_list": ask, "index_info": ask, "index_list": ask, "index_xinfo": ask,
	"integrity_check": ask, "quick_check": ask, "table_info": ask, "table_list": ask, "table_xinfo": ask,

	"application_id": set, "user_version": set,

	"journal_mode": setWAL,

	"case_sensitive_like": never, "incremental_vacuum": never, "optimize": never, "shrink_memory": never,
	"temp_store_directory": never, "wal_checkpoint": never,
}

// readPragma allows what only tells.
func readPragma(name, argument string) bool {
	switch pragmas[strings.ToLower(name)] {
	case never:
		return false
	case ask:
		return true
	}
	return argument == ""
}

// writePragma allows what changes the file's content and not how the server runs it.
func writePragma(name, argument string) bool {
	switch pragmas[strings.ToLower(name)] {
	case set:
		return true
	case setWAL:
		return strings.EqualFold(argument, "wal")
	}
	return false
}
