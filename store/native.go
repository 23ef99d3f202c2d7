package store

/*
#cgo noescape bind_blob
#cgo nocallback bind_blob
#cgo noescape column_bytes
#cgo nocallback column_bytes
#include <stdlib.h>
#include <string.h>
#include "native_sqlite.h"

static int bind_blob(void *stmt, int param, const void *data, int size) {
	return sqlite3_bind_blob((sqlite3_stmt*)stmt, param, data, size, COPIED);
}
static int total_changes(void *db) { return sqlite3_total_changes((sqlite3*)db); }
static int stmt_status(void *stmt, int counter) { return sqlite3_stmt_status((sqlite3_stmt*)stmt, counter, 0); }
static const char *parameter_name(void *stmt, int param) { return sqlite3_bind_parameter_name((sqlite3_stmt*)stmt, param); }
// The length is asked for first: that turns the text of a UTF-16 file into UTF-8.
static const void *column_bytes(void *stmt, int column, int *size) {
	*size = sqlite3_column_bytes((sqlite3_stmt*)stmt, column);
	return sqlite3_column_blob((sqlite3_stmt*)stmt, column);
}
static const char *errmsg(void *db, int most, int *size) {
	const char *text = sqlite3_errmsg((sqlite3*)db);
	*size = text ? (int)strnlen(text, (size_t)most) : 0;
	return text;
}
static int config_bool(void *db, int option, int on) { return sqlite3_db_config((sqlite3*)db, option, on, (int*)0); }
static int configured(void *db, int option) {
	int on = 0;
	sqlite3_db_config((sqlite3*)db, option, -1, &on);
	return on;
}
static void interrupt(void *db) { sqlite3_interrupt((sqlite3*)db); }
static int has_moved(void *db) {
	int moved = 0, has_moved = 20; // SQLITE_FCNTL_HAS_MOVED
	sqlite3_file_control((sqlite3*)db, "main", has_moved, &moved);
	return moved;
}
static int keep_frames(void *frames, sqlite3 *db, const char *name, int n) { *(int*)frames = n; return 0; }
static void count_frames(void *db, int *frames) { sqlite3_wal_hook((sqlite3*)db, keep_frames, frames); }
*/
import "C"

import (
	"reflect"
	"unsafe"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// This file is what the binding does not offer: binding BLOBs (its BindBytes binds
// TEXT), the message of a constraint, the size of the write-ahead log, hardening
// switches, and an interrupt without a goroutine. It takes SQLite's handles out of
// the binding's values; both are pinned together in go.mod, and handleOffset
// refuses to start on a binding that it doesn't know.
//
// SQLite calls Go for the authorizer, when it compiles a statement; and it would to log, if
// anybody set the binding's Logger. So nocallback is for functions that compile nothing (a
// step may), and whoever wants that log has to give it up.

// SQLite's db_config verbs, https://sqlite.org/c3ref/c_dbconfig_defensive.html.
const (
	configEnableTrigger       = 1003
	configEnableFTS3Tokenizer = 1004
	configEnableLoadExtension = 1005
	configDefensive           = 1010
	configWritableSchema      = 1011
	configEnableView          = 1015
	configTrustedSchema       = 1017
	configEnableAttachCreate  = 1020
	configEnableAttachWrite   = 1021
)

var (
	connHandleOffset = handleOffset(reflect.TypeFor[sqlite.Conn](), "conn")
	stmtHandleOffset = handleOffset(reflect.TypeFor[sqlite.Stmt](), "stmt")
)

func handleOffset(of reflect.Type, field string) uintptr {
	f, ok := of.FieldByName(field)
	if !ok || f.Type.Kind() != reflect.Pointer {
		panic("store: the SQLite binding has no handle " + of.Name() + "." + field + "; see native.go")
	}
	return f.Offset
}

func connHandle(conn *sqlite.Conn) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(conn), connHandleOffset))
}

