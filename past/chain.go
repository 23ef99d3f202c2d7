package past

import (
	"errors"
	"math"

	"github.com/urlite/urlite/kv"
)

const (
	// nearMax is how many links from the newest entry on are looked at before an entry
	// is searched for among the keyframes: most questions are about what was just now.
	nearMax = 8
	// walkMax bounds every other walk along a chain: to the keyframe below, and as much
	// again, in case that one does not tell its state.
	walkMax = 2 * kv.KeyframeEvery

	maxInt64 = math.MaxInt64
)

// reach is how a walk along a chain ended.
type reach uint8

const (
	reached reach = iota // at what was looked for
	beyond               // at the oldest entry, which is newer than that
	lost                 // at a hole in the chain
)

// isBase tells of the oldest entry of a chain that is not its first.
func (l *Link) isBase() bool { return l.Prev == 0 && l.OpNumber != 1 }

// unlessMissing is for those who take an entry that is missing for a hole in the chain.
func unlessMissing(err error) error {
	if errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}

// link reads a link; found is false if it is not there.
func (t *Table) link(key string, id int64) (l Link, found bool, err error) {
	l, err = t.source.Link(key, id)
	return l, err == nil, unlessMissing(err)
}

// head reads the newest entry of the row's chain.
func (t *Table) head(key string, row *kv.Row) (l Link, found bool, err error) {
	l, found, err = t.link(key, row.Head)
	return l, found && l.OpNumber == row.OpNumber, err
}

// before reads the entry before l, which is there unless somebody has written to the
// history by other means.
func (t *Table) before(key string, l *Link) (previous Link, found bool, err error) {
	if l.Prev <= 0 || l.Prev >= l.ID {
		return previous, false, nil
	}
	previous, found, err = t.link(key, l.Prev)
	return previous, found && previous.OpNumber == l.OpNumber-1, err
}

// walk goes back from an entry to the newest that was written before until and has a
// number of at most number, in at most steps steps.
func (t *Table) walk(key string, from Link, until, number int64, steps int) (Link, reach, error) {
	for {
		switch {
		case from.At < until && from.OpNumber <= number:
			return from, reached, nil
		case from.Prev == 0:
			return from, beyond, nil
		case steps == 0:
			return from, lost, nil
		}
		previous, found, err := t.before(key, &from)
		if err != nil || !found {
			return from, lost, err
		}
		from, steps = previous, steps-1
	}
}

// newest finds the newest entry that was written before until, on a chain with this head.
func (t *Table) newest(key string, head Link, until int64) (Link, reach, error) {
	l, how, err := t.walk(key, head, until, maxInt64, nearMax)
	if how != lost || err != nil {
		return l, how, err
	}
	if l, err = t.frameFrom(key, l, until); err != nil {
		return l, lost, err
	}
	return t.walk(key, l, until, maxInt64, walkMax)
}

// frameFrom is the oldest keyframe before l that was not written before until, and l
// without one. Those that were folded away count as older.
func (t *Table) frameFrom(key string, l Link, until int64) (Link, error) {
	low, high := int64(1), (l.OpNumber-1)/kv.KeyframeEvery+1
	if low >= high {
		return l, nil
	}
	cut, err := t.cut(until)
	if err != nil {
		return l, err
	}
	oldest := int64(0)
	for low < high {
		middle := low + (high-low)/2
		id, err := t.source.Frame(key, middle*kv.KeyframeEvery)
		if err != nil {
			return l, err
		}
		if id != 0 && id >= cut {
			oldest, high = id, middle
		} else {
			low = middle + 1
		}
	}
	if oldest == 0 {
		return l, nil
	}
	frame, found, err := t.link(key, oldest)
	if err != nil || !found {
		return l, err
	}
	return frame, nil
}

// numbered finds the entry with a number, on a chain with this head.
func (t *Table) numbered(key string, head Link, number int64) (Link, reach, error) {
	if number > head.OpNumber-nearMax {
		return t.walk(key, head, maxInt64, number, walkMax)
	}
	from := head
	if above := (number-1)/kv.KeyframeEvery + 1; above <= head.OpNumber/kv.KeyframeEvery {
		frame, how, err := t.frameOrFirst(key, head, above*kv.KeyframeEvery)
		if how == lost || err != nil {
			return frame, lost, err
		}
		from = frame
	}
	return t.walk(key, from, maxInt64, number, walkMax)
}

// frameOrFirst is the keyframe with a number. Where that was folded away, it is the
// oldest that is there, or the head.
func (t *Table) frameOrFirst(key string, head Link, number int64) (Link, reach, error) {
	id, err := t.source.Frame(key, number)
	if err != nil {
		return head, lost, err
	}
	if id != 0 {
		frame, found, err := t.link(key, id)
		if !found {
			return head, lost, err
		}
		return frame, reached, nil
	}
	first, err := t.source.FirstFrame(key)
	switch {
	case err != nil, first.ID != 0 && first.OpNumber < number:
		return head, lost, err
	case first.ID == 0:
		return head, reached, nil
	}
	return first, reached, nil
}
