package server

import (
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/tabular"
)

// query runs one read-only statement from the URL.
func query(q *request) error {
	ask := &rowsAsked{request: q, route: "query", limit: q.timeout(), rowsMax: q.server.config.SQL.RowsMax}
	if err := ask.bindSQL(); err != nil {
		return err
	}
	inJSON := sqltx.FormatObjects
	switch name := string(q.argument("format")); name {
	case "", "json":
	case "list":
		inJSON = sqltx.FormatList
	case "csv":
		return ask.send(&tabular.WrittenCSV)
	case "ndjson":
		return ask.send(&tabular.WrittenNDJSON)
	default:
		return refusal.Newf(refusal.InvalidParameters, "format must be json, list, csv or ndjson, not %.64q", name)
	}
	return ask.answerWhole(inJSON)
}

// rowsAsked is a request for the rows of a statement.
type rowsAsked struct {
	// request is gone once the handler has returned, which may be after the first row.
	request *request
	item    sqltx.Item
	// route and format are part of what the ETag stands for.
	route, format string
	limit         time.Duration // for all of it
	rowsMax       int

	// What is known when the statement has begun: the ETag, if the data has a version, and
	// whether the client has the answer.
	etag        string
	notModified bool
	// truncated says that there were more rows, once all are read.
	truncated bool
	count     int64 // of the rows, then
}

// bindSQL reads the statement and its values.
func (a *rowsAsked) bindSQL() (err error) {
	if a.item.SQL, err = decodeSQL(a.request.argument("sql")); err != nil {
		return err
	}
	a.request.noteSQL(a.item.SQL)
	return parseParams(a.request.argument("params"), &a.item)
}

// answered tells whether the client has the answer for a version of the data. It is asked
// before the statement runs, while the handler waits.
func (a *rowsAsked) answered(version catalog.Version) bool {
	q := a.request
	a.etag = rowsETag(version, a.route, a.format, a.item.SQL, lent(q.argument("params")))
	a.notModified = listsETag(q.etagList(headerIfNoneMatch), a.etag)
	return a.notModified
}

// head sends what is known of the answer besides its body.
func (a *rowsAsked) head() {
	ctx := a.request.ctx
	if a.etag != "" {
		ctx.Response.Header.SetCanonical(headerETag, []byte(a.etag))
	}
	if a.notModified {
		ctx.Response.ResetBody()
		ctx.Response.Header.SetContentType("")
		ctx.SetStatusCode(fasthttp.StatusNotModified)
	}
}

// queryAnswers keep their memory.
var queryAnswers = sync.Pool{New: func() any { return &sqltx.QueryResults{} }}

// answerWhole answers with one JSON object.
func (a *rowsAsked) answerWhole(format sqltx.Format) error {
	a.format = "json"
	if format == sqltx.FormatList {
		a.format = "list"
	}
	answer := queryAnswers.Get().(*sqltx.QueryResults)
	defer func() {
		answer.Reset()
		queryAnswers.Put(answer)
	}()
	q := a.request
	answer.BytesMax = q.server.config.SQL.BytesMax
	answer.Begin(format, a.item.SQL)
	started := time.Now()
	err := q.read(func(reader *catalog.Reader) error {
		truncated, err := reader.QueryUnless(&a.item, a.limit-time.Since(started), a.rowsMax, a.answered, answer)
		answer.EndRows(truncated)
		return err
	})
	if err != nil {
		return err
	}
	if !a.notModified {
		answer.End()
		q.note.rows = answer.RowCount()
		q.ctx.Response.Header.SetContentType("application/json")
		q.ctx.SetBody(answer.Bytes())
	}
	a.head()
	return nil
}

// readerWaitMax is how long an answer that may take minutes waits for its reader.
const readerWaitMax = timeoutDefault * time.Second

// send answers with a text that is made as the rows are read.
func (a *rowsAsked) send(format *tabular.Written) error {
	a.format = format.Name
	q := a.request
	if q.db == nil {
		if _, err := q.database(false); err != nil {
			return err
		}
	}
	db, started := q.takeDatabase(), q.ctx.Time()
	err := q.sendWithin(a.limit, format.ContentType, func(out *flow) error {
		defer db.Release()
		reader, err := db.BorrowLong(min(a.limit, readerWaitMax))
		if err != nil {
			return err
		}
		defer db.ReturnLong(reader)
		return a.write(reader, a.limit-time.Since(started), &rowsFlow{out: out, writer: format.New()})
	})
	if err != nil {
		return err
	}
	q.note.rows = a.count // 0 in a stream, which is noted before its end
	if a.truncated {      // and not yet in a stream, whose last line tells it
		q.ctx.Response.Header.SetCanonical(headerTruncated, []byte("true"))
	}
	a.head()
	return nil
}

// write writes the rows that a reader reads within limit.
func (a *rowsAsked) write(reader *catalog.Reader, limit time.Duration, rows *rowsFlow) (err error) {
	a.truncated, err = reader.QueryUnless(&a.item, limit, a.rowsMax, a.answered, rows)
	a.count = rows.count
	switch {
	case err != nil || a.notModified:
		return err
	case a.truncated:
		rows.out.out = rows.writer.EndTruncated(rows.out.out, rows.count)
	default:
		rows.out.out = rows.writer.End(rows.out.out)
	}
	return nil
}

// rowsFlow takes the rows of a statement into a flow.
type rowsFlow struct {
	out    *flow
	writer tabular.Writer
	count  int64
}

// StartRows writes the names of the columns, as far as the format has them.
func (r *rowsFlow) StartRows(names []string) error {
	r.out.out = r.writer.StartRows(r.out.out, names)
	return nil
}

// Row writes a row, and sends what there is when it is enough.
func (r *rowsFlow) Row(values []sqltx.Value) error {
	r.out.out = r.writer.Row(r.out.out, values)
	r.count++
	return r.out.more()
}
