package directory

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

func TestAFileTellsWhatItIs(t *testing.T) {
	f := newFolder(t)
	before := time.Now().UnixMilli() - 1000
	put := f.mustPut(t, "a/b/notes.txt", "hello")
	want := File{
		ContentType: "text/plain; charset=utf-8", Size: 5, Hash: sha256.Sum256([]byte("hello")), Depth: 2,
		Path: filepath.Join(f.path, "a", "b", "notes.txt"), ModifiedAt: put.ModifiedAt, Version: put.Version,
	}
	if !sameFile(put, want) || put.ModifiedAt < before || put.Version <= 0 {
		t.Errorf("Put = %+v, want %+v", put, want)
	}
	stat, err := f.Stat("a/b/notes.txt", false)
	if err != nil || !sameFile(stat, want) {
		t.Errorf("Stat = %+v, %v; want %+v", stat, err, want)
	}
	want.Bytes = []byte("hello")
	get, err := f.Get("a/b/notes.txt")
	if err != nil || !sameFile(get, want) {
		t.Errorf("Get = %+v, %v; want %+v", get, err, want)
	}
	again := f.mustPut(t, "a/b/notes.txt", "hello")
	if again.Version == put.Version {
		t.Error("the version is the same after a write")
	}
	f.mustPut(t, "empty", "")
	f.wants(t, "empty", "")
}

func TestATableIsASubfolder(t *testing.T) {
	path := realTempDir(t)
	whole, table := openFolderAt(t, path, kv.DefaultTable), openFolderAt(t, path, "notes")
	table.wantsKeys(t)
	table.wantsMissing(t, "k")
	wantsTree(t, path) // reads make nothing

	if file := table.mustPut(t, "k", "v"); file.Path != filepath.Join(path, "notes", "k") || file.Depth != 0 {
		t.Errorf("the key of a table: %+v", file)
	}
	whole.mustPut(t, "a", "of the directory")
	table.wantsKeys(t, "k")
	whole.wantsKeys(t, "a", "notes/k")
	whole.wants(t, "notes/k", "v")
	openFolderAt(t, path, "").wantsKeys(t, "a", "notes/k")
	openFolderAt(t, path, "Notes").wantsKeys(t)

	// The table's own folder stays when it is emptied as a table.
	must(t, table.Delete("k"))
	wantsTree(t, path, "a", "notes/")
	table.mustPut(t, "x/y", "v")
	must(t, whole.Delete("notes/x/y"))
	wantsTree(t, path, "a")
	table.wantsKeys(t)

	// A table whose name a file has taken is empty, and can't be written.
	file := openFolderAt(t, path, "a")
	file.wantsKeys(t)
	file.wantsMissing(t, "k")
	file.refusesPut(t, "k", errBelowFile)

	_, err := Open(path, "../x", &testLimits, NewCache(1))
	wantKind(t, err, refusal.InvalidParameters)
}

func TestOnlyADirectoryIsOpened(t *testing.T) {
	path := realTempDir(t)
	write(t, path+"/file", "")
	must(t, os.Symlink(path, path+"/link"))
	cache := NewCache(1)
	f := func(path string, want refusal.Kind) {
		t.Helper()
		_, err := Open(path, "", &testLimits, cache)
		wantKind(t, err, want)
	}
	f(path+"/missing", refusal.DatabaseNotFound)
	f(path+"/file", refusal.DatabaseNotFound)
	f(path+"/file/below", refusal.DatabaseNotFound)
	f(path+"/link", refusal.DatabaseNotFound)
	if cache.Held() != 0 {
		t.Error("what was not opened is held")
	}
	folder, err := Open(path, "", &testLimits, cache)
	if err != nil || cache.Held() != 1 {
		t.Fatalf("%v, %d held", err, cache.Held())
	}
	folder.Close()
	folder.Close()
	if cache.Held() != 0 {
		t.Errorf("%d held after the last was closed", cache.Held())
	}
	_, err = folder.Get("file")
	wantKind(t, err, refusal.FileSystemError)
}

func TestAFolderIsNoKeyAndAFileHoldsNone(t *testing.T) {
	f := newFolder(t)
	f.mustPut(t, "a/b", "v")
	f.wantsMissing(t, "a")
	f.refusesPut(t, "a", errIsFolder)
	f.wantsMissing(t, "a/b/c")
	f.wantsMissing(t, "a/b/c/d")
	f.refusesPut(t, "a/b/c", errBelowFile)
	f.refusesPut(t, "a/b/c/d", errBelowFile)
	f.wantsMissing(t, "a/c")
	f.wantsMissing(t, "missing/a")
	f.wantsKeys(t, "a/b")
	f.wants(t, "a/b", "v")
}

func TestADeletionTakesTheFoldersThatItEmpties(t *testing.T) {
	f := newFolder(t)
	for _, key := range []string{"a/b/c/1", "a/b/c/2", "a/x", "k"} {
		f.mustPut(t, key, "v")
	}
	must(t, os.Mkdir(f.path+"/a/by-hand", 0o755))
	must(t, f.Delete("a/b/c/1"))
	wantsTree(t, f.path, "a/", "a/b/", "a/b/c/", "a/b/c/2", "a/by-hand/", "a/x", "k")
	must(t, f.Delete("a/b/c/2"))
	wantsTree(t, f.path, "a/", "a/by-hand/", "a/x", "k")
	must(t, os.Remove(f.path+"/a/by-hand"), f.Delete("a/x"))
	wantsTree(t, f.path, "k")
	must(t, f.Delete("k"))
	wantsTree(t, f.path) // and the directory itself is there
	f.wantsMissing(t, "k")

	// A folder with hidden files is not empty, though it has no keys.
	write(t, f.path+"/h/.hidden", "")
	f.mustPut(t, "h/k", "v")
	must(t, f.Delete("h/k"))
	wantsTree(t, f.path, "h/", "h/.hidden")
	f.wantsKeys(t)
}

