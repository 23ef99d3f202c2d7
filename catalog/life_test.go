package catalog

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
)

// deed is something that was done to a name, between two ticks of a clock.
type deed struct {
	name, key  string // no key: the database was removed, or replaced
	begun, end int64
}

// diary is what everybody did who lives with a few databases.
type diary struct {
	tick  atomic.Int64
	mu    sync.Mutex
	deeds []deed
}

// note writes down what do did, if it did it.
func (d *diary) note(t *testing.T, name, key string, do func() error) {
	t.Helper()
	entry := deed{name: name, key: key, begun: d.tick.Add(1)}
	err := do()
	entry.end = d.tick.Add(1)
	switch {
	case err == nil:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.deeds = append(d.deeds, entry)
	default:
		switch refusal.Of(err).Kind {
		case refusal.DatabaseBusy, refusal.DatabaseMissing, refusal.DatabaseExists, refusal.Unavailable:
		default:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// remains answers the keys of a name that must be there: those that were written after
// the latest removal had ended.
func (d *diary) remains(name string) (keys []string) {
	removed := int64(0)
	for _, done := range d.deeds {
		if done.name == name && done.key == "" {
			removed = max(removed, done.end)
		}
	}
	for _, done := range d.deeds {
		if done.name == name && done.key != "" && done.begun > removed {
			keys = append(keys, done.key)
		}
	}
	return keys
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// Everybody creates, writes, removes, replaces and lists at once. Of what was acknowledged
// and not removed nothing is lost, and nothing is left of what was removed.
func TestDatabasesLiveAndDieUnderLoad(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	content, err := os.ReadFile(replacement(t, "uploaded"))
	noError(t, err)
	before := openFiles(t)
	s := newShelf(t, func(c *Config) { c.IdleAfter = 3 * time.Millisecond })
	var book diary
	names := []string{"a", "b", "c"}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for i := range 120 {
				name := names[random.IntN(len(names))]
				key := fmt.Sprint("key", worker, "-", i)
				switch random.IntN(12) {
				case 0:
					book.note(t, name, "", func() error {
						_, err := s.Remove(name, time.Duration(random.IntN(20))*time.Millisecond)
						return err
					})
				case 1:
					book.note(t, name, "", func() error {
						_, err := s.Replace(name, true, longEnough, upload(content))
						return err
					})
				case 2:
					book.note(t, "none", "", func() error {
						_, err := s.Create(name, "", nil)
						return err
					})
				case 3:
					_, found, _, err := s.List("")
					if err != nil {
						t.Error(err)
					}
					for _, file := range found {
						if !file.Valid {
							if _, exists := identify(file.Path); exists {
								t.Errorf("%s is listed as none", file.Name)
							}
						}
					}
				default:
					book.note(t, name, key, func() error {
						db, err := s.Acquire(name, true)
						if err != nil {
							return err
						}
						defer db.Release()
						return put(db, key, "v")
					})
				}
			}
		})
	}
	group.Wait()
	for _, name := range names {
		db, err := s.Acquire(name, true)
		noError(t, err)
		for _, key := range book.remains(name) {
			if read(t, db, key) != "v" {
				t.Errorf("%s has lost %s", name, key)
			}
		}
		db.Release()
	}
	s.Close()
	if left, _ := filepath.Glob(s.path(".urlite-*")); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
	if left, _ := filepath.Glob(s.path("*-*")); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files are open, before it were %d", after, before)
	}
}

// upload writes content where a database arrives.
func upload(content []byte) func(io.Writer) error {
	return func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	}
}

func TestARestoredDatabaseReplacesTheOldOneOrTheOldOneStays(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.Store.BusyWait = 10 * time.Millisecond })
	db := s.acquire("app")
	for _, value := range []string{"1", "2", "old"} {
		noError(t, put(db, "k", value))
	}
	db.Release()
	content, err := os.ReadFile(replacement(t, "new"))
	noError(t, err)
	stays := func(about string, want refusal.Kind, err error) {
		t.Helper()
		wantKind(t, err, want)
		db := s.acquire("app")
		defer db.Release()
		if got := read(t, db, "k"); got != "old" {
			t.Errorf("%s: it holds %q", about, got)
		}
		if left, _ := filepath.Glob(s.path(".urlite-*")); len(left) > 0 {
			t.Errorf("%s: files are left: %v", about, left)
		}
	}
	replace := func(name string, create bool, limit time.Duration, write func(io.Writer) error) error {
		_, err := s.Replace(name, create, limit, write)
		return err
	}
	stays("no database", refusal.InvalidSQLiteHeader, replace("app", true, longEnough, upload([]byte("text"))))
	stays("cut off", refusal.InvalidSQLiteHeader, replace("app", true, longEnough, upload(content[:len(content)/2])))
	stays("broken off", refusal.Unavailable, replace("app", true, longEnough, func(to io.Writer) error {
		to.Write(content)
		return errFull
	}))
	stays("no time", refusal.RequestTimeout, replace("app", true, 0, upload(content)))
	stays("missing", refusal.DatabaseMissing, replace("other", false, longEnough, upload(content)))
	stays("no source", refusal.DatabaseMissing, s.Restore("app", "other", longEnough))
	stays("itself", refusal.Conflict, s.Restore("app", "./app", longEnough))
	held := s.acquire("app")
	stays("in use", refusal.DatabaseBusy, replace("app", true, 50*time.Millisecond, upload(content)))
	held.Release()

	done, err := s.Replace("app", false, longEnough, upload(content))
	if err != nil || !done.Replaced || done.Bytes != int64(len(content)) {
		t.Error(done, err)
	}
	done, err = s.Replace("fresh", true, longEnough, upload(content))
	if err != nil || done.Replaced {
		t.Error(done, err)
	}
	for _, name := range []string{"app", "fresh"} {
		db := s.acquire(name)
		if got := read(t, db, "k"); got != "new" {
			t.Errorf("%s holds %q", name, got)
		}
		noError(t, put(db, "k", "newer"))
		db.Release()
	}
	db = s.acquire("fresh")
	noError(t, put(db, "more", "v"))
	db.Release()
	sequence := testdb.Query(t, s.path("app.db"), "SELECT value FROM _urlite_meta WHERE name = 'sequence'")[0][0]
	noError(t, s.Restore("app", "fresh", longEnough))
	db = s.acquire("app")
	defer db.Release()
	if read(t, db, "more") != "v" {
		t.Error("it was not restored")
	}
	versions := testdb.Query(t, s.path("app.db"), "SELECT min(version) > ?1, max(version) <= (SELECT value FROM _urlite_meta WHERE name = 'sequence') FROM kv_store", sequence)
	if testdb.Text(versions) != "1 1" {
		t.Errorf("ETags may come again: %s", testdb.Text(versions))
	}
}

// The last user is slow to look whether the database was retired: meanwhile another came,
// and it was.
func TestALateLookDoesNotCloseADatabaseUnderAnotherUser(t *testing.T) {
	s := newShelf(t)
	db := s.acquire("app")
	s.mu.Lock()
	s.retire(db)
	s.mu.Unlock()
	db.unused()
	noError(t, put(db, "k", "v"))
	db.Release()
	<-db.gone
}
