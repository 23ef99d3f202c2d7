package server

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

var errIfMatch = refusal.New(refusal.InvalidParameters, "if_match is not supported yet for this operation")

// put stores the body under the key.
func put(q *request) error {
	if err := q.notYet("path"); err != nil {
		return err
	}
	if q.has("if_match") {
		return errIfMatch // empty as well: it asks for an empty value
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	op := call.Add(kv.Set)
	sent, err := q.contentType()
	if err != nil {
		return err
	}
	body := q.ctx.Request.Body()
	op.ContentType = kv.ContentTypeOf(sent, body)
	op.Value = kv.BytesValue(body, op.ContentType)
	if op.TTLSeconds, err = q.integer("ttl", 0); err != nil {
		return err
	}
	if err := q.write(op); err != nil {
		return err
	}
	if err := q.commit(call); err != nil {
		return err
	}
	reply := &call.Replies[0]
	q.begin()
	q.text("key", q.key)
	q.number("size", int64(reply.Size))
	q.etag(reply.Version)
	q.end()
	return nil
}

// write binds what every operation on the path's key has, and checks it.
func (q *request) write(op *kv.Op) (err error) {
	op.Key = q.key
	if op.Unrecorded, err = q.unrecorded(); err != nil {
		return err
	}
	if why := kv.Check(op, &q.server.config.Limits); why != nil {
		return why
	}
	return nil
}

// unrecorded tells whether what the request writes is to leave no history. It
// refuses the conditions that any write may come with.
func (q *request) unrecorded() (bool, error) {
	if err := q.noConditions(); err != nil {
		return false, err
	}
	history, err := q.flag("history", true)
	return !history, err
}

// deleteKey removes the key.
func deleteKey(q *request) error {
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	if err := q.write(call.Add(kv.Delete)); err != nil {
		return err
	}
	if err := q.commit(call); err != nil {
		return err
	}
	q.begin()
	q.boolean("deleted", call.Replies[0].Deleted)
	q.end()
	return nil
}

func incr(q *request) error { return q.count(kv.Incr) }
func decr(q *request) error { return q.count(kv.Decr) }

// count is incr and decr.
func (q *request) count(code kv.Code) error {
	if err := q.notYet("path", "min", "max", "on_limit", "ttl", "ttl_mode"); err != nil {
		return err
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	op := call.Add(code)
	if op.Delta, err = q.integer("delta", 1); err != nil {
		return errDelta
	}
	if err := q.write(op); err != nil {
		return err
	}
	if err := q.commit(call); err != nil {
		return err
	}
	reply := &call.Replies[0]
	q.begin()
	q.text("key", q.key)
	q.number("value", reply.Value)
	q.etag(reply.Version)
	q.end()
	return nil
}

var errDelta = refusal.New(refusal.InvalidParameters, "delta must be a positive integer")