func TestSizesAreBounded(t *testing.T) {
	limits := kv.DefaultLimits()
	limits.ValueBytesMax = 10
	f, err := Open(realTempDir(t), "", &limits, NewCache(10))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.mustPut(t, "k", "0123456789")
	f.wants(t, "k", "0123456789")
	_, err = f.Put("k", []byte("0123456789a"))
	wantKind(t, err, refusal.PayloadTooLarge)
	f.wants(t, "k", "0123456789")

	write(t, f.path+"/large", "0123456789a")
	_, err = f.Get("large")
	wantKind(t, err, refusal.ResponseTooLarge)
	_, err = f.Stat("large", true)
	wantKind(t, err, refusal.ResponseTooLarge)
	f.wantsKeys(t, "k", "large")
	must(t, f.Delete("large"))
}

func TestAReplacedFileKeepsItsPermissions(t *testing.T) {
	f := newFolder(t)
	f.mustPut(t, "k", "old")
	must(t, os.Chmod(f.path+"/k", 0o600))
	f.mustPut(t, "k", "new")
	if info, err := os.Stat(f.path + "/k"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	f.wants(t, "k", "new")
}

func TestAWriteLeavesTheOtherNameOfAFileWhatItWas(t *testing.T) {
	f, outside := newFolder(t), realTempDir(t)+"/outside"
	write(t, outside, "old")
	must(t, os.Link(outside, f.path+"/k"))
	f.wants(t, "k", "old")
	f.mustPut(t, "k", "new")
	if content, err := os.ReadFile(outside); string(content) != "old" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
}

func TestKeysThatLookAlikeAreDifferentKeys(t *testing.T) {
	f := newFolder(t)
	keys := []string{"KEY", "Key", "e\u0301", "key", "\u00e9"}
	for _, key := range keys {
		f.mustPut(t, key, "value of "+key)
	}
	for _, key := range keys {
		f.wants(t, key, "value of "+key)
	}
	f.wantsKeys(t, keys...)
}

func TestHardLinksThatDifferInCaseAreTwoKeys(t *testing.T) {
	f := newFolder(t)
	f.mustPut(t, "key", "v")
	must(t, os.Link(f.path+"/key", f.path+"/KEY"))
	f.wants(t, "key", "v")
	f.wants(t, "KEY", "v")
	f.mustPut(t, "KEY", "w")
	f.wants(t, "key", "v")
	f.wants(t, "KEY", "w")
}

func TestNamesThatAreNoKeysAreLeftAlone(t *testing.T) {
	f := newFolder(t)
	for _, name := range []string{".hidden", ".git/config", ".urlite-put-1", `back\slash`, "line\nbreak", "\xff", " ", strings.Repeat("f/", foldersMax+1) + "k"} {
		write(t, f.path+"/"+name, "")
	}
	f.wantsKeys(t)
	write(t, f.path+"/"+strings.Repeat("f/", foldersMax)+"k", "")
	f.wantsKeys(t, strings.Repeat("f/", foldersMax)+"k")
	// 1,024 bytes are a key, 1,026 are none.
	long := strings.Repeat(strings.Repeat("n", 204)+"/", 5)
	write(t, f.path+"/"+long[:1024], "")
	f.wantsKeys(t, strings.Repeat("f/", foldersMax)+"k", long[:1024])
	write(t, f.path+"/"+long[:1020]+"/12345", "")
	f.wantsKeys(t, strings.Repeat("f/", foldersMax)+"k", long[:1024])
}

func TestNothingStaysOpen(t *testing.T) {
	f := newFolder(t)
	f.entriesHeld = 2
	link := f.path + "/link"
	must(t, os.Symlink("a", link))
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("only Linux tells what is open")
		}
		return len(entries)
	}
	use := func() {
		for _, key := range []string{"a/b/c/1", "a/b/c/2", "a/b/d", "k"} {
			f.mustPut(t, key, "v")
			f.wants(t, key, "v")
			f.wantsMissing(t, key+"/below/it")
			f.refusesPut(t, key+"/below/it", errBelowFile)
		}
		f.refusesPut(t, "a/b", errIsFolder)
		f.refusesPut(t, "a/b/c", errIsFolder)
		f.refusesPut(t, "link/x", errLink)
		f.wantsMissing(t, "a/b/c")
		f.wantsMissing(t, "a/b/link/x")
		f.wantsKeys(t, "a/b/c/1", "a/b/c/2", "a/b/d", "k")
		for _, prefix := range []string{"a/b/", "a/b/c/1", "a/b/x/y", "link/", "k/x"} {
			if _, err := f.List(context.Background(), &Page{Prefix: prefix, Limit: 1}, func(*Listed) {}); err != nil {
				t.Error(err)
			}
		}
		for _, key := range []string{"a/b/c/1", "a/b/c/2", "a/b/d", "k"} {
			must(t, f.Delete(key))
		}
	}
	use() // for what the runtime opens once
	before := open()
	for range 5 {
		use()
	}
	if after := open(); after != before {
		t.Errorf("%d files are open, before it were %d", after, before)
	}
}
