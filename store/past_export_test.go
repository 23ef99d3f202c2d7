package store

import (
	"strconv"

	"crawshaw.io/sqlite"
)

const ActorsToldMax = actorsToldMax

// PastQueries are the queries about the past of a KV table, by what they are for.
func (p *Past) PastQueries() map[string]string {
	queries := map[string]string{}
	for name, query := range map[string]pastQuery{
		"row": pastRow, "gone": pastGone, "entry": pastEntry, "link": pastLink, "frame": pastFrame, "first frame": pastFirstFrame,
		"ends": pastEnds, "cut": pastCut, "gaps": pastGaps, "known": pastKnown, "all": pastAll, "count": pastCount, "count within": pastCountWithin,
		"changed": pastChanged, "walk": pastWalk, "walk with values": pastWalkValues,
	} {
		queries[name] = p.table.sql(query, p.bytesOf)
	}
	return queries
}

// Busy counts the statements that stand on a row.
func (p *Past) Busy() (busy int) {
	for i := range p.table.walks {
		for _, stmt := range append(p.table.walks[i][:], p.table.stmts[i]) {
			if stmt != nil && isBusy(stmt) {
				busy++
			}
		}
	}
	return busy
}

// ReaderConn is the connection under a ReadConn.
func (r *ReadConn) ReaderConn() *sqlite.Conn { return r.conn }

// PlanOf is how SQLite goes about a query.
func PlanOf(conn *sqlite.Conn, sql string) (plan []string, err error) {
	stmt, _, err := conn.PrepareTransient("EXPLAIN QUERY PLAN " + sql)
	if err != nil {
		return nil, err
	}
	defer stmt.Finalize()
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return plan, err
		}
		plan = append(plan, strconv.Itoa(stmt.ColumnInt(1))+" "+stmt.ColumnText(3))
	}
}
