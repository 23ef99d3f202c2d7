package store

import (
	"errors"
	"fmt"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// batchRan is what a batch did: how many rows each of its rows has changed, and which were
// left out.
type batchRan struct {
	changed []int64
	errors  []sqltx.RowError
}

// ran leaves the batch with the item's tally, and sums it up.
func (b *batchRan) ran(item *sqltx.Item) (did ran) {
	if item.Tally != nil {
		item.Tally.Take(b.changed, b.errors)
	}
	for _, n := range b.changed {
		did.changed += n
	}
	return did
}

// runBatch runs the one statement of item with each row of its batch. With mayFail, rows that
// don't bind or break a constraint are left out.
func (f *foreignSQL) runBatch(item *sqltx.Item, mayFail bool) (did batchRan, err error) {
	s, err := f.prepare(sqltx.SkipBlank(item.SQL))
	if err != nil {
		return did, err
	}
	defer f.release(s)
	if err := item.Batch.Rewind(); err != nil {
		return did, err
	}
	for {
		rows, count, err := item.Batch.Next()
		if err != nil || count == 0 {
			return did, err
		}
		for range count {
			var fault string
			f.values, fault, rows = sqltx.NextPacked(rows, f.values[:0])
			changed, err := f.runRow(s, fault)
			if f.stopper.late() {
				return did, sqlite.Error{Code: sqlite.SQLITE_INTERRUPT}
			}
			if err != nil {
				why := f.refuseRow(err)
				if !mayFail || !mayFailRow(why) || f.conn.GetAutocommit() {
					return did, atRow(item, len(did.changed), why)
				}
				did.errors = append(did.errors, sqltx.RowError{Row: len(did.changed), Why: why})
			}
			did.changed = append(did.changed, changed)
		}
	}
}

func mayFailRow(why *refusal.Refusal) bool { return mayFail(why) }

// runRow runs the statement with the values of one row.
func (f *foreignSQL) runRow(s *foreignStmt, fault string) (changed int64, err error) {
	if fault != "" {
		return 0, refusal.New(refusal.SQLBindError, fault)
	}
	if len(f.values) != len(s.params) {
		return 0, refusal.Newf(refusal.SQLBindError, "the statement takes %d values, got %d", len(s.params), len(f.values))
	}
	for i := range f.values {
		bindForeign(s.stmt, i+1, &f.values[i])
	}
	before := totalChanges(f.conn)
	err = f.runThrough(s)
	if err == nil && totalChanges(f.conn) != before {
		changed = int64(f.conn.Changes())
	}
	if err != nil {
		err = f.refuseRow(err) // the reset forgets SQLite's words
	}
	s.stmt.Reset()
	return changed, err
}

func (f *foreignSQL) refuseRow(err error) *refusal.Refusal {
	var known *refusal.Refusal
	if errors.As(err, &known) {
		return known
	}
	return refuseSQL(f.conn, err)
}

// atRow names the row at which a batch ended.
func atRow(item *sqltx.Item, row int, why *refusal.Refusal) *refusal.Refusal {
	if item.Tally != nil {
		row += item.Tally.FirstRow
	}
	return refusal.Wrap(why.Kind, fmt.Sprintf("row %d: %s", row, why.Text), why.Cause)
}
