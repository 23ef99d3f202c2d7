package catalog

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/urlite/urlite/refusal"
)

func TestLeftoversAreRemovedWhenTheyAreOld(t *testing.T) {
	s := newShelf(t)
	now := time.Now()
	s.now.Store(now.UnixMilli())
	noError(t, os.Mkdir(s.path("folder"), 0o700))
	f := func(name string, age time.Duration, stays bool) {
		t.Helper()
		noError(t, os.WriteFile(s.path(name), []byte("x"), 0o600))
		noError(t, os.Chtimes(s.path(name), now.Add(-age), now.Add(-age)))
		s.RemoveLeftovers()
		if _, err := os.Stat(s.path(name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	f(".urlite-create-123", 2*time.Hour, false)
	f(".urlite-restore-123", 2*time.Hour, false)
	f(".urlite-restore-123-wal", 2*time.Hour, false)
	f(".urlite-backup-123", 2*time.Hour, false)
	f(".urlite-import-123", 2*time.Hour, false)
	f("folder/.urlite-restore-123", 2*time.Hour, true)
	db := s.acquire(s.path("folder/app.db"))
	f("folder/.urlite-restore-123", 2*time.Hour, false)
	db.Release()
	f(".urlite-backup-124", time.Minute, true)
	f(".urlite-somebody-else", 2*time.Hour, true)
	f("create-123.txt", 2*time.Hour, true)
}

// A server that is killed and started again finds what it left too young to be removed, and
// may not be started again for a year.
func TestLeftoversAreRemovedByAServerThatRuns(t *testing.T) {
	s := newShelf(t)
	s.now.Store(time.Now().UnixMilli())
	left := s.path(".urlite-restore-123")
	noError(t, os.WriteFile(left, []byte("x"), 0o600))
	s.RemoveLeftovers()
	if _, err := os.Stat(left); err != nil {
		t.Fatal("it may be another server's: ", err)
	}
	s.now.Add(2 * leftoverMillis)
	ticks := make(chan time.Time)
	go s.tidy(nil, ticks)
	ticks <- time.Time{}
	ticks <- time.Time{} // taken when the first is done
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
}

// A drain does not wait for a client that sends a database slowly.
func TestClosingLeavesNothingOfADatabaseThatIsArriving(t *testing.T) {
	s := newShelf(t)
	writing, closed, ended := make(chan bool), make(chan bool), make(chan error)
	go func() {
		_, err := s.Replace("app", true, longEnough, func(to io.Writer) error {
			to.Write([]byte("SQLite"))
			close(writing)
			<-closed
			return nil
		})
		ended <- err
	}()
	<-writing
	s.Close()
	if left, _ := filepath.Glob(s.path(".urlite-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	close(closed)
	if err := <-ended; err == nil {
		t.Error("a database took its place after the end")
	}
	_, err := s.Replace("app", true, longEnough, func(io.Writer) error { return nil })
	wantKind(t, err, refusal.Unavailable)
}
