package directory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

func TestAReaderSeesTheOldBytesOrTheNew(t *testing.T) {
	f := newFolder(t)
	const size = 100_000
	body := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, size+i%26) }
	f.mustPut(t, "a/k", string(body(0)))
	var ended atomic.Bool
	var waiting sync.WaitGroup
	var reads atomic.Int64
	for range 2 {
		waiting.Go(func() {
			for !ended.Load() {
				file, err := f.Get("a/k")
				if err != nil {
					t.Error(err)
					return
				}
				first := file.Bytes[0]
				if len(file.Bytes) != size+int(first-'a') || bytes.Count(file.Bytes, []byte{first}) != len(file.Bytes) {
					t.Errorf("a mixture of %d bytes", len(file.Bytes))
					return
				}
				if stat, err := f.Stat("a/k", false); err != nil || stat.Size < size {
					t.Error(stat, err)
					return
				}
				reads.Add(1)
			}
		})
	}
	for i := range 150 {
		f.mustPut(t, "a/k", string(body(i)))
	}
	ended.Store(true)
	waiting.Wait()
	if reads.Load() < 10 {
		t.Errorf("only %d reads: this proves nothing", reads.Load())
	}
	wantsTree(t, f.path, "a/", "a/k")
}

// What one writer removes as empty, another is about to use; what is a folder now, is
// a file the next moment. Each holds the keys of its own to what it did to them.
func TestWritersOfOneTreeDontGetInEachOthersWay(t *testing.T) {
	path := realTempDir(t)
	write(t, path+"/t/anchor", "")
	whole, table := openFolderAt(t, path, ""), openFolderAt(t, path, "t")
	nested := openFolderAt(t, path+"/t", "")
	var waiting sync.WaitGroup
	for i, f := range []*Folder{whole, table, nested, whole} {
		mine, shared := fmt.Sprintf("x/y/%d", i), "x"
		if f == whole {
			mine, shared = "t/"+mine, "t/"+shared
		}
		waiting.Go(func() {
			for round := range 150 {
				body := fmt.Sprintf("%d of %d", round, i)
				// The path may be taken by the file x, which others write.
				if _, err := f.Put(mine, []byte(body)); err == errBelowFile {
					if err := f.Delete(shared); err != nil && err != kv.KeyNotFound {
						t.Errorf("Delete: %v", err)
					}
					continue
				} else if err != nil {
					t.Errorf("Put: %v", err)
					continue
				}
				if file, err := f.Get(mine); err != nil || string(file.Bytes) != body {
					t.Errorf("Get = %q, %v; want %q", file.Bytes, err, body)
				}
				if err := f.Delete(mine); err != nil {
					t.Errorf("Delete: %v", err)
				}
				if _, err := f.Put(shared, nil); err != nil && err != errIsFolder {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	waiting.Wait()
	if err := table.Delete("x"); err != nil && err != kv.KeyNotFound {
		t.Error(err)
	}
	wantsTree(t, path, "t/", "t/anchor")
}

func TestARefusedWriteLeavesNoFolders(t *testing.T) {
	f := newFolder(t)
	f.mustPut(t, "file", "v")
	f.refusesPut(t, "file/a/b", errBelowFile)
	f.mustPut(t, "a/b/c", "v")
	f.refusesPut(t, "a/b", errIsFolder)
	wantsTree(t, f.path, "a/", "a/b/", "a/b/c", "file")
}

func TestLeftoversOfACrashAreHiddenAndSweptInTime(t *testing.T) {
	f := newFolder(t)
	now := time.Now()
	f.cache.now = func() time.Time { return now }
	leave := func(name string, age time.Duration) {
		t.Helper()
		write(t, f.path+"/"+name, "half a val")
		must(t, os.Chtimes(f.path+"/"+name, now.Add(-age), now.Add(-age)))
	}
	leave("a/.urlite-put-old", 2*time.Hour)
	leave("a/.urlite-put-young", time.Minute)
	leave("a/.urlite-other", 2*time.Hour)
	leave("a/urlite-put-key", 2*time.Hour)
	leave("b/.urlite-put-old", 2*time.Hour)
	must(t, os.Mkdir(f.path+"/a/.urlite-put-folder", 0o755), os.Symlink("nowhere", f.path+"/a/.urlite-put-link"))
	f.wantsKeys(t, "a/urlite-put-key")
	f.mustPut(t, "a/k", "v")
	wantsTree(t, f.path, "a/", "a/.urlite-other", "a/.urlite-put-folder/", "a/.urlite-put-link", "a/.urlite-put-young",
		"a/k", "a/urlite-put-key", "b/", "b/.urlite-put-old")

	// A folder is looked through once an hour, and not by each write.
	now = now.Add(59 * time.Minute)
	leave("a/.urlite-put-young", 2*time.Hour)
	f.mustPut(t, "a/k", "v")
	if !strings.Contains(fmt.Sprint(tree(t, f.path)), "young") {
		t.Error("swept again within the hour")
	}
	now = now.Add(time.Minute)
	f.mustPut(t, "a/k", "v")
	if strings.Contains(fmt.Sprint(tree(t, f.path)), "young") {
		t.Error("not swept after the hour")
	}
	f.wantsKeys(t, "a/k", "a/urlite-put-key")
}

func TestTheSweepsRememberedAreBounded(t *testing.T) {
	c := NewCache(1)
	for i := range 3 * foldersSweptMax {
		if !c.sweepDue(inode{number: uint64(i)}) || c.sweepDue(inode{number: uint64(i)}) {
			t.Fatal("a new folder is due once")
		}
	}
	if len(c.swept) > foldersSweptMax {
		t.Errorf("%d sweeps are remembered", len(c.swept))
	}
}

// A mount of a few megabytes is as good as a full disk.
func smallDisk(t *testing.T, size, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs the right to mount")
	}
	dir := realTempDir(t)
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size+options, "tmpfs", dir)
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("can't mount such a file system here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

func TestAFullDiskKeepsTheOldFileAndNothingElse(t *testing.T) {
	dir := smallDisk(t, "1m", "")
	f, err := Open(dir, "", &testLimits, NewCache(1))
	must(t, err)
	defer f.Close()
	old := strings.Repeat("o", 300_000)
	f.mustPut(t, "k", old)
	large := make([]byte, 900_000)
	for range 3 {
		_, err := f.Put("k", large)
		wantKind(t, err, refusal.FileSystemError)
		_, err = f.Put("a/b/new", large)
		wantKind(t, err, refusal.FileSystemError)
	}
	f.wants(t, "k", old)
	wantsTree(t, dir, "k") // neither drafts nor the folders made for them
	f.mustPut(t, "a/b/new", old)
	f.mustPut(t, "k", "new")
	wantsTree(t, dir, "a/", "a/b/", "a/b/new", "k")
}

func TestADiskWithoutRoomForNamesIsOutlived(t *testing.T) {
	dir := smallDisk(t, "1m", ",nr_inodes=5") // the root, and four more
	f, err := Open(dir, "", &testLimits, NewCache(1))
	must(t, err)
	defer f.Close()
	f.mustPut(t, "k", "v")
	_, err = f.Put("a/b/c/d", []byte("v"))
	wantKind(t, err, refusal.FileSystemError)
	_, err = f.Put("a/b/c/d/e", []byte("v"))
	wantKind(t, err, refusal.FileSystemError)
	wantsTree(t, dir, "k")
	f.mustPut(t, "a/b/c", "v")
	wantsTree(t, dir, "a/", "a/b/", "a/b/c", "k")
}

func TestAReadOnlyDiskIsReadAndNotWritten(t *testing.T) {
	dir := smallDisk(t, "1m", "")
	f, err := Open(dir, "", &testLimits, NewCache(1))
	must(t, err)
	defer f.Close()
	f.mustPut(t, "a/k", "v")
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Skipf("can't remount: %v %s", err, out)
	}
	f.wants(t, "a/k", "v")
	for _, key := range []string{"a/k", "a/new", "b/new"} {
		_, err = f.Put(key, []byte("w"))
		wantKind(t, err, refusal.FileSystemError)
	}
	if err := f.Delete("a/k"); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Delete = %v", err)
	}
	f.wants(t, "a/k", "v")
}
