package server

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/tabular"
)

const (
	// ImportBytesDefault bounds the file of an import, as it is sent and as it is spooled.
	ImportBytesDefault = 4 << 30
	// importsMax bounds the imports at a time: each may hold a row of tabular.RowBytesMax, in
	// a few forms.
	importsMax = 8
	// importMemoryBytes is what one takes of the budget of bodies.
	importMemoryBytes = 2 << 20
	// importTimeoutDefault is for all of an import, in seconds.
	importTimeoutDefault = timeoutMax
)

// importing is an import: what was asked for, and how far it has come.
type importing struct {
	q        *request
	table    string
	read     func(from io.Reader) (tabular.Source, error)
	isCSV    bool
	mayMake  bool // the table
	batches  bool
	createDB bool
	end      time.Time

	// shape is that of the table, nil if it is to be made; folder, where rows may be spooled.
	shape  *catalog.Shape
	folder string

	source tabular.Source
	body   *bodyReader
	sum    hash.Hash // of the body, if its answer is to be kept
	done   imported
}

// Refusals of an import, in order of precedence.
var (
	errImportTable   = refusal.New(refusal.InvalidParameters, "table is required: the name of the table to import into")
	errImportName    = refusal.New(refusal.InvalidParameters, "the name of the table is not valid UTF-8, or contains NUL")
	errImportOwn     = refusal.Newf(refusal.InvalidParameters, "names that begin with sqlite_ or %s are reserved", kv.ReservedPrefix)
	errImportFormat  = refusal.New(refusal.InvalidParameters, "format must be csv, ndjson or json")
	errImportMode    = refusal.New(refusal.InvalidParameters, "mode must be commit or batches")
	errImportOnce    = refusal.New(refusal.InvalidParameters, "an import in batches takes no Idempotency-Key")
	errImportEncoded = refusal.New(refusal.InvalidParameters, "the body of an import can't have a Content-Encoding")
	errImportsFull   = refusal.New(refusal.Unavailable, "too many imports are running")
	errImportLate    = refusal.New(refusal.RequestTimeout, "the import ran out of time")
	errImportNoTable = refusal.New(refusal.NotFound, "no such table; create=true makes it")
	errImportView    = refusal.New(refusal.InvalidParameters, "a view can't be imported into")
	errImportUnnamed = refusal.New(refusal.InvalidParameters, "the file has no rows, and nothing else names the columns of the table to be made")
)

// importRows answers POST /db/import.
func importRows(q *request) error {
	i, err := q.bindImport()
	if err != nil {
		return err
	}
	s := q.server
	if s.imports.Add(1) > importsMax || !s.bodies.take(importMemoryBytes) {
		s.imports.Add(-1)
		return errImportsFull
	}
	defer s.imports.Add(-1)
	defer s.bodies.give(importMemoryBytes)
	q.noteSQL("IMPORT INTO " + sqltx.QuoteName(i.table))
	q.note.writes = true
	if err := i.look(); err != nil {
		return err
	}
	i.body = q.bodyReader(s.config.ImportBytesMax)
	i.body.until = i.end
	var from io.Reader = i.body
	if i.sum != nil {
		from = io.TeeReader(from, i.sum)
	}
	if i.source, err = i.read(from); err == nil {
		err = i.checkColumns()
	}
	if err != nil {
		return err
	}
	if i.batches {
		return i.inBatches()
	}
	return i.inOneCommit()
}

// bindImport reads what was asked for.
func (q *request) bindImport() (*importing, error) {
	i := &importing{q: q, table: string(q.argument("table"))}
	i.end = q.ctx.Time().Add(q.timeoutOr(importTimeoutDefault))
	if err := refuseConditions(q, nil); err != nil {
		return nil, err
	}
	folded := sqltx.FoldName(i.table)
	switch {
	case i.table == "":
		return nil, errImportTable
	case !utf8.ValidString(i.table) || strings.IndexByte(i.table, 0) >= 0:
		return nil, errImportName
	case strings.HasPrefix(folded, "sqlite_"), strings.HasPrefix(folded, kv.ReservedPrefix):
		return nil, errImportOwn
	}
	if err := i.bindFormat(); err != nil {
		return nil, err
	}
	var err error
	if i.mayMake, err = q.flag("create", false); err != nil {
		return nil, err
	}
	if i.batches, err = choice(requestArguments{q}, "mode", "commit", "batches", errImportMode); err != nil {
		return nil, err
	}
	if i.createDB, err = q.create(); err != nil {
		return nil, err
	}
	key, err := q.onceKey()
	switch {
	case err != nil:
		return nil, err
	case key != nil && i.batches:
		return nil, errImportOnce
	case key != nil:
		i.sum = sha256.New()
	}
	if encoding := q.header("Content-Encoding"); len(encoding) > 0 && string(encoding) != "identity" {
		return nil, errImportEncoded
	}
	return i, nil
}

// bindFormat reads the format, which the content type tells if nothing else does.
func (i *importing) bindFormat() error {
	format := string(i.q.argument("format"))
	if format == "" {
		sent, _, _ := bytes.Cut(i.q.ctx.Request.Header.ContentType(), []byte(";"))
		switch strings.ToLower(string(bytes.TrimSpace(sent))) {
		case "application/json":
			format = "json"
		case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
			format = "ndjson"
		default:
			format = "csv"
		}
	}
	switch format {
	case "csv":
		i.read, i.isCSV = tabular.ReadCSV, true
	case "ndjson":
		i.read = tabular.ReadLines
	case "json":
		i.read = tabular.ReadArray
	default:
		return errImportFormat
	}
	return nil
}

// look finds the table. The database is let go again: it waits for no client.
func (i *importing) look() error {
	db, err := i.q.database(false)
	if r := refusal.Of(err); r != nil && r.Kind == refusal.DatabaseNotFound && i.createDB {
		i.folder = i.q.server.catalog.Dir()
		return i.admitTable()
	}
	if err != nil {
		return err
	}
	defer i.q.letGo()
	i.folder = filepath.Dir(db.Path())
	reader, err := db.Borrow(time.Until(i.end))
	if err != nil {
		return err
	}
	i.shape, err = reader.Shape(i.table)
	db.Return(reader)
	if err != nil {
		return err
	}
	return i.admitTable()
}

func (i *importing) admitTable() error {
	switch {
	case i.shape != nil && i.shape.IsView:
		return errImportView
	case i.shape == nil && !i.mayMake:
		return errImportNoTable
	}
	return nil
}

// checkColumns refuses columns that the table does not have, before their rows are read.
func (i *importing) checkColumns() error {
	columns := i.source.Columns()
	switch {
	case i.shape == nil && len(columns) == 0:
		return errImportUnnamed
	case i.shape == nil:
		return nil
	}
	known := make(map[string]bool, len(i.shape.Columns))
	for _, name := range i.shape.Columns {
		known[sqltx.FoldName(name)] = true
	}
	for _, name := range columns {
		if !known[sqltx.FoldName(name)] {
			return refusal.Newf(refusal.InvalidParameters, "the table has no column %.64q that can be written", name)
		}
	}
	return nil
}
