package server

import (
	"strings"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
)

// keysMax bounds the keys that a question about a table may name.
const keysMax = 10_000

var errDiffOrder = refusal.New(refusal.InvalidParameters, "from must be earlier than to")

// diff answers which keys were something else in one second than in another.
func diff(q *request) error {
	from, err := q.second("from")
	if err != nil {
		return err
	}
	to, err := q.second("to")
	if err != nil {
		return err
	}
	if from >= to {
		return errDiffOrder
	}
	keys, err := q.keysOfDiff()
	if err != nil {
		return err
	}
	return q.sendPast(func(table *past.Table, out *flow) error {
		var unknown gaps
		count := int64(0)
		out.begin()
		out.number("from_timestamp", from)
		out.number("to_timestamp", to)
		out.name("changes")
		stats, err := table.Diff(untilEndOf(from), untilEndOf(to), keys, func(c *past.Change) error {
			out.open(count)
			out.change(c)
			count++
			return out.more()
		}, unknown.add)
		if err != nil {
			return err
		}
		out.close(count)
		out.stats(&stats)
		out.gaps(&unknown)
		out.out = append(out.out, '}')
		return nil
	})
}

// keysOfDiff are the keys to look at, each once; nil is all.
func (q *request) keysOfDiff() (keys []string, err error) {
	seen := map[string]bool{}
	for key := range strings.SplitSeq(string(q.argument("keys")), ",") {
		if key == "" || seen[key] {
			continue
		}
		if why := kv.CheckKey(key, &q.server.config.Limits); why != nil {
			return nil, inList("keys", len(keys), why)
		}
		if len(keys) == keysMax {
			return nil, tooManyKeys("keys")
		}
		seen[key] = true
		keys = append(keys, key)
	}
	return keys, nil
}

func tooManyKeys(list string) error {
	return refusal.Newf(refusal.InvalidParameters, "%s may have at most %d keys", list, keysMax)
}

func (b *jsonBody) stats(stats *past.Stats) {
	b.name("stats")
	b.out = appendInt(append(b.out, `{"created":`...), stats.Created)
	b.number("modified", stats.Modified)
	b.number("deleted", stats.Deleted)
	b.number("unchanged", stats.Unchanged)
	b.number("total_changes", stats.Created+stats.Modified+stats.Deleted)
	b.out = append(b.out, '}')
}

// change appends a key that was something else.
func (b *jsonBody) change(c *past.Change) {
	was, is := c.From.Fate == past.There, c.To.Fate == past.There
	kind := "modified"
	switch {
	case !was:
		kind = "created"
	case !is:
		kind = "deleted"
	}
	b.out = jsontext.AppendString(append(b.out, `{"key":`...), c.Key)
	b.text("change_type", kind)
	if was {
		b.out = kv.AppendValueAs(append(b.out, ','), "from_value", "from_value_base64", &c.From.Row)
		b.text("from_content_type", c.From.Row.ContentType)
	}
	if is {
		b.out = kv.AppendValueAs(append(b.out, ','), "to_value", "to_value_base64", &c.To.Row)
		b.text("to_content_type", c.To.Row.ContentType)
	}
	if was && c.From.Row.ExpireAt != 0 {
		b.number("old_expire_at", secondsUp(c.From.Row.ExpireAt))
	}
	if is && c.To.Row.ExpireAt != 0 {
		b.number("new_expire_at", secondsUp(c.To.Row.ExpireAt))
	}
	if was && is {
		b.between(c.Between)
	}
	b.out = append(b.out, '}')
}

// between appends what was done to a key from one state to the other.
func (b *jsonBody) between(entries []past.Entry) {
	b.name("operations_between")
	b.out = append(b.out, '[')
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			b.out = append(b.out, ',')
		}
		b.out = appendInt(append(b.out, `{"op_number":`...), e.OpNumber)
		b.text("operation", e.Op.String())
		b.textOrNull("path", e.Path)
		b.number("timestamp", secondsDown(e.At))
		if e.Op == kv.EntryIncr || e.Op == kv.EntryDecr {
			b.number("delta", e.Arg)
		} else {
			b.null("delta")
		}
		b.out = append(b.out, '}')
	}
	b.out = append(b.out, ']')
}
