package directory

import (
	"crypto/sha256"
	"os"
	"strings"
	"testing"
	"time"
)

// settled lets the cache trust files that were just written, as if time had passed.
func (f *Folder) settled() *Folder {
	f.cache.now = func() time.Time { return time.Now().Add(time.Minute) }
	return f
}

func TestAHashIsRememberedUntilTheFileChanges(t *testing.T) {
	f := newFolder(t).settled()
	path := f.path + "/k"
	f.mustPut(t, "k", "one")
	f.wants(t, "k", "one")
	if f.cache.Size() != 1 || f.cache.Max() != 100 {
		t.Errorf("%d of %d are remembered", f.cache.Size(), f.cache.Max())
	}
	info, err := os.Stat(path)
	must(t, err)
	remembered := stateOf(info)
	if _, known := f.cache.hash(remembered); !known {
		t.Fatal("the hash is not remembered")
	}

	// The same size, and later.
	write(t, path, "two")
	later := info.ModTime().Add(time.Second)
	must(t, os.Chtimes(path, later, later))
	f.wantsHash(t, "k", "two")
	// The same size and the same time; only the system knows when that was set.
	write(t, path, "six")
	must(t, os.Chtimes(path, later, later))
	f.wantsHash(t, "k", "six")
	// Another file of the same size and time under the name.
	write(t, path+"2", "ten")
	must(t, os.Chtimes(path+"2", later, later), os.Rename(path+"2", path))
	f.wantsHash(t, "k", "ten")
	// Replaced through us.
	f.mustPut(t, "k", "new")
	f.wantsHash(t, "k", "new")
}

// wantsHash asks for the hash alone, which is when the cache is used.
func (f *Folder) wantsHash(t *testing.T, key, content string) {
	t.Helper()
	file, err := f.Stat(key, false)
	if want := sha256.Sum256([]byte(content)); err != nil || file.Hash != want || file.Size != int64(len(content)) {
		t.Errorf("Stat(%q) = %+v, %v; want the hash of %q", key, file, err, content)
	}
}

func TestARebuildReadsTheFileAgain(t *testing.T) {
	f := newFolder(t).settled()
	f.mustPut(t, "k", "content")
	f.wantsHash(t, "k", "content")
	// As if the file had changed without a trace.
	info, err := os.Stat(f.path + "/k")
	must(t, err)
	wrong := sha256.Sum256([]byte("what it was once"))
	f.cache.remember(stateOf(info), wrong, f.cache.now())
	if file, err := f.Stat("k", false); err != nil || file.Hash != wrong {
		t.Fatalf("the cache is not used: %+v, %v", file, err)
	}
	if file, err := f.Get("k"); err != nil || file.Hash != sha256.Sum256([]byte("content")) {
		t.Errorf("Get's hash is not that of its bytes: %+v, %v", file, err)
	}
	f.cache.remember(stateOf(info), wrong, f.cache.now())
	if file, err := f.Stat("k", true); err != nil || file.Hash != sha256.Sum256([]byte("content")) {
		t.Errorf("a rebuild did not read: %+v, %v", file, err)
	}
	f.wantsHash(t, "k", "content")
}

func TestAFileThatJustChangedIsNotTrusted(t *testing.T) {
	f := newFolder(t)
	f.mustPut(t, "k", "content")
	f.wantsHash(t, "k", "content")
	if f.cache.Size() != 0 {
		t.Error("remembered, though it could change within the same step of the clock")
	}
	f.settled().wantsHash(t, "k", "content")
	if f.cache.Size() != 1 {
		t.Error("not remembered, though it is settled")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	f := newFolder(t)
	f.cache = NewCache(3)
	f.cache.held.Add(1) // Close takes it back
	f.settled()
	for _, key := range strings.Fields("a b c d e f g") {
		f.mustPut(t, key, key)
		f.wants(t, key, key)
	}
	if f.cache.Size() != 3 {
		t.Errorf("%d are remembered, of 3 at most", f.cache.Size())
	}
	f.wantsHash(t, "g", "g")
	none := NewCache(0)
	none.remember(state{}, [32]byte{}, time.Now())
	if none.Size() != 0 {
		t.Error("a cache without room remembers")
	}
}

func TestVersionsTellStatesApart(t *testing.T) {
	base := state{inode: inode{1, 2}, size: 3, modified: 4, changed: 5}
	seen := map[int64]state{base.version(): base}
	for _, change := range []func(*state){
		func(s *state) { s.inode.device++ }, func(s *state) { s.inode.number++ }, func(s *state) { s.size++ },
		func(s *state) { s.modified++ }, func(s *state) { s.changed++ },
	} {
		s := base
		change(&s)
		if other, taken := seen[s.version()]; taken || s.version() < 0 {
			t.Errorf("%+v and %+v have the version %d", s, other, s.version())
		}
		seen[s.version()] = s
	}
}
