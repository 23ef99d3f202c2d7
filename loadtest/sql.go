package main

import (
	"context"
	"fmt"

	"github.com/valyala/fasthttp"
)

const (
	dbPath = "/db"

	// insertTable is what rows are inserted into, rowsTable what rows are read from.
	insertTable = "inserted"
	rowsTable   = "numbered"

	insertTableSQL = "CREATE TABLE " + insertTable + "(a INTEGER, b TEXT)"
	insertRowSQL   = "INSERT INTO " + insertTable + "(a, b) VALUES(?, ?)"
	insertText     = "what the row tells"

	// firstID is the least id of the numbered rows. The first digit of all ids is a 1, and
	// the others are the number of the row.
	firstID = 1_000_000
)

// querying are about SQL: what it costs to write and to read with it.
func querying(keys int) []scenario {
	return []scenario{
		{
			name:        "sql-insert",
			about:       "every connection inserts a row by SQL; against a server with a commit for each behind a mutex",
			traffic:     []shape{insertOne()},
			against:     baseline{name: "reference", start: startReference},
			prepare:     prepareInserts,
			connections: inserters,
			measure:     (*trial).compare,
			audit:       auditInserted(1),
			judge:       throughputAtLeast(5),
		},
		{
			name:    "sql-select",
			about:   "SELECT of random rows by their primary key",
			traffic: []shape{selectOne(keys)},
			against: doesNothing,
			prepare: prepareRows,
			measure: (*trial).compare,
			judge:   throughputAtLeast(0.50),
		},
		{
			name:        "sql-batch",
			about:       "one caller inserts 10,000 rows a request; against a loop over as many rows without a server",
			traffic:     []shape{insertBatch()},
			against:     baseline{name: "loop"},
			prepare:     prepareInserts,
			connections: 1,
			measure:     (*trial).compareLoop,
			audit:       auditInserted(batchRows),
			judge:       rowsShown(throughputAtLeast(0.60)),
		},
		{
			name:        "sql-batch-shared",
			about:       "the same of a few callers, so that one is read while another is written",
			traffic:     []shape{insertBatch()},
			against:     baseline{name: "loop"},
			prepare:     prepareInserts,
			connections: batchers,
			measure:     (*trial).compareLoop,
			audit:       auditInserted(batchRows),
			judge:       rowsShown(throughputAtLeast(0.60)),
		},
		{
			name:        "export-csv",
			about:       "a table of 1,000,000 rows (-table-keys) read as CSV; against the command sqlite3 -csv, and its memory",
			against:     baseline{name: "sqlite3"},
			prepare:     prepareExport,
			connections: 1,
			measure:     (*trial).export,
			judge:       exportWithin(0.40, 32e6),
		},
	}
}

// bystanding are about those who don't use SQL, and what it costs them.
func bystanding(keys int) []scenario {
	return []scenario{
		{
			name:        "slow-readers",
			about:       "latency of hot and random increments while every reader runs a query of 5 s (-duration); against the same while none does",
			traffic:     []shape{incrementHot(), incrementRandom(keys)},
			against:     baseline{name: "no queries"},
			arguments:   []string{"--readers", fmt.Sprint(slowReaders())},
			preload:     true,
			connections: 64,
			measure:     (*trial).besideQueries,
			judge:       withAsides(queriesShown(quantileWithin(0.99, 1.25))),
		},
		{
			name:    "query-history",
			about:   "increments of one key on a server that keeps the query history; against one that does not",
			traffic: []shape{incrementHot()},
			against: baseline{name: "off", start: startWithoutQueryHistory},
			rounds:  historyRounds,
			measure: (*trial).compare,
			audit:   auditQueryHistory,
			judge:   throughputAtLeast(0.98),
		},
	}
}

// sqlRequest is a transaction of one item, which is written in JSON.
func sqlRequest(item string) shape {
	return shape{
		method: fasthttp.MethodPost, endpoint: dbPath,
		body: `{"transaction":[` + item + `]}`, contentType: jsonType,
	}
}

// insertOne inserts one row.
func insertOne() shape {
	s := sqlRequest(fmt.Sprintf(`{"statement":%q,"values":[1%s,%q]}`, insertRowSQL, numberPlace, insertText))
	s.keys, s.counts = keysMax, true
	return s
}

// selectOne reads one row of so many by its id.
func selectOne(rows int) shape {
	s := sqlRequest(fmt.Sprintf(`{"query":"SELECT id, name, price FROM %s WHERE id = ?","values":[1%s]}`, rowsTable, numberPlace))
	s.keys = rows
	return s
}

// sqlItem is an item of a transaction that the harness asks for outside of what is measured.
type sqlItem struct {
	Query     string `json:"query,omitempty"`
	Statement string `json:"statement,omitempty"`
	Values    []any  `json:"values,omitempty"`
}

// transact runs the items and reads the rows of each.
func transact[row any](address string, items ...sqlItem) (results [][]row, err error) {
	var answer struct {
		Results []struct {
			Rows []row `json:"resultSet"`
		}
	}
	path := pathOf(dbPath, patience)
	err = askPatiently(sqlWait, fasthttp.MethodPost, address, path, map[string]any{"transaction": items}, &answer)
	for _, result := range answer.Results {
		results = append(results, result.Rows)
	}
	return results, err
}

// execute runs statements whose answers nobody needs.
func execute(address string, statements ...string) error {
	items := make([]sqlItem, len(statements))
	for i, statement := range statements {
		items[i].Statement = statement
	}
	_, err := transact[struct{}](address, items...)
	return err
}

// rowsIn counts the rows of a table.
func rowsIn(address, table string) (uint64, error) {
	results, err := transact[struct{ N uint64 }](address, sqlItem{Query: "SELECT count(*) AS n FROM " + table})
	if err != nil {
		return 0, err
	}
	if len(results) != 1 || len(results[0]) != 1 {
		return 0, fmt.Errorf("a count answered %v", results)
	}
	return results[0][0].N, nil
}

// auditInserted compares the rows that are there with those that were acknowledged, so
// many with each request.
func auditInserted(rowsEach uint64) func(*trial, string, uint64) []string {
	return func(_ *trial, address string, counted uint64) []string {
		rows, err := rowsIn(address, insertTable)
		if err != nil {
			return []string{"the rows can't be counted: " + err.Error()}
		}
		return missingRows(rows, counted*rowsEach)
	}
}

func missingRows(rows, acknowledged uint64) []string {
	if rows == acknowledged {
		return nil
	}
	return []string{fmt.Sprintf("%d rows are there, but %d were acknowledged", rows, acknowledged)}
}

func prepareInserts(_ context.Context, t *trial) error {
	return execute(t.server.address, insertTableSQL)
}

// prepareRows makes the rows that are read, as many as there are keys.
func prepareRows(_ context.Context, t *trial) error { return t.fillRows(t.settings.keys) }

// fillRows makes a table of numbered rows, all of one length, in one statement.
func (t *trial) fillRows(count int) error {
	return execute(t.server.address,
		"CREATE TABLE "+rowsTable+"(id INTEGER PRIMARY KEY, name TEXT, price REAL)",
		fmt.Sprintf(`INSERT INTO %s WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n LIMIT %d)
			SELECT i, 'the name of ' || i, i + 0.5 FROM n`, rowsTable, firstID, count))
}

// rowsShown adds how many rows a second the batches came to.
func rowsShown(judge func(*measurement) verdict) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := judge(m)
		v.note = fmt.Sprintf("%.0f rows a second, and %.0f by the %s", batchRows*m.server.perSecond(), batchRows*m.base.perSecond(), m.baseName)
		return v
	}
}
