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

// ErrWrites says that a transaction that looked read-only is not.
var ErrWrites = errors.New("the transaction writes")

// RunSQL runs a transaction of queries on one state of the database, within limit.
// One that turns out to write is ErrWrites: it belongs to the writer.
func (r *ReadConn) RunSQL(request *sqltx.Request, limit time.Duration, rowsMax int, out Results) error {
	return r.Snapshot(func() error {
		r.foreign.begin(limit)
		defer r.foreign.end()
		for i := range request.Items {
			mark := out.Mark()
			did, err := r.foreign.runAll(&request.Items[i], out, rowsMax)
			switch code := primary(err); {
			case code == sqlite.SQLITE_AUTH, code == sqlite.SQLITE_READONLY, err == nil && !did.rows:
				return ErrWrites
			case err == nil:
				did.end(out)
				continue
			}
			why := refusal.Of(r.refuseQuery(err))
			if !request.Items[i].NoFail || !mayFail(why) {
				return &sqltx.ItemError{Index: i, Refusal: why}
			}
			out.Rewind(mark)
			out.Failed(why)
		}
		return nil
	})
}
