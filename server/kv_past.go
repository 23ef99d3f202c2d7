package server

import (
	"strings"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
)

var (
	errGap         = refusal.New(refusal.TimeTravelChainGap, "TIME_TRAVEL_CHAIN_GAP: what the key was then is not known: it was written without history")
	errExpiredThen = refusal.New(refusal.KeyExpired, "Key had expired")
	errThenLarge   = refusal.New(refusal.ResponseTooLarge, "the value is too large as JSON")
	errThenReverse = refusal.New(refusal.InvalidParameters, "at_timestamp and reverse can't be sent together")
)

// getThen answers what the key was in a second.
func getThen(q *request) error {
	second, err := q.second("at_timestamp")
	if err != nil {
		return err
	}
	state, err := q.stateOfKey(func(table *past.Table, into *past.State) error {
		return table.At(q.key, untilEndOf(second), into)
	})
	if err != nil {
		return err
	}
	q.begin()
	q.text("key", q.key)
	q.number("timestamp", second)
	q.text("content_type", state.Row.ContentType)
	q.out = kv.AppendValue(append(q.out, ','), &state.Row)
	if state.OpNumber != 0 {
		q.number("op_number", state.OpNumber)
		q.number("op_timestamp", secondsDown(state.At))
	}
	q.end()
	return nil
}

// snapshotOfKey answers what the key was right after one of its entries.
func snapshotOfKey(q *request) error {
	opNumber, err := q.positive("op_number")
	if err != nil {
		return err
	}
	state, err := q.stateOfKey(func(table *past.Table, into *past.State) error {
		return table.After(q.key, opNumber, into)
	})
	if err != nil {
		return err
	}
	q.out = kv.AppendValue(append(q.out[:0], '{'), &state.Row)
	q.number("op_number", opNumber)
	q.text("content_type", state.Row.ContentType)
	q.boolean("success", true)
	q.end()
	return nil
}

// stateOfKey is a past state of the path's key, which was there.
func (q *request) stateOfKey(tell func(table *past.Table, into *past.State) error) (*past.State, error) {
	if why := kv.CheckKey(q.key, &q.server.config.Limits); why != nil {
		return nil, why
	}
	state := &past.State{}
	err := q.readPast(func(table *past.Table) error { return tell(table, state) })
	if err != nil {
		return nil, err
	}
	if why := notThere(state); why != nil {
		return nil, why
	}
	if kv.ValueLen(&state.Row) > q.server.config.SQL.BytesMax {
		return nil, errThenLarge
	}
	return state, nil
}

// notThere is the refusal of a state that has no value to tell, or nil.
func notThere(state *past.State) *refusal.Refusal {
	switch state.Fate {
	case past.There:
		return nil
	case past.Expired:
		return errExpiredThen
	case past.Unknown:
		return errGap
	case past.Folded:
		return past.Beyond(state.Oldest)
	}
	return kv.KeyNotFound
}

// readPast lends the past of the request's table to do, which must not keep it.
func (q *request) readPast(do func(table *past.Table) error) error {
	name, err := q.table()
	if err != nil {
		return err
	}
	return q.read(func(reader *catalog.Reader) error { return pastOf(reader, name, q.timeout(), do) })
}

// sendPast is send for what is told of the past of the request's table, all of it from
// one state of the database.
func (q *request) sendPast(produce func(table *past.Table, out *flow) error) error {
	name, err := q.table()
	if err != nil {
		return err
	}
	if _, err := q.database(false); err != nil {
		return err
	}
	db := q.takeDatabase()
	name, timeout, started := strings.Clone(name), q.timeout(), q.ctx.Time()
	return q.send(func(out *flow) error {
		defer db.Release()
		reader, err := db.BorrowLong(timeout)
		if err != nil {
			return err
		}
		defer db.ReturnLong(reader)
		return pastOf(reader, name, timeout-time.Since(started), func(table *past.Table) error { return produce(table, out) })
	})
}

// pastOf has a reader tell the past of a table, for as long as limit.
func pastOf(reader *catalog.Reader, table string, limit time.Duration, do func(table *past.Table) error) error {
	return reader.SnapshotFor(limit, func() error {
		source, err := reader.Past(table)
		if err != nil {
			return err
		}
		return do(past.Of(source))
	})
}

// gapKeysMax bounds the keys that an answer names because it can't tell about them.
const gapKeysMax = 1000

// gaps are the keys that an answer can't tell about.
type gaps struct {
	keys []string
	more bool
}

func (g *gaps) add(key string) {
	if g.more = len(g.keys) == gapKeysMax; !g.more {
		g.keys = append(g.keys, strings.Clone(key))
	}
}

// gaps appends the keys that there is nothing told about.
func (b *jsonBody) gaps(g *gaps) {
	b.boolean("has_gaps", len(g.keys) > 0)
	b.name("gap_keys")
	for i, key := range g.keys {
		b.open(int64(i))
		b.out = jsontext.AppendString(b.out, key)
	}
	b.close(int64(len(g.keys)))
	b.boolean("candidate_truncated", g.more)
}

// listThen answers a page of the keys that were there in a second.
func listThen(q *request, l *listing) error {
	second, err := q.second("at_timestamp")
	if err != nil {
		return err
	}
	if l.page.Reverse {
		return errThenReverse
	}
	limit := int64(l.page.Limit)
	page := past.Page{Prefix: l.page.Prefix, After: l.page.After, Offset: l.page.Offset, Limit: l.page.Limit + 1, Counted: l.counted}
	return q.sendPast(func(table *past.Table, out *flow) error {
		var unknown gaps
		out.begin()
		out.number("timestamp", second)
		out.name("items")
		total, err := table.Snapshot(untilEndOf(second), &page, func(found *past.Found) error {
			if l.count == limit {
				l.more = limit > 0
				return nil
			}
			out.open(l.count)
			out.listedThen(found, l.keysOnly)
			l.count++
			l.last = append(l.last[:0], found.Key...)
			return out.more()
		}, unknown.add)
		if err != nil {
			return err
		}
		out.close(l.count)
		out.number("count", l.count)
		if l.counted {
			out.number("total", total)
		}
		out.number("offset", int64(l.page.Offset))
		out.gaps(&unknown)
		out.next(l.more, l.last)
		out.out = append(out.out, '}')
		return nil
	})
}

func (b *jsonBody) listedThen(found *past.Found, keyOnly bool) {
	b.out = jsontext.AppendString(append(b.out, `{"key":`...), found.Key)
	if !keyOnly {
		b.text("content_type", found.Row.ContentType)
		b.number("op_number", found.OpNumber)
		b.number("size_estimate", found.Size)
		b.boolean("existed_at_timestamp", true)
	}
	b.out = append(b.out, '}')
}
