package store_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// large makes a database of several hundred pages, so that a copy takes several steps.
func large(t testing.TB) (path string, w *store.WriteConn, b *book) {
	t.Helper()
	path, w = testdb.Open(t)
	b = newBook(w)
	b.begin(t)
	for i := range 300 {
		op := set(fmt.Sprint("key", i), strings.Repeat("x", 5000))
		b.do(t, &op)
	}
	b.commit(t)
	return path, w, b
}

func emptyFile(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestACopyIsOfOneMomentWhateverIsWrittenMeanwhile(t *testing.T) {
	path, w, b := large(t)
	r := testdb.Reader(t, path)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // each commit moves two keys alike
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			b.all(t, set("key0", fmt.Sprint(n)), set("key299", fmt.Sprint(n)))
			w.Checkpoint(store.Passive)
		}
	}()
	for range 3 {
		to := emptyFile(t)
		if err := r.CopyTo(to, longEnough); err != nil {
			t.Fatal(err)
		}
		copied := testdb.Reader(t, to)
		if first, last := testdb.Value(t, copied, "key0"), testdb.Value(t, copied, "key299"); first != last {
			t.Errorf("the copy holds %s and %s", first, last)
		}
		testdb.Check(t, to)
	}
	close(stop)
	<-stopped
}

func TestASnapshotFileHasNoNameAndIsAsLargeAsWasTold(t *testing.T) {
	path, _, _ := large(t)
	r := testdb.Reader(t, path)
	folder := t.TempDir()
	file, err := r.SnapshotFile(folder, longEnough)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if told, err := r.Bytes(); err != nil || told != int64(len(content)) {
		t.Errorf("%d bytes, told of %d, %v", len(content), told, err)
	}
	if err := store.Verify(arrived(t, content), longEnough); err != nil {
		t.Error(err)
	}
}

func TestACopyThatTakesTooLongIsBrokenOffAndLeavesNothing(t *testing.T) {
	path, _, _ := large(t)
	r := testdb.Reader(t, path)
	folder := t.TempDir()
	_, err := r.SnapshotFile(folder, time.Nanosecond)
	wantKind(t, err, refusal.RequestTimeout)
	for limit := time.Nanosecond; ; limit *= 2 {
		made, err := r.VacuumTo(folder, limit)
		if err == nil {
			store.Discard(made)
			break
		}
		wantKind(t, err, refusal.RequestTimeout)
	}
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
	if row := get(t, r, "kv_store", "key7"); len(bodyOf(&row)) != 5000 {
		t.Error("the reader is of no use any more")
	}
}

// A log at its bound interrupts what stands in its way, backups as well.
func TestACopyThatKeepsTheLogFromBeingEmptiedIsBrokenOff(t *testing.T) {
	path, _, _ := large(t)
	r := testdb.Reader(t, path)
	broken := false
	for range 30 {
		ended := make(chan error, 1)
		to := emptyFile(t)
		go func() { ended <- r.CopyTo(to, longEnough) }()
		var err error
		for running := true; running; {
			r.InterruptOverdue()
			select {
			case err = <-ended:
				running = false
			default:
			}
		}
		if err != nil {
			wantKind(t, err, refusal.RequestTimeout)
			broken = true
			break
		}
	}
	if !broken {
		t.Error("no copy was ever interrupted")
	}
	if err := r.CopyTo(emptyFile(t), longEnough); err != nil {
		t.Error(err)
	}
}

func TestACopyWithoutFreeRoomIsSmallerAndHoldsTheSame(t *testing.T) {
	path, w, _ := large(t)
	commitSQL(t, w, sql("CREATE TABLE t(a)"), sql("INSERT INTO t SELECT value FROM kv_store"))
	commitSQL(t, w, sql("DROP TABLE t"))
	r := testdb.Reader(t, path)
	before, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	made, err := r.VacuumTo(t.TempDir(), longEnough)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(made)
	if err != nil || info.Size() >= before {
		t.Errorf("%d bytes after %d: %v", info.Size(), before, err)
	}
	const rows = "SELECT count(*), sum(length(value)) FROM kv_store"
	if is, was := testdb.Text(testdb.Query(t, made, rows)), testdb.Text(testdb.Query(t, path, rows)); is != was {
		t.Errorf("it holds %s, the other %s", is, was)
	}
	if _, err := r.Bytes(); err != nil {
		t.Error(err)
	}
}
