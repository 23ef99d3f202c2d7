package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// What the model answers, to the byte. Where an answer may differ, a number or a list
// of keys, it is put into the text by who compares.

// timeActor is who the tests are to the server.
const timeActor = "127.0.0.1"

// wanted is an answer: a body, or the code of a refusal and what its text has.
type wanted struct {
	body, code, text string
}

func quoted(text string) string { return string(jsontext.AppendString(nil, text)) }

func quotedOrNull(text string) string {
	if text == "" {
		return "null"
	}
	return quoted(text)
}

// listed is a list in JSON; without items it is null.
func listed(items []string) string {
	if len(items) == 0 {
		return "null"
	}
	return "[" + strings.Join(items, ",") + "]"
}

// listedOrEmpty is a list in JSON that is never null.
func listedOrEmpty(items []string) string { return "[" + strings.Join(items, ",") + "]" }

func allQuoted(texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, quoted(text))
	}
	return all
}

// shown is the value as it stands in an envelope, under one of two names.
func (s *timeState) shown(name, base64Name string) string {
	switch {
	case kv.IsJSON(s.contentType) && utf8.ValidString(s.value) && json.Valid([]byte(s.value)):
		return fmt.Sprintf(`%q:%s`, name, s.value)
	case kv.IsText(s.contentType) && utf8.ValidString(s.value):
		return fmt.Sprintf(`%q:%s`, name, quoted(s.value))
	}
	return fmt.Sprintf(`%q:%q`, base64Name, base64.StdEncoding.EncodeToString([]byte(s.value)))
}

// whyNot is the refusal of a moment that has no value to tell.
func (m *timeMoment) whyNot() wanted {
	switch m.fate {
	case past.Expired:
		return wanted{code: "KEY_EXPIRED"}
	case past.Unknown:
		return wanted{code: "TIME_TRAVEL_CHAIN_GAP"}
	case past.Folded:
		return wanted{code: "TIME_TRAVEL_CHAIN_GAP", text: fmt.Sprintf(`"oldest_timestamp":%d`, m.oldest/1000)}
	}
	return wanted{code: "KEY_NOT_FOUND"}
}

// then answers what a key was in a second.
func (t *timeTable) then(key string, second int64) wanted {
	m := t.key(key).at(untilEndOf(second), t.horizon)
	if m.fate != past.There {
		return m.whyNot()
	}
	return wanted{body: fmt.Sprintf(`{"success":true,"key":%s,"timestamp":%d,"content_type":%s,%s,"op_number":%d,"op_timestamp":%d}`,
		quoted(key), second, quoted(m.state.contentType), m.state.shown("value", "value_base64"), m.entry.number, m.entry.at/1000)}
}

// afterEntry answers what a key was right after an entry.
func (t *timeTable) afterEntry(key string, number int64) wanted {
	k := t.key(key)
	i := slices.IndexFunc(k.entries, func(e timeEntry) bool { return e.number == number })
	switch {
	case i < 0 && k.based && number > 0 && number < k.entries[0].number:
		return wanted{code: "TIME_TRAVEL_CHAIN_GAP"}
	case i < 0:
		return wanted{code: "HISTORY_ENTRY_NOT_FOUND"}
	case k.entries[i].isGap():
		return wanted{code: "TIME_TRAVEL_CHAIN_GAP"}
	case !k.entries[i].after.there:
		return wanted{code: "KEY_NOT_FOUND"}
	}
	state := &k.entries[i].after
	return wanted{body: fmt.Sprintf(`{%s,"op_number":%d,"content_type":%s,"success":true}`,
		state.shown("value", "value_base64"), number, quoted(state.contentType))}
}

// history answers the newest entries below a number; 0 is no bound.
func (t *timeTable) history(key string, limit int, before int64) wanted {
	k := t.key(key)
	gaps := k.isBare() || k.open
	var told []string
	for i := range slices.Backward(k.entries) {
		e := &k.entries[i]
		gaps = gaps || e.isGap()
		isBase := i == 0 && k.based
		if len(told) < limit && !isBase && (before == 0 || e.number < before) {
			told = append(told, k.told(i))
		}
	}
	return wanted{body: fmt.Sprintf(`{"success":true,"key":%s,"count":%d,"has_gaps":%v,"operations":%s}`,
		quoted(key), len(told), gaps, listedOrEmpty(told))}
}

