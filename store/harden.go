package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/sqltx"
)

// limits are what SQLite refuses by itself on every connection
// (https://sqlite.org/c3ref/c_limit_attached.html). What a statement's program may take is
// bounded by its memory, not by a number of instructions.
var limits = []struct {
	limit sqlite.Limit
	value int
}{
	{sqlite.SQLITE_LIMIT_LENGTH, lengthMax},
	// A statement, not an item: room for an INSERT of a hundred thousand rows.
	{sqlite.SQLITE_LIMIT_SQL_LENGTH, sqlLengthMax},
	// SQLite's own defaults, made ours: a newer engine may have others. The first bounds the
	// registers that large values may lie in at once, the second how deep the parser and the
	// planner recurse on the C stack, the third what they do by the square.
	{sqlite.SQLITE_LIMIT_COLUMN, 2000},
	{sqlite.SQLITE_LIMIT_EXPR_DEPTH, 1000},
	{sqlite.SQLITE_LIMIT_COMPOUND_SELECT, 500},
	// No interrupt reaches into a function, and json_set() works through its document for
	// each pair of arguments.
	{sqlite.SQLITE_LIMIT_FUNCTION_ARG, 127},
	// Nobody attaches but VACUUM, for which attaching lifts this.
	{sqlite.SQLITE_LIMIT_ATTACHED, 0},
	// LIKE and GLOB take time by the text times the pattern, without looking up: on the
	// largest text some ten seconds with this.
	{sqlite.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256},
	{sqlite.SQLITE_LIMIT_VARIABLE_NUMBER, sqltx.ItemValuesMax},
	// Each level keeps a frame; ours need two.
	{sqlite.SQLITE_LIMIT_TRIGGER_DEPTH, 100},
	// Threads that SQLite starts would run outside of the account.
	{sqlite.SQLITE_LIMIT_WORKER_THREADS, 0},
}

// sqlLengthMax bounds the text of one statement.
const sqlLengthMax = 16 << 20

// switches are SQLite's, for SQL and files of strangers
// (https://sqlite.org/c3ref/c_dbconfig_defensive.html).
var switches = []struct {
	option int
	on     bool
}{
	// The schema can't be written as rows, nor the shadow tables of virtual ones.
	{configDefensive, true},
	{configWritableSchema, false},
	// Views, triggers, indexes and defaults call no function with side effects.
	{configTrustedSchema, false},
	{configEnableLoadExtension, false},
	// fts3_tokenizer() takes addresses of functions.
	{configEnableFTS3Tokenizer, false},
	{configEnableAttachCreate, false},
	{configEnableAttachWrite, false},
	// What a file does by views and triggers, the authorizer is asked about.
	{configEnableView, true},
	{configEnableTrigger, true},
}

// harden makes a connection safe for SQL and files from strangers.
func harden(conn *sqlite.Conn) error {
	for _, l := range limits {
		conn.Limit(l.limit, l.value)
	}
	for _, s := range switches {
		configure(conn, s.option, s.on)
	}
	if err := addFunctions(conn); err != nil {
		return err
	}
	// A page that was tampered with is found out when it is read, not by what follows.
	return run(conn, "PRAGMA cell_size_check = 1")
}

// attaching runs a statement of ours that attaches a file of its own, as VACUUM does.
func attaching(conn *sqlite.Conn, do func() error) error {
	was := conn.Limit(sqlite.SQLITE_LIMIT_ATTACHED, 1)
	defer conn.Limit(sqlite.SQLITE_LIMIT_ATTACHED, was)
	return do()
}
