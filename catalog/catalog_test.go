package catalog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
	"github.com/urlite/urlite/writer"
)

// shelf is a catalog of a temporary folder, with a clock that only tests move.
type shelf struct {
	*Catalog
	t   testing.TB
	now atomic.Int64
}

// newShelf makes one. When the test ends it is closed, if the test has not done so,
// and every database in the folder is checked.
func newShelf(t testing.TB, change ...func(*Config)) *shelf {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		files, _ := filepath.Glob(filepath.Join(dir, "*.db"))
		for _, file := range files {
			if exists, err := Inspect(file); exists && err == nil {
				testdb.Check(t, file)
			}
		}
	})
	rules, err := NewRules(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{t: t}
	s.now.Store(1_700_000_000_000)
	config := Config{Rules: rules, Writer: writer.DefaultLimits(), Readers: 4, OpenMax: 100, Now: s.now.Load}
	for _, change := range change {
		change(&config)
	}
	s.Catalog = New(config)
	t.Cleanup(s.closeOnce)
	return s
}

func (s *shelf) closeOnce() {
	s.mu.Lock()
	shut := s.shut
	s.mu.Unlock()
	if !shut {
		s.Close()
	}
}

func (s *shelf) acquire(name string) *DB {
	s.t.Helper()
	db, err := s.Acquire(name, true)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return db
}

func (s *shelf) path(name string) string { return filepath.Join(s.Dir(), name) }

// put writes a key.
func put(db *DB, key, value string) error {
	c := NewCall()
	defer c.Release()
	c.Table = "kv_store"
	testdb.Set(c.Add(0), key, value)
	return db.Do(c)
}

// read reads a key, "" if it is missing.
func read(t testing.TB, db *DB, key string) string {
	t.Helper()
	r, err := db.Borrow(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Return(r)
	return testdb.Value(t, r, key)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, want refusal.Kind) {
	t.Helper()
	if err == nil || refusal.Of(err).Kind != want {
		t.Errorf("got %v, want %s", err, want.Code())
	}
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it never was", what)
		}
	}
}

func TestOneFileIsOneDatabaseWhateverItsName(t *testing.T) {
	s := newShelf(t)
	noError(t, os.Mkdir(s.path("sub"), 0o700))
	noError(t, os.Symlink("sub", s.path("link")))
	noError(t, store.Create(s.path("sub/x.db"), "", nil))
	first := s.acquire("app")
	defer first.Release()
	noError(t, os.Link(s.path("app.db"), s.path("hard.db")))
	deep := s.acquire(s.path("sub/x.db"))
	defer deep.Release()

	f := func(name string, want *DB) {
		t.Helper()
		for range 2 {
			db := s.acquire(name)
			if db != want {
				t.Errorf("%s is a database of its own", name)
			}
			db.Release()
		}
	}
	f("app", first)
	f("./app", first)
	f("app.db", first)
	f("hard", first)
	f(s.path("app.db"), first)
	f(s.path("./sub/../app.db"), first)
	f(s.path("sub/x.db"), deep)
	f(s.path("link/x.db"), deep)
	f(s.path("sub/../link/x.db"), deep)
	if s.Open() != 2 {
		t.Errorf("%d databases are open", s.Open())
	}
}

