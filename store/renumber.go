package store

import (
	"math"
	"slices"
	"strings"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// A file that takes another's place may hold the same key in the same version, and yet
// another value: both were one file once, and each went on for itself. So the rows of
// the one that arrives get versions that neither of them has given.
//
// A version is more than an ETag: where it is that of the row's latest entry, history
// tells the row. A row that history told is marked as one whose later entries were
// undone, which says the same of a version of its own. Open gaps stay open, and rows
// without a history have none.

const (
	// versionMax bounds the numbers that a file can have come to. Nobody writes so often:
	// it is a file that somebody made, and there must be numbers left after it.
	versionMax = math.MaxInt64 / 2

	// newVersions holds the new versions of the rows of one table, and which of them are
	// told by their latest entry.
	newVersions    = `CREATE TEMP TABLE _urlite_versions(key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, told INTEGER NOT NULL) WITHOUT ROWID`
	forgetVersions = `DELETE FROM temp._urlite_versions`
	// A table that no write of the server has ever met may hold a key twice, or NULL.
	giveVersions = `INSERT OR IGNORE INTO temp._urlite_versions(key, version, told)
		SELECT key, ?1 + row_number() OVER (ORDER BY key), $told FROM main."$table" AS r WHERE key IS NOT NULL`
	isTold = `head <> 0 AND (version = head OR
		EXISTS (SELECT 1 FROM main."_urlite_$table_undone" AS u WHERE u.key = r.key AND u.version = r.version))`
	lastVersion = `SELECT max(version) FROM temp._urlite_versions`

	forgetMarks = `DELETE FROM main."_urlite_$table_undone"`
	markTold    = `INSERT INTO main."_urlite_$table_undone"(key, version) SELECT key, version FROM temp._urlite_versions WHERE told`
	// The plus has the key compared as the text that it is in the table of the versions.
	setVersions = `UPDATE main."$table" SET version = coalesce(
		(SELECT v.version FROM temp._urlite_versions AS v WHERE v.key = +"$table".key), version)`
)

var errNumbersSpent = refusal.New(refusal.InvalidSQLiteHeader, "the database has numbers of writes that nobody can go on from")

// renumber gives every row of every KV table a version of its own beyond floor, and
// answers the last of them, or floor. It runs inside a transaction, in a file that nobody
// else knows, and fires no triggers.
func renumber(conn *sqlite.Conn, floor int64) (last int64, err error) {
	tables, err := tablesToRenumber(conn)
	if err != nil {
		return 0, err
	}
	for _, t := range tables {
		if !t.hasPast {
			continue
		}
		latest, err := queryInt(conn, forTable(`SELECT max(id) FROM main."$table_history"`, t.name))
		if err != nil {
			return 0, err
		}
		floor = max(floor, latest) // SQL may have written entries of its own
	}
	if floor > versionMax {
		return 0, errNumbersSpent
	}
	if len(tables) == 0 {
		return floor, nil
	}
	if err := run(conn, newVersions); err != nil {
		return 0, err
	}
	for _, t := range tables {
		if floor, err = t.renumber(conn, floor); err != nil {
			return 0, err
		}
	}
	return floor, nil
}

// renumberedTable is a KV table of a file that arrives. One that only SQL has written has
// no past.
type renumberedTable struct {
	name    string
	hasPast bool
}

// tablesToRenumber lists the tables whose rows can be asked for as keys. Those that have
// a past have all that belongs to it, and to its marks, when it returns.
func tablesToRenumber(conn *sqlite.Conn) (tables []renumberedTable, err error) {
	names, err := plainTables(conn)
	if err != nil {
		return nil, err
	}
	pasts, err := keyValueTables(conn)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		state, err := inspectTable(conn, name)
		if noKeyValueTable(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		hasPast := slices.ContainsFunc(pasts, func(past string) bool { return strings.EqualFold(past, name) })
		if hasPast && state == tableBare {
			if err := createTable(conn, name, state); err != nil && !noKeyValueTable(err) {
				return nil, err
			}
		}
		if hasPast {
			history, err := columnsOf(conn, name+"_history")
			if err != nil {
				return nil, err
			}
			marks, err := columnsOf(conn, "_urlite_"+name+"_undone")
			if err != nil {
				return nil, err
			}
			hasPast = isHistory(history) && marks["key"] && marks["version"]
		}
		tables = append(tables, renumberedTable{name: name, hasPast: hasPast})
	}
	return tables, nil
}

// plainTables lists the tables, as far as a request can name them, in lower case.
func plainTables(conn *sqlite.Conn) (names []string, err error) {
	stmt, _, err := conn.PrepareTransient(`SELECT lower(name) FROM main.sqlite_master WHERE type = 'table' AND rootpage <> 0`)
	if err != nil {
		return nil, err
	}
	defer stmt.Finalize()
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return names, err
		}
		if name := stmt.ColumnText(0); kv.CheckTable(name) == nil {
			names = append(names, name)
		}
	}
}

// renumber gives the rows of the table versions beyond floor, and answers the last.
func (t *renumberedTable) renumber(conn *sqlite.Conn, floor int64) (last int64, err error) {
	told := "0"
	if t.hasPast {
		told = isTold
	}
	give, _, err := conn.PrepareTransient(forTable(strings.ReplaceAll(giveVersions, "$told", told), t.name))
	if err != nil {
		return 0, err
	}
	defer give.Finalize()
	give.BindInt64(1, floor)
	if err := step(give); err != nil {
		return 0, err
	}
	if last, err = queryInt(conn, lastVersion); err != nil || last == 0 {
		return floor, err
	}
	statements := []string{setVersions, forgetVersions}
	if t.hasPast {
		statements = []string{forgetMarks, markTold, setVersions, forgetVersions}
	}
	for _, sql := range statements {
		if err := run(conn, forTable(sql, t.name)); err != nil {
			return 0, err
		}
	}
	return last, nil
}
