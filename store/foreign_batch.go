package store

import (
	"errors"
	"fmt"
	"math"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// batchRan is what a batch did: how many rows each execution has changed, and which rows
// of the batch were skipped.
type batchRan struct {
	changed []int64
	errors  []sqltx.RowError
}

var errBatchStatements = refusal.New(refusal.SQLError, "a batch of values takes one statement")

// runBatch runs the one statement of item with each row of its batch. With mayFail, rows
// that don't bind or break a constraint are skipped. It checks whether time is up between
// blocks of rows.
func (f *foreignSQL) runBatch(item *sqltx.Item, mayFail bool) (did batchRan, err error) {
	sql := sqltx.SkipBlank(item.SQL)
	s, err := f.prepare(sql)
	if err != nil {
		return did, err
	}
	defer f.release(s)
	if sqltx.SkipBlank(sql[len(sql)-s.tail:]) != "" {
		return did, errBatchStatements
	}
	row := sqltx.Item{Names: item.Names}
	for {
		block, count, err := item.Batch.Next()
		if err != nil || count == 0 {
			return did, err
		}
		for range count {
			var fault string
			row.Values, fault, block = sqltx.NextPacked(block, row.Values[:0])
			changed, err := f.runRow(s, &row, fault)
			if err != nil {
				why := f.refuseRow(err)
				if !mayFail || !skippable(why) || f.conn.GetAutocommit() {
					return did, inRow(len(did.changed), why)
				}
				did.errors = append(did.errors, sqltx.RowError{Row: len(did.changed), Why: why})
			}
			did.changed = append(did.changed, changed)
		}
		if f.stopper.late() {
			return did, sqlite.Error{Code: sqlite.SQLITE_INTERRUPT}
		}
	}
}

// runRow runs the statement once.
func (f *foreignSQL) runRow(s *foreignStmt, row *sqltx.Item, fault string) (changed int64, err error) {
	if fault != "" {
		return 0, refusal.New(refusal.SQLBindError, fault)
	}
	values := valuesOf(row)
	did, err := f.runOne(s, &values, true, nobody{}, math.MaxInt) // to the end: only then it has changed anything
	if late := s.stmt.Reset(); err == nil {
		err = late
	}
	return did.changed, err
}

// nobody takes rows that were not asked for.
type nobody struct{}

func (nobody) StartRows([]string) error { return nil }
func (nobody) Row([]sqltx.Value) error  { return nil }

func (f *foreignSQL) refuseRow(err error) *refusal.Refusal {
	var known *refusal.Refusal
	if errors.As(err, &known) {
		return known
	}
	return refuseSQL(f.conn, err)
}

// skippable tells whether a row with that refusal may be left out.
func skippable(why *refusal.Refusal) bool {
	return why.Kind == refusal.SQLBindError || why.Kind == refusal.SQLConstraint
}

// inRow tells which row of a batch is refused.
func inRow(row int, why *refusal.Refusal) *refusal.Refusal {
	in := *why
	in.Text = fmt.Sprintf("row %d: %s", row, why.Text)
	return &in
}
