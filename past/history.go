package past

import (
	"slices"

	"github.com/urlite/urlite/kv"
)

// HistoryMax bounds the entries that History tells at once.
const HistoryMax = 1000

// Told is an entry of a history, with the states around it. What is not known of them,
// because the entry stands in a gap, is Unknown. Before is Expired if the lifetime was
// over when the entry was written; After never is.
type Told struct {
	Entry
	Before, After *State
}

// History tells the newest entries of key with numbers below before, at most limit of
// them and HistoryMax, from the oldest to the newest; before 0 is no bound. hasGaps is
// about the whole chain, or the lack of one. A base is not among them. What each is
// told is good until it returns.
func (t *Table) History(key string, before int64, limit int, each func(*Told) error) (hasGaps bool, err error) {
	var now kv.Row
	if t.unread, err = t.source.Row(key, &now, t.unread[:0]); err != nil {
		return false, err
	}
	if now.Head == 0 {
		return now.Exists, nil
	}
	gaps, err := t.source.Gaps(key, 0, maxInt64)
	if err != nil {
		return false, err
	}
	hasGaps = gaps > 0 || now.GapOpen()
	from, found, err := t.newestBelow(key, &now, before)
	if err != nil || !found {
		return hasGaps, err
	}
	h := history{t: t, key: key, each: each}
	if now.GapOpen() && !now.Unseen {
		h.open = now.Head
	}
	if err := h.collect(from, min(limit, HistoryMax)); err != nil {
		return hasGaps, err
	}
	return hasGaps, h.tell()
}

// newestBelow finds the newest entry with a number below before; 0 is no bound.
func (t *Table) newestBelow(key string, now *kv.Row, before int64) (l Link, found bool, err error) {
	head, found, err := t.head(key, now)
	if err != nil || !found || before <= 0 || before > head.OpNumber {
		return head, found, err
	}
	if before == 1 {
		return head, false, nil
	}
	l, how, err := t.numbered(key, head, before-1)
	return l, how == reached, err
}

// history is a part of a chain, being told. The chain leads back and replays go
// forward, so its links are gathered first.
type history struct {
	t    *Table
	key  string
	open int64 // the entry of the open gap, 0 without one
	each func(*Told) error

	links  []Link // newest first
	listed int    // how many of them are to be told; the rest is replayed before

	states [2]State
	delta  []byte
	// arenas hold the states of entries that tell them. What a state does not change, it
	// shares with the one before: used is where the newest lies.
	arenas [2][]byte
	used   int
}

// collect gathers limit links from l on, and those before them from which the state
// before the oldest is replayed.
func (h *history) collect(l Link, limit int) error {
	for h.listed < limit && !l.isBase() {
		h.links = append(h.links, l)
		h.listed++
		if l.Prev == 0 {
			return nil
		}
		previous, found, err := h.t.before(h.key, &l)
		if err != nil || !found {
			return err
		}
		l = previous
	}
	if h.listed == 0 {
		return nil
	}
	for range walkMax {
		h.links = append(h.links, l)
		if l.HasState {
			return nil
		}
		previous, found, err := h.t.before(h.key, &l)
		if err != nil || !found {
			return err
		}
		l = previous
	}
	return nil
}

// tell replays the links from the oldest on, and hands out those that are listed.
func (h *history) tell() error {
	before, after := &h.states[0], &h.states[1]
	before.reset(Unknown)
	if n := len(h.links); n > 0 {
		if first := &h.links[n-1]; first.OpNumber == 1 && first.Op != kv.EntryUnrecorded {
			before.reset(Absent)
		}
	}
	var told Told
	for i, l := range slices.Backward(h.links) {
		if err := h.replay(&l, &told.Entry, before, after); err != nil {
			return err
		}
		if i < h.listed {
			before.endBy(l.At + 1)
			told.Before, told.After = before, after
			if err := h.each(&told); err != nil {
				return err
			}
		}
		before, after = after, before
	}
	return nil
}

// replay tells the state after an entry, from the one before.
func (h *history) replay(l *Link, entry *Entry, before, after *State) error {
	row, known := before.Row, before.Fate != Unknown
	arena, into := &h.delta, h.used
	if l.HasState {
		into = 1 - h.used
		arena = &h.arenas[into]
	}
	filled, err := h.t.source.Entry(h.key, l.ID, entry, (*arena)[:0])
	if *arena = filled; unlessMissing(err) != nil {
		return err
	}
	known = err == nil && l.ID != h.open && (known || l.HasState) && entry.Fold(&row)
	if err != nil {
		*entry = Entry{Entry: kv.Entry{ID: l.ID, OpNumber: l.OpNumber, Op: l.Op, At: l.At, Prev: l.Prev}}
	}
	after.reset(Unknown)
	if known {
		after.take(&row)
		after.madeBy(l)
		h.used = into
	}
	return nil
}
