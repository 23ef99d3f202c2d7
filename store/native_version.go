package store

/*
#include <stddef.h>
#include "native_sqlite.h"

// A snapshot is a copy of the header of the wal-index, whose third word counts commits
// (struct WalIndexHdr in SQLite's wal.c: iVersion, unused, iChange, ...).
static int commits(void *db, unsigned *count) {
	sqlite3_snapshot *snapshot = NULL;
	int rc;
	if (sqlite3_snapshot_get == NULL) return 2; // SQLITE_INTERNAL, which SQLite never answers
	rc = sqlite3_snapshot_get((sqlite3*)db, "main", &snapshot);
	if (rc == 0) {
		*count = ((unsigned*)snapshot)[2];
		sqlite3_snapshot_free(snapshot);
	}
	return rc;
}
*/
import "C"

import "crawshaw.io/sqlite"

// commitsOf is how often anybody has committed to the file since its wal-index was made, as
// of the read transaction that conn is in: it begins one if none was begun yet. An error is
// SQLITE_ERROR if there was no commit yet, or the file has no write-ahead log.
func commitsOf(conn *sqlite.Conn) (uint32, error) {
	var count C.uint
	if rc := C.commits(connHandle(conn), &count); rc != 0 {
		return 0, sqlite.Error{Code: sqlite.ErrorCode(rc), Loc: "sqlite3_snapshot_get"}
	}
	return uint32(count), nil
}
