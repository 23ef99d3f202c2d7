package server

import (
	"errors"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/tabular"
)

var (
	errExportWhat   = refusal.New(refusal.InvalidParameters, "one and only one of table or sql must be provided")
	errExportName   = refusal.New(refusal.InvalidParameters, "table must be the name of a table or a view")
	errExportReads  = refusal.New(refusal.SQLError, "GET /db/export only accepts a read-only SELECT/WITH query; use POST /db for mutating SQL")
	errExportAbsent = refusal.New(refusal.NotFound, "no such table or view")
)

// exportSeconds is how long an export may take that says nothing: a client may be on a slow
// line, and one that stops reading is given up long before.
const exportSeconds = timeoutMax

// export answers all rows of a table, a view or a statement, from one state of the
// database.
func export(q *request) error {
	format, err := q.exportFormat()
	if err != nil {
		return err
	}
	if len(q.argument("table")) > 0 == (len(q.argument("sql")) > 0) {
		return errExportWhat
	}
	ask := &rowsAsked{
		request: q, route: "export", rowsMax: math.MaxInt,
		limit: q.timeoutOr(exportSeconds),
	}
	name := "export"
	if len(q.argument("sql")) > 0 {
		err = ask.bindSQL()
	} else {
		name, err = ask.bindTable()
	}
	if err != nil {
		return err
	}
	err = ask.send(format)
	if errors.Is(err, catalog.ErrNotReadOnly) {
		err = errExportReads
	}
	if err != nil {
		return err
	}
	q.ctx.Response.Header.Set(fasthttp.HeaderContentDisposition, disposition(name+format.Extension))
	return nil
}

// exportFormat is the format parameter, CSV without one.
func (q *request) exportFormat() (*tabular.Written, error) {
	sent := string(q.argument("format"))
	if sent == "" {
		return &tabular.WrittenCSV, nil
	}
	for _, format := range [...]*tabular.Written{&tabular.WrittenCSV, &tabular.WrittenNDJSON, &tabular.WrittenJSON} {
		if sent == format.Name {
			return format, nil
		}
	}
	return nil, refusal.Newf(refusal.InvalidParameters, "format must be csv, ndjson or json, not %.64q", sent)
}

// bindTable makes the statement that reads the table of the request, and answers its name.
func (a *rowsAsked) bindTable() (string, error) {
	name := string(a.request.argument("table"))
	if !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 {
		return "", errExportName
	}
	err := a.request.read(func(reader *catalog.Reader) (err error) {
		name, err = reader.FindTable(name)
		return err
	})
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", errExportAbsent
	}
	a.item.SQL = catalog.SelectAll(name)
	a.request.noteSQL(a.item.SQL)
	return name, nil
}
