package server

import (
	"fmt"
	"slices"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// What the model answers to questions about changes: differences and rollbacks.

// diff answers what changed from one second to another. keys, if not nil, are those to
// look at; unchanged is how many the server says are the same, and most how many may be.
func (t *timeTable) diff(from, to int64, keys []string, unchanged int) (want wanted, most int) {
	if why, is := t.beyond(from); is {
		return why, 0
	}
	all := keys
	if all == nil {
		all = t.sorted()
	}
	all = slices.Compact(slices.Sorted(slices.Values(all)))
	counts := map[string]int{}
	var changes, unknown []string
	for _, key := range all {
		k := t.key(key)
		was, is := k.at(untilEndOf(from), t.horizon), k.at(untilEndOf(to), t.horizon)
		kind := "unchanged"
		switch {
		case !was.isKnown() || !is.isKnown():
			unknown = append(unknown, key)
			continue
		case was.fate == past.There && is.fate == past.There && !was.state.sameValue(&is.state):
			kind = "modified"
		case was.fate == past.There && is.fate != past.There:
			kind = "deleted"
		case was.fate != past.There && is.fate == past.There:
			kind = "created"
		}
		counts[kind]++
		if kind != "unchanged" {
			changes = append(changes, k.change(key, kind, &was, &is, from))
		}
	}
	return wanted{body: fmt.Sprintf(`{"success":true,"from_timestamp":%d,"to_timestamp":%d,"changes":%s,`+
		`"stats":{"created":%d,"modified":%d,"deleted":%d,"unchanged":%d,"total_changes":%d},%s}`,
		from, to, listed(changes), counts["created"], counts["modified"], counts["deleted"], unchanged, len(changes), shownGaps(unknown))}, counts["unchanged"]
}

// change is a key that was something else.
func (k *timeline) change(key, kind string, was, is *timeMoment, from int64) string {
	out := fmt.Sprintf(`{"key":%s,"change_type":%q`, quoted(key), kind)
	if kind != "created" {
		out += "," + was.state.shown("from_value", "from_value_base64") + `,"from_content_type":` + quoted(was.state.contentType)
	}
	if kind != "deleted" {
		out += "," + is.state.shown("to_value", "to_value_base64") + `,"to_content_type":` + quoted(is.state.contentType)
	}
	if kind != "created" && was.state.expireAt != 0 {
		out += fmt.Sprintf(`,"old_expire_at":%d`, secondsUp(was.state.expireAt))
	}
	if kind != "deleted" && is.state.expireAt != 0 {
		out += fmt.Sprintf(`,"new_expire_at":%d`, secondsUp(is.state.expireAt))
	}
	if kind == "modified" {
		out += `,"operations_between":` + listedOrEmpty(k.between(untilEndOf(from), is.entry.number))
	}
	return out + "}"
}

// between are the entries from a moment on, up to one, newest first.
func (k *timeline) between(from, number int64) (told []string) {
	for i := range slices.Backward(k.entries) {
		e := &k.entries[i]
		if e.at < from || e.number > number {
			continue
		}
		delta := "null"
		if e.op == "INCR" || e.op == "DECR" {
			delta = fmt.Sprint(e.arg)
		}
		told = append(told, fmt.Sprintf(`{"op_number":%d,"operation":%q,"path":%s,"timestamp":%d,"delta":%s}`,
			e.number, e.op, quotedOrNull(e.path), e.at/1000, delta))
	}
	return told
}

// counts are how many keys a plan brings to another value or back, takes away, and gives
// their lifetime, and how many entries that takes back.
func (p *timePlan) counts() (rolledBack, deleted, restored, relived int, operations int64) {
	for _, step := range p.steps {
		switch step.action {
		case kv.RollBack:
			rolledBack++
		case kv.TakeAway:
			deleted++
		case kv.BringBack:
			restored++
		default:
			relived++
			continue
		}
		operations += step.operations
	}
	return rolledBack, deleted, restored, relived, operations
}

// refusal is the answer of a plan that can't be made.
func (p *timePlan) refusal() wanted {
	if p.refused.fate == past.Folded {
		return p.refused.whyNot()
	}
	return wanted{code: "TIME_TRAVEL_CHAIN_GAP", text: `"message":"time-travel: chain gap straddles target timestamp"`}
}

// preview answers what a plan would do; total is how many keys the server says that it
// looked at.
func (t *timeTable) preview(wish *timeReturn, p *timePlan, total int) wanted {
	if p.refused != nil {
		return p.refusal()
	}
	rolledBack, deleted, restored, relived, operations := p.counts()
	var changes []string
	for i := range p.steps {
		if step := &p.steps[i]; step.action != kv.Relive {
			changes = append(changes, step.shown(t.key(step.key)))
		}
	}
	return wanted{body: fmt.Sprintf(`{"success":true,"dry_run":true,"to_timestamp":%d,"preview":{"total_keys":%d,"keys_to_rollback":%d,`+
		`"keys_to_delete":%d,"keys_to_restore":%d,"operations_to_reverse":%d,"discovery_truncated":false,"untouched_keys":%s,"lifetimes_restored":%d,"changes":%s}}`,
		wish.second, total, rolledBack, deleted, restored, operations, listedOrEmpty(allQuoted(p.untouched)), relived, listed(changes))}
}

func (s *timeStep) shown(k *timeline) string {
	names := map[kv.Action][2]string{
		kv.RollBack: {"rollback", "changed since the target"}, kv.TakeAway: {"delete", "created after the target"},
		kv.BringBack: {"restore", "deleted since the target"},
	}[s.action]
	out := fmt.Sprintf(`{"key":%s,"action":%q,"operations_to_undo":%d,"reason":%q`, quoted(s.key), names[0], s.operations, names[1])
	if s.action != kv.BringBack {
		out += "," + k.row.shown("current_value", "current_value_base64")
	}
	if s.action != kv.TakeAway {
		out += "," + s.then.shown("rollback_value", "rollback_value_base64")
	}
	return out + "}"
}

// returned answers what a return has done, in so many milliseconds.
func (p *timePlan) returned(wish *timeReturn, millis int) wanted {
	if p.refused != nil {
		return p.refusal()
	}
	rolledBack, deleted, restored, relived, operations := p.counts()
	return wanted{body: fmt.Sprintf(`{"success":true,"to_timestamp":%d,"rolled_back":%d,"deleted":%d,"restored":%d,`+
		`"total_operations_reversed":%d,"duration_ms":%d,"untouched_keys":%s,"lifetimes_restored":%d}`,
		wish.second, rolledBack, deleted, restored, operations, millis, listedOrEmpty(allQuoted(p.untouched)), relived)}
}
