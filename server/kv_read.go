package server

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

var errKeyExpired = refusal.New(refusal.KeyExpired, "Key not found")

// get answers the stored bytes of the key.
func get(q *request) error {
	if err := q.notYet("path", "at_timestamp"); err != nil {
		return err
	}
	if why := kv.CheckKey(q.key, &q.server.config.Limits); why != nil {
		return why
	}
	if err := q.load(); err != nil {
		return err
	}
	row := &q.row
	if !row.Live(q.server.config.Now()) {
		if row.Exists && q.ctx.IsHead() {
			return errKeyExpired
		}
		return kv.KeyNotFound
	}
	header := &q.ctx.Response.Header
	header.SetContentType(row.ContentType)
	q.numberHeader(headerCreatedAt, secondsDown(row.CreatedAt))
	q.numberHeader(headerUpdatedAt, secondsDown(row.UpdatedAt))
	if row.ExpireAt != 0 {
		q.numberHeader(headerExpireAt, secondsUp(row.ExpireAt))
	}
	q.etagHeader(row.Version)
	if row.Value.Kind == kv.Integer {
		q.out = row.Value.Append(q.out[:0])
		q.ctx.SetBody(q.out)
	} else {
		q.ctx.SetBody(row.Value.Bytes)
	}
	return nil
}

// load reads the row of the request's key into q.row.
func (q *request) load() error {
	table, err := q.table()
	if err != nil {
		return err
	}
	return q.read(func(reader *catalog.Reader) (err error) {
		q.arena, err = reader.Get(table, q.key, &q.row, q.arena[:0])
		return err
	})
}

// appendValue appends a value as it stands in a JSON envelope: "value" parsed for
// a JSON type and as a string for text, "value_base64" for all that is neither,
// or claims to be and is not.
func appendValue(dst []byte, row *kv.Row) []byte {
	var digits [20]byte
	bytes := row.Value.Bytes
	if row.Value.Kind == kv.Integer {
		bytes = row.Value.Append(digits[:0])
	}
	switch {
	case kv.IsJSON(row.ContentType) && utf8.Valid(bytes) && json.Valid(bytes):
		return append(append(dst, `"value":`...), bytes...)
	case kv.IsText(row.ContentType) && utf8.Valid(bytes):
		return jsontext.AppendBytes(append(dst, `"value":`...), bytes)
	}
	return jsontext.AppendBase64(append(dst, `"value_base64":`...), bytes)
}
