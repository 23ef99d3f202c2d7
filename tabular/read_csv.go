package tabular

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urlite/urlite/sqltx"
)

// csvSource is a CSV file (RFC 4180) whose first line names its columns. All of its values
// are texts; it can't be told whether an empty one was quoted.
type csvSource struct {
	from    fence
	lines   *csv.Reader
	columns []string
	values  []sqltx.Value
	text    []byte // of the values
	rows    int64
}

// ReadCSV reads the header line.
func ReadCSV(from io.Reader) (Source, error) {
	s := &csvSource{from: fence{bounded: bounded{from: from}}}
	s.from.beginRow()
	s.lines = csv.NewReader(windowOn(&s.from))
	s.lines.ReuseRecord = true
	s.lines.FieldsPerRecord = -1 // a row that has too few is one row's fault
	header, err := s.lines.Read()
	var fault *csv.ParseError
	switch {
	case err == io.EOF:
		return nil, malformed("the file is empty; its first line must name the columns")
	case errors.As(err, &fault):
		return nil, malformed("the header line: %v", fault.Err)
	case err != nil:
		return nil, err
	}
	for _, name := range header {
		s.columns = append(s.columns, strings.Clone(name))
	}
	if err := checkColumns(s.columns); err != nil {
		return nil, err
	}
	s.values = make([]sqltx.Value, len(s.columns))
	return s, nil
}

func (s *csvSource) Columns() []string { return s.columns }

func (s *csvSource) Rows() int64 { return s.rows }

func (s *csvSource) Next() ([]sqltx.Value, error) {
	s.from.beginRow()
	fields, err := s.lines.Read()
	if err != nil {
		return nil, s.faultOf(err)
	}
	s.rows++
	if len(fields) != len(s.columns) {
		return nil, s.fault(fmt.Sprintf("has %d fields, and the header has %d", len(fields), len(s.columns)))
	}
	s.text = s.text[:0]
	for i, field := range fields {
		if !utf8.ValidString(field) {
			return nil, s.fault(short(s.columns[i]) + " " + errNotUTF8.Error())
		}
		s.text = append(s.text, field...)
	}
	start := 0
	for i, field := range fields {
		end := start + len(field)
		s.values[i] = sqltx.Value{Kind: sqltx.Text, Bytes: s.text[start:end]}
		start = end
	}
	return s.values, nil
}

// faultOf sorts an error: encoding/csv goes on behind a line that it could not make sense of.
func (s *csvSource) faultOf(err error) error {
	var fault *csv.ParseError
	if !errors.As(err, &fault) {
		return err
	}
	s.rows++
	s.from.lost = true
	return s.fault(fault.Err.Error())
}

func (s *csvSource) fault(text string) error { return &RowFault{Row: s.rows, Text: text} }

// fence keeps encoding/csv from making many millions of empty fields out of one row: it
// counts the commas that stand outside of quotes.
type fence struct {
	bounded
	commas int
	quoted bool
	// lost says that it can't be told any more what stands outside of quotes.
	lost bool
}

var errTooManyFields = malformed("a row has more fields than the limit of %d columns", ColumnsMax)

func (f *fence) beginRow() {
	f.bounded.beginRow()
	f.commas = 0
}

func (f *fence) Read(p []byte) (int, error) {
	n, err := f.bounded.Read(p)
	rest := p[:n]
	for len(rest) > 0 {
		quote := bytes.IndexByte(rest, '"')
		part := rest
		if quote >= 0 {
			part = rest[:quote]
		}
		if !f.quoted || f.lost {
			f.commas += bytes.Count(part, []byte{','})
		}
		if quote < 0 {
			break
		}
		f.quoted = !f.quoted
		rest = rest[quote+1:]
	}
	if f.commas > ColumnsMax+windowBytes { // the rows behind it may have been read already
		return 0, errTooManyFields
	}
	return n, err
}
