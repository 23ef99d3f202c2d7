package sqltx

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// Results is the answer to a transaction as JSON, appended while the engine
// steps: nothing of a result is held twice, and no row costs memory of its own.
//
// Per request: Begin, then for each item either StartRows, Row…, EndRows, or
// Updated, or Failed; then End. A Results may be used again after Begin.
type Results struct {
	// BytesMax bounds the answer; 0 means no bound.
	BytesMax int
	rows     rowEncoder
}

// Begin starts an answer and drops the one before. It keeps the memory.
func (r *Results) Begin(format Format) {
	r.rows.json = r.rows.json[:0]
	r.rows.format = format
	r.rows.append(`{"results":[`)
}

// StartRows starts an item that answers rows.
func (r *Results) StartRows(names []string) error {
	r.rows.setColumns(names)
	r.rows.separate()
	r.rows.append(`{"success":true,"resultHeaders":`)
	r.rows.columns()
	r.rows.startRows()
	return r.rows.fits(r.BytesMax)
}

// Row appends a row. What has been appended of an item that took the answer past
// BytesMax is good for nothing but Rewind.
func (r *Results) Row(values []Value) error { return r.rows.row(values, r.BytesMax) }

// EndRows ends the item.
func (r *Results) EndRows(truncated bool) {
	if truncated {
		r.rows.append(`],"truncated":true}`)
	} else {
		r.rows.append(`]}`)
	}
}

// Updated appends an item that has no columns.
func (r *Results) Updated(rows int64) {
	r.rows.separate()
	r.rows.append(`{"success":true,"rowsUpdated":`)
	r.rows.json = strconv.AppendInt(r.rows.json, rows, 10)
	r.rows.append("}")
}

// Failed appends an item that failed and was allowed to.
func (r *Results) Failed(why *refusal.Refusal) {
	r.rows.separate()
	r.rows.append(`{"success":false,"error":`)
	r.rows.json = jsontext.AppendString(r.rows.json, publicText(why))
	r.rows.append(`,"code":"`)
	r.rows.append(why.Kind.Code())
	r.rows.append(`"}`)
}

// Mark is where the answer ends now, for Rewind.
func (r *Results) Mark() int { return len(r.rows.json) }

// Rewind drops everything since mark, which lies between two items.
func (r *Results) Rewind(mark int) { r.rows.json = r.rows.json[:mark] }

// End ends the answer.
func (r *Results) End() { r.rows.append("]}") }

// Bytes is the answer, valid until the next Begin or Reset.
func (r *Results) Bytes() []byte { return r.rows.json }

// Len is the length of the answer so far.
func (r *Results) Len() int { return len(r.rows.json) }

// Reset empties the answer and lets go of a buffer too large to keep.
func (r *Results) Reset() { r.rows.reset() }

// publicText is what a client may read of a failure: never the engine's own
// words about a fault that is not the client's.
func publicText(why *refusal.Refusal) string {
	switch why.Kind {
	case refusal.Internal, refusal.DatabaseError, refusal.FileSystemError, refusal.DeleteIncomplete:
		return "internal database error"
	case refusal.Unavailable:
		return "service unavailable"
	case refusal.RequestTimeout:
		return "request timeout"
	case refusal.DatabaseBusy:
		return "database is busy"
	}
	return why.Text
}
