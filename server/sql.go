package server

import (
	"errors"
	"sync"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// transactionBinders keep their memory.
var transactionBinders = sync.Pool{New: func() any { return &transactionBinder{} }}

// transaction answers POST /db, whose every refusal names an item or the whole.
func transaction(q *request) error {
	if err := refuseConditions(q, nil); err != nil {
		return failedItem(sqltx.WholeRequest, err)
	}
	b := transactionBinders.Get().(*transactionBinder)
	defer func() {
		b.reset()
		transactionBinders.Put(b)
	}()
	call, err := q.newCall()
	if err != nil {
		return failedItem(sqltx.WholeRequest, err)
	}
	defer call.Release()
	b.sql, b.kv, b.call = q.server.config.SQL, &q.server.config.Limits, call
	err = q.runTransaction(b)
	var item *sqltx.ItemError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &item):
		err = failedItem(sqltx.WholeRequest, err)
	case item.Refusal.Kind == refusal.RateLimited:
		q.fail(err)
		refused := &call.Replies[len(call.Replies)-1]
		q.numberHeader(headerRetryAfter, refused.Verdict.RetryAfterSeconds)
		return nil
	}
	return err
}

// runTransaction runs the items of the body, all or none. One that only reads is
// run on a reader, where it waits for nobody; only SQLite can tell whether it does. With
// key-value operations among them it is the writer's, even if these only read.
func (q *request) runTransaction(b *transactionBinder) error {
	call, wanted := b.call, &b.request
	body, err := q.body()
	if err != nil {
		return err
	}
	if err := b.bind(body); err != nil {
		return err
	}
	call.SQL, call.RowsMax = wanted, q.server.config.SQL.RowsMax
	q.noteItems(call)
	call.Results.BytesMax = q.server.config.SQL.BytesMax
	create, err := q.create()
	if err != nil {
		return err
	}
	if err := q.bindOnce(call); err != nil {
		return err
	}
	reads := wanted.LooksReadOnly()
	db, err := q.database(create && !reads) // a read never creates
	if err != nil {
		return err
	}
	err = catalog.ErrWrites
	if reads && len(call.Ops) == 0 && call.Once.Key == "" { // an answer to keep is a write
		err = q.readTransaction(db, call)
	}
	if errors.Is(err, catalog.ErrWrites) {
		q.note.writes = true
		err = db.Do(call)
	}
	if err != nil {
		return err
	}
	if call.Once.Key != "" {
		q.answerCall(call)
		return nil
	}
	q.note.rows = call.Results.RowCount()
	q.ctx.Response.Header.SetContentType("application/json")
	q.ctx.SetBody(call.Results.Bytes())
	return nil
}

func (q *request) readTransaction(db *catalog.DB, call *catalog.Call) error {
	started := time.Now()
	reader, err := db.Borrow(q.timeout())
	if err != nil {
		return err
	}
	defer db.Return(reader)
	call.Results.Begin(call.SQL.Format)
	err = reader.RunSQL(call.SQL, q.timeout()-time.Since(started), call.RowsMax, &call.Results)
	call.Results.End()
	return err
}
