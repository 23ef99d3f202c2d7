package server

import (
	"strconv"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/refusal"
)

const queryHistoryLimitDefault = 100

// momentFormat is RFC 3339 with milliseconds: many requests share a second.
const momentFormat = "2006-01-02T15:04:05.000Z07:00"

// momentMax is the last that it can write, in ms: another program may have written any.
const momentMax = 253_402_300_799_999

// queryHistory answers a page of the requests to a database, the newest first.
func queryHistory(q *request) error {
	limit, err := q.notNegative("limit", 0)
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = queryHistoryLimitDefault
	}
	limit = min(limit, querylog.EntriesMax)
	offset, err := q.notNegative("offset", 0)
	if err != nil {
		return err
	}
	var page jsonBody
	var total, count int64
	err = q.eachNoted(func(e *querylog.Entry) {
		if total >= offset && count < limit {
			page.open(count)
			page.noted(e)
			count++
		}
		total++
	})
	if err != nil {
		return err
	}
	page.close(count)
	q.out = append(append(q.out[:0], `{"history":`...), page.out...)
	q.out = append(append(q.out, `,"entries":`...), page.out...)
	q.number("count", count)
	q.number("total", total)
	q.number("limit", limit)
	q.number("offset", offset)
	q.end()
	return nil
}

// queryStats answers the numbers of the requests to a database, as far as they are kept.
func queryStats(q *request) error {
	var stats querylog.Stats
	now := q.server.config.Now()
	if err := q.eachNoted(func(e *querylog.Entry) { stats.Add(e, now) }); err != nil {
		return err
	}
	q.out = appendInt(append(q.out[:0], `{"total_queries":`...), stats.Total)
	q.number("success_count", stats.Successes)
	q.number("failure_count", stats.Failures)
	q.name("avg_exec_time_ms")
	q.out = strconv.AppendFloat(q.out, stats.AverageMillis(), 'f', 3, 64)
	q.number("last_hour", stats.LastHour)
	q.number("last_minute", stats.LastMinute)
	q.name("slowest")
	q.out = append(q.out, '[')
	for i := range stats.Slowest {
		if i > 0 {
			q.out = append(q.out, ',')
		}
		q.noted(&stats.Slowest[i])
	}
	q.out = append(q.out, ']')
	q.end()
	return nil
}

// eachNoted tells the entries of the request's database, the newest first: those that wait
// to be written, and those of its file.
func (q *request) eachNoted(tell func(e *querylog.Entry)) error {
	db, err := q.database(false)
	if err != nil {
		return err
	}
	view := querylog.View{Waiting: db.Noted(), Tell: tell} // before the file is read
	reader, err := db.Borrow(q.timeout())
	if err != nil {
		return err
	}
	defer db.Return(reader)
	if err := reader.QueryLog(view.Stored); err != nil {
		return err
	}
	view.End()
	return nil
}

// noted appends an entry.
func (b *jsonBody) noted(e *querylog.Entry) {
	b.out = appendInt(append(b.out, `{"id":`...), e.ID)
	b.text("sql", e.SQL)
	b.name("timestamp")
	b.out = append(b.out, '"')
	b.out = time.UnixMilli(min(max(e.At, 0), momentMax)).UTC().AppendFormat(b.out, momentFormat)
	b.out = append(b.out, '"')
	b.name("execution_time_ms")
	b.out = jsontext.AppendFloat(b.out, querylog.Millis(e.Took))
	b.boolean("success", e.Success)
	if e.Error != "" {
		b.text("error", e.Error)
	}
	b.number("row_count", e.Rows)
	b.boolean("is_statement", e.Statement)
	b.text("source", e.Source.String())
	b.text("client_ip", e.Client)
	b.out = append(b.out, '}')
}

// clearHistory forgets all requests.
func clearHistory(q *request) error { return q.unlog(&catalog.Unlog{All: true}) }

// deleteHistory forgets one.
func deleteHistory(q *request) error {
	text, _ := q.ctx.UserValue("id").(string)
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return refusal.Newf(refusal.InvalidParameters, "the id of an entry must be an integer, not %.64q", text)
	}
	return q.unlog(&catalog.Unlog{ID: id})
}

// unlog has entries removed. It never makes a database: there would be nothing in it.
func (q *request) unlog(which *catalog.Unlog) error {
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	call := catalog.NewCall()
	defer call.Release()
	call.Unlog = which
	call.Deadline = q.server.config.Now() + q.timeout().Milliseconds()
	if err := q.bindOnce(call); err != nil {
		return err
	}
	db, err := q.database(false)
	if err != nil {
		return err
	}
	if err := db.Do(call); err != nil {
		return err
	}
	q.answerCall(call)
	return nil
}
