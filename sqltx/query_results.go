package sqltx

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
)

// QueryResults is the answer to GET /query as JSON: one statement, its rows
// appended while the engine steps.
//
// Per request: Begin, then StartRows, Row…, EndRows if the statement has columns,
// then End.
type QueryResults struct {
	// BytesMax bounds the answer; 0 means no bound.
	BytesMax   int
	rows       rowEncoder
	rowCount   int64
	hasColumns bool
	truncated  bool
}

// Begin starts an answer to query and drops the one before. It keeps the memory.
func (q *QueryResults) Begin(format Format, query string) {
	q.rowCount, q.hasColumns, q.truncated = 0, false, false
	q.rows.json = q.rows.json[:0]
	q.rows.format = format
	q.rows.wrapBlobs = true
	q.rows.append(`{"success":true,"query":`)
	q.rows.json = jsontext.AppendString(q.rows.json, query)
	q.rows.append(`,"columns":`)
}

// StartRows appends the names of the columns.
func (q *QueryResults) StartRows(names []string) error {
	q.hasColumns = true
	q.rows.setColumns(names)
	q.rows.columns()
	q.rows.startRows()
	return q.rows.fits(q.BytesMax)
}

// Row appends a row.
func (q *QueryResults) Row(values []Value) error {
	q.rowCount++
	return q.rows.row(values, q.BytesMax)
}

// EndRows notes whether there were more rows, which End writes.
func (q *QueryResults) EndRows(truncated bool) { q.truncated = truncated }

// End ends the answer. A statement without columns has null for columns and
// rows, one without rows has null for rows.
func (q *QueryResults) End() {
	if !q.hasColumns {
		q.rows.append("null")
		q.rows.startRows()
	}
	if q.rowCount == 0 {
		q.rows.json = q.rows.json[:len(q.rows.json)-1]
		q.rows.append("null")
	} else {
		q.rows.append("]")
	}
	q.rows.append(`,"rowCount":`)
	q.rows.json = strconv.AppendInt(q.rows.json, q.rowCount, 10)
	q.rows.append(`,"truncated":`)
	q.rows.json = strconv.AppendBool(q.rows.json, q.truncated)
	q.rows.append("}")
}

// Bytes is the answer, valid until the next Begin or Reset.
func (q *QueryResults) Bytes() []byte { return q.rows.json }

// Len is the length of the answer so far.
func (q *QueryResults) Len() int { return len(q.rows.json) }

// Reset empties the answer and lets go of a buffer too large to keep.
func (q *QueryResults) Reset() { q.rows.reset() }
