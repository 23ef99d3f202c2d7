package spool

import (
	"bytes"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

// drain reads all rows and how many there are.
func drain(t interface {
	Helper()
	Fatal(...any)
}, s *Spool) (all []byte, count int64) {
	t.Helper()
	for {
		rows, n, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all, count
		}
		all, count = append(all, rows...), count+int64(n)
	}
}

func TestRowsComeBackInTheirOrderHoweverOftenTheyAreRead(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s := New(dir, 1<<30)
		defer s.Close()
		var want []byte
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 3*blockBytes)), 0, 8).Draw(t, "sizes")
		for i, size := range sizes {
			row := bytes.Repeat([]byte{byte(i + 1)}, size)
			if err := s.Append(row); err != nil {
				t.Fatal(err)
			}
			want = append(want, row...)
		}
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Rewind(); err != nil {
				t.Fatal(err)
			}
			if got, n := drain(t, s); !bytes.Equal(got, want) || n != int64(len(sizes)) || s.Rows() != n {
				t.Fatalf("%d rows of %d bytes, want %d of %d", n, len(got), len(sizes), len(want))
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 0 {
			t.Fatalf("files are left: %v %v", entries, err)
		}
	})
}

func TestASpoolIsBounded(t *testing.T) {
	s := New(t.TempDir(), 3*blockBytes)
	defer s.Close()
	row := make([]byte, blockBytes/2)
	for range 6 {
		if err := s.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Append(row[:1]); refusal.Of(err).Kind != refusal.PayloadTooLarge {
		t.Errorf("one byte too many: %v", err)
	}
	if s.Bytes() > blockBytes || cap(s.block) > 2*blockBytes {
		t.Errorf("%d bytes are held in memory, in room for %d", s.Bytes(), cap(s.block))
	}
}

func TestAFullDiskIsToldFromOtherFaults(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("the system has no disk that is always full")
	}
	s := New(t.TempDir(), 1<<30)
	defer s.Close()
	s.file = full
	row := make([]byte, blockBytes)
	if err := s.Append(row); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(row); refusal.Of(err).Kind != refusal.Unavailable {
		t.Errorf("a full disk: %v", err)
	}
	gone := New(t.TempDir()+"/nowhere", 1<<30)
	defer gone.Close()
	if err := gone.Append(row); err != nil {
		t.Fatal(err)
	}
	if err := gone.Append(row); refusal.Of(err).Kind != refusal.FileSystemError {
		t.Errorf("no folder: %v", err)
	}
}

func TestAClosedSpoolAnswersNothing(t *testing.T) {
	s := New(t.TempDir(), 1<<20)
	if _, _, err := s.Next(); err == nil {
		t.Error("rows are answered before the last was appended")
	}
	s.Close()
	if _, _, err := s.Next(); err == nil {
		t.Error("rows are answered after the end")
	}
	if err := s.Append([]byte("x")); err == nil {
		t.Error("a row is taken after the end")
	}
}
