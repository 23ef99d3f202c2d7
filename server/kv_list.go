package server

import (
	"encoding/base64"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

const listLimitDefault = 100

// list answers a page of the table's live keys, without values.
func list(q *request) error {
	page, err := q.page()
	if err != nil {
		return err
	}
	keysOnly, err := q.flag("keys_only", false)
	if err != nil {
		return err
	}
	counted, err := q.flag("count", false)
	if err != nil {
		return err
	}
	q.begin()
	q.name("items")
	count, total, more := int64(0), int64(0), false
	var last []byte
	var fileID string
	var sequence int64
	err = q.read(func(reader *catalog.Reader) error {
		return reader.Snapshot(func() (err error) {
			if fileID, sequence, err = reader.Cursor(); err != nil {
				return err
			}
			if counted {
				if total, err = reader.Count(&page, q.timeout()); err != nil {
					return err
				}
			}
			if page.Limit == 0 {
				return nil
			}
			more, err = reader.List(&page, func(row *catalog.ListedRow) {
				q.listed(row, count == 0, keysOnly)
				last = append(last[:0], row.Key...)
				count++
			})
			return err
		})
	})
	if err != nil {
		return err
	}
	if count == 0 {
		q.out = append(q.out, "null"...)
	} else {
		q.out = append(q.out, ']')
	}
	q.number("count", count)
	if counted {
		q.number("total", total)
	}
	q.number("limit", int64(page.Limit))
	q.number("offset", int64(page.Offset))
	q.boolean("has_more", more)
	q.name("next_after")
	if more {
		q.out = jsontext.AppendString(q.out, encodeCursor(last))
	} else {
		q.out = append(q.out, "null"...)
	}
	q.name("change_cursor")
	q.out = append(q.out, '"')
	q.out = append(q.out, fileID...)
	q.out = append(q.out, '.')
	q.out = appendInt(q.out, sequence)
	q.out = append(q.out, '"')
	q.end()
	return nil
}

// page binds the parameters of a list.
func (q *request) page() (page catalog.Page, err error) {
	if err := q.notYet("at_timestamp"); err != nil {
		return page, err
	}
	if page.Reverse, err = q.flag("reverse", false); err != nil {
		return page, err
	}
	if page.Table, err = q.table(); err != nil {
		return page, err
	}
	limit, err := q.integer("limit", listLimitDefault)
	if err != nil {
		return page, err
	}
	offset, err := q.integer("offset", 0)
	if err != nil {
		return page, err
	}
	switch {
	case limit < 0:
		return page, refusal.New(refusal.InvalidParameters, "limit must not be negative")
	case offset < 0:
		return page, refusal.New(refusal.InvalidParameters, "offset must not be negative")
	}
	page.Limit = int(min(limit, int64(q.server.config.Limits.ListItemsMax)))
	page.Offset = int(offset)
	page.Prefix = string(q.argument("prefix"))
	if page.After, err = decodeCursor(q.argument("after")); err != nil {
		return page, err
	}
	page.Now = q.server.config.Now()
	return page, nil
}

func (q *request) listed(row *catalog.ListedRow, first, keyOnly bool) {
	if first {
		q.out = append(q.out, `[{"key":`...)
	} else {
		q.out = append(q.out, `,{"key":`...)
	}
	q.out = jsontext.AppendBytes(q.out, row.Key)
	if keyOnly {
		q.out = append(q.out, '}')
		return
	}
	q.text("content_type", row.ContentType)
	q.number("size", row.Size)
	q.number("created_at", secondsDown(row.CreatedAt))
	q.number("updated_at", secondsDown(row.UpdatedAt))
	if row.ExpireAt != 0 {
		q.number("expire_at", secondsUp(row.ExpireAt))
	}
	q.etagText(row.Version)
	q.out = append(q.out, '}')
}

// A cursor is opaque to clients; here it is the last key of the page.
func encodeCursor(key []byte) string { return base64.RawURLEncoding.EncodeToString(key) }

func decodeCursor(cursor []byte) (string, error) {
	if len(cursor) == 0 {
		return "", nil
	}
	key, err := base64.RawURLEncoding.DecodeString(string(cursor))
	if err != nil {
		return "", refusal.Newf(refusal.InvalidParameters, "after must be the next_after of a page, not %.64q", cursor)
	}
	return string(key), nil
}
