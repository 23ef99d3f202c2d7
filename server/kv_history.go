package server

import (
	"strings"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
)

const (
	historyLimitDefault = 50
)

var errHistoryTooLarge = refusal.New(refusal.ResponseTooLarge, "the history is too large; ask for fewer entries")

// history answers the newest entries of the key, the newest first.
func history(q *request) error {
	if why := kv.CheckKey(q.key, &q.server.config.Limits); why != nil {
		return why
	}
	limit, err := q.notNegative("limit", 0)
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = historyLimitDefault
	}
	before, err := q.notNegative("before", 0)
	if err != nil {
		return err
	}
	told := &toldHistory{bytesMax: q.server.config.SQL.BytesMax}
	err = q.readPast(func(table *past.Table) (err error) {
		told.hasGaps, err = table.History(q.key, before, int(min(limit, past.HistoryMax)), told.add)
		return err
	})
	if err != nil {
		return err
	}
	q.note.rows = int64(len(told.ends))
	key := strings.Clone(q.key)
	return q.send(func(out *flow) error { return told.send(key, out) })
}

// toldHistory is entries as they are answered, from the oldest to the newest: as they are
// replayed.
type toldHistory struct {
	jsonBody
	ends     []int // where in out each entry ends
	hasGaps  bool
	bytesMax int
}

// send sends them in the other direction.
func (h *toldHistory) send(key string, out *flow) error {
	out.begin()
	out.text("key", key)
	out.number("count", int64(len(h.ends)))
	out.boolean("has_gaps", h.hasGaps)
	out.name("operations")
	out.out = append(out.out, '[')
	for i := len(h.ends) - 1; i >= 0; i-- {
		start := 0
		if i > 0 {
			start = h.ends[i-1]
		}
		if i < len(h.ends)-1 {
			out.out = append(out.out, ',')
		}
		out.out = append(out.out, h.out[start:h.ends[i]]...)
		if err := out.more(); err != nil {
			return err
		}
	}
	out.out = append(out.out, "]}"...)
	return nil
}

func (h *toldHistory) add(told *past.Told) error {
	if len(h.out)+kv.ValueLen(&told.Before.Row)+kv.ValueLen(&told.After.Row) > h.bytesMax {
		return errHistoryTooLarge
	}
	h.out = appendInt(append(h.out, `{"op_number":`...), told.OpNumber)
	h.number("timestamp", secondsDown(told.At))
	h.textOrNull("content_type", typeOf(told))
	h.textOrNull("actor", told.Actor)
	if told.After.Fate == past.There && told.After.Row.ExpireAt != 0 {
		h.number("expire_at", secondsUp(told.After.Row.ExpireAt))
	}
	h.name("operation")
	h.operation(told)
	h.out = append(h.out, '}')
	h.ends = append(h.ends, len(h.out))
	return nil
}

// typeOf is the type of the state after an entry, or else of the one before; empty if
// neither is known.
func typeOf(told *past.Told) string {
	for _, state := range [...]*past.State{told.After, told.Before} {
		if state.Fate == past.There {
			return state.Row.ContentType
		}
	}
	return ""
}

// operation appends what an entry did.
func (b *jsonBody) operation(told *past.Told) {
	b.out = append(append(b.out, `{"op":"`...), told.Op.String()...)
	b.out = append(b.out, '"')
	if told.Path != "" {
		b.text("path", told.Path)
	}
	switch told.Op {
	case kv.EntryIncr, kv.EntryDecr:
		b.number("delta", told.Arg)
	case kv.EntryRemove:
		b.number("index", told.Arg)
	case kv.EntryRollback:
		b.number("to_timestamp", told.Arg)
	}
	b.state("old_value", "raw_old_value", told.Before)
	b.state("new_value", "raw_new_value", told.After)
	if told.Op == kv.EntryUnrecorded && told.HasState {
		until := told.Arg
		if told.OpNumber > 1 { // SQL may have left the time of the row alone
			until = max(until, told.At)
		}
		b.number("unrecorded_until", secondsDown(until))
	}
	b.out = append(b.out, '}')
}

// state appends a value under one of two names: null where there was none, and nothing
// where that is not known.
func (b *jsonBody) state(name, rawName string, state *past.State) {
	switch state.Fate {
	case past.There:
		b.out = kv.AppendValueAs(append(b.out, ','), name, rawName, &state.Row)
	case past.Absent, past.Expired:
		b.null(name)
	}
}
