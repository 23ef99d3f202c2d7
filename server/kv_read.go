package server

import (
	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

var errEntryTooLarge = refusal.New(refusal.ResponseTooLarge, "the entry is too large as JSON; GET the key itself")

var errKeyExpired = refusal.New(refusal.KeyExpired, "Key not found")

// get answers the stored bytes of the key, or what its path leads to.
func get(q *request) error {
	if len(q.argument("at_timestamp")) > 0 {
		return getThen(q)
	}
	path := q.argument("path")
	if len(path) > 0 {
		if why := kv.CheckPath(lent(path)); why != nil {
			return why
		}
	}
	if err := q.loadLive(); err != nil {
		return err
	}
	row := &q.row
	if len(path) > 0 { // first: what is no success without conditions is none with them
		leaf, why := kv.Leaf(q.key, lent(path), row)
		if why != nil {
			return why
		}
		row.Value, row.ContentType = kv.Value{Kind: kv.Text, Bytes: leaf}, "application/json"
	}
	notModified, err := q.holds(row.Version)
	if err != nil {
		return err
	}
	header := &q.ctx.Response.Header
	if len(path) > 0 {
		q.nameBytes = appendHeaderText(q.nameBytes[:0], path)
		header.SetCanonical(headerJSONPath, q.nameBytes)
	}
	q.numberHeader(headerCreatedAt, secondsDown(row.CreatedAt))
	q.numberHeader(headerUpdatedAt, secondsDown(row.UpdatedAt))
	if row.ExpireAt != 0 {
		q.numberHeader(headerExpireAt, secondsUp(row.ExpireAt))
	}
	q.etagHeader(row.Version)
	if notModified {
		q.ctx.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	header.SetContentType(headerType(row.ContentType))
	if row.Value.Kind == kv.Integer {
		q.out = row.Value.Append(q.out[:0])
		q.ctx.SetBody(q.out)
	} else {
		q.ctx.SetBody(row.Value.Bytes)
	}
	return nil
}

// entry answers all that there is to know of the key, in an envelope.
func entry(q *request) error {
	if err := q.loadLive(); err != nil {
		return err
	}
	row := &q.row
	notModified, err := q.holds(row.Version)
	if err != nil {
		return err
	}
	q.etagHeader(row.Version)
	if notModified {
		q.ctx.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	if kv.ValueLen(row) > q.server.config.SQL.BytesMax {
		return errEntryTooLarge
	}
	q.out = kv.AppendEntry(q.out[:0], q.key, row)
	q.json()
	return nil
}

// loadLive reads the row of the request's key into q.row, if it is there now.
func (q *request) loadLive() error {
	if why := kv.CheckKey(q.key, &q.server.config.Limits); why != nil {
		return why
	}
	table, err := q.table()
	if err != nil {
		return err
	}
	err = q.read(func(reader *catalog.Reader) (err error) {
		q.arena, err = reader.Get(table, q.key, &q.row, q.arena[:0])
		return err
	})
	switch {
	case err != nil:
		return err
	case q.row.Live(q.server.config.Now()):
		q.note.rows = 1
		return nil
	case q.row.Exists && q.ctx.IsHead():
		return errKeyExpired
	}
	return kv.KeyNotFound
}
