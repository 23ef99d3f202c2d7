package catalog

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
	"github.com/urlite/urlite/writer"
)

const longEnough = time.Minute

func TestADatabaseInUseStaysIfItIsNotLetGo(t *testing.T) {
	s := newShelf(t)
	held := s.acquire("app")
	noError(t, put(held, "k", "v"))
	_, err := s.Remove("app", time.Millisecond)
	wantKind(t, err, refusal.DatabaseBusy)
	again := s.acquire("app")
	if again != held || read(t, again, "k") != "v" {
		t.Error("it is another one")
	}
	again.Release()
	held.Release()
	files, err := s.Remove("app.db", longEnough)
	if err != nil || files != 3 || store.FilesOf(s.path("app.db")) != 0 {
		t.Error(files, err)
	}
	_, err = s.Remove("app", longEnough)
	wantKind(t, err, refusal.DatabaseMissing)
	if s.Open() != 0 {
		t.Errorf("%d are open", s.Open())
	}
}

// Another program that has it open is waited for no longer than those of this one.
func TestADatabaseThatAnotherProgramHasOpenIsRefusedInTime(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.Store.BusyWait = 24 * time.Hour })
	first := s.acquire("app")
	noError(t, put(first, "k", "v"))
	first.Release()
	s.Close()
	other := New(Config{Rules: s.config.Rules, Writer: writer.DefaultLimits(), Readers: 1, OpenMax: 1, Now: s.now.Load})
	defer other.Close()
	held, err := other.Acquire("app", false)
	noError(t, err)
	defer held.Release()
	patient := New(s.config)
	defer patient.Close()
	_, err = patient.Remove("app", 50*time.Millisecond)
	wantKind(t, err, refusal.DatabaseBusy)
	_, err = patient.Replace("app", false, time.Second, func(to io.Writer) error {
		content, err := os.ReadFile(replacement(t, "new"))
		if err == nil {
			_, err = to.Write(content)
		}
		return err
	})
	wantKind(t, err, refusal.DatabaseBusy)
}

func TestWhoComesWhileADatabaseIsTakenIsRefusedAtOnceAndWhoIsInMayFinish(t *testing.T) {
	s := newShelf(t)
	held := s.acquire("app")
	noError(t, os.Link(s.path("app.db"), s.path("hard.db")))
	removed := make(chan error, 1)
	go func() {
		_, err := s.Remove("app", longEnough)
		removed <- err
	}()
	eventually(t, "it waits", held.leaving.Load)
	for _, name := range []string{"app", "app.db", "./app", "hard"} {
		_, err := s.Acquire(name, true)
		wantKind(t, err, refusal.DatabaseBusy)
		_, err = s.Remove(name, longEnough)
		wantKind(t, err, refusal.DatabaseBusy)
	}
	_, err := s.Create("app", "", nil)
	wantKind(t, err, refusal.DatabaseBusy)
	_, err = s.KeepClosed(s.path("app.db"))
	wantKind(t, err, refusal.PathIsDirectory)
	noError(t, put(held, "k", "v"))
	held.Release()
	noError(t, <-removed)
	s.acquire("app").Release()
}

func TestADatabaseThatAnotherProgramHasOpenIsNotRemoved(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.Store.BusyWait = 10 * time.Millisecond })
	db := s.acquire("app")
	noError(t, put(db, "k", "v"))
	db.Release()
	other, err := store.OpenReader(s.path("app.db"), store.Options{})
	noError(t, err)
	_, err = s.Remove("app", longEnough)
	wantKind(t, err, refusal.DatabaseBusy)
	db = s.acquire("app")
	if got := read(t, db, "k"); got != "v" {
		t.Errorf("it holds %q", got)
	}
	db.Release()
	noError(t, other.Close())
	_, err = s.Remove("app", longEnough)
	noError(t, err)
}

func TestAnETagDoesNotComeAgainInTheNextFileOfAName(t *testing.T) {
	s := newShelf(t)
	version := func(db *DB) int64 {
		c := NewCall()
		defer c.Release()
		c.Table = "kv_store"
		testdb.Set(c.Add(0), "k", "v")
		noError(t, db.Do(c))
		return c.Replies[0].Version
	}
	latest := int64(0)
	for round := range 4 {
		db := s.acquire("app")
		for range 3 {
			is := version(db)
			if is <= latest {
				t.Fatalf("version %d after %d", is, latest)
			}
			latest = is
		}
		db.Release()
		_, err := s.Remove("app", longEnough)
		noError(t, err)
		if round%2 == 0 {
			_, err := s.Create("app", "kv_store", nil)
			noError(t, err)
		}
	}
}

// What is forgotten of single files is not forgotten of all.
func TestAFloorIsNeverTooLow(t *testing.T) {
	var f floors
	for i := range 3 * floorsMax {
		f.raise(fmt.Sprint(i), int64(i+1))
		f.raise(fmt.Sprint(i), 0)
	}
	for i := range 3 * floorsMax {
		if f.of(fmt.Sprint(i)) < int64(i+1) {
			t.Fatalf("the floor of file %d is %d", i, f.of(fmt.Sprint(i)))
		}
	}
	if len(f.byPath) > floorsMax {
		t.Errorf("%d are remembered", len(f.byPath))
	}
}

// locked tells which lock anybody, this process included, has on an open file where SQLite
// has its shared locks.
func locked(t *testing.T, file *os.File) bool {
	t.Helper()
	const getLockOfOpenFile = 36 // F_OFD_GETLK: other than F_GETLK it tells of one's own
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 0x40000002, Len: 510}
	if err := syscall.FcntlFlock(file.Fd(), getLockOfOpenFile, &lock); err != nil {
		t.Skip(err)
	}
	return lock.Type != syscall.F_UNLCK
}

