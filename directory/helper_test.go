package directory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

var testLimits = kv.DefaultLimits()

// openFolderAt opens a table of a directory until the test ends.
func openFolderAt(t testing.TB, path, table string) *Folder {
	t.Helper()
	f, err := Open(path, table, &testLimits, NewCache(100))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		if held := f.cache.Held(); held != 0 {
			t.Errorf("%d folders are held after the last was closed", held)
		}
	})
	return f
}

// newFolder is a new, empty directory.
func newFolder(t testing.TB) *Folder {
	t.Helper()
	return openFolderAt(t, realTempDir(t), "")
}

// realTempDir is a new folder whose path has no symlinks.
func realTempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (f *Folder) mustPut(t testing.TB, key, body string) File {
	t.Helper()
	file, err := f.Put(key, []byte(body))
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return file
}

// wants compares what Get and Stat answer with the content wanted.
func (f *Folder) wants(t testing.TB, key, want string) {
	t.Helper()
	got, err := f.Get(key)
	if err != nil {
		t.Errorf("Get(%.80q): %v", key, err)
		return
	}
	if !bytes.Equal(got.Bytes, []byte(want)) || got.Size != int64(len(want)) || got.Hash != sha256.Sum256([]byte(want)) {
		t.Errorf("Get(%.80q) = %.80q, size %d, hash %x; want %.80q", key, got.Bytes, got.Size, got.Hash[:4], want)
	}
	stat, err := f.Stat(key, false)
	got.Bytes = nil
	if err != nil || !sameFile(stat, got) {
		t.Errorf("Stat(%.80q) = %+v, %v; Get: %+v", key, stat, err, got)
	}
}

func sameFile(a, b File) bool {
	bytesA, bytesB := a.Bytes, b.Bytes
	a.Bytes, b.Bytes = nil, nil
	return bytes.Equal(bytesA, bytesB) && a.ContentType == b.ContentType && a.Size == b.Size && a.ModifiedAt == b.ModifiedAt &&
		a.Hash == b.Hash && a.Version == b.Version && a.Depth == b.Depth && a.Path == b.Path
}

// wantsMissing expects reads and a deletion to find nothing under the key.
func (f *Folder) wantsMissing(t testing.TB, key string) {
	t.Helper()
	if got, err := f.Get(key); err != kv.KeyNotFound {
		t.Errorf("Get(%.80q) = %+v, %v", key, got, err)
	}
	if got, err := f.Stat(key, true); err != kv.KeyNotFound {
		t.Errorf("Stat(%.80q) = %+v, %v", key, got, err)
	}
	if err := f.Delete(key); err != kv.KeyNotFound {
		t.Errorf("Delete(%.80q) = %v", key, err)
	}
}

// refusesPut expects a write to be refused with this error.
func (f *Folder) refusesPut(t testing.TB, key string, want error) {
	t.Helper()
	if _, err := f.Put(key, []byte("refused")); err != want {
		t.Errorf("Put(%.80q) = %v, want %v", key, err, want)
	}
}

func wantKind(t testing.TB, err error, want refusal.Kind) {
	t.Helper()
	if err == nil || refusal.Of(err).Kind != want {
		t.Errorf("got %v, want %s", err, want.Code())
	}
}

// keys lists all keys, in pages of a few.
func (f *Folder) keys(t testing.TB) []string {
	t.Helper()
	var keys []string
	for page := (Page{Limit: 3}); ; page.After = keys[len(keys)-1] {
		more, err := f.List(context.Background(), &page, func(l *Listed) { keys = append(keys, l.Key) })
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return keys
		}
	}
}

func (f *Folder) wantsKeys(t testing.TB, want ...string) {
	t.Helper()
	if got := f.keys(t); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if n, err := f.Count(context.Background(), "", 1000); n != len(want) || err != nil {
		t.Errorf("counted %d, %v; want %d", n, err, len(want))
	}
}

// tree is everything below a path, hidden files too: folders end in a slash.
func tree(t testing.TB, path string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == path {
			return err
		}
		name := strings.TrimPrefix(at, path+"/")
		if d.IsDir() {
			name += "/"
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantsTree(t testing.TB, path string, want ...string) {
	t.Helper()
	if got := tree(t, path); !slices.Equal(got, want) {
		t.Errorf("there is %q, want %q", got, want)
	}
}

// write makes a file by other means than a Folder's.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// soonOver fails a test that hangs, with some notice of where.
func soonOver(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(what + " hangs")
	}
}