func TestOfManyWhoWantADatabaseOneOpensItAndAllGetIt(t *testing.T) {
	s := newShelf(t)
	for round := range 5 {
		name := fmt.Sprint("new", round)
		got := make([]*DB, 100)
		var group sync.WaitGroup
		for i := range got {
			group.Go(func() {
				var err error
				if got[i], err = s.Acquire(name, true); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, db := range got {
			if db != got[0] {
				t.Fatal("it was opened twice")
			}
			db.Release()
		}
		if s.Open() != round+1 {
			t.Fatalf("%d databases are open", s.Open())
		}
	}
}

func TestAMissingDatabaseIsMadeOnlyOnRequest(t *testing.T) {
	s := newShelf(t)
	for range 2 {
		_, err := s.Acquire("app", false)
		wantKind(t, err, refusal.DatabaseNotFound)
	}
	if files, _ := os.ReadDir(s.Dir()); len(files) != 0 || s.Open() != 0 {
		t.Fatal(files)
	}
	s.acquire("app").Release()
	db, err := s.Acquire("app", false)
	noError(t, err)
	db.Release()
	_, err = s.Acquire(s.path("no/such/folder.db"), true)
	wantKind(t, err, refusal.DatabaseNotFound)
}

func TestADatabaseHalfMadeWhenItsMakerWasKilledIsNone(t *testing.T) {
	s := newShelf(t)
	half := s.path(".urlite-create-12345")
	noError(t, store.Create(s.path("app.db"), "", nil))
	noError(t, os.Link(s.path("app.db"), half))
	_, err := s.Acquire(half, true)
	wantKind(t, err, refusal.InvalidDatabasePath)
	s.acquire("app").Release()
}

func TestWhatCannotBeOpenedIsRefusedToAllAndKeepsNoPlace(t *testing.T) {
	s := newShelf(t)
	noError(t, os.WriteFile(s.path("text.db"), []byte("just a text"), 0o600))
	noError(t, os.WriteFile(s.path("empty.db"), nil, 0o600))
	noError(t, os.Mkdir(s.path("folder.db"), 0o700))
	noError(t, os.Symlink("text.db", s.path("symlink.db")))
	damaged := append([]byte("SQLite format 3\x00"), bytes.Repeat([]byte{0xff}, 500)...)
	noError(t, os.WriteFile(s.path("damaged.db"), damaged, 0o600))
	f := func(name string, want refusal.Kind) {
		t.Helper()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				_, err := s.Acquire(name, true)
				wantKind(t, err, want)
			})
		}
		group.Wait()
		if s.Open() != 0 {
			t.Errorf("%s keeps a place", name)
		}
	}
	f("text", refusal.InvalidSQLiteHeader)
	f("empty", refusal.InvalidSQLiteHeader)
	f("folder", refusal.PathIsDirectory)
	f("symlink", refusal.InvalidDatabasePath)
	f("damaged", refusal.InvalidSQLiteHeader)

	noError(t, os.Remove(s.path("text.db")))
	s.acquire("text").Release()
	for _, name := range []string{"empty.db", "folder.db", "symlink.db", "damaged.db"} {
		noError(t, os.Remove(s.path(name)))
	}
}

func TestNoMoreAreOpenThanMayBeAndAnUnusedOneMakesRoom(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.OpenMax = 3 })
	held := map[string]*DB{}
	for _, name := range []string{"a", "b", "c"} {
		held[name] = s.acquire(name)
		noError(t, put(held[name], "name", name))
	}
	for range 2 {
		_, err := s.Acquire("d", true)
		wantKind(t, err, refusal.Unavailable)
	}
	if _, err := os.Stat(s.path("d.db")); err == nil {
		t.Error("a refused database was made")
	}
	held["b"].Release()
	held["d"] = s.acquire("d")
	<-held["b"].gone
	if s.Open() != 3 {
		t.Errorf("%d databases are open", s.Open())
	}
	_, err := s.Acquire("b", true)
	wantKind(t, err, refusal.Unavailable)
	held["a"].Release()
	held["b"] = s.acquire("b")
	if got := read(t, held["b"], "name"); got != "b" {
		t.Errorf("b holds %q", got)
	}
	for _, name := range []string{"b", "c", "d"} {
		held[name].Release()
	}
}

func TestAnIdleDatabaseIsClosedAndNeverUnderARequest(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.IdleAfter = 2 * time.Millisecond })
	held := s.acquire("held")
	for range 3 { // the janitor came by, each time
		s.acquire("other").Release()
		eventually(t, "the idle one is closed", func() bool { return s.Open() == 1 })
	}
	noError(t, put(held, "k", "v"))
	again := s.acquire("held")
	if again != held || read(t, again, "k") != "v" {
		t.Fatal("it was closed under a request")
	}
	again.Release()
	held.Release()
	eventually(t, "all are closed", func() bool { return s.Open() == 0 })
	reopened := s.acquire("held")
	defer reopened.Release()
	if reopened == held || read(t, reopened, "k") != "v" {
		t.Fatal("it was not opened anew")
	}
}

