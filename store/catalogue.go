package store

import (
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/sqltx"
)

// SchemaObject is a table, a view, an index or a trigger of a file.
type SchemaObject struct {
	Type, Name string
	// Table is what an index or a trigger belongs to, and the name of all else.
	Table string
	// SQL made it; it is empty for indexes that belong to a constraint.
	SQL string
}

// SchemaColumn is a column of a table or a view.
type SchemaColumn struct {
	Name, Type string
	NotNull    bool
	// PrimaryKey is the place in the primary key, from 1; 0 is not in it.
	PrimaryKey int
	// Default is the SQL of the default value, if HasDefault.
	Default    string
	HasDefault bool
	// Hidden is 0 for an ordinary column, 1 for a hidden one of a virtual table, 2 for a
	// generated column that is computed when it is read, 3 for one that is stored.
	Hidden int
}

const (
	// Unless ?1, without what is SQLite's or ours, or belongs to a table that is.
	selectObjects = `SELECT type, name, tbl_name, sql FROM main.sqlite_master
		WHERE ?1 OR NOT (name LIKE 'sqlite\_%' ESCAPE '\' OR name LIKE '\_urlite%' ESCAPE '\'
			OR tbl_name LIKE 'sqlite\_%' ESCAPE '\' OR tbl_name LIKE '\_urlite%' ESCAPE '\' OR tbl_name = '_query_history')
		ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'view' THEN 2 WHEN 'index' THEN 3 ELSE 4 END, name LIMIT ?2`

	selectXColumns = `SELECT name, type, "notnull", pk, dflt_value, hidden FROM pragma_table_xinfo(?1, 'main')`

	selectKeptRows = `SELECT rows FROM main._urlite_tables WHERE name = lower(?1) AND rows IS NOT NULL`

	// name is unique, but for letters of other cases than ASCII's.
	selectNamed = `SELECT name FROM main.sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE`
)

// Objects lists the objects of the file, tables before views, indexes and triggers, each
// by name, at most max of them; and with internal those that are SQLite's and our own.
func (r *ReadConn) Objects(internal bool, max int) ([]SchemaObject, error) {
	stmt, _, err := r.conn.PrepareTransient(selectObjects)
	if err != nil {
		return nil, refuse(nil, err)
	}
	defer stmt.Finalize()
	stmt.BindInt64(1, int64(toInt(internal)))
	stmt.BindInt64(2, int64(max))
	var objects []SchemaObject
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return objects, refuse(nil, err)
		}
		objects = append(objects, SchemaObject{
			Type: stmt.ColumnText(0), Name: stmt.ColumnText(1), Table: stmt.ColumnText(2), SQL: stmt.ColumnText(3),
		})
	}
}

// Columns lists the columns of a table or a view. One that is broken, such as a view of a
// table that is gone, has none.
func (r *ReadConn) Columns(name string) ([]SchemaColumn, error) {
	stmt, _, err := r.conn.PrepareTransient(selectXColumns)
	if err != nil {
		return nil, refuse(nil, err)
	}
	defer stmt.Finalize()
	bindText(stmt, 1, name)
	var columns []SchemaColumn
	for {
		row, err := stmt.Step()
		if primary(err) == sqlite.SQLITE_ERROR {
			return nil, nil
		}
		if err != nil || !row {
			return columns, refuse(nil, err)
		}
		columns = append(columns, SchemaColumn{
			Name: stmt.ColumnText(0), Type: stmt.ColumnText(1), NotNull: stmt.ColumnInt(2) != 0, PrimaryKey: stmt.ColumnInt(3),
			Default: stmt.ColumnText(4), HasDefault: stmt.ColumnType(4) != sqlite.SQLITE_NULL, Hidden: stmt.ColumnInt(5),
		})
	}
}

// KeptRows is how many rows a KV table has, if that is known without counting them.
func (r *ReadConn) KeptRows(table string) (rows int64, known bool, err error) {
	stmt, _, err := r.conn.PrepareTransient(selectKeptRows)
	if primary(err) == sqlite.SQLITE_ERROR {
		return 0, false, nil // a file that has no KV tables
	}
	if err != nil {
		return 0, false, refuse(nil, err)
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	if known, err = stmt.Step(); err != nil || !known {
		return 0, false, refuse(nil, err)
	}
	return stmt.ColumnInt64(0), true, nil
}

// CountRows counts the rows of a table within limit. One that takes longer, or that can't
// be read, is not counted.
func (r *ReadConn) CountRows(table string, limit time.Duration) (rows int64, counted bool) {
	r.foreign.stopper.arm(limit)
	defer r.foreign.stopper.disarm()
	rows, err := queryInt(r.conn, "SELECT count(*) FROM main."+sqltx.QuoteName(table))
	return rows, err == nil
}

// FindTable finds the table or the view of a name, in the letters that it was made with.
func (r *ReadConn) FindTable(name string) (found string, err error) {
	stmt, _, err := r.conn.PrepareTransient(selectNamed)
	if err != nil {
		return "", refuse(nil, err)
	}
	defer stmt.Finalize()
	bindText(stmt, 1, name)
	if row, err := stmt.Step(); err != nil || !row {
		return "", refuse(nil, err)
	}
	return stmt.ColumnText(0), nil
}

// SelectAll is the statement that reads all rows of a table or a view.
func SelectAll(table string) string { return "SELECT * FROM main." + sqltx.QuoteName(table) }
