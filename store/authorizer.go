package store

/*
#include "native_sqlite.h"

extern int urliteAuthorize(uintptr_t, int, char*, char*, char*, char*);
static int ask(void *who, int action, const char *a, const char *b, const char *schema, const char *inner) {
	return urliteAuthorize((uintptr_t)who, action, (char*)a, (char*)b, (char*)schema, (char*)inner);
}
static int set_authorizer(void *db, uintptr_t who) { return sqlite3_set_authorizer((sqlite3*)db, ask, (void*)who); }
*/
import "C"

import (
	"runtime/cgo"

	"crawshaw.io/sqlite"
)

// authorizer is asked by SQLite for each thing that a statement wants to do, when
// it is prepared. Our own statements may do all; foreign ones what the policy says,
// and so may the triggers and views that either of them runs: those are a client's.
// Our own triggers may also write what no client may.
//
// It is not the binding's authorizer: that one is never let go of.
type authorizer struct {
	policy  policy
	foreign bool
	// dropping is the table that the statement at hand may drop: its triggers go with it.
	dropping string
	// altering says that the statement at hand alters a table; readsServer, that it reads
	// what is the server's own.
	altering, readsServer bool
	handle                cgo.Handle
}

// nextStatement: what the statement before was allowed is that one's.
func (z *authorizer) nextStatement() { z.dropping, z.altering, z.readsServer = "", false, false }

// policy answers whether foreign SQL may do action to a and b of a schema; what
// those are depends on the action (https://sqlite.org/c3ref/c_alter_table.html).
type policy func(action sqlite.OpType, a, b, schema string) bool

func newAuthorizer(conn *sqlite.Conn, p policy) *authorizer {
	z := &authorizer{policy: p}
	z.handle = cgo.NewHandle(z)
	C.set_authorizer(connHandle(conn), C.uintptr_t(z.handle))
	return z
}

// release may be called once the connection is closed.
func (z *authorizer) release() { z.handle.Delete() }

//export urliteAuthorize
func urliteAuthorize(who C.uintptr_t, action C.int, a, b, schema, inner *C.char) C.int {
	z := cgo.Handle(who).Value().(*authorizer)
	if !z.foreign && inner == nil {
		return C.int(sqlite.SQLITE_OK)
	}
	if z.allows(sqlite.OpType(action), goString(a), goString(b), goString(schema), goString(inner)) {
		return C.int(sqlite.SQLITE_OK)
	}
	return C.int(sqlite.SQLITE_DENY)
}

// allows answers for a client's statement, or for a trigger or view named inner.
func (z *authorizer) allows(action sqlite.OpType, a, b, schema, inner string) bool {
	switch {
	case z.policy(action, a, b, schema):
		if action == sqlite.SQLITE_DROP_TABLE {
			z.dropping = a
		}
		z.altering = z.altering || action == sqlite.SQLITE_ALTER_TABLE
		z.readsServer = z.readsServer || readsServer(action, a)
		return true
	case action == sqlite.SQLITE_DROP_TRIGGER:
		return z.dropping != "" && isOwnTrigger(a) && b == z.dropping
	}
	return writesRows(action) && isOwnTrigger(inner)
}

func writesRows(action sqlite.OpType) bool {
	switch action {
	case sqlite.SQLITE_INSERT, sqlite.SQLITE_UPDATE, sqlite.SQLITE_DELETE:
		return true
	}
	return false
}

func goString(text *C.char) string {
	if text == nil {
		return ""
	}
	return C.GoString(text)
}
