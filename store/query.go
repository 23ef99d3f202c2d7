package store

import (
	"errors"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

var notReadOnly = refusal.New(refusal.SQLError, "GET /query only accepts read-only SELECT/WITH queries; use POST /db for mutating SQL")

// Query runs one read-only statement within limit, hands at most rowsMax rows to
// out and tells whether there were more. What would write is refused by SQLite
// itself.
func (r *ReadConn) Query(item *sqltx.Item, limit time.Duration, rowsMax int, out Output) (truncated bool, err error) {
	r.foreign.begin(limit)
	defer r.foreign.end()
	sql := sqltx.SkipBlank(item.SQL)
	s, err := r.foreign.prepare(sql)
	if err != nil {
		return false, r.refuseQuery(err)
	}
	defer r.foreign.release(s)
	if sqltx.SkipBlank(sql[len(sql)-s.tail:]) != "" {
		return false, notReadOnly
	}
	values := valuesOf(item)
	did, err := r.foreign.runOne(s, &values, true, out, rowsMax)
	if err == nil && !did.rows {
		return false, notReadOnly
	}
	return did.truncated, r.refuseQuery(err)
}

func (r *ReadConn) refuseQuery(err error) error {
	var known *refusal.Refusal
	if err == nil || errors.As(err, &known) {
		return err
	}
	if code := primary(err); code == sqlite.SQLITE_AUTH || code == sqlite.SQLITE_READONLY {
		return notReadOnly
	}
	return refuseSQL(r.conn, err)
}
