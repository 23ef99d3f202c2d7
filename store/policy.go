package store

import (
	"strings"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

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
		return !strings.EqualFold(b, "load_extension")
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
		return !strings.EqualFold(b, "load_extension")
	case sqlite.SQLITE_PRAGMA:
		return readPragma(a, b)
	}
	return false
}

func isOwn(name string) bool {
	return len(name) >= len(kv.ReservedPrefix) && strings.EqualFold(name[:len(kv.ReservedPrefix)], kv.ReservedPrefix)
}

// readPragma allows what only looks. Most pragmas look when they have no
// argument; a few act all the same, and a few look at what the argument names.
func readPragma(name, argument string) bool {
	switch strings.ToLower(name) {
	case "wal_checkpoint", "optimize", "incremental_vacuum", "shrink_memory":
		return false
	case "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
		"foreign_key_list", "foreign_key_check", "integrity_check", "quick_check":
		return true
	}
	return argument == ""
}

// writePragma allows what changes the file's content and not how the server runs
// it.
func writePragma(name, argument string) bool {
	switch strings.ToLower(name) {
	case "user_version", "application_id":
		return true
	case "journal_mode":
		return strings.EqualFold(argument, "wal")
	}
	return false
}
