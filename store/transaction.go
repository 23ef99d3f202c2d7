package store

import (
	"errors"
	"time"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// Results collects the answer of a SQL request, item by item.
type Results interface {
	Output
	EndRows(truncated bool)
	Updated(rows int64)
	Failed(why *refusal.Refusal)
	Mark() int
	Rewind(mark int)
}

// RunSQL runs the request's items inside the transaction, all or none, within
// limit. A refusal is an *sqltx.ItemError, and the transaction goes on without the
// request. After any other error, or when TransactionEnded, the transaction is to
// be rolled back.
func (w *WriteConn) RunSQL(request *sqltx.Request, limit time.Duration, rowsMax int, out Results) error {
	if err := w.makeWhole(); err != nil {
		return refuse(w.conn, err)
	}
	if err := run(w.conn, "SAVEPOINT request"); err != nil {
		return refuse(w.conn, err)
	}
	w.ranSQL = true
	w.foreign.begin(limit)
	before := totalChanges(w.conn)
	fault := w.runItems(request, rowsMax, out)
	w.foreign.end()
	w.counts.doubted = w.counts.doubted || totalChanges(w.conn) != before
	defer w.foreign.stopper.arm(ownTimeMax)
	if fault == nil {
		fault = w.refuseTemporary()
	}
	if fault != nil {
		if w.TransactionEnded() {
			return fault
		}
		if err := run(w.conn, "ROLLBACK TO request", "RELEASE request"); err != nil {
			return refuse(w.conn, err)
		}
		return fault
	}
	if err := run(w.conn, "RELEASE request"); err != nil {
		return refuse(w.conn, err)
	}
	return refuse(w.conn, w.noticeSchema())
}

// TransactionEnded tells whether a statement ended the transaction by itself.
func (w *WriteConn) TransactionEnded() bool { return w.conn.GetAutocommit() }

func (w *WriteConn) runItems(request *sqltx.Request, rowsMax int, out Results) error {
	for i := range request.Items {
		item := &request.Items[i]
		why := w.runItem(item, rowsMax, out)
		switch {
		case w.TransactionEnded():
			if why == nil {
				why = errTransactionEnded
			}
			return &sqltx.ItemError{Index: i, Refusal: why}
		case why == nil:
		case item.NoFail && mayFail(why):
			out.Failed(why)
		default:
			return &sqltx.ItemError{Index: i, Refusal: why}
		}
	}
	return nil
}

var errTemporary = refusal.New(refusal.SQLError, "temporary triggers are not supported")

// refuseTemporary refuses what the authorizer can't tell from its like: CREATE
// TRIGGER temp.t ON main.u. The connection is shared, so it would stay for others.
func (w *WriteConn) refuseTemporary() error {
	found, err := w.temporary.Step()
	if err == nil {
		err = w.temporary.Reset()
	}
	if err != nil {
		return refuse(w.conn, err)
	}
	if found {
		return &sqltx.ItemError{Index: sqltx.WholeRequest, Refusal: errTemporary}
	}
	return nil
}

// mayFail tells whether a refusal is one that noFail forgives: the SQL's fault,
// not the machine's.
func mayFail(why *refusal.Refusal) bool {
	switch why.Kind {
	case refusal.SQLError, refusal.SQLBindError, refusal.SQLConstraint:
		return true
	}
	return false
}

// runItem runs one item. One that may fail gets a savepoint of its own, since a
// later statement of it may fail after an earlier one has written.
func (w *WriteConn) runItem(item *sqltx.Item, rowsMax int, out Results) *refusal.Refusal {
	mark := out.Mark()
	if item.NoFail {
		if why := w.control("SAVEPOINT item"); why != nil {
			return why
		}
	}
	did, err := w.foreign.runAll(item, out, rowsMax)
	if err != nil {
		why := w.refuseSQL(err)
		out.Rewind(mark)
		if item.NoFail && !w.TransactionEnded() {
			if fault := w.control("ROLLBACK TO item", "RELEASE item"); fault != nil {
				return fault
			}
		}
		return why
	}
	did.end(out)
	if item.NoFail {
		return w.control("RELEASE item")
	}
	return nil
}

// end completes the item's result.
func (did ran) end(out Results) {
	if did.rows {
		out.EndRows(did.truncated)
	} else {
		out.Updated(did.changed)
	}
}

func (w *WriteConn) refuseSQL(err error) *refusal.Refusal {
	var known *refusal.Refusal
	if errors.As(err, &known) {
		return known
	}
	return refuseSQL(w.conn, err)
}

// control runs transaction statements of ours between those of a client.
func (w *WriteConn) control(statements ...string) *refusal.Refusal {
	w.foreign.authorizer.foreign = false
	defer func() { w.foreign.authorizer.foreign = true }()
	return refusal.Of(refuse(w.conn, run(w.conn, statements...)))
}
