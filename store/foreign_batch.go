package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// batchRan is what a batch did: how many rows each execution changed, 0 for those that were
// skipped, and why they were.
type batchRan struct {
	changed []int64
	errors  []sqltx.RowError
}

var (
	errBatchStatements = refusal.New(refusal.SQLError, "a batch of values takes one statement")
	errBatchAlters     = refusal.New(refusal.SQLError, "ALTER TABLE takes no batch of values")
)

// runBatch runs the one statement of item with each row of its batch. With mayFail, rows that
// don't bind or break a constraint are skipped; without, the first of them is the refusal,
// whose text says which row, counted from 0.
func (f *foreignSQL) runBatch(item *sqltx.Item, mayFail bool) (did batchRan, err error) {
	sql := sqltx.SkipBlank(item.SQL)
	s, err := f.prepare(sql)
	if err != nil {
		return did, err
	}
	defer f.release(s)
	switch {
	case sqltx.SkipBlank(sql[len(sql)-s.tail:]) != "":
		return did, errBatchStatements
	case s.alters: // what it did is looked at after each, by alter
		return did, errBatchAlters
	}
	cells, err := f.startBatch(s, item)
	if err != nil {
		return did, err
	}
	if err := item.Batch.Rewind(); err != nil {
		return did, err
	}
	for {
		rows, count, err := item.Batch.Next()
		if err != nil || count == 0 {
			return did, err
		}
		if err := f.runPacked(s, rows, count, cells, mayFail, &did); err != nil {
			return did, err
		}
	}
}

// startBatch finds the places of named values, and answers of how many cells a row is.
func (f *foreignSQL) startBatch(s *foreignStmt, item *sqltx.Item) (cells int, err error) {
	if f.batch == nil {
		f.batch = &batchRun{}
	}
	f.account.next()
	f.batch.places, f.batch.starts, f.batch.firstRow = nil, nil, 0
	if item.Tally != nil {
		f.batch.firstRow = item.Tally.FirstRow
	}
	if item.Names == nil {
		return s.params, nil
	}
	values := valuesOf(item)
	places := make([]int, 0, s.params)
	for _, param := range s.parameterNames() {
		at, err := values.place(param)
		if err != nil {
			return 0, err
		}
		places = append(places, at)
	}
	f.batch.setPlaces(places, len(item.Names))
	return len(item.Names), values.allSeen()
}

// runPacked runs the statement with each of so many packed rows.
func (f *foreignSQL) runPacked(s *foreignStmt, rows []byte, count, cells int, mayFail bool, did *batchRan) error {
	for count > 0 {
		if err := f.inTime(); err != nil {
			return err
		}
		ran, size, misfit, err := f.runRows(s.stmt, f.batch, rows, count, cells)
		for i := range ran {
			did.changed = append(did.changed, int64(f.batch.changed[i]))
		}
		rows, count = rows[size:], count-ran
		if err == nil && !misfit {
			continue
		}
		var rest []byte
		if misfit {
			rest, err = f.misfit(rows, cells)
		} else {
			_, _, rest = sqltx.NextPacked(rows, f.values[:0])
		}
		why := f.refuseRow(err)
		if !mayFail || f.conn.GetAutocommit() || !mayMiss(why, err) {
			return inRow(len(did.changed)+f.batch.firstRow, why)
		}
		did.errors = append(did.errors, sqltx.RowError{Row: len(did.changed), Why: why})
		did.changed = append(did.changed, 0)
		rows, count = rest, count-1
	}
	return f.inTime()
}

// misfit is why the first row of rows can't be bound, and the rows after it.
func (f *foreignSQL) misfit(rows []byte, cells int) (rest []byte, err error) {
	values, fault, rest := sqltx.NextPacked(rows, f.values[:0])
	switch {
	case fault != "":
		err = refusal.New(refusal.SQLBindError, fault)
	case len(values) < cells:
		err = tooFewValues(cells, len(values))
	default:
		err = tooManyValues(len(values) - cells)
	}
	return rest, err
}

// mayMiss tells whether the fault is in a row, so that the others may go on without it.
func mayMiss(why *refusal.Refusal, err error) bool {
	return why.Kind == refusal.SQLBindError || why.Kind == refusal.SQLConstraint || primary(err) == sqlite.SQLITE_MISMATCH
}

// rowTextMax bounds what is told of one row: a batch may have a hundred thousand at fault.
const rowTextMax = 200

// refuseRow is the refusal of one row, whose text is short.
func (f *foreignSQL) refuseRow(err error) *refusal.Refusal {
	why := f.refuse(err)
	if len(why.Text) <= rowTextMax {
		return why
	}
	return refusal.New(why.Kind, shorten(why.Text, rowTextMax)) // without its cause, which has the long one
}

// inRow says of which row a refusal is. What is not the row's fault is not told of it.
func inRow(row int, why *refusal.Refusal) *refusal.Refusal {
	switch why.Kind {
	case refusal.SQLError, refusal.SQLBindError, refusal.SQLConstraint:
		return refusal.Newf(why.Kind, "row %d: %s", row, why.Text)
	}
	return why
}
