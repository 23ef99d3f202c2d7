package store

import (
	"errors"
	"strings"

	"crawshaw.io/sqlite"
)

// What stands for the tables of a KV table. A table that nobody has written to through
// the server may lack all but its rows: then it has no past, and none of its rows is
// recorded.
const (
	pastRows    = `main."$table"`
	pastHistory = `main."$table_history"`
	pastDeleted = `main."_urlite_$table_deleted"`

	bareRows    = `(SELECT key, content_type, created_at, updated_at, expire_at, version, 0 AS op_number, -1 AS head, value FROM main."$table")`
	bareHistory = `(SELECT 0 AS id, '' AS key, 0 AS op_number, 0 AS op, 0 AS at, 0 AS prev, 0 AS actor, NULL AS arg,
		NULL AS path, NULL AS content_type, NULL AS expire_at, NULL AS value WHERE 0)`
	pastUndone = `main."_urlite_$table_undone"`
	bareUndone = `(SELECT '' AS key, 0 AS version WHERE 0)`

	bareDeleted = `(SELECT '' AS key, 0 AS updated_at, 0 AS version, 0 AS op_number, 0 AS head WHERE 0)`
)

// pastQuery is one of the queries about the past of a KV table.
type pastQuery uint8

const (
	tryRows pastQuery = iota
	tryPast
	pastRow
	pastMarks
	pastGone
	pastEntry
	pastLink
	pastFrame
	pastFirstFrame
	pastEnds
	pastCut
	pastGaps
	pastHorizon
	pastActor
	pastKnown
	pastAll
	pastCount
	pastCountWithin
	pastChanged
	pastWalk
	pastWalkValues

	pastQueries = iota
)

// linkColumns are those of a past.Link, as far as they are numbers.
const linkColumns = `id, op_number, prev, at, op, content_type IS NOT NULL OR op IN (3, 12) OR (op = 11 AND arg IS NOT NULL)`

// A row is told by its latest entry if it has the version of that, or is marked with its
// own: after an undo, and in a file that has taken another's place, as all rows are.
const (
	pastMarked = `EXISTS (SELECT 1 FROM $undone AS u WHERE u.key = r.key AND u.version = r.version)`
	pastTold   = `(r.version = r.head OR ` + pastMarked + `) AND r.head <> 0`
)

// The term that a partial index is for has to stand in a query as it does in the schema.
// A plus keeps a column from being what the rows are found by.
var pastSQL = [pastQueries]string{
	tryRows: `SELECT key, ` + rowColumns + `, value FROM ` + pastRows + ` LIMIT 0`,
	tryPast: `SELECT ` + entryColumns + `, h.key, d.key, updated_at FROM (SELECT key, ` + entryColumns + ` FROM ` + pastHistory + `) AS h,
		(SELECT key, updated_at, version, op_number AS number, head FROM ` + pastDeleted + `) AS d, ` + pastUndone + ` AS u LIMIT 0`,

	pastRow:   `SELECT ` + rowColumns + `, value FROM $rows WHERE key = ?1`,
	pastMarks: `SELECT (SELECT version FROM $undone WHERE key = ?1), (SELECT op FROM $history WHERE id = ?2)`,
	pastGone:  `SELECT updated_at, version, op_number, head FROM $deleted WHERE key = ?1`,

	pastEntry:      `SELECT ` + entryColumns + ` FROM $history WHERE id = ?2 AND +key = ?1`,
	pastLink:       `SELECT ` + linkColumns + ` FROM $history WHERE id = ?2 AND +key = ?1`,
	pastFrame:      `SELECT id FROM $history WHERE key = ?1 AND op_number = ?2 AND (op_number & 63) = 0`,
	pastFirstFrame: `SELECT ` + linkColumns + ` FROM $history WHERE key = ?1 AND (op_number & 63) = 0 ORDER BY op_number LIMIT 1`,
	pastEnds:       `SELECT (SELECT min(id) FROM $history WHERE id > 0), (SELECT max(id) FROM $history)`,
	pastCut:        `SELECT id, at FROM $history WHERE id >= ?1 ORDER BY id LIMIT 1`,
	pastGaps:       `SELECT count(*) FROM $history WHERE key = ?1 AND op_number > ?2 AND op_number <= ?3 AND op = 11`,

	pastHorizon: `SELECT horizon FROM main._urlite_tables WHERE name = ?1`,
	pastActor:   `SELECT name FROM main._urlite_actors WHERE id = ?1`,

	// Where nobody knows the number of rows: without any term, SQLite counts without looking
	// into them. What is beyond the bounds of text is no key, and to be taken off.
	pastKnown: `SELECT rows FROM main._urlite_tables WHERE name = ?1 AND rows IS NOT NULL`,
	pastAll:   `SELECT count(*) FROM $rows`,
	pastCount: `SELECT - (SELECT count(*) FROM $rows WHERE key < ?1) - (SELECT count(*) FROM $rows WHERE key >= ?2)
		- (SELECT count(*) FROM $rows WHERE head = 0 AND key >= ?1 AND key < ?2)
		- (SELECT count(*) FROM $rows AS r WHERE version <> head AND head <> 0 AND key >= ?1 AND key < ?2 AND NOT ` + pastMarked + `)
		- (SELECT count(*) FROM $rows AS r WHERE expire_at < ?3 AND expire_at <> 0 AND +key >= ?1 AND +key < ?2 AND ` + pastTold + `)`,
	pastCountWithin: `SELECT count(*) FROM $rows AS r WHERE key >= ?1 AND key < ?2 AND ` + pastTold + `
		AND (expire_at IS NULL OR expire_at = 0 OR expire_at >= ?3)`,

	// Of the entries of a key that lie within the span, the first leads out of it: so
	// a key with a million of them is found once, and with it the entry before the span.
	pastChanged: `SELECT key, max(before), EXISTS (SELECT 1 FROM $rows AS r WHERE r.key = c.key AND ` + pastTold + `
			AND (r.expire_at IS NULL OR r.expire_at = 0 OR r.expire_at >= ?5)) FROM (
		SELECT key, prev AS before FROM $history WHERE id >= ?3 AND id < ?4 AND prev < ?3 AND +key >= ?1 AND +key < ?2
		UNION ALL SELECT key, 0 FROM $rows WHERE expire_at >= ?5 AND expire_at < ?6 AND expire_at <> 0 AND +key >= ?1 AND +key < ?2
		UNION ALL SELECT key, 0 FROM $deleted WHERE updated_at >= ?5 AND updated_at < ?6 AND version >= 0 AND +key >= ?1 AND +key < ?2
		UNION ALL SELECT key, 0 FROM $rows WHERE head = 0 AND key >= ?1 AND key < ?2
		UNION ALL SELECT key, 0 FROM $rows AS r WHERE version <> head AND head <> 0 AND key >= ?1 AND key < ?2 AND NOT ` + pastMarked + `
		) AS c GROUP BY key ORDER BY key`,

	pastWalk:       walkedColumns + fromWalked,
	pastWalkValues: walkedColumns + `, value` + fromWalked,
}

