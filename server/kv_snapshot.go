package server

import (
	"time"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

const snapshotLimitDefault = 100

// snapshotOfTable answers a page of the keys that were there in a second, with their
// values, or all of them.
func snapshotOfTable(q *request) error {
	second, err := q.second("timestamp")
	if err != nil {
		return err
	}
	limit, err := q.notNegative("limit", snapshotLimitDefault)
	if err != nil {
		return err
	}
	all := limit == 0
	limit = min(limit, int64(q.server.config.Limits.ListItemsMax))
	page := past.Page{Prefix: string(q.argument("prefix")), Limit: int(limit) + 1, Values: true, Counted: true}
	if all {
		page.Limit = -1
	}
	if page.After, err = decodeCursor(q.argument("after")); err != nil {
		return err
	}
	return q.sendPast(func(table *past.Table, out *flow) error {
		var unknown gaps
		var last []byte
		count, more := int64(0), false
		out.begin()
		out.number("timestamp", second)
		out.text("snapshot_time", time.Unix(second, 0).UTC().Format(timeFormat))
		out.name("keys")
		total, err := table.Snapshot(untilEndOf(second), &page, func(found *past.Found) error {
			if more = !all && count == limit; more {
				return nil
			}
			out.open(count)
			out.then(found)
			count++
			last = append(last[:0], found.Key...)
			return out.more()
		}, unknown.add)
		if err != nil {
			return err
		}
		out.close(count)
		out.number("count", count)
		out.number("total_keys_at_snapshot", total)
		out.gaps(&unknown)
		out.next(more, last)
		out.out = append(out.out, '}')
		return nil
	})
}

// then appends a key as it was.
func (b *jsonBody) then(found *past.Found) {
	b.out = jsontext.AppendString(append(b.out, `{"key":`...), found.Key)
	b.number("op_number", found.OpNumber)
	b.text("content_type", found.Row.ContentType)
	b.out = append(kv.AppendValue(append(b.out, ','), &found.Row), '}')
}