// POSIX takes all locks of a process on a file away when it closes any descriptor of it.
func TestListingAndRemovingDoNotTakeLocksAway(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs locks of open files")
	}
	s := newShelf(t)
	db := s.acquire("app")
	noError(t, put(db, "k", "v"))
	file, err := os.Open(s.path("app.db")) // closing it would be the mistake
	noError(t, err)
	defer file.Close()
	if !locked(t, file) {
		t.Fatal("an open database is not locked")
	}
	_, found, _, err := s.List("")
	noError(t, err)
	if len(found) != 1 || !found[0].Valid || !locked(t, file) {
		t.Errorf("listed %v; locked: %v", found, locked(t, file))
	}
	if _, _, _, err := s.List(s.path("app.db")); err == nil || !locked(t, file) {
		t.Errorf("the file listed as a folder: %v; locked: %v", err, locked(t, file))
	}
	db.Release()

	taken, err := s.take(s.path("app.db"), longEnough)
	noError(t, err)
	e, err := store.Seize(s.path("app.db"), store.Options{}, time.Minute)
	noError(t, err)
	if _, _, _, err := s.List(""); err != nil || !locked(t, file) {
		t.Errorf("listing takes the lock away of who removes: %v", err)
	}
	e.Close()
	taken.release()
}

func TestAListIsOfDatabasesAloneNewestFirst(t *testing.T) {
	s := newShelf(t)
	for i, name := range []string{"b.db", "a.db", "c.sqlite", "d.sqlite3", "E.DB"} {
		noError(t, store.Create(s.path(name), "", nil))
		moment := time.Unix(1_700_000_000+int64(i/2), 0)
		noError(t, os.Chtimes(s.path(name), moment, moment))
	}
	noError(t, os.WriteFile(s.path("text.db"), []byte("just a text"), 0o600))
	noError(t, os.WriteFile(s.path("empty.db"), nil, 0o600))
	for _, name := range []string{"notes.txt", ".urlite-create-1.db", "a.db-wal"} {
		noError(t, os.WriteFile(s.path(name), []byte("SQLite format 3\x00"), 0o600))
	}
	noError(t, os.Remove(s.path("a.db-wal")))
	noError(t, os.Mkdir(s.path("folder.db"), 0o700))
	noError(t, os.Symlink("a.db", s.path("symlink.db")))
	noError(t, os.Chtimes(s.path("text.db"), time.Unix(1, 0), time.Unix(1, 0)))
	noError(t, os.Chtimes(s.path("empty.db"), time.Unix(2, 0), time.Unix(2, 0)))
	folder, found, more, err := s.List(s.Dir())
	noError(t, err)
	var names []string
	for _, file := range found {
		names = append(names, fmt.Sprint(file.Name, file.Valid))
	}
	want := "E.DBtrue c.sqlitetrue d.sqlite3true a.dbtrue b.dbtrue empty.dbfalse text.dbfalse"
	if got := strings.Join(names, " "); got != want || folder != s.Dir() || more {
		t.Errorf("%s lists %s, want %s; more: %v", folder, got, want, more)
	}
	_, _, _, err = s.List("sub")
	wantKind(t, err, refusal.InvalidDatabasePath)
	_, _, _, err = s.List("/")
	wantKind(t, err, refusal.InvalidDatabasePath)
	_, _, _, err = s.List(s.path("text.db"))
	wantKind(t, err, refusal.InvalidDatabasePath)
	noError(t, os.Remove(s.path(".urlite-create-1.db")))
	_, _, _, err = s.List(s.path("missing"))
	wantKind(t, err, refusal.NotFound)
	_, _, _, err = s.List(s.path("missing/deeper"))
	wantKind(t, err, refusal.NotFound)
	_, found, _, err = s.List(s.path("folder.db"))
	if err != nil || found != nil {
		t.Error(found, err)
	}
}

func TestAListHasABound(t *testing.T) {
	s := newShelf(t)
	noError(t, os.Mkdir(s.path("many"), 0o700))
	for i := range 2*listedMax + 10 {
		noError(t, os.WriteFile(s.path(fmt.Sprintf("many/%d.db", i)), nil, 0o600))
	}
	newestOfAll := time.Now().Add(time.Hour)
	noError(t, os.Chtimes(s.path("many/7.db"), newestOfAll, newestOfAll))
	_, found, more, err := s.List(s.path("many"))
	if err != nil || !more || len(found) != listedMax || found[0].Name != "7.db" {
		t.Error(len(found), more, err)
	}
}

// Who holds a file in another way than through this server is waited for, but no longer than
// the request may take.
func TestAnotherProcessIsWaitedForNoLongerThanARequestMayTake(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.Store.BusyWait = time.Hour })
	db := s.acquire("app")
	noError(t, put(db, "k", "v"))
	db.Release()
	image, err := os.ReadFile(s.path("app.db"))
	noError(t, err)
	other, err := store.OpenReader(s.path("app.db"), store.Options{})
	noError(t, err)
	_, err = s.Remove("app", 50*time.Millisecond)
	wantKind(t, err, refusal.DatabaseBusy)
	_, err = s.Replace("app", false, 100*time.Millisecond, func(to io.Writer) error {
		_, err := to.Write(image)
		return err
	})
	wantKind(t, err, refusal.DatabaseBusy)
	noError(t, other.Close())
	_, err = s.Remove("app", longEnough)
	noError(t, err)
}
