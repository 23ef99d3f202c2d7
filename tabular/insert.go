package tabular

import (
	"strconv"
	"strings"

	"github.com/urlite/urlite/sqltx"
)

// CreateTable is the SQL that makes a table with columns of these types.
func CreateTable(table string, columns, types []string) string {
	var sql strings.Builder
	sql.WriteString("CREATE TABLE main." + sqltx.QuoteName(table) + " (")
	for i, column := range columns {
		if i > 0 {
			sql.WriteString(", ")
		}
		sql.WriteString(sqltx.QuoteName(column) + " " + types[i])
	}
	sql.WriteString(")")
	return sql.String()
}

// Insert is the SQL that inserts a row of as many values as there are columns. With emptyNull,
// an empty text is NULL in the columns whose type is that of a number.
func Insert(table string, columns, types []string, emptyNull bool) string {
	var into, values strings.Builder
	for i, column := range columns {
		if i > 0 {
			into.WriteString(", ")
			values.WriteString(", ")
		}
		into.WriteString(sqltx.QuoteName(column))
		parameter := "?" + strconv.Itoa(i+1)
		if emptyNull && isNumeric(types[i]) {
			parameter = "nullif(" + parameter + ", '')"
		}
		values.WriteString(parameter)
	}
	return "INSERT INTO main." + sqltx.QuoteName(table) + " (" + into.String() + ") VALUES (" + values.String() + ")"
}

// isNumeric tells whether a column of a declared type has the affinity of numbers
// (https://sqlite.org/datatype3.html, 3.1).
func isNumeric(declared string) bool {
	declared = strings.ToUpper(declared)
	has := func(word string) bool { return strings.Contains(declared, word) }
	switch {
	case has("INT"):
		return true
	case has("CHAR"), has("CLOB"), has("TEXT"), has("BLOB"), declared == "":
		return false
	}
	return true
}
