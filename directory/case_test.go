package directory

import (
	"os"
	"os/exec"
	"testing"
)

func TestOtherCaseIsAnotherSpellingWhereThereIsOne(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := otherCase(name); got != want {
			t.Errorf("otherCase(%q) = %q, want %q", name, got, want)
		}
	}
	f("a", "A")
	f("Notes.TXT", "nOTES.txt")
	f("aé", "Aé")
	f("é", "É")
	f("Ж1", "ж1")
	f("1.2", "1.2")
	f("鍵", "鍵")
	f("[`{@", "[`{@")
}

// foldingFolder is one whose file system takes upper and lower case for the same. The
// environment may name an empty one (of macOS or Windows, shared with Linux, say).
func foldingFolder(t *testing.T) *Folder {
	t.Helper()
	path := os.Getenv("DIRECTORY_FOLDING")
	if path == "" {
		path = smallDisk(t, "1m", ",casefold") + "/folding"
		must(t, os.Mkdir(path, 0o755))
		if out, err := exec.Command("chattr", "+F", path).CombinedOutput(); err != nil {
			t.Skipf("can't have a folder without case: %v %s", err, out)
		}
	}
	if left := tree(t, path); len(left) > 0 {
		t.Fatalf("not empty: %q", left)
	}
	t.Cleanup(func() {
		for _, name := range tree(t, path) {
			os.RemoveAll(path + "/" + name)
		}
	})
	write(t, path+"/probe", "")
	_, err := os.Stat(path + "/PROBE")
	must(t, err, os.Remove(path+"/probe"))
	return openFolderAt(t, path, "")
}

func TestAFileAnswersOnlyToItsOwnSpelling(t *testing.T) {
	f := foldingFolder(t)
	f.mustPut(t, "Folder/Key.txt", "v")
	f.mustPut(t, "Ключ", "v")
	for _, key := range []string{"Folder/key.txt", "Folder/KEY.TXT", "folder/Key.txt", "FOLDER/new", "ключ"} {
		f.wantsMissing(t, key)
		f.refusesPut(t, key, errOtherCase)
	}
	f.wants(t, "Folder/Key.txt", "v")
	f.mustPut(t, "Folder/Key.txt", "w")
	f.wants(t, "Folder/Key.txt", "w")
	f.wantsKeys(t, "Folder/Key.txt", "Ключ")
	openFolderAt(t, f.path, "folder").wantsKeys(t)
	openFolderAt(t, f.path, "Folder").wantsKeys(t, "Key.txt")
	must(t, f.Delete("Folder/Key.txt"))
	f.mustPut(t, "FOLDER/KEY.TXT", "x")
	f.wantsKeys(t, "FOLDER/KEY.TXT", "Ключ")
	must(t, f.Delete("FOLDER/KEY.TXT"), f.Delete("Ключ"))
	wantsTree(t, f.path)
}

func TestOfTwoSpellingsWrittenAtOnceOneIsRefused(t *testing.T) {
	f := foldingFolder(t)
	for range 50 {
		results := make(chan error, 2)
		for _, key := range []string{"key", "KEY"} {
			go func() {
				_, err := f.Put(key, []byte(key))
				results <- err
			}()
		}
		first, second := <-results, <-results
		if (first == nil) == (second == nil) {
			t.Errorf("%v, %v", first, second)
		}
		keys := f.keys(t)
		if len(keys) != 1 {
			t.Fatalf("there are %q", keys)
		}
		f.wants(t, keys[0], keys[0])
		must(t, f.Delete(keys[0]))
	}
}
