package store_test

import (
	"os"
	"testing"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// An answer to what was written to a file that nobody finds would be a lie.
func TestAFileThatIsGoneOrReplacedIsNotWritten(t *testing.T) {
	f := func(about string, away func(path string) error) {
		t.Helper()
		path := testdb.CreateUnchecked(t)
		w := testdb.Writer(t, path, store.Options{})
		b := newBook(w)
		b.all(t, set("k", "v"))
		if err := away(path); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := w.Begin(); err == nil {
				t.Fatalf("%s: written", about)
			} else {
				wantKind(t, err, refusal.Unavailable)
			}
		}
	}
	f("removed", os.Remove)
	f("renamed", func(path string) error { return os.Rename(path, path+".old") })
	f("replaced", func(path string) error { return os.Rename(testdb.CreateUnchecked(t), path) })
}
