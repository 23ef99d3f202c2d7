package server

import (
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// preview answers what a rollback of the table to a second would do.
func (q *request) preview(second int64, wanted *past.Return) error {
	wanted.Now = q.server.config.Now()
	return q.sendPast(func(table *past.Table, out *flow) error {
		p := &preview{table: table, wanted: wanted}
		counts, err := table.Plan(wanted, p.keepStep, p.keepUntouched)
		if err != nil {
			return err
		}
		out.begin()
		out.boolean("dry_run", true)
		out.number("to_timestamp", second)
		out.name("preview")
		out.out = appendInt(append(out.out, `{"total_keys":`...), counts.Total)
		out.number("keys_to_rollback", counts.RolledBack)
		out.number("keys_to_delete", counts.Deleted)
		out.number("keys_to_restore", counts.Restored)
		out.number("operations_to_reverse", counts.Operations)
		out.boolean("discovery_truncated", false)
		if err := p.sendUntouched(out); err != nil {
			return err
		}
		out.number("lifetimes_restored", counts.Relived)
		if err := p.sendChanges(out); err != nil {
			return err
		}
		out.out = append(out.out, "}}"...)
		return nil
	})
}

// preview is a plan that is shown. It is made once to be counted, since what is counted
// is told first and one key may refuse it all; lists that are too long to be kept until
// then are made once more while they are sent.
type preview struct {
	table              *past.Table
	wanted             *past.Return
	changes, untouched heldList
}

// heldList is the items of a list while there are not too many.
type heldList struct {
	jsonBody
	count   int64
	tooLong bool
}

// item begins an item, unless the list is too long.
func (l *heldList) item() bool {
	if len(l.out) > plainBytesMax {
		l.out, l.tooLong = nil, true
	}
	if !l.tooLong {
		l.open(l.count)
		l.count++
	}
	return !l.tooLong
}

func (p *preview) keepStep(step *past.Step) error {
	if step.Action != kv.Relive && p.changes.item() {
		p.changes.step(step)
	}
	return nil
}

func (p *preview) keepUntouched(key string) {
	if p.untouched.item() {
		p.untouched.out = jsontext.AppendString(p.untouched.out, key)
	}
}

func (p *preview) sendUntouched(out *flow) error {
	out.name("untouched_keys")
	switch {
	case p.untouched.count == 0:
		out.out = append(out.out, "[]"...)
		return nil
	case !p.untouched.tooLong:
		out.out = append(append(out.out, p.untouched.out...), ']')
		return out.more()
	}
	count := int64(0)
	_, err := p.table.Plan(p.wanted, func(*past.Step) error { return out.more() }, func(key string) {
		if out.more() != nil {
			return // the next step ends it
		}
		out.open(count)
		out.out = jsontext.AppendString(out.out, key)
		count++
	})
	out.out = append(out.out, ']')
	return err
}

func (p *preview) sendChanges(out *flow) error {
	out.name("changes")
	if !p.changes.tooLong {
		out.out = append(out.out, p.changes.out...)
		out.close(p.changes.count)
		return out.more()
	}
	count := int64(0)
	_, err := p.table.Plan(p.wanted, func(step *past.Step) error {
		if step.Action == kv.Relive {
			return out.more()
		}
		out.open(count)
		out.step(step)
		count++
		return out.more()
	}, func(string) {})
	out.close(count)
	return err
}

// shownActions are what a preview calls the actions, and why they are taken.
var shownActions = map[kv.Action]struct{ name, reason string }{
	kv.RollBack:  {"rollback", "changed since the target"},
	kv.TakeAway:  {"delete", "created after the target"},
	kv.BringBack: {"restore", "deleted since the target"},
}

// step appends what is done to a key.
func (b *jsonBody) step(step *past.Step) {
	shown := shownActions[step.Action]
	b.out = jsontext.AppendString(append(b.out, `{"key":`...), step.Key)
	b.text("action", shown.name)
	b.number("operations_to_undo", step.Operations)
	b.text("reason", shown.reason)
	if step.Action != kv.BringBack {
		b.out = kv.AppendValueAs(append(b.out, ','), "current_value", "current_value_base64", step.Row)
	}
	if step.Action != kv.TakeAway {
		b.out = kv.AppendValueAs(append(b.out, ','), "rollback_value", "rollback_value_base64", step.Then)
	}
	b.out = append(b.out, '}')
}
