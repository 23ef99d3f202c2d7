package main

import (
	"fmt"
	"math"
	"strconv"
	"sync"

	"crawshaw.io/sqlite"
	"github.com/goccy/go-json"
)

// referenceDatabase is one connection behind one mutex.
type referenceDatabase struct {
	mutex                   sync.Mutex
	conn                    *sqlite.Conn
	begin, commit, rollback *sqlite.Stmt
}

// openReference opens or makes a database in write-ahead mode, whose commits are on disk
// when they return. The connection keeps every statement prepared.
func openReference(path string) (*referenceDatabase, error) {
	conn, err := sqlite.OpenConn(path, sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_CREATE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		return nil, err
	}
	d := &referenceDatabase{conn: conn}
	for _, sql := range []string{"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"} {
		if err = d.run(sql); err != nil {
			break
		}
	}
	for sql, stmt := range map[string]**sqlite.Stmt{"BEGIN IMMEDIATE": &d.begin, "COMMIT": &d.commit, "ROLLBACK": &d.rollback} {
		if err == nil {
			*stmt, err = conn.Prepare(sql)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return d, nil
}

func (d *referenceDatabase) close() { _ = d.conn.Close() }

// run runs a statement once and lets it go.
func (d *referenceDatabase) run(sql string) error {
	stmt, _, err := d.conn.PrepareTransient(sql)
	if err != nil {
		return err
	}
	_, err = stmt.Step()
	_ = stmt.Finalize()
	return err
}

// transact runs the request's items and commits them, all or none, and writes the answer.
// An error is that of the item, or of none of them (-1).
func (d *referenceDatabase) transact(r *referenceRequest) (item int, err error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if err := end(d.begin); err != nil {
		return -1, err
	}
	r.answer = append(r.answer[:0], `{"results":[`...)
	for item := range r.Transaction {
		if item > 0 {
			r.answer = append(r.answer, ',')
		}
		if r.answer, err = d.runItem(&r.Transaction[item], r.answer); err != nil {
			_ = end(d.rollback)
			return item, err
		}
	}
	r.answer = append(r.answer, "]}"...)
	if err := end(d.commit); err != nil {
		_ = end(d.rollback)
		return -1, err
	}
	return -1, nil
}

// end steps a statement of ours to its end.
func end(stmt *sqlite.Stmt) error {
	_, err := stmt.Step()
	if reset := stmt.Reset(); err == nil {
		err = reset
	}
	return err
}

func (d *referenceDatabase) runItem(item *referenceItem, answer []byte) ([]byte, error) {
	sql := item.Statement
	if sql == "" {
		sql = item.Query
	}
	stmt, err := d.conn.Prepare(sql)
	if err != nil {
		return answer, err
	}
	if len(item.Values) != stmt.BindParamCount() {
		return answer, fmt.Errorf("the statement takes %d values, got %d", stmt.BindParamCount(), len(item.Values))
	}
	for i, value := range item.Values {
		if err := bindReference(stmt, i+1, value); err != nil {
			return answer, err
		}
	}
	row, err := stmt.Step()
	if err != nil {
		return answer, err
	}
	if stmt.ColumnCount() == 0 {
		answer = append(answer, `{"success":true,"rowsUpdated":`...)
		answer = strconv.AppendInt(answer, int64(d.conn.Changes()), 10)
		return append(answer, '}'), stmt.Reset()
	}
	return appendReferenceRows(stmt, row, answer)
}

func bindReference(stmt *sqlite.Stmt, param int, value any) error {
	switch value := value.(type) {
	case nil:
		stmt.BindNull(param)
	case bool:
		stmt.BindBool(param, value)
	case string:
		stmt.BindText(param, value)
	case float64:
		if whole := int64(value); float64(whole) == value && math.Abs(value) < 1<<53 {
			stmt.BindInt64(param, whole)
		} else {
			stmt.BindFloat(param, value)
		}
	default:
		return fmt.Errorf("value %d is no value of SQL", param)
	}
	return nil
}

// appendReferenceRows appends the rows of a statement that has had its first step.
func appendReferenceRows(stmt *sqlite.Stmt, row bool, answer []byte) ([]byte, error) {
	answer = append(answer, `{"success":true,"resultSet":[`...)
	for n := 0; row; n++ {
		if n > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, '{')
		for column := range stmt.ColumnCount() {
			if column > 0 {
				answer = append(answer, ',')
			}
			answer = append(strconv.AppendQuote(answer, stmt.ColumnName(column)), ':')
			switch stmt.ColumnType(column) {
			case sqlite.SQLITE_INTEGER:
				answer = strconv.AppendInt(answer, stmt.ColumnInt64(column), 10)
			case sqlite.SQLITE_FLOAT:
				answer = strconv.AppendFloat(answer, stmt.ColumnFloat(column), 'g', -1, 64)
			case sqlite.SQLITE_NULL:
				answer = append(answer, "null"...)
			default:
				text, err := json.Marshal(stmt.ColumnText(column))
				if err != nil {
					return answer, err
				}
				answer = append(answer, text...)
			}
		}
		answer = append(answer, '}')
		var err error
		if row, err = stmt.Step(); err != nil {
			return answer, err
		}
	}
	return append(answer, "]}"...), nil
}
