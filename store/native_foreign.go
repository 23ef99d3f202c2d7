package store

/*
#cgo noescape urlite_bind
#cgo nocallback urlite_bind
#cgo noescape urlite_read_column
#cgo nocallback urlite_read_column
#include <stdlib.h>
#include "native_block.h"
#include "native_text.h"

static int readonly(void *stmt) { return sqlite3_stmt_readonly((sqlite3_stmt*)stmt); }
static int add_functions(void *db) { return urlite_add_functions((sqlite3*)db); }
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// This file is how SQL of clients gets into SQLite and its rows get out: many rows in one
// crossing into C, and all that it takes charged to an account. The C is in native_block.c
// and native_account.c.

// SQLite takes another allocator and another file system only before it is first used.
func init() {
	if code := C.urlite_install(); code != C.OK {
		panic(fmt.Sprintf("store: SQLite does not take our allocator (code %d); see native_account.c", code))
	}
}

// account is what foreign SQL on a connection may take, and has. It lies outside Go's heap.
type account struct {
	c                     *C.urlite_account
	overMemory, overFiles *refusal.Refusal
}

func newAccount(conn *sqlite.Conn, options Options) account {
	a := account{c: (*C.urlite_account)(C.calloc(1, C.sizeof_urlite_account))}
	a.c.memory_max, a.c.spilled_max = C.sqlite3_int64(options.sqlMemory()), C.sqlite3_int64(options.sqlFiles())
	a.c.db = (*C.sqlite3)(connHandle(conn))
	if options.Way != nil {
		C.urlite_walk_on(a.c, (*C.urlite_way)(unsafe.Pointer(options.Way.c)))
	}
	a.overMemory = refusal.Newf(refusal.SQLError, "the SQL needs more than %d bytes of memory", options.sqlMemory())
	a.overFiles = refusal.Newf(refusal.SQLError, "the SQL needs more than %d bytes of temporary files", options.sqlFiles())
	return a
}

// open begins a request's account, and next a statement's part of it.
func (a account) open() {
	a.c.memory, a.c.spilled, a.c.exceeded = 0, 0, 0
	a.c.walk.ran = 0
}

func (a account) next() { a.c.exceeded = 0 }

// overdrawn is the refusal of a statement that failed because it took too much, nil if
// there was another reason.
func (a account) overdrawn(code C.int) *refusal.Refusal {
	const noMemoryForIO = 10 | 12<<8 // SQLITE_IOERR_NOMEM
	switch {
	case a.c.exceeded&C.OVER_MEMORY != 0 && (code&0xff == C.NOMEM || code == C.INTERRUPT || code == noMemoryForIO):
		return a.overMemory
	case a.c.exceeded&C.OVER_FILES != 0 && code&0xff == C.FULL:
		return a.overFiles
	}
	return nil
}

// free may be called once the connection is closed.
func (a account) free() { C.free(unsafe.Pointer(a.c)) }

// nativeStmt is a statement of a client in SQLite's hands, nil for none.
type nativeStmt struct{ handle *C.sqlite3_stmt }

// fault makes an error of a result code, nil of the good ones.
func (f *foreignSQL) fault(code C.int) error {
	switch code {
	case C.OK, C.ROW, C.DONE:
		return nil
	}
	if why := f.account.overdrawn(code); why != nil {
		return why
	}
	return codeError(f.conn, code)
}

// compile prepares the first statement of a text that ends with a NUL. It answers how many
// bytes of it are left.
func (f *foreignSQL) compile(text []byte) (s nativeStmt, params, left int, err error) {
	f.account.next()
	var out C.urlite_prepared
	sql := (*C.char)(unsafe.Pointer(unsafe.SliceData(text)))
	size := len(text) - 1
	code := C.urlite_prepare(f.account.c, (*C.sqlite3)(connHandle(f.conn)), sql, C.int(size), &out)
	return nativeStmt{out.stmt}, int(out.params), size - int(out.used), f.fault(code)
}

// bind binds so many packed cells, which SQLite copies.
func (f *foreignSQL) bind(s nativeStmt, cells []byte, count int) error {
	if count == 0 {
		return nil
	}
	at := (*C.char)(unsafe.Pointer(unsafe.SliceData(cells)))
	return f.fault(C.urlite_bind(f.account.c, s.handle, at, C.int(count)))
}

// blockBytes is the room for the rows that cross at a time. It pays for the crossing with a
// thousand short rows, and stays in the processor's nearer caches.
const blockBytes = 64 << 10

// block is rows on their way out.
type block struct {
	rows   []byte
	places C.urlite_block
}

// noRows, as a number of rows, is for a statement to be run through.
const noRows = -1

// step packs rows into the block until it is full, there are rowsMax, or no more. more tells
// that there is one more, on which the statement stands.
func (f *foreignSQL) step(s nativeStmt, rowsMax int) (rows []byte, count int, more bool, err error) {
	b := &f.block
	if b.rows == nil {
		b.rows = make([]byte, blockBytes)
	}
	buffer := (*C.char)(unsafe.Pointer(unsafe.SliceData(b.rows)))
	code := C.urlite_step_block(f.account.c, s.handle, buffer, blockBytes, C.int(min(rowsMax, math.MaxInt32)), &b.places)
	return b.rows[:b.places.bytes], int(b.places.rows), code == C.ROW, f.fault(code)
}

// start begins a statement's rows; skip leaves the row that it stands on.
func (b *block) start()         { b.places = C.urlite_block{} }
func (b *block) skip()          { b.places.stands = 0 }
func (b *block) changed() int64 { return int64(b.places.changed) }

// readRow appends the columns of the row that a statement stands on. Texts and BLOBs are
// SQLite's memory: good until the next step.
func (f *foreignSQL) readRow(s nativeStmt, columns int, dst []sqltx.Value) ([]sqltx.Value, error) {
	var c C.urlite_column
	for i := range columns {
		if err := f.fault(C.urlite_read_column(f.account.c, s.handle, C.int(i), &c)); err != nil {
			return dst, err
		}
		var v sqltx.Value
		switch c.kind {
		case C.INTEGER:
			v.Kind, v.Int = sqltx.Integer, int64(c.integer)
		case C.FLOAT:
			v.Kind, v.Float = sqltx.Float, float64(c.real)
		case C.TEXT, C.BLOB:
			v.Kind, v.Bytes = sqltx.Text, unsafe.Slice((*byte)(c.bytes), int(c.size))
			if c.kind == C.BLOB {
				v.Kind = sqltx.Blob
			}
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// batchBlock is how many rows of a batch cross at a time. An interrupt that falls between
// two statements stops neither, so it is also how many may follow it.
const batchBlock = 256

// batchRun is what a batch needs from one crossing to the next.
type batchRun struct {
	firstRow int // its number in refusals
	changed  [batchBlock]C.sqlite3_int64
	starts   []C.uint32_t
	places   []C.int
	out      C.urlite_batch
}

// setPlaces says which of so many cells of a row is for each parameter.
func (b *batchRun) setPlaces(places []int, cells int) {
	b.places = make([]C.int, len(places), len(places)+1) // with room, so that it has an address
	for i, at := range places {
		b.places[i] = C.int(at)
	}
	b.starts = make([]C.uint32_t, cells, cells+1)
}

// runRows runs the statement with the first of so many packed rows of so many cells, up to
// one that fails. misfit tells that the row after those that ran does not fit the statement.
func (f *foreignSQL) runRows(s nativeStmt, b *batchRun, rows []byte, count, cells int) (ran int, size int, misfit bool, err error) {
	count = min(count, batchBlock)
	code := C.urlite_run_batch(f.account.c, s.handle, (*C.char)(unsafe.Pointer(unsafe.SliceData(rows))),
		C.int(count), C.int(cells), unsafe.SliceData(b.places), unsafe.SliceData(b.starts), &b.changed[0], &b.out)
	return int(b.out.rows), int(b.out.bytes), b.out.misfit != 0, f.fault(code)
}

// finish makes a statement ready for its next use, or lets it go.
func (f *foreignSQL) finish(s nativeStmt, finalize bool) {
	C.urlite_finish(f.account.c, s.handle, toInt(finalize))
}

// readOnly tells whether a statement writes nothing by itself.
func (s nativeStmt) readOnly() bool { return C.readonly(unsafe.Pointer(s.handle)) != 0 }

func (s nativeStmt) none() bool { return s.handle == nil }

func (s nativeStmt) columnCount() int { return int(C.sqlite3_column_count(s.handle)) }

func (s nativeStmt) columnName(column int) string {
	return C.GoString(C.sqlite3_column_name(s.handle, C.int(column)))
}

// parameterName is the name of a parameter with its prefix, empty for a bare ?.
func (s nativeStmt) parameterName(param int) string {
	return parameterName(unsafe.Pointer(s.handle), param)
}

// reprepared counts how often SQLite compiled the statement anew.
func (s nativeStmt) reprepared() int { return reprepared(unsafe.Pointer(s.handle)) }

// addFunctions puts functions of ours in the place of SQLite's slow ones.
func addFunctions(conn *sqlite.Conn) error {
	return codeError(conn, C.add_functions(connHandle(conn)))
}
