package sqltx

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
)

// Tally is what a batch has done, for one who wants to know how many rows and not which: an
// import. It is filled anew each time that the batch is run.
type Tally struct {
	// FirstRow is the number of the batch's first row in refusals that name one.
	FirstRow int
	// Rows is how many rows were inserted, and Failed how many were left out.
	Rows, Failed int64
	// Errors are the first of these.
	Errors []RowError
}

// TallyErrorsMax bounds the rows that a tally tells the fault of.
const TallyErrorsMax = 20

// Take counts what a batch has done: the rows that each of its rows has changed, and those
// that were left out.
func (t *Tally) Take(changed []int64, errors []RowError) {
	t.Rows, t.Failed = int64(len(changed)-len(errors)), int64(len(errors))
	t.Errors = append(t.Errors[:0], errors[:min(len(errors), TallyErrorsMax)]...)
}

// Tally is that of the one item that has one, nil if there is none.
func (r *Request) Tally() *Tally {
	for i := range r.Items {
		if t := r.Items[i].Tally; t != nil {
			return t
		}
	}
	return nil
}

// AppendImported appends the answer to an import: how many rows were inserted, how many were
// left out, and the first of these, whose rows count from 1.
func AppendImported(dst []byte, rows, skipped int64, errors []RowError) []byte {
	dst = strconv.AppendInt(append(dst, `{"success":true,"rows":`...), rows, 10)
	dst = strconv.AppendInt(append(dst, `,"skipped":`...), skipped, 10)
	dst = append(dst, `,"errors":[`...)
	for i := range errors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"row":`...), int64(errors[i].Row), 10)
		dst = jsontext.AppendString(append(dst, `,"error":`...), errors[i].Why.Public())
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}
