package server

import (
	"errors"
	"sync"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/sqltx"
)

// sqlRequests are the requests of POST /db, which keep their memory.
var sqlRequests = sync.Pool{New: func() any { return &sqltx.Request{} }}

// transaction answers POST /db, whose every refusal names an item or the whole.
func transaction(q *request) error {
	err := q.runTransaction()
	var item *sqltx.ItemError
	if err == nil || errors.As(err, &item) {
		return err
	}
	return failedItem(sqltx.WholeRequest, err)
}

// runTransaction runs the items of the body, all or none. One that only reads is
// run on a reader, where it waits for nobody; only SQLite can tell whether it does.
func (q *request) runTransaction() error {
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	wanted := sqlRequests.Get().(*sqltx.Request)
	defer func() {
		wanted.Reset()
		sqlRequests.Put(wanted)
	}()
	if err := parseTransaction(q.ctx.Request.Body(), q.server.config.SQL, wanted); err != nil {
		return err
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	call.SQL, call.RowsMax = wanted, q.server.config.SQL.RowsMax
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
	if reads && call.Once.Key == "" { // an answer to keep is a write
		err = q.readTransaction(db, call)
	}
	if errors.Is(err, catalog.ErrWrites) {
		err = db.Do(call)
	}
	if err != nil {
		return err
	}
	if call.Once.Key != "" {
		q.answerCall(call)
		return nil
	}
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