// replacement makes a database that holds k = value, ready to take another's place.
func replacement(t *testing.T, value string) (path string) {
	t.Helper()
	s := newShelf(t)
	db := s.acquire("new")
	noError(t, put(db, "k", value))
	db.Release()
	s.Close()
	return s.path("new.db")
}

func TestAFileThatWasReplacedIsSeenAndTheOldOneIsClosedFirst(t *testing.T) {
	s := newShelf(t)
	old := s.acquire("app")
	noError(t, put(old, "k", "old"))
	noError(t, os.Rename(replacement(t, "new"), s.path("app.db")))

	s.now.Add(checkMillis - 1)
	same := s.acquire("app")
	if same != old {
		t.Fatal("it looked before its time")
	}
	same.Release()

	s.now.Add(1)
	got := make(chan *DB)
	go func() {
		db, err := s.Acquire("app", false)
		if err != nil {
			t.Error(err)
		}
		got <- db
	}()
	eventually(t, "the old one is retired", old.retired.Load)
	select {
	case <-got:
		t.Fatal("the new file was opened while the old one was in use")
	default:
	}
	if read(t, old, "k") != "old" {
		t.Error("who is in may finish")
	}
	old.Release()
	fresh := <-got
	defer fresh.Release()
	select {
	case <-old.gone:
	default:
		t.Error("the old one is still open")
	}
	if value := read(t, fresh, "k"); fresh == old || value != "new" {
		t.Errorf("it holds %q", value)
	}
}

func TestAFileThatWasRemovedIsGoneAfterTheCheckInterval(t *testing.T) {
	s := newShelf(t)
	db := s.acquire("app")
	noError(t, put(db, "k", "v"))
	db.Release()
	noError(t, os.Remove(s.path("app.db")))
	s.now.Add(checkMillis)
	_, err := s.Acquire("app", false)
	wantKind(t, err, refusal.DatabaseNotFound)
	made := s.acquire("app")
	defer made.Release()
	if value := read(t, made, "k"); value != "" {
		t.Errorf("the new file holds %q", value)
	}
}

func TestAClockThatWasSetBackDoesNotKeepAStaleFile(t *testing.T) {
	s := newShelf(t)
	s.acquire("app").Release()
	noError(t, os.Remove(s.path("app.db")))
	s.now.Add(-1_000_000)
	_, err := s.Acquire("app", false)
	wantKind(t, err, refusal.DatabaseNotFound)
}

// Its place may be taken by a file that another program is about to make.
func TestAStaleIdentityIsNotMistakenForAnOpenDatabase(t *testing.T) {
	s := newShelf(t)
	db := &DB{catalog: s.Catalog, path: s.path("app.db"), id: fileID{1, 1}, opened: make(chan struct{}), gone: make(chan struct{})}
	s.mu.Lock()
	s.byPath[db.path], s.byFile[db.id] = db, db
	s.mu.Unlock()
	noError(t, store.Create(db.path, "", nil)) // another inode than when the place was taken
	s.open(db, false)
	s.mu.Lock()
	files := len(s.byFile)
	s.mu.Unlock()
	if files != 1 {
		t.Errorf("one open database has %d identities", files)
	}
}

func TestAReadOnlyFileIsReadAndWritesAreRefused(t *testing.T) {
	s := newShelf(t)
	db := s.acquire("app")
	noError(t, put(db, "k", "v"))
	db.Release()
	s.Close()
	noError(t, os.Chmod(s.path("app.db"), 0o444))

	rules := s.config.Rules
	readOnly := &shelf{t: t, Catalog: New(Config{Rules: rules, Writer: writer.DefaultLimits(), Readers: 4, OpenMax: 10, Now: s.now.Load})}
	defer readOnly.Close()
	db = readOnly.acquire("app")
	defer db.Release()
	if got := read(t, db, "k"); got != "v" {
		t.Errorf("it holds %q", got)
	}
	wantKind(t, put(db, "k", "w"), refusal.DatabaseReadOnly)
}

func TestADirectoryIsNoDatabaseThatExists(t *testing.T) {
	s := newShelf(t)
	noError(t, os.Mkdir(s.path("folder.db"), 0o700))
	for _, name := range []string{"folder", s.Dir()} {
		_, err := s.Create(name, "", nil)
		wantKind(t, err, refusal.PathIsDirectory)
	}
}
