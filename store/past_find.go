package store

import (
	"math"

	"github.com/urlite/urlite/past"
)

// Frame implements past.Source.
func (p *Past) Frame(key string, opNumber int64) (id int64, err error) {
	if p.table == nil {
		return 0, nil
	}
	stmt, err := p.ready(pastFrame)
	if err != nil {
		return 0, p.fail(err)
	}
	p.numbers[0] = opNumber
	found, err := p.numbers.ask(p.conn, stmt, key, 1, 1)
	if err != nil || !found {
		return 0, p.fail(err)
	}
	return p.numbers[0], nil
}

// FirstFrame implements past.Source.
func (p *Past) FirstFrame(key string) (past.Link, error) {
	if p.table == nil {
		return past.Link{}, nil
	}
	stmt, err := p.ready(pastFirstFrame)
	if err != nil {
		return past.Link{}, p.fail(err)
	}
	found, err := p.numbers.ask(p.conn, stmt, key, 0, linkNumbers)
	if err != nil || !found {
		return past.Link{}, p.fail(err)
	}
	return p.numbers.link(), nil
}

// Gaps implements past.Source.
func (p *Past) Gaps(key string, after, upTo int64) (int64, error) {
	if p.table == nil {
		return 0, nil
	}
	stmt, err := p.ready(pastGaps)
	if err != nil {
		return 0, p.fail(err)
	}
	p.numbers[0], p.numbers[1] = after, upTo
	_, err = p.numbers.ask(p.conn, stmt, key, 2, 1)
	return p.numbers[0], p.fail(err)
}

// Cut implements past.Source. Times grow with the ids, so it halves the ids, and looks
// at one entry each time.
func (p *Past) Cut(at int64) (id int64, err error) {
	if p.table == nil {
		return 1, nil
	}
	low, high, err := p.ends()
	for err == nil && low < high {
		middle := low + (high-low)/2
		var entry, written int64
		if entry, written, err = p.entryFrom(middle); err != nil {
			break
		}
		if written >= at {
			high = middle
		} else {
			low = entry + 1
		}
	}
	return low, p.fail(err)
}

// ends are the first id of the history and the one after the last.
func (p *Past) ends() (first, end int64, err error) {
	stmt, err := p.ready(pastEnds)
	if err != nil {
		return 0, 0, err
	}
	if _, err = p.numbers.get(p.conn, stmt, 2); err != nil {
		return 0, 0, err
	}
	first, last := max(p.numbers[0], 1), min(max(p.numbers[1], 0), math.MaxInt64-1)
	return first, last + 1, nil
}

// entryFrom finds the first entry from an id on, and when it was written.
func (p *Past) entryFrom(id int64) (found, at int64, err error) {
	stmt, err := p.ready(pastCut)
	if err != nil {
		return 0, 0, err
	}
	p.numbers[0] = id
	any, err := p.numbers.ask(p.conn, stmt, "", 1, 2)
	if err != nil || !any {
		return math.MaxInt64 - 1, math.MaxInt64, err
	}
	return p.numbers[0], p.numbers[1], nil
}

// Horizon implements past.Source.
func (p *Past) Horizon() (int64, error) {
	if p.table == nil {
		return 0, nil
	}
	settles, err := p.settled()
	if err != nil || !settles {
		return 0, p.fail(err)
	}
	stmt, err := p.ready(pastHorizon)
	if err != nil {
		return 0, p.fail(err)
	}
	found, err := p.numbers.ask(p.conn, stmt, p.table.name, 0, 1)
	if err != nil || !found {
		return 0, p.fail(err)
	}
	return p.numbers[0], nil
}

// settled tells whether the file has the table of what is settled for tables.
func (p *Past) settled() (bool, error) {
	if p.settles {
		return true, nil
	}
	columns, err := columnsOf(p.conn, "_urlite_tables")
	p.settles = err == nil && columns["horizon"]
	return p.settles, err
}

// Count implements past.Source.
func (p *Past) Count(prefix string, goneBefore int64) (int64, error) {
	if p.table == nil {
		return 0, nil
	}
	query, all := pastCountWithin, int64(0)
	if prefix == "" {
		query = pastCount
		var err error
		if all, err = p.all(); err != nil {
			return 0, p.fail(err)
		}
	}
	stmt, err := p.ready(query)
	if err != nil {
		return 0, p.fail(err)
	}
	within := Page{Prefix: prefix}
	from, to := within.whole()
	bindText(stmt, 1, from)
	bindText(stmt, 2, to)
	stmt.BindInt64(3, goneBefore)
	n, err := p.numbers.first(p.conn, stmt)
	return all + n, p.fail(err)
}

// all is how many rows the table has.
func (p *Past) all() (int64, error) {
	settles, err := p.settled()
	if err != nil {
		return 0, err
	}
	if settles && !p.table.bare {
		stmt, err := p.ready(pastKnown)
		if err != nil {
			return 0, err
		}
		if found, err := p.numbers.ask(p.conn, stmt, p.table.name, 0, 1); found || err != nil {
			return p.numbers[0], err
		}
	}
	stmt, err := p.ready(pastAll)
	if err != nil {
		return 0, err
	}
	return p.numbers.first(p.conn, stmt)
}
