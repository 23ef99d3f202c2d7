package past

import "github.com/urlite/urlite/kv"

// Return is the wish that a table be what it was at a moment.
type Return struct {
	// Until is the moment: what was written before it stays.
	Until int64
	Now   int64
	// Keys, if not nil, are those to look at; Exclude are never looked at.
	Keys    []string
	Exclude map[string]bool
}

// Step is what a return does to one key. Its memory is good until the next one.
type Step struct {
	Key    string
	Action kv.Action // never LeaveAlone
	Row    *kv.Row   // the key now
	Then   *kv.Row   // what it is to be
	// Operations is how many recorded entries it takes back.
	Operations int64
}

// Counts are the keys that a return has looked at. Operations are those of keys that
// come to have another value or type, or to be there or not; not of the Relived.
type Counts struct {
	Total, RolledBack, Deleted, Restored, Relived, Operations int64
}

// Plan tells what a return does, key by key: to show it and to do it is the same plan. A key
// without any recorded past is untouched. One whose state at the moment lies in a gap, or beyond what
// is kept, refuses the whole return as TimeTravelChainGap.
//
// each may do the step, on the database that the source reads.
func (t *Table) Plan(r *Return, each func(*Step) error, untouched func(key string)) (Counts, error) {
	p := plan{t: t, wish: r, each: each, untouched: untouched}
	var span Span
	if r.Keys == nil {
		if err := t.withinHorizon(r.Until); err != nil {
			return p.counts, err
		}
		var err error
		if span, err = t.since(r.Until); err != nil {
			return p.counts, err
		}
	}
	err := t.eachKey(&span, r.Keys, p.look)
	return p.counts, err
}

// plan is a return, being planned.
type plan struct {
	t         *Table
	wish      *Return
	each      func(*Step) error
	untouched func(key string)
	counts    Counts

	row   kv.Row
	arena []byte
	then  State
}

func (p *plan) look(changed *ChangedKey) (err error) {
	key := changed.Key
	if p.wish.Exclude[key] {
		return nil
	}
	p.counts.Total++
	if p.arena, err = p.t.source.Row(key, &p.row, p.arena[:0]); err != nil {
		return err
	}
	if p.row.Head == 0 && p.row.Exists {
		p.untouched(key)
		return nil
	}
	known, err := p.t.tellFrom(key, changed.Before, p.wish.Until, &p.then)
	if err == nil && !known {
		err = p.t.tell(key, &p.row, p.wish.Until, &p.then)
	}
	if err != nil {
		return err
	}
	switch p.then.Fate {
	case Unknown:
		return returnsIntoGap
	case Folded:
		return Beyond(p.then.Oldest)
	}
	step := Step{Key: key, Action: kv.ActionTo(&p.row, &p.then.Row, p.wish.Now), Row: &p.row, Then: &p.then.Row}
	if step.Action == kv.LeaveAlone {
		return nil
	}
	if step.Operations, err = p.operations(key); err != nil {
		return err
	}
	p.count(&step)
	return p.each(&step)
}

// operations counts the recorded entries of the key after the moment.
func (p *plan) operations(key string) (int64, error) {
	was, is := p.then.OpNumber, p.row.OpNumber
	if is <= was {
		return 0, nil
	}
	gaps, err := p.t.source.Gaps(key, was, is)
	return is - was - gaps, err
}

func (p *plan) count(step *Step) {
	c := &p.counts
	switch step.Action {
	case kv.RollBack:
		c.RolledBack++
	case kv.TakeAway:
		c.Deleted++
	case kv.BringBack:
		c.Restored++
	case kv.Relive:
		c.Relived++
		return
	}
	c.Operations += step.Operations
}
