package store

/*
#include <string.h>
#include "native_sqlite.h"

enum { NUMBERS = 6, TYPE_COLUMN = NUMBERS, VALUE_COLUMN };

// row_columns is a row of a KV table; its texts are copied into a buffer, the
// content type first.
typedef struct {
	sqlite3_int64 numbers[NUMBERS]; // the columns before the content type
	sqlite3_int64 integer;          // the value, if it is one
	int value_type, type_size, value_size;
	int fits; // if not, nothing was copied and the statement stands on the row
} row_columns;

// A key is bound as the caller's memory, so it must not stay bound.
static void bind_key(sqlite3_stmt *stmt, int param, const char *key, int size) {
	sqlite3_bind_text(stmt, param, key, size, BORROWED);
}

static int reset(sqlite3_stmt *stmt, int code) {
	int late = sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return late != 0 ? late : code;
}

static int get_row(void *handle, const char *key, int key_size, int with_value, char *buffer, int room, row_columns *out) {
	sqlite3_stmt *stmt = handle;
	bind_key(stmt, 1, key, key_size);
	int code = sqlite3_step(stmt);
	out->fits = 1;
	if (code != ROW) return reset(stmt, code);
	for (int i = 0; i < NUMBERS; i++) out->numbers[i] = sqlite3_column_int64(stmt, i);
	out->type_size = sqlite3_column_bytes(stmt, TYPE_COLUMN);
	out->value_type = out->value_size = 0;
	if (with_value) {
		out->value_type = sqlite3_column_type(stmt, VALUE_COLUMN);
		if (out->value_type == INTEGER) out->integer = sqlite3_column_int64(stmt, VALUE_COLUMN);
		else out->value_size = sqlite3_column_bytes(stmt, VALUE_COLUMN);
	}
	if (out->type_size > room || out->value_size > room - out->type_size) {
		out->fits = 0;
		return code;
	}
	if (out->type_size > 0) memcpy(buffer, sqlite3_column_blob(stmt, TYPE_COLUMN), out->type_size);
	if (out->value_size > 0) memcpy(buffer + out->type_size, sqlite3_column_blob(stmt, VALUE_COLUMN), out->value_size);
	return reset(stmt, code);
}

// get_numbers steps a statement that answers one row of so many numbers at most.
static int get_numbers(void *handle, sqlite3_int64 *numbers, int n) {
	sqlite3_stmt *stmt = handle;
	int code = sqlite3_step(stmt);
	if (code == ROW) for (int i = 0; i < n; i++) numbers[i] = sqlite3_column_int64(stmt, i);
	int late = sqlite3_reset(stmt);
	return late != 0 ? late : code;
}

static int put_numbers(void *handle, const sqlite3_int64 *numbers, int n) {
	sqlite3_stmt *stmt = handle;
	for (int i = 0; i < n; i++) sqlite3_bind_int64(stmt, i + 1, numbers[i]);
	int code = sqlite3_step(stmt), late = sqlite3_reset(stmt);
	return late != 0 ? late : code;
}

// Like the key, what is bound is the caller's memory.
static void bind_value(sqlite3_stmt *stmt, int param, int kind, sqlite3_int64 integer, const char *bytes, int size) {
	if (size == 0) bytes = ""; // no address would be NULL
	if (kind == INTEGER) sqlite3_bind_int64(stmt, param, integer);
	else if (kind == TEXT) sqlite3_bind_text(stmt, param, bytes, size, BORROWED);
	else if (kind == BLOB) sqlite3_bind_blob(stmt, param, bytes, size, BORROWED);
}

// put_row binds ?1 key, ?2 type, ?3… six numbers, the value, and the version before, which
// only an update has a place for; an expiry of zero is NULL.
static int put_row(void *handle, const char *key, int key_size, const char *type, int type_size,
	const sqlite3_int64 *numbers, int updates, int kind, sqlite3_int64 integer, const char *bytes, int size) {
	sqlite3_stmt *stmt = handle;
	bind_key(stmt, 1, key, key_size);
	bind_value(stmt, 2, TEXT, 0, type, type_size);
	for (int i = 0; i < 6; i++) if (i != 2 || numbers[i] != 0) sqlite3_bind_int64(stmt, i + 3, numbers[i]);
	bind_value(stmt, 9, kind, integer, bytes, size);
	if (updates) sqlite3_bind_int64(stmt, 10, numbers[6]);
	return reset(stmt, sqlite3_step(stmt));
}

// put_value binds ?1 key, ?2… four numbers, the value, and the version before.
static int put_value(void *handle, const char *key, int key_size,
	const sqlite3_int64 *numbers, int kind, sqlite3_int64 integer, const char *bytes, int size) {
	sqlite3_stmt *stmt = handle;
	bind_key(stmt, 1, key, key_size);
	for (int i = 0; i < 4; i++) sqlite3_bind_int64(stmt, i + 2, numbers[i]);
	bind_value(stmt, 6, kind, integer, bytes, size);
	sqlite3_bind_int64(stmt, 7, numbers[4]);
	return reset(stmt, sqlite3_step(stmt));
}

// A zero at the end is a NULL: no actor, no argument.
static void bind_entry(sqlite3_stmt *stmt, const char *key, int key_size, const sqlite3_int64 *numbers) {
	sqlite3_bind_int64(stmt, 1, numbers[0]);
	bind_key(stmt, 2, key, key_size);
	for (int i = 1; i < 7; i++) if (i < 5 || numbers[i] != 0) sqlite3_bind_int64(stmt, i + 2, numbers[i]);
}

static int put_entry(void *handle, const char *key, int key_size, const sqlite3_int64 *numbers) {
	sqlite3_stmt *stmt = handle;
	bind_entry(stmt, key, key_size, numbers);
	return reset(stmt, sqlite3_step(stmt));
}

// put_full_entry is put_entry with all that an entry may have: ?9 path, ?10 type, ?11
// expiry, ?12 value. What has no address is NULL.
static int put_full_entry(void *handle, const char *key, int key_size, const sqlite3_int64 *numbers,
	const char *path, int path_size, const char *type, int type_size, int expires,
	int kind, sqlite3_int64 integer, const char *bytes, int size) {
	sqlite3_stmt *stmt = handle;
	bind_entry(stmt, key, key_size, numbers);
	if (path_size > 0) bind_value(stmt, 9, TEXT, 0, path, path_size);
	if (type_size >= 0) bind_value(stmt, 10, TEXT, 0, type, type_size);
	if (expires) sqlite3_bind_int64(stmt, 11, numbers[7]);
	bind_value(stmt, 12, kind, integer, bytes, size);
	return reset(stmt, sqlite3_step(stmt));
}
*/
import "C"

