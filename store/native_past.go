package store

/*
#include <string.h>
#include "native_sqlite.h"

static int past_reset(sqlite3_stmt *stmt, int code) {
	int late = sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return late != 0 ? late : code;
}

// The columns of an entry: first its numbers, then its texts.
enum { ENTRY_ARG = 5, ENTRY_EXPIRY, ENTRY_ACTOR, ENTRY_NUMBERS, ENTRY_PATH = ENTRY_NUMBERS, ENTRY_TYPE, ENTRY_VALUE };

// entry_columns is an entry of history; its texts are copied into a buffer: path, content
// type, value.
typedef struct {
	sqlite3_int64 numbers[ENTRY_NUMBERS];
	sqlite3_int64 integer; // the value, if it is one
	int has_arg, has_expiry, has_type;
	int value_type, path_size, type_size, value_size;
	int fits; // if not, nothing was copied and the statement stands on the row
} entry_columns;

static void copy_column(sqlite3_stmt *stmt, int column, char *to, int size) {
	if (size > 0) memcpy(to, sqlite3_column_blob(stmt, column), size);
}

static int get_entry(void *handle, const char *key, int key_size, sqlite3_int64 id, char *buffer, int room, entry_columns *out) {
	sqlite3_stmt *stmt = handle;
	sqlite3_bind_text(stmt, 1, key, key_size, BORROWED);
	sqlite3_bind_int64(stmt, 2, id);
	int code = sqlite3_step(stmt);
	out->fits = 1;
	if (code != ROW) return past_reset(stmt, code);
	for (int i = 0; i < ENTRY_NUMBERS; i++) out->numbers[i] = sqlite3_column_int64(stmt, i);
	out->has_arg = sqlite3_column_type(stmt, ENTRY_ARG) != NULL_VALUE;
	out->has_expiry = sqlite3_column_type(stmt, ENTRY_EXPIRY) != NULL_VALUE;
	out->has_type = sqlite3_column_type(stmt, ENTRY_TYPE) != NULL_VALUE;
	out->value_type = sqlite3_column_type(stmt, ENTRY_VALUE);
	out->path_size = sqlite3_column_bytes(stmt, ENTRY_PATH);
	out->type_size = sqlite3_column_bytes(stmt, ENTRY_TYPE);
	out->value_size = 0;
	if (out->value_type == INTEGER) out->integer = sqlite3_column_int64(stmt, ENTRY_VALUE);
	else out->value_size = sqlite3_column_bytes(stmt, ENTRY_VALUE);
	if ((sqlite3_int64)out->path_size + out->type_size + out->value_size > room) {
		out->fits = 0;
		return code;
	}
	copy_column(stmt, ENTRY_PATH, buffer, out->path_size);
	copy_column(stmt, ENTRY_TYPE, buffer + out->path_size, out->type_size);
	copy_column(stmt, ENTRY_VALUE, buffer + out->path_size + out->type_size, out->value_size);
	return past_reset(stmt, code);
}

// ask_numbers binds a key, unless it is empty, and numbers after it, and reads the columns
// of the only row over them.
static int ask_numbers(void *handle, const char *key, int key_size, sqlite3_int64 *numbers, int binds, int columns) {
	sqlite3_stmt *stmt = handle;
	int first = 1;
	if (key_size > 0) sqlite3_bind_text(stmt, first++, key, key_size, BORROWED);
	for (int i = 0; i < binds; i++) sqlite3_bind_int64(stmt, first + i, numbers[i]);
	int code = sqlite3_step(stmt);
	if (code == ROW) for (int i = 0; i < columns; i++) numbers[i] = sqlite3_column_int64(stmt, i);
	return past_reset(stmt, code);
}

// The columns of a row that is walked over, and where they lie until the next step.
enum { WALKED_NUMBERS = 8, WALKED_KEY = WALKED_NUMBERS, WALKED_TYPE, WALKED_VALUE };

typedef struct {
	sqlite3_int64 numbers[WALKED_NUMBERS];
	sqlite3_int64 integer;
	const char *key, *type, *value;
	int key_size, type_size, value_type, value_size;
} walked_columns;

static void walked_row(void *handle, int with_value, walked_columns *out) {
	sqlite3_stmt *stmt = handle;
	for (int i = 0; i < WALKED_NUMBERS; i++) out->numbers[i] = sqlite3_column_int64(stmt, i);
	out->key_size = sqlite3_column_bytes(stmt, WALKED_KEY);
	out->key = sqlite3_column_blob(stmt, WALKED_KEY);
	out->type_size = sqlite3_column_bytes(stmt, WALKED_TYPE);
	out->type = sqlite3_column_blob(stmt, WALKED_TYPE);
	out->value_type = out->value_size = 0;
	if (!with_value) return;
	out->value_type = sqlite3_column_type(stmt, WALKED_VALUE);
	if (out->value_type == INTEGER) {
		out->integer = sqlite3_column_int64(stmt, WALKED_VALUE);
		return;
	}
	out->value_size = sqlite3_column_bytes(stmt, WALKED_VALUE);
	out->value = sqlite3_column_blob(stmt, WALKED_VALUE);
}

static int is_busy(void *stmt) { return sqlite3_stmt_busy((sqlite3_stmt*)stmt); }

static void reset_busy(void *db) {
	sqlite3_stmt *stmt = 0;
	while ((stmt = sqlite3_next_stmt((sqlite3*)db, stmt)) != 0) if (sqlite3_stmt_busy(stmt)) past_reset(stmt, 0);
}
*/
import "C"

