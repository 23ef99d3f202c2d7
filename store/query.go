package store

import (
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// ErrNotReadOnly refuses a query that is not one statement that only reads.
var ErrNotReadOnly = refusal.New(refusal.SQLError, "GET /query only accepts read-only SELECT/WITH queries; use POST /db for mutating SQL")

// Query runs one read-only statement within limit, hands at most rowsMax rows to
// out and tells whether there were more. What would write is refused by SQLite
// itself.
func (r *ReadConn) Query(item *sqltx.Item, limit time.Duration, rowsMax int, out Output) (truncated bool, err error) {
	r.foreign.begin(limit)
	defer r.foreign.end()
	s, err := r.prepareQuery(item.SQL)
	if err != nil {
		return false, err
	}
	defer r.foreign.release(s)
	return r.runQuery(s, item, rowsMax, out)
}

// QueryUnless is Query unless answered says that the client has the answer for this
// version of the data already: then nothing is run, and out is told nothing. answered is
// asked where a version is known, and says all that the rows depend on.
func (r *ReadConn) QueryUnless(item *sqltx.Item, limit time.Duration, rowsMax int, answered func(Version) bool, out Output) (truncated bool, err error) {
	err = r.Snapshot(func() error {
		version, known, err := r.version()
		if err == nil && known {
			err = r.forgetOldSchema()
		}
		if err != nil {
			return refuse(r.conn, err)
		}
		r.foreign.begin(limit)
		defer r.foreign.end()
		s, err := r.prepareQuery(item.SQL)
		if err != nil {
			return err
		}
		defer r.foreign.release(s)
		if known && !s.readsServer && answered(version) {
			return nil
		}
		truncated, err = r.runQuery(s, item, rowsMax, out)
		return err
	})
	return truncated, err
}

// forgetOldSchema forgets statements that were prepared when the schema was another one: a
// view that they read may have become one of things that have no version.
func (r *ReadConn) forgetOldSchema() error {
	changed, err := r.schema.changed()
	if changed {
		r.foreign.forget()
	}
	return err
}

// prepareQuery prepares sql, which must be one statement.
func (r *ReadConn) prepareQuery(sql string) (*foreignStmt, error) {
	sql = sqltx.SkipBlank(sql)
	s, err := r.foreign.prepare(sql)
	if err != nil {
		return nil, r.refuseQuery(err)
	}
	if sqltx.SkipBlank(sql[len(sql)-s.tail:]) != "" {
		r.foreign.release(s)
		return nil, ErrNotReadOnly
	}
	return s, nil
}

func (r *ReadConn) runQuery(s *foreignStmt, item *sqltx.Item, rowsMax int, out Output) (truncated bool, err error) {
	if len(s.columns()) == 0 { // asked before it runs: VACUUM would be told that it is in a transaction
		return false, ErrNotReadOnly
	}
	values := valuesOf(item)
	did, err := r.foreign.runOne(s, &values, true, out, rowsMax)
	return did.truncated, r.refuseQuery(err)
}

func (r *ReadConn) refuseQuery(err error) error {
	if err == nil {
		return nil
	}
	if code := primary(err); code == sqlite.SQLITE_AUTH || code == sqlite.SQLITE_READONLY {
		return ErrNotReadOnly
	}
	return r.foreign.refuse(err)
}