import (
	"unsafe"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

// This file is what every read and every write does, each in one crossing into C
// instead of ten or more: a crossing costs as much as binding a
// value does (profiles/notes/0001-one-crossing.md). All else uses the binding.

// smallRow is the room kept for the texts of a row; what is larger costs a few
// crossings more.
const smallRow = 512

// rowReader reads rows of KV tables. Its memory is used again for each.
type rowReader struct {
	types   interner
	columns C.row_columns
}

// get reads the row of key with a statement of selectRow or, with its value, of
// selectRowAll. Its texts are appended to arena, which is returned. A key that is
// not there leaves row.Exists false.
func (r *rowReader) get(conn *sqlite.Conn, stmt *sqlite.Stmt, key string, withValue bool, row *kv.Row, arena []byte) ([]byte, error) {
	*row = kv.Row{}
	start := len(arena)
	arena = growBy(arena, smallRow)
	value := C.int(0)
	if withValue {
		value = 1
	}
	code := C.get_row(stmtHandle(stmt), (*C.char)(unsafe.Pointer(unsafe.StringData(key))), C.int(len(key)), value,
		(*C.char)(unsafe.Pointer(&arena[start])), smallRow, &r.columns)
	c := &r.columns
	if sqlite.ErrorCode(code) != sqlite.SQLITE_ROW {
		return arena[:start], codeError(conn, code)
	}
	row.Exists = true
	row.CreatedAt, row.UpdatedAt, row.ExpireAt = int64(c.numbers[0]), int64(c.numbers[1]), int64(c.numbers[2])
	row.Version, row.OpNumber, row.Head = int64(c.numbers[3]), int64(c.numbers[4]), int64(c.numbers[5])
	end := start + int(c.type_size) + int(c.value_size)
	if c.fits == 0 {
		arena = append(arena[:start], columnBytes(stmt, typeColumn)...)
		if withValue {
			arena = append(arena, columnBytes(stmt, valueColumn)...)
		}
		if err := resetBound(stmt); err != nil {
			return arena[:start], err
		}
	}
	arena = arena[:end]
	texts := arena[start:end:end]
	row.ContentType = r.types.text(texts[:c.type_size])
	row.Value = valueOf(sqlite.ColumnType(c.value_type), int64(c.integer), texts[c.type_size:])
	return arena, nil
}

// valueOf makes a value of a column. What plain SQL stored as REAL or NULL reads as
// the text that SQLite makes of it; 0 is the type of a value that was not read.
func valueOf(kind sqlite.ColumnType, integer int64, text []byte) kv.Value {
	switch kind {
	case 0:
		return kv.Value{Kind: kv.Stored}
	case sqlite.SQLITE_INTEGER:
		return kv.IntegerValue(integer)
	case sqlite.SQLITE_BLOB:
		return kv.Value{Kind: kv.Blob, Bytes: text}
	}
	return kv.Value{Kind: kv.Text, Bytes: text}
}

// resetBound resets a statement and lets go of what was bound to it.
func resetBound(stmt *sqlite.Stmt) error {
	if err := stmt.Reset(); err != nil {
		return err
	}
	return stmt.ClearBindings()
}

// numbers are what a statement binds besides the key. What goes to C goes to the heap
// first, so they are kept from call to call.
type numbers [8]int64

func (n *numbers) c() *C.sqlite3_int64 { return (*C.sqlite3_int64)(unsafe.Pointer(n)) }

// textOf and bytesOf are memory as C takes it, for the length of one call.
func textOf(s string) (*C.char, C.int) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.int(len(s))
}

