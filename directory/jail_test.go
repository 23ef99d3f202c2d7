package directory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

const secret = "what nobody may read or write"

// jailed is a directory beside a folder with a secret.
func jailed(t *testing.T) (f *Folder, outside string) {
	t.Helper()
	path := realTempDir(t)
	outside = path + "/outside"
	write(t, outside+"/secret", secret)
	must(t, os.Mkdir(path+"/inside", 0o755))
	t.Cleanup(func() {
		wantsTree(t, outside, "secret")
		if content, err := os.ReadFile(outside + "/secret"); string(content) != secret || err != nil {
			t.Errorf("the secret is %q, %v", content, err)
		}
	})
	return openFolderAt(t, path+"/inside", ""), outside
}

func TestNoSymlinkIsFollowed(t *testing.T) {
	f, outside := jailed(t)
	f.mustPut(t, "folder/file", "v")
	before := append(tree(t, f.path), "link")
	slices.Sort(before)
	for what, target := range map[string]string{
		"a file outside":          outside + "/secret",
		"a file outside, by dots": "../outside/secret",
		"a folder outside":        outside,
		"a file inside":           "folder/file",
		"a folder inside":         "folder",
		"the directory":           ".",
		"itself":                  "link",
		"nothing":                 "missing",
		"nothing outside":         "../outside/new",
		"a device":                "/dev/null",
	} {
		t.Run(what, func(t *testing.T) {
			must(t, os.Symlink(target, f.path+"/link"))
			for _, key := range []string{"link", "link/file", "link/secret", "link/link/file"} {
				f.wantsMissing(t, key)
				f.refusesPut(t, key, errLink)
			}
			f.wantsKeys(t, "folder/file")
			more, err := f.List(context.Background(), &Page{Prefix: "link/", Limit: 1}, func(l *Listed) { t.Errorf("listed %q", l.Key) })
			if more || err != nil {
				t.Error(more, err)
			}
			table := openFolderAt(t, f.path, "link")
			table.wantsKeys(t)
			table.wantsMissing(t, "file")
			table.refusesPut(t, "k", errLink)
			f.wants(t, "folder/file", "v")
			wantsTree(t, f.path, before...)
			must(t, os.Remove(f.path+"/link"))
		})
	}
}

func TestWhatIsNoFileDoesNotHang(t *testing.T) {
	f := newFolder(t)
	must(t, syscall.Mkfifo(f.path+"/pipe", 0o644))
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, err)
	defer syscall.Close(socket)
	t.Chdir(f.path) // the names of sockets are short
	must(t, syscall.Bind(socket, &syscall.SockaddrUnix{Name: "socket"}))
	names := []string{"pipe", "socket"}
	if err := syscall.Mknod(f.path+"/device", syscall.S_IFCHR|0o644, 1<<8|5); err == nil {
		names = append(names, "device")
	}
	soonOver(t, "a key", func() {
		for _, name := range names {
			f.wantsMissing(t, name)
			f.wantsMissing(t, name+"/below")
			f.refusesPut(t, name, errIrregular)
			f.refusesPut(t, name+"/below", errIrregular)
			openFolderAt(t, f.path, name).wantsKeys(t)
		}
		f.wantsKeys(t)
	})
}

// traps are what may take the place of a file or folder: each makes one at a path.
var traps = map[string]func(path string){
	"link outside":         func(path string) { os.Symlink(filepath.Dir(filepath.Dir(path))+"/outside/secret", path) },
	"link outside by dots": func(path string) { os.Symlink("../outside/secret", path) },
	"link to a folder":     func(path string) { os.Symlink("../outside", path) },
	"link inside":          func(path string) { os.Symlink("decoy", path) },
	"pipe":                 func(path string) { syscall.Mkfifo(path, 0o644) },
}

func TestWhatIsOpenedIsWhatWasSeen(t *testing.T) {
	for what, trap := range traps {
		t.Run(what, func(t *testing.T) {
			f, _ := jailed(t)
			f.mustPut(t, "file", "v")
			f.mustPut(t, "folder/file", "v")
			file, err := look(f.root, "file")
			must(t, err)
			folder, err := look(f.root, "folder")
			must(t, err, os.Mkdir(f.path+"/moved", 0o755))

			for _, name := range []string{"file", "folder"} {
				must(t, os.Rename(f.path+"/"+name, f.path+"/moved/"+name))
				trap(f.path + "/" + name)
			}
			soonOver(t, "opening", func() {
				// With a decoy of both kinds for the link that stays inside.
				write(t, f.path+"/decoy", "another key")
				if _, _, err := openFile(f.root, "file", file); err != errLink && err != errIrregular {
					t.Errorf("openFile: %v", err)
				}
				must(t, os.Remove(f.path+"/decoy"), os.Mkdir(f.path+"/decoy", 0o755))
				if _, err := openFolder(f.root, "folder", folder); err != errLink && err != errIrregular {
					t.Errorf("openFolder: %v", err)
				}
			})
		})
	}

	// Another file or folder of the name is as good.
	f := newFolder(t)
	f.mustPut(t, "file", "old")
	f.mustPut(t, "folder/file", "v")
	file, _ := look(f.root, "file")
	folder, _ := look(f.root, "folder")
	f.mustPut(t, "file", "new")
	must(t, os.Rename(f.path+"/folder", f.path+"/moved"), os.Mkdir(f.path+"/folder", 0o755))
	if opened, info, err := openFile(f.root, "file", file); err != nil || os.SameFile(info, file) {
		t.Errorf("openFile: %v", err)
	} else {
		opened.Close()
	}
	if opened, err := openFolder(f.root, "folder", folder); err != nil {
		t.Errorf("openFolder: %v", err)
	} else {
		opened.Close()
	}
}

