package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/store"
)

func checkpoint(t *testing.T, w *store.WriteConn, mode store.CheckpointMode) (whole bool) {
	t.Helper()
	whole, err := w.Checkpoint(mode)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func TestTheLogGrowsUntilItIsCheckpointedWholeAndThenStartsAnew(t *testing.T) {
	_, w := testdb.Open(t)
	b := newBook(w)
	for i := range 50 {
		b.all(t, set(fmt.Sprint(i), "v"))
	}
	grown := w.Frames()
	if grown < 50 || w.LogBytes() < int64(grown)*2048 {
		t.Fatalf("%d frames, %d bytes after 50 commits", grown, w.LogBytes())
	}
	// Whether the log starts anew, the next commit shows: a reader may look at it still.
	if !checkpoint(t, w, store.Passive) || w.Frames() != grown {
		t.Fatalf("%d frames, %d before the checkpoint", w.Frames(), grown)
	}
	bytes := w.LogBytes()
	b.all(t, set("next", "v"))
	if w.Frames() >= grown || w.LogBytes() != bytes {
		t.Fatalf("the log did not start anew: %d frames, %d bytes", w.Frames(), w.LogBytes())
	}
	if !checkpoint(t, w, store.Truncate) || w.LogBytes() != 0 || w.Frames() != 0 {
		t.Fatalf("%d frames, %d bytes after truncating", w.Frames(), w.LogBytes())
	}
	if !checkpoint(t, w, store.Truncate) {
		t.Fatal("an empty log is not whole")
	}
}

func TestAReaderKeepsTheLogFromBeingEmptiedAndNobodyWaitsForIt(t *testing.T) {
	path, w := testdb.Open(t)
	r := testdb.Reader(t, path)
	b := newBook(w)
	b.all(t, set("k", "old"))
	err := r.Snapshot(func() error {
		if row := get(t, r, b.table, "k"); bodyOf(&row) != "old" {
			t.Fatal(bodyOf(&row))
		}
		b.all(t, set("k", "new"))
		started := time.Now()
		if checkpoint(t, w, store.Passive) || checkpoint(t, w, store.Truncate) {
			t.Error("the log was emptied under a reader")
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("waited %v for the reader", took)
		}
		if w.Frames() == 0 {
			t.Error("the log is said to be empty")
		}
		if row := get(t, r, b.table, "k"); bodyOf(&row) != "old" {
			t.Errorf("the reader sees %s", bodyOf(&row))
		}
		b.all(t, set("k", "newer"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !checkpoint(t, w, store.Truncate) || w.LogBytes() != 0 {
		t.Fatal("the log is not empty without a reader")
	}
	if row := get(t, r, b.table, "k"); bodyOf(&row) != "newer" {
		t.Fatal(bodyOf(&row))
	}
}

func TestTheLastConnectionThatClosesLeavesNothingBesideTheFile(t *testing.T) {
	path := testdb.Create(t)
	w, err := store.OpenWriter(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	newBook(w).all(t, set("k", "v"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.LogBytes() != 0 {
		t.Fatal("the log is left")
	}
}
