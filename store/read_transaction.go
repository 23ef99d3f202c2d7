package store

import (
	"errors"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// ErrWrites says that a transaction that looked read-only is not.
var ErrWrites = errors.New("the transaction writes")

// RunSQL runs a transaction of queries and conditions on one state of the database,
// within limit. One that turns out to write is ErrWrites: it belongs to the writer.
func (r *ReadConn) RunSQL(request *sqltx.Request, limit time.Duration, rowsMax int, out Results) error {
	if len(request.Items) == 1 && request.LooksReadOnly() {
		return r.runItems(request, limit, rowsMax, out) // a statement sees one state by itself
	}
	return r.Snapshot(func() error { return r.runItems(request, limit, rowsMax, out) })
}

func (r *ReadConn) runItems(request *sqltx.Request, limit time.Duration, rowsMax int, out Results) error {
	r.foreign.begin(limit)
	defer r.foreign.end()
	for i := range request.Items {
		item, mark := &request.Items[i], out.Mark()
		err := r.runItem(item, rowsMax, out)
		switch code := primary(err); {
		case err == nil:
			continue
		case code == sqlite.SQLITE_AUTH, code == sqlite.SQLITE_READONLY, errors.Is(err, ErrWrites):
			return ErrWrites
		}
		why := refusal.Of(r.refuseQuery(err))
		if !item.NoFail || !sqltx.Forgives(why) {
			return &sqltx.ItemError{Index: i, Refusal: why}
		}
		out.Rewind(mark)
		if err := out.Failed(why); err != nil {
			return &sqltx.ItemError{Index: i, Refusal: refusal.Of(err)}
		}
	}
	return nil
}

func (r *ReadConn) runItem(item *sqltx.Item, rowsMax int, out Results) error {
	if item.Kind == sqltx.Condition {
		if err := r.foreign.holds(item); err != nil {
			return err
		}
		return out.Passed()
	}
	did, err := r.foreign.runAll(item, out, rowsMax)
	switch {
	case err != nil:
		return err
	case !did.rows:
		return ErrWrites
	}
	out.EndRows(did.truncated)
	return nil
}
