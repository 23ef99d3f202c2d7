package store

/*
#include "native_sqlite.h"

// What is bound is the caller's memory, so it must not stay bound. An empty text is NULL.
static void bind_lent(sqlite3_stmt *stmt, int param, const char *text, int size) {
	if (size > 0) sqlite3_bind_text(stmt, param, text, size, BORROWED);
}

// put_logged binds the parameters of insertLogged: of the numbers, ?1 id, ?3 timestamp, ?5
// success, ?7 row_count, ?8 is_statement.
static int put_logged(void *handle, const sqlite3_int64 *numbers, double millis, const char *sql, int sql_size,
	const char *error, int error_size, const char *source, int source_size, const char *client, int client_size) {
	sqlite3_stmt *stmt = handle;
	static const int params[] = {1, 3, 5, 7, 8};
	for (int i = 0; i < 5; i++) sqlite3_bind_int64(stmt, params[i], numbers[i]);
	sqlite3_bind_text(stmt, 2, sql_size > 0 ? sql : "", sql_size, BORROWED);
	sqlite3_bind_double(stmt, 4, millis);
	bind_lent(stmt, 6, error, error_size);
	bind_lent(stmt, 9, source, source_size);
	bind_lent(stmt, 10, client, client_size);
	int code = sqlite3_step(stmt), late = sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return late != 0 ? late : code;
}
*/
import "C"

import "github.com/urlite/urlite/querylog"

// put inserts an entry in one crossing into C: a thousand a second may be due, while the
// calls of a group wait (profiles/notes/0001-one-crossing.md).
func (l *queryLog) put(e *querylog.Entry, further int64) error {
	l.numbers = numbers{e.ID + further, e.At, int64(toInt(e.Success)), e.Rows, int64(toInt(e.Statement))}
	sql, sqlSize := textOf(e.SQL)
	why, whySize := textOf(e.Error)
	source, sourceSize := textOf(e.Source.String())
	client, clientSize := textOf(e.Client)
	return codeError(l.conn, C.put_logged(stmtHandle(l.insert), l.numbers.c(), C.double(querylog.Millis(e.Took)),
		sql, sqlSize, why, whySize, source, sourceSize, client, clientSize))
}
