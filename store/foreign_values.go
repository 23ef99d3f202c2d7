package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// itemValues hands an item's values to its statements: positional ones are used
// up one statement after the other, named ones are there for all.
type itemValues struct {
	item *sqltx.Item
	used int
	// seen marks the named values that some statement asked for; at finds them.
	seen []bool
	at   map[string]int
}

func valuesOf(item *sqltx.Item) itemValues {
	v := itemValues{item: item}
	if item.Names != nil {
		v.seen = make([]bool, len(item.Names))
		v.at = make(map[string]int, len(item.Names))
		for i, name := range item.Names {
			v.at[name] = i
		}
	}
	return v
}

// bind binds what the statement asks for. A value too few or, after the last
// statement, too many is the client's mistake, not a NULL.
func (v *itemValues) bind(s *foreignStmt, last bool) error {
	if v.item.Names != nil {
		return v.bindNamed(s, last)
	}
	values := v.item.Values[v.used:]
	if len(values) < len(s.params) {
		return refusal.Newf(refusal.SQLBindError, "the statement takes %d values, got %d", len(s.params), len(values))
	}
	for i := range s.params {
		bindForeign(s.stmt, i+1, &values[i])
	}
	v.used += len(s.params)
	if surplus := len(v.item.Values) - v.used; last && surplus > 0 {
		return refusal.Newf(refusal.SQLBindError, "%d values more than the SQL takes", surplus)
	}
	return nil
}

func (v *itemValues) bindNamed(s *foreignStmt, last bool) error {
	for i, param := range s.params {
		if param == "" || param[0] == '?' {
			return refusal.New(refusal.SQLBindError, "named values for a statement with positional parameters")
		}
		at, ok := v.at[param[1:]]
		if !ok {
			return refusal.Newf(refusal.SQLBindError, "no value for parameter %s", param)
		}
		v.seen[at] = true
		bindForeign(s.stmt, i+1, &v.item.Values[at])
	}
	if last {
		for i, seen := range v.seen {
			if !seen {
				return refusal.Newf(refusal.SQLBindError, "no parameter named %s", v.item.Names[i])
			}
		}
	}
	return nil
}

func bindForeign(stmt *sqlite.Stmt, param int, value *sqltx.Value) {
	switch value.Kind {
	case sqltx.Null:
		stmt.BindNull(param)
	case sqltx.Integer:
		stmt.BindInt64(param, value.Int)
	case sqltx.Float:
		stmt.BindFloat(param, value.Float)
	case sqltx.Text:
		if len(value.Bytes) == 0 {
			stmt.BindText(param, "") // BindBytes would bind NULL
			return
		}
		stmt.BindBytes(param, value.Bytes)
	case sqltx.Blob:
		bindBlob(stmt, param, value.Bytes)
	}
}

// readRow appends the columns of the current row to dst. Texts and blobs are
// SQLite's memory: good until the next step.
func readRow(stmt *sqlite.Stmt, columns int, dst []sqltx.Value) []sqltx.Value {
	for i := range columns {
		var v sqltx.Value
		switch stmt.ColumnType(i) {
		case sqlite.SQLITE_INTEGER:
			v.Kind, v.Int = sqltx.Integer, stmt.ColumnInt64(i)
		case sqlite.SQLITE_FLOAT:
			v.Kind, v.Float = sqltx.Float, stmt.ColumnFloat(i)
		case sqlite.SQLITE_TEXT:
			v.Kind, v.Bytes = sqltx.Text, columnBytes(stmt, i)
		case sqlite.SQLITE_BLOB:
			v.Kind, v.Bytes = sqltx.Blob, columnBytes(stmt, i)
		}
		dst = append(dst, v)
	}
	return dst
}