const (
	walkedColumns = `SELECT created_at, updated_at, expire_at, version, op_number, head,
		head > 0 AND version <> head AND EXISTS (SELECT 1 FROM $undone AS u WHERE u.key = r.key AND u.version = r.version),
		$bytes, key, content_type`
	fromWalked = ` FROM $rows AS r WHERE key >= ?1 AND key < ?2 ORDER BY key`
)

// walksMax is how many walks of one kind may be under way at a time.
const walksMax = 4

// pastTable is the statements about the past of a KV table, each prepared when it is
// needed first.
type pastTable struct {
	name string
	// bare says that nothing but the rows is there.
	bare  bool
	stmts [pastQueries]*sqlite.Stmt
	walks [pastQueries][walksMax]*sqlite.Stmt
}

// sql is the text of a query.
func (t *pastTable) sql(query pastQuery, bytesOf string) string {
	rows, history, deleted, undone := pastRows, pastHistory, pastDeleted, pastUndone
	if t.bare {
		rows, history, deleted, undone = bareRows, bareHistory, bareDeleted, bareUndone
	}
	sql := strings.NewReplacer("$rows", rows, "$history", history, "$deleted", deleted, "$undone", undone, "$bytes", bytesOf).Replace(pastSQL[query])
	return forTable(sql, t.name)
}

// prepared is the statement of a query that answers one row at most.
func (t *pastTable) prepared(conn *sqlite.Conn, query pastQuery) (*sqlite.Stmt, error) {
	if stmt := t.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, _, err := conn.PrepareTransient(t.sql(query, ""))
	if err != nil {
		return nil, err
	}
	t.stmts[query] = stmt
	return stmt, nil
}

var errManyWalks = errors.New("store: too many walks over one table at a time")

// walk is a statement of a query that is not under way.
func (t *pastTable) walk(conn *sqlite.Conn, query pastQuery, bytesOf string) (*sqlite.Stmt, error) {
	for i, stmt := range t.walks[query] {
		switch {
		case stmt == nil:
			stmt, _, err := conn.PrepareTransient(t.sql(query, bytesOf))
			t.walks[query][i] = stmt
			return stmt, err
		case !isBusy(stmt):
			return stmt, nil
		}
	}
	return nil, errManyWalks
}

// finalize lets go of the statements, and answers whose they were.
func (t *pastTable) finalize() (name string) {
	for i := range t.walks {
		for _, stmt := range append(t.walks[i][:], t.stmts[i]) {
			if stmt != nil {
				stmt.Finalize()
			}
		}
	}
	name = t.name
	*t = pastTable{name: name}
	return name
}