func bytesOf(b []byte) (*C.char, C.int) {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))), C.int(len(b))
}

// typeOf is the type that a value has in the file.
func typeOf(v *kv.Value) C.int {
	switch v.Kind {
	case kv.Integer:
		return C.INTEGER
	case kv.Text:
		return C.TEXT
	}
	return C.BLOB
}

// putRow runs a statement of insertRow, or with the row as it is in the file, of
// updateRow.
func putRow(conn *sqlite.Conn, stmt *sqlite.Stmt, n *numbers, key string, row, was *kv.Row) error {
	*n = numbers{row.CreatedAt, row.UpdatedAt, row.ExpireAt, row.Version, row.OpNumber, row.Head}
	if was != nil {
		n[6] = was.Version
	}
	k, keySize := textOf(key)
	t, typeSize := textOf(row.ContentType)
	v, size := bytesOf(row.Value.Bytes)
	return codeError(conn, C.put_row(stmtHandle(stmt), k, keySize, t, typeSize, n.c(), toInt(was != nil),
		typeOf(&row.Value), C.sqlite3_int64(row.Value.Int), v, size))
}

// putValue runs a statement of updateValue.
func putValue(conn *sqlite.Conn, stmt *sqlite.Stmt, n *numbers, key string, row *kv.Row, was int64) error {
	*n = numbers{row.UpdatedAt, row.Version, row.OpNumber, row.Head, was}
	k, keySize := textOf(key)
	v, size := bytesOf(row.Value.Bytes)
	return codeError(conn, C.put_value(stmtHandle(stmt), k, keySize, n.c(),
		typeOf(&row.Value), C.sqlite3_int64(row.Value.Int), v, size))
}

// putEntry runs a statement of insertEntry.
func putEntry(conn *sqlite.Conn, stmt *sqlite.Stmt, n *numbers, key string, actor int64, e *kv.Entry) error {
	*n = numbers{e.ID, e.OpNumber, int64(e.Op), e.At, e.Prev, actor, e.Arg}
	k, keySize := textOf(key)
	return codeError(conn, C.put_entry(stmtHandle(stmt), k, keySize, n.c()))
}

// putFullEntry runs a statement of insertFullEntry. An entry has a state if and only
// if its line has a content type, or stands for a key that is absent.
func putFullEntry(conn *sqlite.Conn, stmt *sqlite.Stmt, n *numbers, key string, actor int64, e *kv.Entry) error {
	*n = numbers{e.ID, e.OpNumber, int64(e.Op), e.At, e.Prev, actor, e.Arg, e.ExpireAt}
	value, valueType, typeSize, expires := &e.Delta, typeOf(&e.Delta), C.int(-1), e.Expires
	k, keySize := textOf(key)
	p, pathSize := textOf(e.Path)
	t, size := textOf(e.ContentType)
	switch {
	case e.HasState && !e.Absent:
		value, valueType, typeSize, expires = &e.Value, typeOf(&e.Value), size, e.ExpireAt != 0
	}
	if value.Kind == kv.Stored { // there is none, or it is kept apart
		valueType = 0
	}
	v, valueSize := bytesOf(value.Bytes)
	return codeError(conn, C.put_full_entry(stmtHandle(stmt), k, keySize, n.c(), p, pathSize, t, typeSize, toInt(expires),
		valueType, C.sqlite3_int64(value.Int), v, valueSize))
}

func toInt(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// get reads the first columns of the statement's only row, as many as count; found is
// false without one.
func (n *numbers) get(conn *sqlite.Conn, stmt *sqlite.Stmt, count int) (found bool, err error) {
	code := C.get_numbers(stmtHandle(stmt), n.c(), C.int(count))
	return sqlite.ErrorCode(code) == sqlite.SQLITE_ROW, codeError(conn, code)
}

// first is get for the only column, 0 without a row.
func (n *numbers) first(conn *sqlite.Conn, stmt *sqlite.Stmt) (int64, error) {
	found, err := n.get(conn, stmt, 1)
	if err != nil || !found {
		return 0, err
	}
	return n[0], nil
}

// put runs a statement whose parameters are numbers, as many as count.
func (n *numbers) put(conn *sqlite.Conn, stmt *sqlite.Stmt, count int) error {
	return codeError(conn, C.put_numbers(stmtHandle(stmt), n.c(), C.int(count)))
}

// codeError is the binding's error for a result code, nil for the good ones.
func codeError(conn *sqlite.Conn, code C.int) error {
	switch c := sqlite.ErrorCode(code); c {
	case sqlite.SQLITE_OK, sqlite.SQLITE_ROW, sqlite.SQLITE_DONE:
		return nil
	default:
		return sqlite.Error{Code: c, Msg: message(conn)}
	}
}
