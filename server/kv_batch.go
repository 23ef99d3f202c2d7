package server

import (
	"bytes"

	"github.com/goccy/go-json"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

var (
	errBatchBody   = refusal.New(refusal.InvalidParameters, "Invalid JSON body")
	errBatchBoth   = refusal.New(refusal.InvalidParameters, "keys and items can't be sent together")
	errBatchAlias  = refusal.New(refusal.InvalidParameters, "items and its alias batch can't be sent together")
	errNoItems     = refusal.New(refusal.InvalidParameters, "No items provided")
	errNoKeys      = refusal.New(refusal.InvalidParameters, "No keys provided")
	errItemsNotYet = refusal.New(refusal.InvalidParameters, "if_match and if_none_match are not supported yet")
)

// batchItem is one item of a batch that writes.
type batchItem struct {
	Key         string          `json:"key"`
	Value       json.RawMessage `json:"value"`
	ContentType string          `json:"content_type"`
	TTL         int64           `json:"ttl"`
	IfMatch     json.RawMessage `json:"if_match"`
	IfNoneMatch json.RawMessage `json:"if_none_match"`
}

type batchBody struct {
	Items []batchItem `json:"items"`
	Batch []batchItem `json:"batch"`
	Keys  []string    `json:"keys"`
}

// batch reads the body of a batch. What it decodes to is a copy.
func (q *request) batch() (body batchBody, err error) {
	sent := q.ctx.Request.Body()
	// The decoder takes some texts for JSON that are not.
	if !isJSON(sent) || json.Unmarshal(sent, &body) != nil {
		return body, errBatchBody
	}
	switch {
	case body.Items == nil:
		body.Items = body.Batch
	case body.Batch != nil:
		return body, errBatchAlias
	}
	return body, nil
}

// few refuses a batch of none or of too many.
func (q *request) few(n int, none *refusal.Refusal, what string) error {
	most := q.server.config.Limits.BatchItemsMax
	switch {
	case n == 0:
		return none
	case n > most:
		return refusal.Newf(refusal.InvalidParameters, "Maximum %d %s per request", most, what)
	}
	return nil
}

// batchSet stores all items or none.
func batchSet(q *request) error {
	body, err := q.batch()
	if err != nil {
		return err
	}
	if err := q.few(len(body.Items), errNoItems, "items"); err != nil {
		return err
	}
	unrecorded, err := q.unrecorded()
	if err != nil {
		return err
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	for i := range body.Items {
		item := &body.Items[i]
		if given(item.IfMatch) || given(item.IfNoneMatch) {
			return errItemsNotYet
		}
		op := call.Add(kv.Set)
		op.Key, op.Unrecorded, op.TTLSeconds = item.Key, unrecorded, item.TTL
		op.Value, op.ContentType = item.stored()
		if err := q.checkItem(op, "items", i); err != nil {
			return err
		}
	}
	if err := q.commit(call); err != nil {
		return err
	}
	q.begin()
	q.number("count", int64(len(body.Items)))
	q.out = append(q.out, `,"items":[`...)
	for i := range body.Items {
		if i > 0 {
			q.out = append(q.out, ',')
		}
		q.out = jsontext.AppendString(append(q.out, `{"key":`...), body.Items[i].Key)
		q.etagText(call.Replies[i].Version)
		q.out = append(q.out, '}')
	}
	q.out = append(q.out, ']')
	q.end()
	return nil
}

// stored is what an item stores: the text of a string, or the JSON of anything
// else; nothing at all stores an empty value.
func (item *batchItem) stored() (kv.Value, string) {
	raw := bytes.TrimSpace(item.Value)
	contentType := item.ContentType
	if len(raw) > 0 && raw[0] != '"' {
		if !kv.IsJSON(contentType) {
			contentType = "application/json"
		}
		return kv.BytesValue(raw, contentType), contentType
	}
	var text []byte
	if len(raw) > 0 {
		text = jsontext.Unquote(raw)
	}
	contentType = kv.ContentTypeOf(contentType, text)
	return kv.BytesValue(text, contentType), contentType
}

// checkItem checks one operation of a batch.
func (q *request) checkItem(op *kv.Op, list string, i int) error {
	why := kv.Check(op, &q.server.config.Limits)
	if why == nil && op.Code == kv.Set {
		why = checkContentType(op.ContentType)
	}
	switch {
	case why == nil:
		return nil
	case op.Key == "" && list == "items":
		return refusal.Newf(refusal.InvalidParameters, "items[%d].key is empty", i)
	}
	return refusal.Newf(why.Kind, "%s[%d]: %s", list, i, why.Text)
}

// given tells whether a field of an item was sent; null is the same as absent.
func given(field json.RawMessage) bool {
	return len(field) > 0 && string(bytes.TrimSpace(field)) != "null"
}

// batchDelete removes what is there of all keys.
func batchDelete(q *request) error {
	body, err := q.batch()
	if err != nil {
		return err
	}
	list := "keys"
	if body.Keys != nil && body.Items != nil {
		return errBatchBoth
	}
	if body.Items != nil {
		list = "items"
		for i := range body.Items {
			if given(body.Items[i].IfMatch) {
				return errItemsNotYet
			}
			body.Keys = append(body.Keys, body.Items[i].Key)
		}
	}
	if err := q.few(len(body.Keys), errNoKeys, "keys"); err != nil {
		return err
	}
	unrecorded, err := q.unrecorded()
	if err != nil {
		return err
	}
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	for i, key := range body.Keys {
		op := call.Add(kv.Delete)
		op.Key, op.Unrecorded, op.MissingOK = key, unrecorded, true
		if err := q.checkItem(op, list, i); err != nil {
			return err
		}
	}
	if err := q.commit(call); err != nil {
		return err
	}
	deleted := int64(0)
	for i := range call.Replies {
		if call.Replies[i].Deleted {
			deleted++
		}
	}
	q.begin()
	q.number("deleted", deleted)
	q.end()
	return nil
}

// batchGet answers the values of all keys from one snapshot.
func batchGet(q *request) error {
	body, err := q.batch()
	if err != nil {
		return err
	}
	if err := q.few(len(body.Keys), errNoKeys, "keys"); err != nil {
		return err
	}
	for i, key := range body.Keys {
		if why := kv.CheckKey(key, &q.server.config.Limits); why != nil {
			return refusal.Newf(why.Kind, "keys[%d]: %s", i, why.Text)
		}
	}
	table, err := q.table()
	if err != nil {
		return err
	}
	q.begin()
	q.out = append(q.out, `,"results":{`...)
	err = q.read(func(reader *catalog.Reader) error {
		return reader.Snapshot(func() error { return q.appendRows(reader, table, body.Keys) })
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
		q.out = append(q.out, `{"content_type":`...)
		q.out = append(jsontext.AppendString(q.out, q.row.ContentType), ',')
		q.out = appendValue(q.out, &q.row)
		q.etagText(q.row.Version)
		q.out = append(q.out, '}')
		if len(q.out) > q.server.config.SQL.BytesMax {
			return errResponseTooLarge
		}
	}
	return nil
}

var errResponseTooLarge = refusal.New(refusal.ResponseTooLarge, "the response is too large; ask for fewer keys")