// told is an entry as history tells it.
func (k *timeline) told(i int) string {
	e := &k.entries[i]
	before, beforeKnown := timeState{}, i > 0 || !e.isGap()
	if i > 0 {
		before, beforeKnown = k.entries[i-1].after, k.entries[i-1].known
	}
	if !before.live(e.at) {
		before = timeState{}
	}
	contentType := e.after.contentType
	if !e.after.there {
		contentType = before.contentType
	}
	out := fmt.Sprintf(`{"op_number":%d,"timestamp":%d,"content_type":%s,"actor":%s`,
		e.number, e.at/1000, quotedOrNull(contentType), quotedOrNull(e.actor))
	if e.after.expireAt != 0 {
		out += fmt.Sprintf(`,"expire_at":%d`, secondsUp(e.after.expireAt))
	}
	out += fmt.Sprintf(`,"operation":{"op":%q`, e.op)
	if e.path != "" {
		out += `,"path":` + quoted(e.path)
	}
	if name := map[string]string{"INCR": "delta", "DECR": "delta", "REMOVE": "index", "ROLLBACK": "to_timestamp"}[e.op]; name != "" {
		out += fmt.Sprintf(`,%q:%d`, name, e.arg)
	}
	out += shownOrNull(&before, beforeKnown, "old_value") + shownOrNull(&e.after, e.known, "new_value")
	if e.isGap() && e.known {
		until := e.until
		if e.number > 1 {
			until = max(until, e.at)
		}
		out += fmt.Sprintf(`,"unrecorded_until":%d`, until/1000)
	}
	return out + "}}"
}

// shownOrNull is a value of history: null where there was none, nothing where it is not
// known.
func shownOrNull(s *timeState, known bool, name string) string {
	switch {
	case !known:
		return ""
	case !s.there:
		return fmt.Sprintf(`,%q:null`, name)
	}
	return "," + s.shown(name, "raw_"+name)
}

// timePage is which keys of a table are asked for.
type timePage struct {
	prefix, after string
	offset, limit int
	counted       bool
}

// page tells the keys of a page that were there, how many were there in all, whether
// there are more behind the page, and the keys that can't be told.
func (t *timeTable) page(p *timePage, second int64) (there []string, total int, more bool, unknown []string) {
	passed := 0
	for _, key := range t.sorted() {
		if !strings.HasPrefix(key, p.prefix) {
			continue
		}
		m := t.key(key).at(untilEndOf(second), t.horizon)
		if !m.isKnown() {
			unknown = append(unknown, key)
		}
		if m.fate != past.There {
			continue
		}
		total++
		switch {
		case key <= p.after:
		case passed < p.offset:
			passed++
		case len(there) == p.limit:
			more = p.limit > 0
		default:
			there = append(there, key)
		}
	}
	return there, total, more, unknown
}

// beyond is the refusal of a question about the table at a moment before its horizon.
func (t *timeTable) beyond(second int64) (wanted, bool) {
	if untilEndOf(second) > t.horizon {
		return wanted{}, false
	}
	return (&timeMoment{fate: past.Folded, oldest: t.horizon}).whyNot(), true
}

func nextAfter(more bool, keys []string) string {
	if !more {
		return `"has_more":false,"next_after":null`
	}
	return fmt.Sprintf(`"has_more":true,"next_after":%q`, encodeCursor([]byte(keys[len(keys)-1])))
}

// listThen answers a list of the keys that were there; gaps are those that the server
// says that it can't tell about.
func (t *timeTable) listThen(p *timePage, second int64, gaps []string) wanted {
	if why, is := t.beyond(second); is {
		return why
	}
	keys, total, more, _ := t.page(p, second)
	var items []string
	for _, key := range keys {
		m := t.key(key).at(untilEndOf(second), t.horizon)
		items = append(items, fmt.Sprintf(`{"key":%s,"content_type":%s,"op_number":%d,"size_estimate":%d,"existed_at_timestamp":true}`,
			quoted(key), quoted(m.state.contentType), m.entry.number, len(m.state.value)))
	}
	count := ""
	if p.counted {
		count = fmt.Sprintf(`"total":%d,`, total)
	}
	return wanted{body: fmt.Sprintf(`{"success":true,"timestamp":%d,"items":%s,"count":%d,%s"offset":%d,%s,%s}`,
		second, listed(items), len(items), count, p.offset, shownGaps(gaps), nextAfter(more, keys))}
}

func shownGaps(gaps []string) string {
	return fmt.Sprintf(`"has_gaps":%v,"gap_keys":%s,"candidate_truncated":false`, len(gaps) > 0, listed(allQuoted(gaps)))
}

// snapshot answers a page of the table as it was, with values.
func (t *timeTable) snapshot(p *timePage, second int64) wanted {
	if why, is := t.beyond(second); is {
		return why
	}
	keys, total, more, unknown := t.page(p, second)
	var items []string
	for _, key := range keys {
		m := t.key(key).at(untilEndOf(second), t.horizon)
		items = append(items, fmt.Sprintf(`{"key":%s,"op_number":%d,"content_type":%s,%s}`,
			quoted(key), m.entry.number, quoted(m.state.contentType), m.state.shown("value", "value_base64")))
	}
	return wanted{body: fmt.Sprintf(`{"success":true,"timestamp":%d,"snapshot_time":%q,"keys":%s,"count":%d,"total_keys_at_snapshot":%d,%s,%s}`,
		second, time.Unix(second, 0).UTC().Format(time.RFC3339), listed(items), len(items), total, shownGaps(unknown), nextAfter(more, keys))}
}
