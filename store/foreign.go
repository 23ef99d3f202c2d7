package store

import (
	"container/list"
	"errors"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

const (
	// foreignKeptMax is how many prepared statements of clients a connection keeps.
	foreignKeptMax = 64
	// foreignKeptBytes bounds the text of one that is kept: long SQL is seldom
	// sent twice.
	foreignKeptBytes = 4096
)

// foreignSQL runs SQL that clients sent on a connection, under its policy. The
// binding's own cache never forgets, so statements are kept here.
type foreignSQL struct {
	conn       *sqlite.Conn
	authorizer *authorizer
	stopper    stopper
	account    account
	kept       map[string]*list.Element // of *foreignStmt
	recent     *list.List               // newest first

	// What follows is used again from one statement to the next.
	text   []byte // of the statements at hand, with a NUL
	cells  []byte // to be bound, packed
	block  block
	values []sqltx.Value
	batch  *batchRun
}

// scratchKeepBytes bounds what text and cells keep from one request to the next.
const scratchKeepBytes = 64 << 10

// foreignStmt is one prepared statement of a client.
type foreignStmt struct {
	sql    string // the text it was found under, "" if it is not kept
	stmt   nativeStmt
	tail   int // bytes of the text after the statement
	params int
	// paramNames are read when named values are first bound.
	paramNames []string
	// alters says that it alters a table; readsServer, that it asks for what the server
	// writes for itself, or how the file lies on the disk: that has no version.
	alters, readsServer bool
	// names are its columns as of the reprepared-th compilation.
	names    []string
	compiled int
}

func newForeignSQL(conn *sqlite.Conn, p policy, options Options) *foreignSQL {
	return &foreignSQL{
		conn:       conn,
		authorizer: newAuthorizer(conn, p),
		stopper:    stopper{conn: conn},
		account:    newAccount(conn, options),
		kept:       map[string]*list.Element{},
		recent:     list.New(),
	}
}

// begin lets foreign SQL run for limit, until end.
func (f *foreignSQL) begin(limit time.Duration) {
	f.authorizer.foreign = true
	f.account.open()
	f.stopper.arm(limit)
}

func (f *foreignSQL) end() {
	f.stopper.disarm()
	f.authorizer.foreign = false
}

// errNoStatement answers SQL in which SQLite finds nothing to do. What it skips is
// skipped before it is asked, so this is for what we don't know of.
var errNoStatement = refusal.New(refusal.SQLError, "empty SQL statement")

// prepare compiles the first statement of sql.
func (f *foreignSQL) prepare(sql string) (*foreignStmt, error) {
	f.text = f.text[:0]
	return f.prepareNext(sql)
}

// prepareNext is prepare for what follows a statement: the text is copied once, however many
// statements it has.
func (f *foreignSQL) prepareNext(sql string) (*foreignStmt, error) {
	if len(sql) <= foreignKeptBytes { // to look for a longer text would cost reading it, for each of its statements
		if found, ok := f.kept[sql]; ok {
			f.recent.MoveToFront(found)
			return found.Value.(*foreignStmt), nil
		}
	}
	if len(f.text) == 0 {
		f.text = append(append(f.text, sql...), 0)
	}
	f.authorizer.nextStatement()
	stmt, params, tail, err := f.compile(f.text[len(f.text)-1-len(sql):])
	if err != nil {
		return nil, err
	}
	if stmt.none() {
		return nil, errNoStatement
	}
	s := &foreignStmt{stmt: stmt, tail: tail, params: params, compiled: -1, alters: f.authorizer.altering, readsServer: f.authorizer.readsServer}
	if len(sql) <= foreignKeptBytes {
		s.sql = string([]byte(sql)) // the caller's text is lent
		f.kept[s.sql] = f.recent.PushFront(s)
		if f.recent.Len() > foreignKeptMax {
			f.drop(f.recent.Back())
		}
	}
	return s, nil
}

// release makes a statement ready for its next use, or lets it go.
func (f *foreignSQL) release(s *foreignStmt) {
	f.finish(s.stmt, s.sql == "")
	if cap(f.text) > scratchKeepBytes && s.tail == 0 {
		f.text = nil
	}
	if cap(f.cells) > scratchKeepBytes {
		f.cells = nil
	}
}

func (f *foreignSQL) drop(e *list.Element) {
	s := f.recent.Remove(e).(*foreignStmt)
	delete(f.kept, s.sql)
	f.finish(s.stmt, true)
}

// forget lets go of the statements that are kept.
func (f *foreignSQL) forget() {
	for f.recent.Len() > 0 {
		f.drop(f.recent.Back())
	}
}

// close lets go of the statements. The connection must be closed after it, and then free
// called.
func (f *foreignSQL) close() {
	f.forget()
	f.stopper.disarm()
}

// free lets go of what SQLite was lent, once the connection is closed.
func (f *foreignSQL) free() {
	f.authorizer.release()
	f.account.free()
}

// Output is where the last statement of an item leaves its rows.
type Output interface {
	StartRows(names []string) error
	Row(values []sqltx.Value) error
}

// ran is what an item's last statement did.
type ran struct {
	// rows tells whether it had columns; truncated, whether it had more rows than
	// were asked for.
	rows, truncated bool
	changed         int64
}

// runAll runs the statements of item in order. Only the last one's rows go to out,
// at most rowsMax of them.
func (f *foreignSQL) runAll(item *sqltx.Item, out Output, rowsMax int) (ran, error) {
	values := valuesOf(item)
	sql := sqltx.SkipBlank(item.SQL)
	f.text = f.text[:0]
	for {
		s, err := f.prepareNext(sql)
		if err != nil {
			return ran{}, err
		}
		rest := sqltx.SkipBlank(sql[len(sql)-s.tail:])
		did, err := f.runOne(s, &values, rest == "", out, rowsMax)
		f.release(s)
		if err != nil || rest == "" {
			return did, err
		}
		sql = rest
	}
}

func (f *foreignSQL) runOne(s *foreignStmt, values *itemValues, last bool, out Output, rowsMax int) (did ran, err error) {
	if f.cells, err = values.pack(f.cells[:0], s, last); err != nil {
		return ran{}, err
	}
	f.account.next()
	if err := f.bind(s.stmt, f.cells, s.params); err != nil {
		return ran{}, err
	}
	f.block.start()
	switch {
	case s.alters:
		err = f.alter(s)
	case last:
		did, err = f.runLast(s, out, rowsMax)
	default:
		err = f.runThrough(s)
	}
	if err == nil {
		err = f.inTime()
	}
	did.changed = f.block.changed()
	return did, err
}

// refuse is the refusal of an error of foreign SQL.
func (f *foreignSQL) refuse(err error) *refusal.Refusal {
	var known *refusal.Refusal
	if errors.As(err, &known) {
		return known
	}
	return refuseSQL(f.conn, err)
}

// inTime is the error of a request whose time is up.
func (f *foreignSQL) inTime() error {
	if f.stopper.late() {
		return sqlite.Error{Code: sqlite.SQLITE_INTERRUPT}
	}
	return nil
}

var errReservedName = refusal.Newf(refusal.SQLError, "%s and names that begin with %s are the server's own", queryLogTable, kv.ReservedPrefix)

// alter runs an ALTER TABLE. To which name it renames, the authorizer is not told.
func (f *foreignSQL) alter(s *foreignStmt) error {
	const ours = `SELECT count(*) FROM main.sqlite_master WHERE type = 'table' AND
		(name LIKE '\_urlite%' ESCAPE '\' OR name LIKE '\_query\_history' ESCAPE '\')`
	before, err := queryInt(f.conn, ours)
	if err != nil {
		return err
	}
	if err := f.runThrough(s); err != nil {
		return err
	}
	after, err := queryInt(f.conn, ours)
	if err == nil && after != before {
		err = errReservedName
	}
	return err
}

// runThrough runs a statement whose rows nobody sees.
func (f *foreignSQL) runThrough(s *foreignStmt) error {
	_, _, _, err := f.step(s.stmt, noRows)
	return err
}

func (f *foreignSQL) runLast(s *foreignStmt, out Output, rowsMax int) (did ran, err error) {
	for taken := 0; ; {
		rows, count, more, err := f.step(s.stmt, rowsMax-taken)
		if err != nil {
			return did, err
		}
		// Only after the first step are the columns those of the present schema.
		if !did.rows {
			names := s.columns()
			if len(names) == 0 {
				return did, nil
			}
			did.rows = true
			if err := out.StartRows(names); err != nil {
				return did, err
			}
		}
		for range count {
			f.values, _, rows = sqltx.NextPacked(rows, f.values[:0])
			if err := out.Row(f.values); err != nil {
				return did, err
			}
		}
		taken += count
		switch {
		case !more:
			return did, nil
		case taken == rowsMax:
			did.truncated = true
			return did, nil
		case count == 0: // no block is large enough for this row
			if f.values, err = f.readRow(s.stmt, len(s.names), f.values[:0]); err != nil {
				return did, err
			}
			if err := out.Row(f.values); err != nil {
				return did, err
			}
			f.block.skip()
			taken++
		}
		if err := f.inTime(); err != nil {
			return did, err
		}
	}
}

func (s *foreignStmt) columns() []string {
	if compiled := s.stmt.reprepared(); compiled != s.compiled {
		s.compiled = compiled
		s.names = s.names[:0]
		for i := range s.stmt.columnCount() {
			s.names = append(s.names, s.stmt.columnName(i))
		}
	}
	return s.names
}

// errTransactionEnded answers a request whose SQL ended the transaction by itself,
// with OR ROLLBACK or RAISE(ROLLBACK).
var errTransactionEnded = refusal.New(refusal.SQLConstraint, "SQLite ended the transaction: nothing of it was kept")
