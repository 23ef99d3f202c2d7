package tabular

import (
	"bufio"
	"io"

	"github.com/urlite/urlite/sqltx"
)

// arraySource is a file that is one JSON array of objects. It is read element by element:
// the array is never held as a whole.
type arraySource struct {
	objects
	from    bounded
	window  *bufio.Reader
	element []byte
	rows    int64
	opened  bool
	ended   bool
	// pending says that element is the first row, which has only named the columns so far.
	pending bool
}

var (
	errNoArray       = malformed("the file must be a JSON array of objects")
	errArrayOpen     = malformed("the JSON array is not closed")
	errArrayRepeats  = malformed("nothing may follow the JSON array")
	errArraySplit    = malformed("the elements of the JSON array must be separated by commas")
	errElementAbsent = malformed("an element of the JSON array is missing")
)

// ReadArray reads the first row. A file without rows has no columns.
func ReadArray(from io.Reader) (Source, error) {
	s := &arraySource{from: bounded{from: from}}
	s.from.beginRow()
	s.window = windowOn(&s.from)
	switch err := s.cut(); {
	case err == io.EOF:
		return s, nil
	case err != nil:
		return nil, err
	}
	if why := checkJSON(s.element); why != "" {
		return nil, malformed("row 1: %s", why)
	}
	s.pending = true
	return s, s.learn(s.element)
}

func (s *arraySource) Columns() []string { return s.columns }

func (s *arraySource) Rows() int64 { return s.rows }

func (s *arraySource) Next() ([]sqltx.Value, error) {
	if !s.pending {
		if err := s.cut(); err != nil {
			return nil, err
		}
	}
	s.pending = false
	s.rows++
	if why := checkJSON(s.element); why != "" {
		return nil, malformed("row %d: %s", s.rows, why) // nobody knows where it ends
	}
	if why := s.row(s.element); why != "" {
		return nil, &RowFault{Row: s.rows, Text: why}
	}
	return s.values, nil
}

// cut reads the next element; io.EOF says that the array was closed, and the file with it.
func (s *arraySource) cut() error {
	if s.ended {
		return io.EOF
	}
	s.from.beginRow()
	mark, err := s.significant()
	switch {
	case err == io.EOF && !s.opened:
		return errNoArray
	case err == io.EOF:
		return errArrayOpen
	case err != nil:
		return err
	}
	switch {
	case !s.opened && mark != '[':
		return errNoArray
	case !s.opened:
		s.opened = true
	case mark == ']':
		return s.end()
	case mark != ',':
		return errArraySplit
	}
	first, err := s.significant()
	switch {
	case err == io.EOF:
		return errArrayOpen
	case err != nil:
		return err
	case first == ']' && mark == '[':
		return s.end()
	case first == ']' || first == ',':
		return errElementAbsent
	}
	return s.cutElement(first)
}

// end reads what follows the array.
func (s *arraySource) end() error {
	s.ended = true
	_, err := s.significant()
	if err == nil {
		return errArrayRepeats
	}
	return err
}

// significant reads the next byte that is no white space.
func (s *arraySource) significant() (byte, error) {
	for {
		c, err := s.window.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			s.from.beginRow() // of white space there may be any amount
			continue
		}
		return c, nil
	}
}

// cutElement reads the element that begins with first, up to the comma or the bracket that
// follows it. Whether it is JSON, checkJSON tells.
func (s *arraySource) cutElement(first byte) error {
	s.element = append(s.element[:0], first)
	var at nesting
	if at.ends(first) {
		return nil
	}
	for {
		if _, err := s.window.Peek(1); err == io.EOF {
			return errArrayOpen
		} else if err != nil {
			return err
		}
		window, _ := s.window.Peek(s.window.Buffered())
		for i, c := range window {
			if at.depth == 0 && !at.quoted && (c == ',' || c == ']') {
				s.element = append(s.element, window[:i]...)
				s.window.Discard(i)
				return nil
			}
			if at.ends(c) {
				s.element = append(s.element, window[:i+1]...)
				s.window.Discard(i + 1)
				return nil
			}
		}
		s.element = append(s.element, window...)
		s.window.Discard(len(window))
	}
}

// nesting is where in a value a byte stands.
type nesting struct {
	depth           int
	quoted, escaped bool
}

// ends takes the next byte and answers whether an object or array ends with it.
func (n *nesting) ends(c byte) bool {
	switch {
	case n.escaped:
		n.escaped = false
	case n.quoted:
		n.escaped, n.quoted = c == '\\', c != '"'
	case c == '"':
		n.quoted = true
	case c == '{', c == '[':
		n.depth++
	case c == '}', c == ']':
		n.depth--
		return n.depth <= 0
	}
	return false
}
