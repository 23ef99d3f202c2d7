package sqltx

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// Results is the answer to a transaction as JSON, appended while the engine
// steps: nothing of a result is held twice, and no row costs memory of its own.
//
// Per request: Begin, then for each item either StartRows, Row…, EndRows, or one of
// Updated, UpdatedBatch, Operated, Passed and Failed; then End. What takes the answer past
// BytesMax is refused, and good for nothing but Rewind. A Results may be used again after
// Begin.
type Results struct {
	// BytesMax bounds the answer; 0 means no bound.
	BytesMax int
	rows     rowEncoder
	// counted is the rows that items have answered or changed, marked what it was at the
	// latest mark, and row those of the item at hand.
	counted, marked, row int64
}

// RowCount is how many rows the items have answered or changed.
func (r *Results) RowCount() int64 { return r.counted }

// Begin starts an answer and drops the one before. It keeps the memory.
func (r *Results) Begin(format Format) {
	r.rows.json = r.rows.json[:0]
	r.counted, r.marked = 0, 0
	r.rows.format = format
	r.rows.append(`{"results":[`)
}

// StartRows starts an item that answers rows.
func (r *Results) StartRows(names []string) error {
	r.row = 0
	r.rows.setColumns(names)
	r.rows.separate()
	r.rows.append(`{"success":true,"resultHeaders":`)
	r.rows.columns()
	r.rows.startRows()
	return r.rows.fits(r.BytesMax)
}

// Row appends a row.
func (r *Results) Row(values []Value) error {
	r.row++
	return r.rows.row(values, r.BytesMax)
}

// EndRows ends the item.
func (r *Results) EndRows(truncated bool) {
	r.counted += r.row
	if truncated {
		r.rows.append(`],"truncated":true}`)
	} else {
		r.rows.append(`]}`)
	}
}

// Updated appends an item that has no columns. rowid is that of the row inserted last, 0
// if none was.
func (r *Results) Updated(rows, rowid int64) error {
	r.counted += rows
	r.rows.separate()
	r.rows.append(`{"success":true,"rowsUpdated":`)
	r.rows.json = strconv.AppendInt(r.rows.json, rows, 10)
	r.inserted(rowid)
	r.rows.append("}")
	return r.rows.fits(r.BytesMax)
}

// UpdatedBatch is Updated for each row of a batch, and tells which were skipped.
func (r *Results) UpdatedBatch(rows []int64, skipped []RowError, rowid int64) error {
	r.rows.separate()
	r.rows.append(`{"success":true,"rowsUpdatedBatch":[`)
	for _, n := range rows {
		r.rows.separate()
		r.rows.json = strconv.AppendInt(r.rows.json, n, 10)
		r.counted += n
	}
	r.rows.append("]")
	r.inserted(rowid)
	if len(skipped) > 0 {
		r.rows.append(`,"rowErrors":[`)
		for i := range skipped {
			r.rows.separate()
			r.rows.json = append(r.rows.json, `"row `...)
			r.rows.json = strconv.AppendInt(r.rows.json, int64(skipped[i].Row), 10)
			r.rows.append(": ")
			text := jsontext.AppendString(r.rows.json, skipped[i].Why.Public())
			start := len(r.rows.json) // the text's own quote is not needed
			r.rows.json = append(text[:start], text[start+1:]...)
			if err := r.rows.fits(r.BytesMax); err != nil {
				return err
			}
		}
		r.rows.append("]")
	}
	r.rows.append("}")
	return r.rows.fits(r.BytesMax)
}

func (r *Results) inserted(rowid int64) {
	if rowid != 0 {
		r.rows.append(`,"lastInsertRowid":`)
		r.rows.json = strconv.AppendInt(r.rows.json, rowid, 10)
	}
}

// Operated appends an item that was a key-value operation, with its answer.
func (r *Results) Operated(answer []byte) error {
	r.counted++
	r.rows.separate()
	r.rows.append(`{"success":true,"kv":`)
	r.rows.json = append(r.rows.json, answer...)
	r.rows.append("}")
	return r.rows.fits(r.BytesMax)
}

// Passed appends a condition that holds.
func (r *Results) Passed() error {
	r.rows.separate()
	r.rows.append(`{"success":true}`)
	return r.rows.fits(r.BytesMax)
}

// Failed appends an item that failed and was allowed to.
func (r *Results) Failed(why *refusal.Refusal) error {
	r.rows.separate()
	r.rows.append(`{"success":false,"error":`)
	r.rows.json = jsontext.AppendString(r.rows.json, why.Public())
	r.rows.append(`,"code":"`)
	r.rows.append(why.Kind.Code())
	r.rows.append(`"`)
	r.rows.append(why.Facts)
	r.rows.append("}")
	return r.rows.fits(r.BytesMax)
}

// Mark is where the answer ends now, for Rewind, which goes back to the latest.
func (r *Results) Mark() int {
	r.marked = r.counted
	return len(r.rows.json)
}

// Rewind drops everything since mark, which lies between two items.
func (r *Results) Rewind(mark int) {
	r.rows.json = r.rows.json[:mark]
	r.counted = r.marked
}

// End ends the answer.
func (r *Results) End() { r.rows.append("]}") }

// Bytes is the answer, valid until the next Begin or Reset.
func (r *Results) Bytes() []byte { return r.rows.json }

// Len is the length of the answer so far.
func (r *Results) Len() int { return len(r.rows.json) }

// Reset empties the answer and lets go of a buffer too large to keep.
func (r *Results) Reset() { r.rows.reset() }
