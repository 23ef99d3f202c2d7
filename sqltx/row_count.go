package sqltx

// RowCount is how many rows were answered.
func (q *QueryResults) RowCount() int64 { return q.rowCount }
