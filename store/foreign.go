package store

import (
	"container/list"
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
	kept       map[string]*list.Element // of *foreignStmt
	recent     *list.List               // newest first
	values     []sqltx.Value
}

// foreignStmt is one prepared statement of a client.
type foreignStmt struct {
	sql    string // the text it was found under, "" if it is not kept
	stmt   *sqlite.Stmt
	tail   int // bytes of the text after the statement
	params []string
	// alters says that it alters a table; readsServer, that it asks for what the server
	// writes for itself, or how the file lies on the disk: that has no version.
	alters, readsServer bool
	// names are its columns as of the reprepared-th compilation.
	names    []string
	compiled int
}

func newForeignSQL(conn *sqlite.Conn, p policy) *foreignSQL {
	return &foreignSQL{
		conn:       conn,
		authorizer: newAuthorizer(conn, p),
		stopper:    stopper{conn: conn},
		kept:       map[string]*list.Element{},
		recent:     list.New(),
	}
}

// begin lets foreign SQL run for limit, until end.
func (f *foreignSQL) begin(limit time.Duration) {
	f.authorizer.foreign = true
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
	if found, ok := f.kept[sql]; ok {
		f.recent.MoveToFront(found)
		return found.Value.(*foreignStmt), nil
	}
	f.authorizer.nextStatement()
	stmt, tail, err := f.conn.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	if stmtHandle(stmt) == nil {
		stmt.Finalize()
		return nil, errNoStatement
	}
	s := &foreignStmt{stmt: stmt, tail: tail, compiled: -1, alters: f.authorizer.altering, readsServer: f.authorizer.readsServer}
	for param := 1; param <= stmt.BindParamCount(); param++ {
		s.params = append(s.params, parameterName(stmt, param))
	}
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
	s.stmt.Reset()
	s.stmt.ClearBindings() // values may be large
	if s.sql == "" {
		s.stmt.Finalize()
	}
}

func (f *foreignSQL) drop(e *list.Element) {
	s := f.recent.Remove(e).(*foreignStmt)
	delete(f.kept, s.sql)
	s.stmt.Finalize()
}

// forget lets go of the statements that are kept.
func (f *foreignSQL) forget() {
	for f.recent.Len() > 0 {
		f.drop(f.recent.Back())
	}
}

// close lets go of the statements. The connection must be closed after it, and
// then the authorizer released.
func (f *foreignSQL) close() {
	f.forget()
	f.stopper.disarm()
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
	for {
		s, err := f.prepare(sql)
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
	if err := values.bind(s, last); err != nil {
		return ran{}, err
	}
	before := totalChanges(f.conn)
	switch {
	case s.alters:
		err = f.alter(s)
	case last:
		did, err = f.runLast(s, out, rowsMax)
	default:
		err = f.runThrough(s)
	}
	if err == nil && f.stopper.late() {
		err = sqlite.Error{Code: sqlite.SQLITE_INTERRUPT}
	}
	// SQLite's count of changes is that of the latest statement that changed
	// anything, which need not be this one.
	if totalChanges(f.conn) != before {
		did.changed = int64(f.conn.Changes())
	}
	return did, err
}

var errReservedName = refusal.Newf(refusal.SQLError, "names that begin with %s are the server's own", kv.ReservedPrefix)

// alter runs an ALTER TABLE. To which name it renames, the authorizer is not told.
func (f *foreignSQL) alter(s *foreignStmt) error {
	const ours = `SELECT count(*) FROM main.sqlite_master WHERE type = 'table' AND name LIKE '\_urlite%' ESCAPE '\'`
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
	for {
		row, err := s.stmt.Step()
		if err != nil || !row {
			return err
		}
	}
}

func (f *foreignSQL) runLast(s *foreignStmt, out Output, rowsMax int) (did ran, err error) {
	row, err := s.stmt.Step()
	if err != nil {
		return did, err
	}
	// Only after the first step are the columns those of the present schema.
	names := s.columns()
	if len(names) == 0 {
		return did, nil
	}
	did.rows = true
	if err := out.StartRows(names); err != nil {
		return did, err
	}
	for n := 0; row; n++ {
		if n == rowsMax {
			did.truncated = true
			return did, nil
		}
		f.values = readRow(s.stmt, len(names), f.values[:0])
		if err := out.Row(f.values); err != nil {
			return did, err
		}
		if row, err = s.stmt.Step(); err != nil {
			return did, err
		}
	}
	return did, nil
}

func (s *foreignStmt) columns() []string {
	if compiled := reprepared(s.stmt); compiled != s.compiled {
		s.compiled = compiled
		s.names = s.names[:0]
		for i := range s.stmt.ColumnCount() {
			s.names = append(s.names, s.stmt.ColumnName(i))
		}
	}
	return s.names
}

// errTransactionEnded answers a request whose SQL ended the transaction by itself,
// with OR ROLLBACK or RAISE(ROLLBACK).
var errTransactionEnded = refusal.New(refusal.SQLConstraint, "SQLite ended the transaction: nothing of it was kept")