func stmtHandle(stmt *sqlite.Stmt) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(unsafe.Pointer(stmt), stmtHandleOffset))
}

// bindBlob binds data, which SQLite copies. An empty one is an empty BLOB, not NULL.
func bindBlob(stmt *sqlite.Stmt, param int, data []byte) {
	if len(data) == 0 {
		stmt.BindZeroBlob(param, 0)
		return
	}
	C.bind_blob(stmtHandle(stmt), C.int(param), unsafe.Pointer(unsafe.SliceData(data)), C.int(len(data)))
}

// bindText binds text, which SQLite copies: the string may be lent.
func bindText(stmt *sqlite.Stmt, param int, text string) {
	if text == "" {
		stmt.BindText(param, "") // BindBytes would bind NULL
		return
	}
	stmt.BindBytes(param, unsafe.Slice(unsafe.StringData(text), len(text)))
}

// columnBytes is a column's text or BLOB in SQLite's own memory, good until the
// statement's next step or reset.
func columnBytes(stmt *sqlite.Stmt, column int) []byte {
	var size C.int
	data := C.column_bytes(stmtHandle(stmt), C.int(column), &size)
	return unsafe.Slice((*byte)(data), int(size))
}

// message is SQLite's words for the latest error of conn, at most messageMax bytes of them.
func message(conn *sqlite.Conn) string {
	var size C.int
	text := C.errmsg(connHandle(conn), messageMax+1, &size)
	return refusal.Shown(C.GoStringN(text, size), messageMax)
}

// totalChanges counts the rows that statements of conn changed since it was opened.
func totalChanges(conn *sqlite.Conn) int { return int(C.total_changes(connHandle(conn))) }

// reprepared counts how often SQLite had to compile the statement anew because the
// schema had changed: its columns may be others then.
func reprepared(stmt unsafe.Pointer) int {
	const statusReprepare = 5 // SQLITE_STMTSTATUS_REPREPARE
	return int(C.stmt_status(stmt, statusReprepare))
}

// parameterName is the name of a parameter with its prefix, empty for a bare ?.
func parameterName(stmt unsafe.Pointer, param int) string {
	return C.GoString(C.parameter_name(stmt, C.int(param)))
}

// hasMoved tells whether the file was renamed, removed or replaced since it was opened.
func hasMoved(conn *sqlite.Conn) bool { return C.has_moved(connHandle(conn)) != 0 }

// interrupt stops what runs on conn at the moment; nothing else. It may be called
// from any goroutine while conn is open.
func interrupt(conn *sqlite.Conn) { C.interrupt(connHandle(conn)) }

// configure sets one of SQLite's switches. One that the engine is too old for stays as it is.
func configure(conn *sqlite.Conn, option int, on bool) {
	C.config_bool(connHandle(conn), C.int(option), toInt(on))
}

// setTriggers lets the triggers of the file run on a connection, or not, and tells whether
// they did.
func setTriggers(conn *sqlite.Conn, on bool) (was bool) {
	was = C.configured(connHandle(conn), C.int(configEnableTrigger)) != 0
	configure(conn, configEnableTrigger, on)
	return was
}

// setViews lets the views of the file be used on a connection, or not.
func setViews(conn *sqlite.Conn, on bool) {
	configure(conn, configEnableView, on)
}

// frameCounter is memory outside Go's heap in which SQLite leaves, after every
// commit, the number of frames in the write-ahead log.
type frameCounter struct{ frames *C.int }

func countFrames(conn *sqlite.Conn) frameCounter {
	c := frameCounter{frames: (*C.int)(C.calloc(1, C.sizeof_int))}
	C.count_frames(connHandle(conn), c.frames)
	return c
}

func (c frameCounter) get() int  { return int(*c.frames) }
func (c frameCounter) set(n int) { *c.frames = C.int(n) }

// free may be called once the connection is closed.
func (c frameCounter) free() { C.free(unsafe.Pointer(c.frames)) }
