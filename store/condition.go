package store

import (
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

var (
	errConditionWrites     = refusal.New(refusal.SQLError, "the query of an if must only read")
	errConditionStatements = refusal.New(refusal.SQLError, "an if takes one query")
	errConditionFailed     = refusal.New(refusal.PreconditionFailed, "Precondition failed: the query of the if answers no row, 0 or null")
)

// holds refuses with errConditionFailed unless the query of a condition answers a row
// whose first column is neither NULL nor zero.
func (f *foreignSQL) holds(item *sqltx.Item) error {
	sql := sqltx.SkipBlank(item.SQL)
	s, err := f.prepare(sql)
	if err != nil {
		return err
	}
	defer f.release(s)
	switch {
	case sqltx.SkipBlank(sql[len(sql)-s.tail:]) != "":
		return errConditionStatements
	case !s.stmt.readOnly() || s.stmt.columnCount() == 0:
		return errConditionWrites
	}
	values := valuesOf(item)
	var first firstColumn
	if _, err := f.runOne(s, &values, true, &first, 1); err != nil {
		return err
	}
	if !first.true {
		return errConditionFailed
	}
	return nil
}

// firstColumn tells whether the first column of the first row is true.
type firstColumn struct{ true bool }

func (c *firstColumn) StartRows([]string) error { return nil }

func (c *firstColumn) Row(values []sqltx.Value) error {
	switch v := &values[0]; v.Kind {
	case sqltx.Null:
	case sqltx.Integer:
		c.true = v.Int != 0
	case sqltx.Float:
		c.true = v.Float != 0
	default:
		c.true = true // a text or a blob is neither
	}
	return nil
}
