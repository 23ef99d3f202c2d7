package server

import (
	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// batchSet stores all items or none.
func batchSet(q *request) error {
	return q.batchWrite(kv.Items, func(call *catalog.Call, body *batchBody) error {
		return q.eachOp(call, kv.Set, body.items, "items", errNoItems, bindSetItem)
	})
}

// batchDelete removes what is there of all keys.
func batchDelete(q *request) error {
	return q.batchWrite(kv.Deleted, func(call *catalog.Call, body *batchBody) error {
		list, name, bind := body.keys, "keys", bindKeyElement
		switch {
		case body.keys != nil && body.items != nil:
			return errBatchBoth
		case body.items != nil:
			list, name, bind = body.items, "items", bindDeleteItem
		}
		return q.eachOp(call, kv.Delete, list, name, errNoKeys, func(raw []byte, op *kv.Op) *refusal.Refusal {
			op.MissingOK = true
			return bind(raw, op)
		})
	})
}

// batchWrite does what bind makes of the body, all of it or nothing.
func (q *request) batchWrite(shape kv.Shape, bind func(call *catalog.Call, body *batchBody) error) error {
	body, err := q.batch()
	if err != nil {
		return err
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	call.Shape = shape
	if err := bind(call, &body); err != nil {
		return err
	}
	if err := q.commit(call); err != nil {
		return err
	}
	q.answerCall(call)
	return nil
}

// batchGet answers the values of all keys from one snapshot.
func batchGet(q *request) error {
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	body, err := q.batch()
	if err != nil {
		return err
	}
	var keys []string
	err = q.each(body.keys, "keys", errNoKeys, func(raw []byte) *refusal.Refusal {
		key, why := jsonText("key", raw)
		keys = append(keys, key)
		if why != nil {
			return why
		}
		return kv.CheckKey(key, &q.server.config.Limits)
	})
	if err != nil {
		return err
	}
	table, err := q.table()
	if err != nil {
		return err
	}
	q.begin()
	q.out = append(q.out, `,"results":{`...)
	err = q.read(func(reader *catalog.Reader) error {
		return reader.Snapshot(func() error { return q.appendRows(reader, table, keys) })
	})
	if err != nil {
		return err
	}
	q.out = append(q.out, '}')
	q.end()
	return nil
}

// appendRows appends "key":{…} or "key":null for each distinct key.
func (q *request) appendRows(reader *catalog.Reader, table string, keys []string) error {
	now := q.server.config.Now()
	answered := make(map[string]bool, len(keys))
	for _, key := range keys {
		if answered[key] {
			continue
		}
		if len(answered) > 0 {
			q.out = append(q.out, ',')
		}
		answered[key] = true
		var err error
		if q.arena, err = reader.Get(table, key, &q.row, q.arena[:0]); err != nil {
			return err
		}
		q.out = append(jsontext.AppendString(q.out, key), ':')
		if !q.row.Live(now) {
			q.out = append(q.out, "null"...)
			continue
		}
		if len(q.out)+kv.ValueLen(&q.row) > q.server.config.SQL.BytesMax {
			return errResponseTooLarge
		}
		q.note.rows++
		q.out = append(q.out, `{"content_type":`...)
		q.out = append(jsontext.AppendString(q.out, q.row.ContentType), ',')
		q.out = kv.AppendValue(q.out, &q.row)
		q.etagText(q.row.Version)
		q.out = append(q.out, '}')
	}
	return nil
}

var errResponseTooLarge = refusal.New(refusal.ResponseTooLarge, "the response is too large; ask for fewer keys")
