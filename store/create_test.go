package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

func TestANewDatabaseIsWholeAndHasNothingBesideIt(t *testing.T) {
	f := func(kvTable, wantTables string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "new.db")
		if err := store.Create(path, kvTable, nil); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(files) != 1 || files[0].Name() != "new.db" {
			t.Fatal(files, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
			t.Fatal(info.Mode(), err)
		}
		tables := testdb.Text(testdb.Query(t, path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
		if tables != wantTables {
			t.Errorf("tables %s, want %s", tables, wantTables)
		}
		if mode := one(t, path, "PRAGMA journal_mode"); string(mode.Bytes) != "wal" {
			t.Errorf("journal mode %s", mode.Bytes)
		}
		testdb.Check(t, path)
	}
	f("", `"_query_history" | "_urlite_actors" | "_urlite_meta" | "_urlite_tables"`)
	f("own", `"_query_history" | "_urlite_actors" | "_urlite_meta" | "_urlite_own_chunks" | "_urlite_own_deleted" | "_urlite_own_states" | "_urlite_own_undone" | "_urlite_tables" | "own" | "own_history"`)
}

func TestOfManyWhoCreateOneFileExactlyOneDoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	var group sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		group.Go(func() { errs[i] = store.Create(path, kv.DefaultTable, nil) })
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			wantKind(t, err, refusal.DatabaseExists)
		}
	}
	if made != 1 {
		t.Fatalf("%d made it", made)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 1 {
		t.Fatal(files)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(files) != 0 {
		t.Fatal(files)
	}
	testdb.Check(t, path)
}

func TestCreatingNeverTouchesWhatIsThere(t *testing.T) {
	folder := t.TempDir()
	f := func(name string, make func(path string) error) {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		wantKind(t, store.Create(path, "", nil), refusal.DatabaseExists)
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s was changed", name)
		}
	}
	f("text.db", func(path string) error { return os.WriteFile(path, []byte("no database"), 0o600) })
	f("empty.db", func(path string) error { return os.WriteFile(path, nil, 0o600) })
	f("folder.db", func(path string) error { return os.Mkdir(path, 0o700) })
	f("dangling.db", func(path string) error { return os.Symlink("nowhere", path) })
	f("own.db", func(path string) error { return store.Create(path, "", nil) })
	wantKind(t, store.Create(filepath.Join(folder, "missing", "x.db"), "", nil), refusal.FileSystemError)
}

// A file half-built when its maker was killed lies under a name of the server's
// own, which no request can mean, and never under the database's.
func TestADatabaseIsBuiltUnderANameOfTheServersOwn(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "new.db")
	stop, seen := make(chan struct{}), make(chan []string)
	go func() {
		var names []string
		for {
			files, _ := os.ReadDir(folder)
			for _, file := range files {
				names = append(names, file.Name())
			}
			select {
			case <-stop:
				seen <- names
				return
			default:
			}
		}
	}()
	for range 20 {
		if err := store.Create(path, "", nil); err != nil {
			t.Error(err)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	for _, name := range <-seen {
		if name != "new.db" && !strings.HasPrefix(name, ".urlite-create-") {
			t.Fatalf("there was a file %s", name)
		}
	}
}
