package server

import (
	"encoding/base64"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

const listLimitDefault = 100

// listing is a list being answered: what was asked for, and what was found.
type listing struct {
	page              catalog.Page
	keysOnly, counted bool

	count, total int64
	more         bool
	last         []byte // the key that was listed last
}

// list answers a page of the table's live keys, without values.
func list(q *request) error {
	l, err := q.listing()
	if err != nil {
		return err
	}
	if len(q.argument("at_timestamp")) > 0 {
		return listThen(q, l)
	}
	if l.page.Table, err = q.table(); err != nil {
		return err
	}
	var fileID string
	var sequence int64
	l.begin(q)
	err = q.read(func(reader *catalog.Reader) error {
		return reader.Snapshot(func() (err error) {
			if fileID, sequence, err = reader.Cursor(); err != nil {
				return err
			}
			return l.rows(q, reader)
		})
	})
	if err != nil {
		return err
	}
	l.end(q)
	q.name("change_cursor")
	q.out = append(q.out, '"')
	q.out = append(q.out, fileID...)
	q.out = append(q.out, '.')
	q.out = appendInt(q.out, sequence)
	q.out = append(q.out, '"')
	q.end()
	return nil
}

// listing binds the parameters of a list.
func (q *request) listing() (*listing, error) {
	l := &listing{}
	page := &l.page
	limit, err := q.notNegative("limit", listLimitDefault)
	if err != nil {
		return nil, err
	}
	offset, err := q.notNegative("offset", 0)
	if err != nil {
		return nil, err
	}
	page.Limit = int(min(limit, int64(q.server.config.Limits.ListItemsMax)))
	page.Offset = int(offset)
	page.Prefix = string(q.argument("prefix"))
	page.Now = q.server.config.Now()
	if page.After, err = decodeCursor(q.argument("after")); err != nil {
		return nil, err
	}
	for _, f := range [...]struct {
		name string
		into *bool
	}{{"reverse", &page.Reverse}, {"keys_only", &l.keysOnly}, {"count", &l.counted}} {
		if *f.into, err = q.flag(f.name, false); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// rows lists the rows of the page.
func (l *listing) rows(q *request, reader *catalog.Reader) (err error) {
	if l.counted {
		if l.total, err = reader.Count(&l.page, q.timeout()); err != nil {
			return err
		}
	}
	if l.page.Limit == 0 {
		return nil
	}
	l.more, err = reader.List(&l.page, func(row *catalog.ListedRow) {
		l.item(q, row.Key)
		if !l.keysOnly {
			q.listed(row)
		}
		q.out = append(q.out, '}')
	})
	return err
}

func (l *listing) begin(q *request) {
	q.begin()
	q.name("items")
}

// item begins an item with its key.
func (l *listing) item(q *request, key []byte) {
	q.open(l.count)
	q.out = jsontext.AppendBytes(append(q.out, `{"key":`...), key)
	l.last = append(l.last[:0], key...)
	l.count++
}

func (q *request) listed(row *catalog.ListedRow) {
	q.text("content_type", row.ContentType)
	q.number("size", row.Size)
	q.number("created_at", secondsDown(row.CreatedAt))
	q.number("updated_at", secondsDown(row.UpdatedAt))
	if row.ExpireAt != 0 {
		q.number("expire_at", secondsUp(row.ExpireAt))
	}
	q.etagText(row.Version)
}

// end ends the items and tells about the page.
func (l *listing) end(q *request) {
	q.close(l.count)
	q.number("count", l.count)
	q.note.rows = l.count
	if l.counted {
		q.number("total", l.total)
	}
	q.number("limit", int64(l.page.Limit))
	q.number("offset", int64(l.page.Offset))
	q.next(l.more, l.last)
}

// next appends whether there is more than a page, and what leads there.
func (b *jsonBody) next(more bool, last []byte) {
	b.boolean("has_more", more)
	if more {
		b.text("next_after", encodeCursor(last))
	} else {
		b.null("next_after")
	}
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
