package server

import (
	"maps"
	"slices"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// The model of time travel: what a key was after each of its entries, kept whole, and
// looked for from the newest on. Where the server has chains, keyframes and indexes, it
// has slices.

// timeState is what a key is to a reader.
type timeState struct {
	there              bool
	value, contentType string
	expireAt           int64 // ms, 0 = never
}

func (s *timeState) live(now int64) bool { return s.there && (s.expireAt == 0 || now < s.expireAt) }

func (s *timeState) sameValue(other *timeState) bool {
	return s.value == other.value && s.contentType == other.contentType
}

// timeEntry is a line of history and the state after it.
type timeEntry struct {
	number, at      int64
	op, path, actor string
	arg             int64 // the delta that was counted, the index removed, the second gone back to
	after           timeState
	// known is false for unrecorded writes that may go on; until is the time of the last
	// of those that are over.
	known bool
	until int64
}

const unrecorded = "UNRECORDED"

func (e *timeEntry) isGap() bool { return e.op == unrecorded }

// timeline is a key: its row, live or not, and its entries, oldest first.
type timeline struct {
	entries []timeEntry
	// based says that older entries were folded into the first.
	based bool
	// open says that unrecorded writes came after the latest entry.
	open bool
	row  timeState
	// updatedAt is when the row was written last, or when it ceased to be.
	updatedAt int64
	// version is the row's ETag, 0 if it is not known yet.
	version int64
}

func (k *timeline) last() *timeEntry { return &k.entries[len(k.entries)-1] }

// number is that of the latest entry.
func (k *timeline) number() int64 {
	if len(k.entries) == 0 {
		return 0
	}
	return k.last().number
}

// isBare tells of a row without history.
func (k *timeline) isBare() bool { return len(k.entries) == 0 && k.row.there }

// timeMoment is a key at a moment.
type timeMoment struct {
	fate   past.Fate
	state  timeState
	entry  timeEntry // that made the state; without a number there is none
	oldest int64     // of a Folded one
}

// isKnown tells of a moment at which it is known what the key was.
func (m *timeMoment) isKnown() bool { return m.fate != past.Unknown && m.fate != past.Folded }

// at is the key as it was with all that was written before until.
func (k *timeline) at(until, horizon int64) timeMoment {
	for i := range slices.Backward(k.entries) {
		if k.entries[i].at < until {
			return k.after(i, until)
		}
	}
	switch {
	case k.isBare() && !k.isOver(until):
		return timeMoment{fate: past.Unknown}
	case k.based:
		return timeMoment{fate: past.Folded, oldest: k.entries[0].at}
	case len(k.entries) > 0 && k.entries[0].isGap():
		return timeMoment{fate: past.Unknown}
	case until <= horizon:
		return timeMoment{fate: past.Folded, oldest: horizon}
	}
	return timeMoment{fate: past.Absent}
}

// isOver tells of a key that is no more at a moment, as nobody needs history to know.
func (k *timeline) isOver(until int64) bool {
	if k.row.there {
		return k.row.expireAt != 0 && k.row.expireAt < until
	}
	return k.updatedAt < until
}

// after is the key as it was at a moment after the entry i and before the next.
func (k *timeline) after(i int, until int64) timeMoment {
	m := timeMoment{state: k.entries[i].after, entry: k.entries[i]}
	switch {
	case m.entry.isGap() && i == len(k.entries)-1 && k.isOver(until):
		return timeMoment{fate: past.Absent, entry: m.entry}
	case m.entry.isGap():
		return timeMoment{fate: past.Unknown}
	case !m.state.there:
		m.fate = past.Absent
	case !m.state.live(until - 1):
		m.fate = past.Expired
	default:
		m.fate = past.There
	}
	return m
}

// timeTable is a KV table. Keys that left no trace are not in it.
type timeTable struct {
	name    string
	keys    map[string]*timeline
	horizon int64
	keep    past.Keep
}

// sorted are the keys that have a row or a past.
func (t *timeTable) sorted() []string { return slices.Sorted(maps.Keys(t.keys)) }

// key is the timeline of a key, an empty one if it left no trace.
func (t *timeTable) key(name string) *timeline {
	if k := t.keys[name]; k != nil {
		return k
	}
	return &timeline{}
}

// timeModel is a database.
type timeModel struct {
	now    int64 // the time at the latest write
	clock  int64 // the time of the latest entry
	tables []*timeTable
}

// newEntry appends an entry to the key; its time is never before that of another.
func (m *timeModel) newEntry(k *timeline, e timeEntry) {
	m.clock = max(m.clock, m.now)
	m.append(k, e)
}

// append is newEntry for one that was written where there is no other clock.
func (m *timeModel) append(k *timeline, e timeEntry) {
	e.at, e.number = m.clock, k.number()+1
	k.entries = append(k.entries, e)
}

// write has an operation leave a state.
func (m *timeModel) write(t *timeTable, key string, recorded bool, e timeEntry, after timeState) {
	k := t.key(key)
	t.keys[key] = k
	if k.row.there && !k.row.live(m.now) {
		k.expire()
	}
	switch {
	case recorded && k.open:
		k.closeGap()
	case recorded && k.isBare():
		m.newEntry(k, timeEntry{op: unrecorded, actor: e.actor})
		k.closeGap()
	case !recorded && len(k.entries) > 0 && !k.open:
		m.newEntry(k, timeEntry{op: unrecorded, actor: e.actor})
		k.open = true
	}
	k.row, k.updatedAt, k.version = after, m.now, 0
	if recorded {
		e.after, e.known = after, true
		m.newEntry(k, e)
	}
	t.dropTraceless(key)
}

// closeGap keeps what unrecorded writes have left.
func (k *timeline) closeGap() {
	last := k.last()
	last.known, last.after, last.until = true, k.row, k.updatedAt
	k.open = false
}

// expire takes the row away at the end of its lifetime.
func (k *timeline) expire() {
	if k.open {
		k.closeGap()
	}
	k.updatedAt = k.row.expireAt
	k.row, k.version = timeState{}, 0
}

func (t *timeTable) dropTraceless(key string) {
	if k := t.keys[key]; !k.row.there && len(k.entries) == 0 {
		delete(t.keys, key)
	}
}

// touch has plain SQL leave a row.
func (m *timeModel) touch(t *timeTable, key string, after timeState, updatedAt int64) {
	k := t.key(key)
	t.keys[key] = k
	if len(k.entries) > 0 && !k.open {
		m.append(k, timeEntry{op: unrecorded})
		k.open = true
	}
	k.row, k.updatedAt, k.version = after, updatedAt, 0
	t.dropTraceless(key)
}

// undo takes the newest entries of a key back: as many as are answered, or a refusal's code.
func (m *timeModel) undo(t *timeTable, key string, steps int) (undone int, code string) {
	k := t.key(key)
	undone = len(k.entries)
	if k.based {
		undone--
	}
	undone = min(undone, steps)
	left := len(k.entries) - undone
	switch {
	case undone <= 0:
		return 0, "HISTORY_ENTRY_NOT_FOUND"
	case left == 0 && k.entries[0].isGap():
		return 0, "TIME_TRAVEL_CHAIN_GAP"
	case left == 0:
		delete(t.keys, key)
		return undone, ""
	}
	k.entries = k.entries[:left]
	to := k.last()
	k.row, k.updatedAt, k.version, k.open = to.after, m.now, 0, to.isGap()
	if !k.row.live(m.now) {
		if k.row.there {
			k.updatedAt = k.row.expireAt
		}
		k.row, k.open = timeState{}, false
	}
	if k.open {
		to.known, to.after, to.until = false, timeState{}, 0
	}
	return undone, ""
}

// timeReturn is the wish that a table be what it was.
type timeReturn struct {
	second  int64
	keys    []string // nil is all
	exclude []string
}

// timeStep is what a return does to a key.
type timeStep struct {
	key        string
	action     kv.Action
	then       timeState
	operations int64
}

// timePlan is what a return does. total is how many keys it looks at; it may look at
// fewer, if they have not changed, but not at fewer than must.
type timePlan struct {
	steps       []timeStep
	untouched   []string
	total, must int
	refused     *timeMoment // the state that can't be told
}

// plan is what a return does at now.
func (t *timeTable) plan(wish *timeReturn, now int64) (p timePlan) {
	until := untilEndOf(wish.second)
	keys := t.sorted()
	if wish.keys != nil {
		keys = slices.Sorted(slices.Values(wish.keys))
	} else if until <= t.horizon {
		p.refused = &timeMoment{fate: past.Folded, oldest: t.horizon}
		return p
	}
	for _, key := range slices.Compact(keys) {
		if slices.Contains(wish.exclude, key) {
			continue
		}
		k := t.key(key)
		p.total++
		if k.isBare() {
			p.must++
			p.untouched = append(p.untouched, key)
			continue
		}
		then := k.at(until, t.horizon)
		if !then.isKnown() {
			p.refused = &then
			return p
		}
		if action := k.actionTo(&then.state, now); action != kv.LeaveAlone {
			p.must++
			p.steps = append(p.steps, timeStep{key, action, then.state, k.recordedAfter(then.entry.number)})
		}
	}
	if wish.keys != nil {
		p.must = p.total
	}
	return p
}

func (k *timeline) actionTo(then *timeState, now int64) kv.Action {
	switch is, was := k.row.live(now), then.live(now); {
	case is && !was:
		return kv.TakeAway
	case !is && was:
		return kv.BringBack
	case is && !k.row.sameValue(then):
		return kv.RollBack
	case is && k.row.expireAt != then.expireAt:
		return kv.Relive
	}
	return kv.LeaveAlone
}

// recordedAfter counts the entries beyond a number that are no gaps.
func (k *timeline) recordedAfter(number int64) (n int64) {
	for i := range k.entries {
		if e := &k.entries[i]; e.number > number && !e.isGap() {
			n++
		}
	}
	return n
}

// goBack carries a plan out.
func (m *timeModel) goBack(t *timeTable, second int64, p *timePlan) {
	for _, step := range p.steps {
		after := step.then
		if !after.live(m.now) {
			after = timeState{}
		}
		m.write(t, step.key, true, timeEntry{op: "ROLLBACK", arg: second, actor: timeActor}, after)
	}
}
