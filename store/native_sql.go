package store

/*
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "native_sqlite.h"

typedef struct {
	sqlite3_int64 rowid; // of the row that the client inserted last
	int again;           // a row with that rowid was inserted since
	int history;         // a row of a table with a name like those of our histories was written
} insert_watch;

static void see(void *watch, int operation, const char *schema, const char *table, sqlite3_int64 rowid) {
	insert_watch *w = watch;
	enum { INSERT = 18 };
	if (operation == INSERT && rowid == w->rowid) w->again = 1;
	size_t size = strlen(table), suffix = sizeof "_history" - 1;
	if (size > suffix && strcasecmp(table + size - suffix, "_history") == 0) w->history = 1;
}

static void begin_inserts(void *db, insert_watch *w) {
	w->rowid = 0;
	sqlite3_update_hook((sqlite3*)db, see, w);
}

static void end_inserts(void *db) { sqlite3_update_hook((sqlite3*)db, 0, 0); }

static void begin_item(void *db, insert_watch *w) {
	w->again = w->history = 0;
	sqlite3_set_last_insert_rowid((sqlite3*)db, w->rowid);
}

static sqlite3_int64 end_item(void *db, insert_watch *w) {
	sqlite3_int64 before = w->rowid;
	w->rowid = sqlite3_last_insert_rowid((sqlite3*)db);
	return w->rowid != before || w->again ? w->rowid : 0;
}
*/
import "C"

import (
	"unsafe"

	"crawshaw.io/sqlite"
)

// insertWatch is told by SQLite of the rows that items of a client's transaction write. It
// tells which rowid an item has inserted, if it has.
// SQLite's last_insert_rowid() alone can't: it is the connection's, so it may be of an
// earlier item, of another client or of our own tables. Here it is 0 when a transaction
// begins, as on a new connection, and what a client sees of it is the client's: items may
// use what the one before has inserted.
//
// Its memory lies outside of Go's heap: SQLite calls back into it.
type insertWatch struct {
	conn  *sqlite.Conn
	watch *C.insert_watch
}

func newInsertWatch(conn *sqlite.Conn) insertWatch {
	return insertWatch{conn: conn, watch: (*C.insert_watch)(C.calloc(1, C.sizeof_insert_watch))}
}

// begin begins a transaction, end ends it.
func (w *insertWatch) begin() { C.begin_inserts(connHandle(w.conn), w.watch) }
func (w *insertWatch) end()   { C.end_inserts(connHandle(w.conn)) }

// beginItem and endItem go around an item, which has inserted the rowid that endItem
// answers; 0 is none.
func (w *insertWatch) beginItem()     { C.begin_item(connHandle(w.conn), w.watch) }
func (w *insertWatch) endItem() int64 { return int64(C.end_item(connHandle(w.conn), w.watch)) }

// wroteHistory tells whether the item has written to a table that may be a history.
func (w *insertWatch) wroteHistory() bool { return w.watch.history != 0 }

// free may be called once the connection is closed.
func (w *insertWatch) free() { C.free(unsafe.Pointer(w.watch)) }
