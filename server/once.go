package server

import (
	"crypto/sha256"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/refusal"
)

const onceBytesMax = 200

var (
	errOnceKey = refusal.Newf(refusal.InvalidParameters, "Idempotency-Key must be 1 to %d visible ASCII characters", onceBytesMax)
	errNoOnce  = refusal.New(refusal.InvalidParameters, "this operation takes no Idempotency-Key")
)

// bindOnce has the call done once, if the request has an Idempotency-Key.
func (q *request) bindOnce(call *catalog.Call) error {
	if q.header(headerIdempotencyKey) == nil {
		return nil
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	return q.bindOnceOf(call, body)
}

// bindOnceOf is bindOnce where body stands for the body: the hash of one that is streamed.
func (q *request) bindOnceOf(call *catalog.Call, body []byte) error {
	key, err := q.onceKey()
	if err != nil || key == nil {
		return err
	}
	call.Once.Key = lent(key)
	call.Once.Request = q.fingerprint(body)
	return nil
}

// onceKey is the Idempotency-Key, nil if there is none.
func (q *request) onceKey() ([]byte, error) {
	key := q.header(headerIdempotencyKey)
	if key == nil {
		return nil, nil
	}
	if len(key) == 0 || len(key) > onceBytesMax || len(q.ctx.Request.Header.PeekAll(headerIdempotencyKey)) > 1 {
		return nil, errOnceKey
	}
	for _, c := range key {
		if c <= ' ' || c > '~' {
			return nil, errOnceKey
		}
	}
	return key, nil
}

// fingerprint is of all that tells what a request asks for, which its timeout does not.
// Each part is hashed with its length, so that two requests can't be cut differently
// into the same bytes.
func (q *request) fingerprint(body []byte) (sum [sha256.Size]byte) {
	hash := sha256.New()
	var length []byte
	add := func(parts ...[]byte) {
		for _, part := range parts {
			length = appendInt(length[:0], int64(len(part)))
			hash.Write(append(length, ':'))
			hash.Write(part)
		}
	}
	add(q.ctx.Method(), q.ctx.URI().PathOriginal())
	for name, value := range q.ctx.QueryArgs().All() {
		if string(name) != "timeout" {
			add(name, value)
		}
	}
	add(q.ctx.Request.Header.ContentType(), q.etagList(headerIfMatch), q.etagList(headerIfNoneMatch), body)
	hash.Sum(sum[:0])
	return sum
}

// takesNothing refuses the headers that would change what a request means, for one
// that can't heed them.
func (q *request) takesNothing() error {
	if len(q.header(headerIdempotencyKey)) > 0 {
		return errNoOnce
	}
	return refuseConditions(q, nil)
}
