package tabular

import (
	"bufio"
	"errors"
	"io"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/sqltx"
)

// lineSource is a file with a JSON object on each line (NDJSON). Empty lines are no rows.
type lineSource struct {
	objects
	from   bounded
	window *bufio.Reader
	line   []byte
	rows   int64
	// pending says that line is the first row, which has only named the columns so far.
	pending bool
}

// ReadLines reads the first row. A file without rows has no columns.
func ReadLines(from io.Reader) (Source, error) {
	s := &lineSource{from: bounded{from: from}}
	s.from.beginRow()
	s.window = windowOn(&s.from)
	switch err := s.cut(); {
	case err == io.EOF:
		return s, nil
	case err != nil:
		return nil, err
	}
	if why := checkJSON(s.line); why != "" {
		return nil, malformed("row 1: %s", why)
	}
	s.pending = true
	return s, s.learn(s.line)
}

func (s *lineSource) Columns() []string { return s.columns }

func (s *lineSource) Rows() int64 { return s.rows }

func (s *lineSource) Next() ([]sqltx.Value, error) {
	if !s.pending {
		if err := s.cut(); err != nil {
			return nil, err
		}
	}
	s.pending = false
	s.rows++
	why := checkJSON(s.line)
	if why == "" {
		why = s.row(s.line)
	}
	if why != "" {
		return nil, &RowFault{Row: s.rows, Text: why}
	}
	return s.values, nil
}

// cut reads the next line that is not empty.
func (s *lineSource) cut() error {
	for {
		s.from.beginRow()
		s.line = s.line[:0]
		for {
			part, err := s.window.ReadSlice('\n')
			s.line = append(s.line, part...)
			if err == nil || (err == io.EOF && len(s.line) > 0) {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return err
			}
		}
		if s.line = jsontext.Trim(s.line); len(s.line) > 0 {
			return nil
		}
	}
}
