package store

/*
#include <stdint.h>

typedef struct sqlite3 sqlite3;
extern __attribute__((weak)) int sqlite3_set_authorizer(sqlite3*,
	int(*)(void*, int, const char*, const char*, const char*, const char*), void*);

extern int urliteAuthorize(uintptr_t, int, char*, char*, char*, int);
static int ask(void *who, int action, const char *a, const char *b, const char *schema, const char *inner) {
	return urliteAuthorize((uintptr_t)who, action, (char*)a, (char*)b, (char*)schema, inner != 0);
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
//
// It is not the binding's authorizer: that one is never let go of.
type authorizer struct {
	policy  policy
	foreign bool
	handle  cgo.Handle
}

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
func urliteAuthorize(who C.uintptr_t, action C.int, a, b, schema *C.char, inner C.int) C.int {
	z := cgo.Handle(who).Value().(*authorizer)
	if (!z.foreign && inner == 0) || z.policy(sqlite.OpType(action), goString(a), goString(b), goString(schema)) {
		return C.int(sqlite.SQLITE_OK)
	}
	return C.int(sqlite.SQLITE_DENY)
}

func goString(text *C.char) string {
	if text == nil {
		return ""
	}
	return C.GoString(text)
}