import (
	"unsafe"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// This file is what a question about the past does thousands of times, each in one
// crossing into C, as native_hot.go does it for what every request does.

// entryColumns are those of an entry, in the order that get_entry reads them.
const entryColumns = "id, op_number, op, at, prev, arg, expire_at, actor, path, content_type, value"

// entryReader reads entries. Its memory is used again for each.
type entryReader struct{ columns C.entry_columns }

// get reads the entry id of key with a statement over entryColumns. Its texts are
// appended to arena, which is returned. elsewhere says that the value is kept in another
// place.
func (r *entryReader) get(conn *sqlite.Conn, stmt *sqlite.Stmt, types *interner, key string, id int64, e *kv.Entry, arena []byte) (_ []byte, found, elsewhere bool, err error) {
	start := len(arena)
	arena = growBy(arena, smallRow)
	k, keySize := textOf(key)
	code := C.get_entry(stmtHandle(stmt), k, keySize, C.sqlite3_int64(id), (*C.char)(unsafe.Pointer(&arena[start])), smallRow, &r.columns)
	c := &r.columns
	if sqlite.ErrorCode(code) != sqlite.SQLITE_ROW {
		return arena[:start], false, false, codeError(conn, code)
	}
	arena = arena[:start]
	if c.fits == 0 {
		for column := C.int(C.ENTRY_PATH); column <= C.ENTRY_TYPE; column++ {
			arena = append(arena, columnBytes(stmt, int(column))...)
		}
		if c.value_size > 0 {
			arena = append(arena, columnBytes(stmt, C.ENTRY_VALUE)...)
		}
		if err := resetBound(stmt); err != nil {
			return arena[:start], false, false, err
		}
	}
	end := start + int(c.path_size) + int(c.type_size) + int(c.value_size)
	arena = arena[:end]
	texts := arena[start:end:end]
	path, contentType, value := texts[:c.path_size], texts[c.path_size:c.path_size+c.type_size], texts[c.path_size+c.type_size:]
	*e = kv.Entry{
		ID: int64(c.numbers[0]), OpNumber: int64(c.numbers[1]), Op: entryOp(int64(c.numbers[2])), At: int64(c.numbers[3]), Prev: int64(c.numbers[4]),
		Arg: int64(c.numbers[C.ENTRY_ARG]), Path: string(path),
	}
	elsewhere = r.tell(e, types.text(contentType), value)
	return arena, true, elsewhere, nil
}

// tell reads what the entry leaves to tell, which depends on what it did.
func (r *entryReader) tell(e *kv.Entry, contentType string, text []byte) (elsewhere bool) {
	c := &r.columns
	expireAt := int64(c.numbers[C.ENTRY_EXPIRY])
	switch {
	case c.has_type != 0:
		e.HasState = true
		e.ContentType, e.ExpireAt = contentType, expireAt
		e.Value = valueOf(sqlite.ColumnType(c.value_type), int64(c.integer), text)
		return c.value_type == C.NULL_VALUE && e.Op.Replays() // it may be kept in chunks
	case e.Op.TellsAbsence():
		e.HasState, e.Absent = true, true
	case e.Op == kv.EntryUnrecorded:
		e.HasState = c.has_arg != 0
		e.Absent = e.HasState
	default:
		e.Expires, e.ExpireAt = c.has_expiry != 0, expireAt
		if c.value_type != C.NULL_VALUE {
			e.Delta = valueOf(sqlite.ColumnType(c.value_type), int64(c.integer), text)
		}
	}
	return false
}

// entryOp is the operation of a stored number: one that we don't know is Unrecorded, in
// which nothing can be told.
func entryOp(number int64) kv.EntryOp {
	if number < int64(kv.EntrySet) || number > int64(kv.EntryAppend) {
		return kv.EntryUnrecorded
	}
	return kv.EntryOp(number)
}

// actor is the number of who wrote the entry that was read last, 0 if nobody knows.
func (r *entryReader) actor() int64 { return int64(r.columns.numbers[C.ENTRY_ACTOR]) }

// ask binds key, unless it is empty, and after it as many of the numbers as binds, and
// reads as many columns of the statement's only row in their place; found is false
// without one.
func (n *numbers) ask(conn *sqlite.Conn, stmt *sqlite.Stmt, key string, binds, columns int) (found bool, err error) {
	k, keySize := textOf(key)
	code := C.ask_numbers(stmtHandle(stmt), k, keySize, n.c(), C.int(binds), C.int(columns))
	return sqlite.ErrorCode(code) == sqlite.SQLITE_ROW, codeError(conn, code)
}

// walkedReader reads the rows of a walk.
type walkedReader struct {
	types   interner
	columns C.walked_columns
	key     []byte
}

// read reads the row that stmt stands on. What row holds is good until the next step.
func (r *walkedReader) read(stmt *sqlite.Stmt, withValue bool, row *past.WalkedRow) {
	C.walked_row(stmtHandle(stmt), toInt(withValue), &r.columns)
	c := &r.columns
	*row = past.WalkedRow{
		Key:  r.keep(cBytes(c.key, c.key_size)),
		Size: int64(c.numbers[7]),
		Row: kv.Row{
			Exists: true, ContentType: r.types.text(cBytes(c._type, c.type_size)),
			CreatedAt: int64(c.numbers[0]), UpdatedAt: int64(c.numbers[1]), ExpireAt: int64(c.numbers[2]),
			Version: int64(c.numbers[3]), OpNumber: int64(c.numbers[4]), Head: int64(c.numbers[5]), Undone: c.numbers[6] != 0,
		},
	}
	row.Value = valueOf(sqlite.ColumnType(c.value_type), int64(c.integer), cBytes(c.value, c.value_size))
}

// keep copies a key, which a write may move while it is looked at.
func (r *walkedReader) keep(key []byte) string {
	r.key = append(r.key[:0], key...)
	return unsafe.String(unsafe.SliceData(r.key), len(r.key))
}

// cBytes is memory of C's, not copied.
func cBytes(p *C.char, size C.int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), int(size))
}

// isBusy tells whether a statement stands on a row.
func isBusy(stmt *sqlite.Stmt) bool { return C.is_busy(stmtHandle(stmt)) != 0 }

// resetBusy ends what stands on a row on conn: left so, it would keep the reader's state
// of the database for ever.
func resetBusy(conn *sqlite.Conn) { C.reset_busy(connHandle(conn)) }
