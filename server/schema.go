package server

import (
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

const (
	// schemaObjectsMax bounds the objects that an answer tells of.
	schemaObjectsMax = 10_000
	// schemaCountMax is for the rows of all tables together to be counted. A table may
	// take half of what is left, so that one which is too large hides only itself.
	schemaCountMax = 200 * time.Millisecond
)

var (
	errSchemaLarge = refusal.New(refusal.ResponseTooLarge, "the schema is too large for an answer")
	errSchemaLate  = refusal.New(refusal.RequestTimeout, "the request ran out of time")
)

// schema answers what the database consists of, from one state of it.
func schema(q *request) error {
	internal, err := q.flag("internal", false)
	if err != nil {
		return err
	}
	told := schemaAnswer{q: q, started: time.Now(), limit: q.timeout()}
	err = q.read(func(reader *catalog.Reader) error {
		return reader.Snapshot(func() error { return told.tell(reader, internal) })
	})
	if err != nil {
		return err
	}
	q.end()
	return nil
}

// schemaAnswer is the answer while it is made.
type schemaAnswer struct {
	q       *request
	started time.Time
	limit   time.Duration
	// counting is the time that was spent on counting rows.
	counting time.Duration
}

func (s *schemaAnswer) tell(reader *catalog.Reader, internal bool) error {
	objects, err := reader.Objects(internal, schemaObjectsMax+1)
	if err != nil {
		return err
	}
	more := len(objects) > schemaObjectsMax
	s.q.begin()
	s.q.name("objects")
	s.q.out = append(s.q.out, '[')
	for i := range objects[:min(len(objects), schemaObjectsMax)] {
		if i > 0 {
			s.q.out = append(s.q.out, ',')
		}
		if err := s.object(reader, &objects[i]); err != nil {
			return err
		}
		if len(s.q.out) > s.q.server.config.SQL.BytesMax {
			return errSchemaLarge
		}
		if time.Since(s.started) > s.limit {
			return errSchemaLate
		}
	}
	s.q.out = append(s.q.out, ']')
	if more {
		s.q.boolean("truncated", true)
	}
	return nil
}

func (s *schemaAnswer) object(reader *catalog.Reader, o *catalog.SchemaObject) error {
	q := s.q
	q.out = jsontext.AppendString(append(q.out, `{"type":`...), o.Type)
	q.text("name", o.Name)
	q.text("table", o.Table)
	q.textOrNull("sql", o.SQL)
	q.name("columns")
	q.out = append(q.out, '[')
	if o.Type == "table" || o.Type == "view" {
		columns, err := reader.Columns(o.Name)
		if err != nil {
			return err
		}
		for i := range columns {
			if i > 0 {
				q.out = append(q.out, ',')
			}
			q.column(&columns[i])
		}
	}
	q.out = append(q.out, ']')
	return s.rows(reader, o)
}

// column appends a column. Its words are those of SQLite's PRAGMA table_xinfo.
func (b *jsonBody) column(c *catalog.SchemaColumn) {
	b.out = jsontext.AppendString(append(b.out, `{"name":`...), c.Name)
	b.text("type", c.Type)
	b.boolean("notnull", c.NotNull)
	b.number("pk", int64(c.PrimaryKey))
	if c.HasDefault {
		b.text("default", c.Default)
	} else {
		b.null("default")
	}
	b.number("hidden", int64(c.Hidden))
	b.out = append(b.out, '}')
}

// rows ends an object with the number of its rows, if it is a table and that is known.
func (s *schemaAnswer) rows(reader *catalog.Reader, o *catalog.SchemaObject) error {
	rows, known := int64(0), false
	if o.Type == "table" {
		var err error
		if rows, known, err = reader.KeptRows(o.Name); err != nil {
			return err
		}
		if left := schemaCountMax - s.counting; !known && left > 0 {
			started := time.Now()
			rows, known = reader.CountRows(o.Name, left/2)
			s.counting += time.Since(started)
		}
	}
	if known {
		s.q.number("row_count", rows)
	} else {
		s.q.null("row_count")
	}
	s.q.out = append(s.q.out, '}')
	return nil
}
