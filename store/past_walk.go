package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/past"
)

// walk is a statement that is stepped through. It is begun with its first step, so that
// SQLite knows that it is under way.
type walk struct {
	p    *Past
	stmt *sqlite.Stmt // nil when it is over
	// waiting says that the statement stands on a row that nobody has seen.
	waiting bool
}

// start begins a walk with the statement of a query, whose first two parameters are the
// bounds of the keys; bind binds what else there is.
func (p *Past) start(query pastQuery, prefix, after string, bind func(*sqlite.Stmt)) (walk, error) {
	if p.table == nil {
		return walk{}, nil
	}
	w := walk{p: p}
	var err error
	if w.stmt, err = p.table.walk(p.conn, query, p.bytesOf); err != nil {
		return walk{}, p.fail(err)
	}
	page := Page{Prefix: prefix, After: after}
	from, to := page.bounds()
	bindText(w.stmt, 1, from)
	bindText(w.stmt, 2, to)
	if bind != nil {
		bind(w.stmt)
	}
	w.waiting, err = w.step()
	return w, err
}

// next steps to the next row, unless the walk stands on one that nobody has seen.
func (w *walk) next() (found bool, err error) {
	if w.waiting {
		w.waiting = false
		return true, nil
	}
	return w.step()
}

func (w *walk) step() (found bool, err error) {
	if w.stmt == nil {
		return false, nil
	}
	if err = w.p.late(); err == nil {
		found, err = w.stmt.Step()
	}
	if err == nil && found {
		return true, nil
	}
	ended := w.Close()
	if err != nil {
		return false, w.p.fail(err)
	}
	return false, ended
}

// Close ends the walk.
func (w *walk) Close() error {
	stmt := w.stmt
	w.stmt, w.waiting = nil, false
	if stmt == nil {
		return nil
	}
	return w.p.fail(resetBound(stmt))
}

// changedKeys is a walk over keys.
type changedKeys struct {
	walk
	reader walkedReader
	key    past.ChangedKey
}

// Changed implements past.Source. SQLite sorts what it finds, in a temporary file if it
// is much, before the first key is told.
func (p *Past) Changed(span *past.Span) (past.Keys, error) {
	w, err := p.start(pastChanged, span.Prefix, span.After, func(stmt *sqlite.Stmt) {
		stmt.BindInt64(3, max(span.FromID, 1)) // what leads out of all leads to 0
		stmt.BindInt64(4, span.ToID)
		stmt.BindInt64(5, span.From)
		stmt.BindInt64(6, span.To)
	})
	if err != nil {
		return nil, err
	}
	return &changedKeys{walk: w}, nil
}

// Next implements past.Keys.
func (k *changedKeys) Next() (key *past.ChangedKey, ok bool, err error) {
	found, err := k.next()
	if err != nil || !found {
		return nil, false, err
	}
	k.key.Key = k.reader.keep(columnBytes(k.stmt, 0))
	k.key.Before, k.key.Counted = k.stmt.ColumnInt64(1), k.stmt.ColumnInt(2) != 0
	return &k.key, true, nil
}

// walkedRows is a walk over rows.
type walkedRows struct {
	walk
	values bool
	reader walkedReader
	row    past.WalkedRow
}

// Rows implements past.Source.
func (p *Past) Rows(wish *past.Walk) (past.Rows, error) {
	if p.bytesOf == "" {
		var err error
		if p.bytesOf, err = bytesFunction(p.conn); err != nil {
			return nil, p.fail(err)
		}
	}
	query := pastWalk
	if wish.Values {
		query = pastWalkValues
	}
	w, err := p.start(query, wish.Prefix, wish.After, nil)
	if err != nil {
		return nil, err
	}
	return &walkedRows{walk: w, values: wish.Values}, nil
}

// Next implements past.Rows.
func (r *walkedRows) Next() (row *past.WalkedRow, ok bool, err error) {
	found, err := r.next()
	if err != nil || !found {
		return nil, false, err
	}
	r.reader.read(r.stmt, r.values, &r.row)
	r.row.Head = max(r.row.Head, 0)
	return &r.row, true, nil
}
