// Package spool keeps the rows of an import until all of them have arrived: a little in
// memory, the rest in a file that nobody finds.
//
// It knows no rows, only bytes that belong together.
package spool

import (
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/urlite/urlite/refusal"
)

const (
	// blockBytes is how much is gathered before it is written to the file, and about what
	// the spool takes of memory. Fewer rows never touch the disk.
	blockBytes = 1 << 20
	// namePattern is that of the file, which loses its name at once.
	namePattern = ".urlite-import-*"
)

var errClosed = errors.New("the spool is closed")

// Spool is rows in the order in which they were appended. It is a sqltx.Batch. It belongs to
// one goroutine at a time.
type Spool struct {
	dir      string
	bytesMax int64

	block []byte // rows that are not in the file; while it is read, those that are read
	rows  int    // how many there are in block

	file   *os.File // nil as long as all fits into a block
	blocks []extent
	bytes  int64 // in the file
	all    int64 // rows

	next   int // block to be answered
	sealed bool
	closed bool
}

// extent is a block in the file.
type extent struct {
	bytes int
	rows  int
}

// New makes an empty spool of at most bytesMax bytes, whose file will lie in dir.
func New(dir string, bytesMax int64) *Spool { return &Spool{dir: dir, bytesMax: bytesMax} }

// Append appends a row, whose bytes it copies. A refusal is Unavailable if the disk is full
// and PayloadTooLarge past bytesMax; nothing can be appended after it.
func (s *Spool) Append(row []byte) error {
	if s.sealed {
		return errClosed
	}
	if len(s.block) > 0 && len(s.block)+len(row) > blockBytes {
		if err := s.write(); err != nil {
			return err
		}
	}
	if s.bytes+int64(len(s.block)+len(row)) > s.bytesMax {
		return refusal.Newf(refusal.PayloadTooLarge, "the rows take more than the limit of %d bytes", s.bytesMax)
	}
	s.block = append(s.block, row...)
	s.rows++
	s.all++
	return nil
}

// Rows is how many rows were appended.
func (s *Spool) Rows() int64 { return s.all }

// Bytes is what the spool takes of memory.
func (s *Spool) Bytes() int { return len(s.block) }

// Seal ends the appending. After it the rows can be read, by another goroutine too.
func (s *Spool) Seal() error {
	if s.file != nil && len(s.block) > 0 {
		if err := s.write(); err != nil {
			return err
		}
	}
	s.sealed = true
	return nil
}

// Next answers rows and how many there are, none after the last. They are good until the
// next call.
func (s *Spool) Next() (rows []byte, count int, err error) {
	switch {
	case s.closed || !s.sealed:
		return nil, 0, errClosed
	case s.file == nil:
		if s.next > 0 {
			return nil, 0, nil
		}
		s.next = 1
		return s.block, s.rows, nil
	case s.next == len(s.blocks):
		return nil, 0, nil
	}
	e := s.blocks[s.next]
	if cap(s.block) < e.bytes {
		s.block = make([]byte, e.bytes)
	}
	s.block = s.block[:e.bytes]
	if _, err := io.ReadFull(s.file, s.block); err != nil {
		return nil, 0, refusal.Wrap(refusal.FileSystemError, "the spooled rows can't be read", err)
	}
	s.next++
	return s.block, e.rows, nil
}

// Rewind begins anew with the first row.
func (s *Spool) Rewind() error {
	s.next = 0
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return refusal.Wrap(refusal.FileSystemError, "the spooled rows can't be read", err)
	}
	return nil
}

// Close lets go of everything.
func (s *Spool) Close() error {
	s.closed, s.sealed, s.block = true, true, nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// write moves the block to the file.
func (s *Spool) write() error {
	if s.file == nil {
		file, err := unnamed(s.dir)
		if err != nil {
			return fault(err)
		}
		s.file = file
	}
	if _, err := s.file.Write(s.block); err != nil {
		return fault(err)
	}
	s.blocks = append(s.blocks, extent{bytes: len(s.block), rows: s.rows})
	s.bytes += int64(len(s.block))
	s.block, s.rows = s.block[:0], 0
	if cap(s.block) > 2*blockBytes {
		s.block = nil // one row was larger than a block
	}
	return nil
}

// unnamed makes a file in dir that is gone when the process is.
func unnamed(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, namePattern)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// fault tells a full disk from whatever else a disk may do.
func fault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return refusal.Wrap(refusal.Unavailable, "the disk is full", err)
	}
	return refusal.Wrap(refusal.FileSystemError, "the rows can't be spooled", err)
}