// A swap is what others may do to a name while it is used, over and over.
type swap struct {
	turns   atomic.Int64
	ended   atomic.Bool
	waiting sync.WaitGroup
}

// startSwap has the steps done in turn, until end.
func startSwap(steps ...func()) *swap {
	s := &swap{}
	s.waiting.Go(func() {
		for !s.ended.Load() {
			for _, step := range steps {
				step()
			}
			s.turns.Add(1)
		}
	})
	return s
}

func (s *swap) end() {
	s.ended.Store(true)
	s.waiting.Wait()
}

// during does something many times while things are swapped.
func (s *swap) during(t *testing.T, do func(round int)) {
	t.Helper()
	defer s.end()
	soonOver(t, "what is done while names are swapped", func() {
		for round := 0; round < 2000 || s.turns.Load() < 100; round++ {
			do(round)
		}
	})
}

// fair fails the test if an error is none of those that a swap may lead to.
func fair(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil, err == kv.KeyNotFound, err == errUnsettled:
	case refusal.Of(err).Kind == refusal.InvalidParameters:
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
	default:
		t.Errorf("unexpected: %v", err)
	}
}

func TestAFileSwappedForATrapLeadsNowhere(t *testing.T) {
	for what, trap := range traps {
		t.Run(what, func(t *testing.T) {
			f, _ := jailed(t)
			path, new, original := f.path+"/k", f.path+"/.new", f.path+"/.original"
			write(t, f.path+"/decoy", "inside, but another key")
			write(t, original, "fine")
			s := startSwap(
				func() { os.Link(original, new); os.Rename(new, path) },
				func() { trap(new); os.Rename(new, path) },
			)
			s.during(t, func(round int) {
				file, err := f.Get("k")
				if fair(t, err); err == nil && string(file.Bytes) != "fine" && string(file.Bytes) != "put" {
					t.Errorf("read %q", file.Bytes)
				}
				_, err = f.Stat("k", true)
				fair(t, err)
				if round%50 == 0 {
					_, err = f.Put("k", []byte("put"))
					fair(t, err)
					fair(t, f.Delete("k"))
				}
			})
			f.wants(t, "decoy", "inside, but another key")
		})
	}
}

func TestAFolderSwappedForATrapLeadsNowhere(t *testing.T) {
	for what, trap := range traps {
		t.Run(what, func(t *testing.T) {
			f, _ := jailed(t)
			write(t, f.path+"/k/secret", "fine")
			write(t, f.path+"/decoy/secret", "inside, but another key")
			path, new, aside := f.path+"/k", f.path+"/.new", f.path+"/.aside"
			s := startSwap(func() {
				os.Rename(path, aside)
				trap(new)
				os.Rename(new, path)
				os.Remove(path)
				os.Rename(aside, path)
			})
			s.during(t, func(round int) {
				file, err := f.Get("k/secret")
				if fair(t, err); err == nil && string(file.Bytes) != "fine" {
					t.Errorf("read %q", file.Bytes)
				}
				_, err = f.List(context.Background(), &Page{Prefix: "k", Limit: 10}, func(l *Listed) {
					if !slices.Contains([]string{"k/secret", "k/new"}, l.Key) || l.Size != 4 {
						t.Errorf("listed %+v", l)
					}
				})
				fair(t, err)
				_, err = f.Count(context.Background(), "k/", 10)
				fair(t, err)
				if round%50 == 0 {
					_, err = f.Put("k/new", []byte("4444"))
					fair(t, err)
					fair(t, f.Delete("k/new"))
				}
			})
			wantsTree(t, f.path+"/decoy", "secret")
			f.wants(t, "decoy/secret", "inside, but another key")
		})
	}
}

func TestWhatTheServerMayNotReadIsAFaultForItsKeysOnly(t *testing.T) {
	asAnOrdinaryUser(t)
	path, err := os.MkdirTemp("", "urlite-directory-") // not the test's own, which is root's
	must(t, err)
	if path, err = filepath.EvalSymlinks(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(path) })
	f := openFolderAt(t, path, "")
	f.mustPut(t, "a", "v")
	f.mustPut(t, "locked/k", "v")
	f.mustPut(t, "z", "v")
	must(t, os.Chmod(path+"/locked", 0))
	t.Cleanup(func() { os.Chmod(path+"/locked", 0o755) })
	f.wantsKeys(t, "a", "z")
	_, err = f.Get("locked/k")
	wantKind(t, err, refusal.FileSystemError)
	_, err = f.Put("locked/k", nil)
	wantKind(t, err, refusal.FileSystemError)
	wantKind(t, f.Delete("locked/k"), refusal.FileSystemError)

	must(t, os.Chmod(path+"/a", 0))
	_, err = f.Get("a")
	wantKind(t, err, refusal.FileSystemError)
	f.wantsKeys(t, "a", "z")

	must(t, os.Chmod(path, 0o555))
	t.Cleanup(func() { os.Chmod(path, 0o755) })
	_, err = f.Put("new", nil)
	wantKind(t, err, refusal.FileSystemError)
	_, err = f.Put("new/k", nil)
	wantKind(t, err, refusal.FileSystemError)
	wantKind(t, f.Delete("z"), refusal.FileSystemError)
	f.wants(t, "z", "v")
}

// asAnOrdinaryUser drops the rights of root, to whom nothing is locked, until the test
// ends.
func asAnOrdinaryUser(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	if err := syscall.Seteuid(nobody); err != nil {
		t.Skipf("root can't become somebody else here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Seteuid(0); err != nil {
			panic(err) // nothing after this could be trusted
		}
	})
}
