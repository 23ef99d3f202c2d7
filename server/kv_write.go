package server

import (
	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/kv"
)

// writeKey makes the handler of an operation that writes the path's key.
func writeKey(code kv.Code) handler {
	return func(q *request) error {
		call, err := q.newCall()
		if err != nil {
			return err
		}
		defer call.Release()
		op := call.Add(code)
		if err := q.bindOp(op); err != nil {
			return err
		}
		if why := kv.Check(op, &q.server.config.Limits); why != nil {
			return why
		}
		if err := q.commit(call); err != nil {
			return err
		}
		q.answerCall(call)
		return nil
	}
}

// answerCall answers what was committed, now or by an earlier request of the same
// Idempotency-Key.
func (q *request) answerCall(call *catalog.Call) {
	version := int64(0)
	q.note.rows = call.Rows()
	if call.Once.Key != "" {
		q.out = append(q.out[:0], call.Answer.Body...)
		version = call.Answer.Version
		if call.Answer.Replayed {
			q.ctx.Response.Header.SetCanonical(headerReplayed, []byte("true"))
		}
	} else {
		q.out = call.AppendAnswer(q.out[:0])
		version = call.Version()
	}
	if version != 0 {
		q.etagHeader(version)
	}
	q.json()
}
