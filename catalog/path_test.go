package catalog

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/urlite/urlite/refusal"
)

// jailed and open are the two ways a server can run; they name no real folder,
// as Resolve must not look.
var (
	jailed = Rules{Dir: "/srv/data"}
	open   = Rules{Dir: "/srv/data", AllowAnyAbsolute: true}
)

func TestResolveGivesTheFileThatANameMeans(t *testing.T) {
	f := func(rules Rules, name, want string) {
		t.Helper()
		if got, err := rules.Resolve(name); err != nil || got != want {
			t.Errorf("Resolve(%q) = %q, %v; want %q", name, got, err, want)
		}
	}

	// Bare names, with and without an extension.
	f(jailed, "app", "/srv/data/app.db")
	f(jailed, "./app", "/srv/data/app.db")
	f(jailed, "app.db", "/srv/data/app.db")
	f(jailed, "notes.sqlite", "/srv/data/notes.sqlite")
	f(jailed, "v1.2", "/srv/data/v1.2")
	f(jailed, "a-b_c", "/srv/data/a-b_c.db")
	f(jailed, "-", "/srv/data/-.db")
	f(jailed, "a..b", "/srv/data/a..b")

	// Letters, marks and digits of any script.
	f(jailed, "größe", "/srv/data/größe.db")
	f(jailed, "数据库", "/srv/data/数据库.db")
	f(jailed, "e\u0301te\u0301", "/srv/data/e\u0301te\u0301.db")
	f(jailed, "हिन्दी", "/srv/data/हिन्दी.db")
	f(jailed, "٣½Ⅷ", "/srv/data/٣½Ⅷ.db")

	// A suffix of a side file is only one at the end of the file's name.
	f(jailed, "my-wal", "/srv/data/my-wal.db")
	f(jailed, "app.db-walrus", "/srv/data/app.db-walrus")

	// Absolute paths inside the folder, which are never given an extension: they
	// may be directories.
	f(jailed, "/srv/data", "/srv/data")
	f(jailed, "/srv/data/", "/srv/data")
	f(jailed, "/srv/data/app", "/srv/data/app")
	f(jailed, "/srv/data/app.db", "/srv/data/app.db")
	f(jailed, "/srv/data/a b/c.db", "/srv/data/a b/c.db")
	f(jailed, "//srv/./data//x/../app.db", "/srv/data/app.db")
	f(jailed, "/srv/data/.hidden.db", "/srv/data/.hidden.db")
	f(Rules{Dir: "/"}, "/app.db", "/app.db")
	f(Rules{Dir: "/home/.urlite/data"}, "app", "/home/.urlite/data/app.db")

	// Without the jail.
	f(open, "app", "/srv/data/app.db")
	f(open, "/elsewhere/app.db", "/elsewhere/app.db")
	f(open, "/srv/data/../app.db", "/srv/app.db")
	f(open, "/", "/")

	// The longest that there is room for.
	f(jailed, strings.Repeat("n", baseBytesMax-3), "/srv/data/"+strings.Repeat("n", baseBytesMax-3)+".db")
}

func TestResolveRefusesInTheDeclaredOrder(t *testing.T) {
	f := func(rules Rules, name string, want error) {
		t.Helper()
		if got, err := rules.Resolve(name); got != "" || err != want {
			t.Errorf("Resolve(%q) = %q, %v; want %v", name, got, err, want)
		}
	}
	long := strings.Repeat("n", 300)

	// One fault each.
	f(jailed, "app\xff", errPathNotUTF8)
	f(jailed, "app?mode=ro", errPathCharacter)
	f(jailed, "/srv/data/app.db?mode=memory", errPathCharacter)
	f(jailed, "app#1", errPathCharacter)
	f(jailed, "app\x00.db", errPathCharacter)
	f(jailed, ":memory:", errPathMemory)
	f(jailed, "a/b", errPathRelative)
	f(jailed, `a\b`, errPathRelative)
	f(jailed, "../app", errPathRelative)
	f(jailed, "././app", errPathRelative)
	f(jailed, ".//srv/data/app.db", errPathRelative)
	f(jailed, "", errPathName)
	f(jailed, ".", errPathName)
	f(jailed, "..", errPathName)
	f(jailed, "./", errPathName)
	f(jailed, "./..", errPathName)
	f(jailed, ".app", errPathName)
	f(jailed, ".urlite", errPathName)
	f(jailed, "./:memory:", errPathName)
	f(jailed, "file:app", errPathName)
	f(jailed, "my app", errPathName)
	f(jailed, "app\n", errPathName)
	f(jailed, "a%2Fb", errPathName)
	f(jailed, "a\u202eb", errPathName) // turns the writing direction around
	f(jailed, long, errPathTooLong)
	f(jailed, "/srv/data/"+long+"/app.db", errPathTooLong)
	f(jailed, "/srv/data/"+strings.Repeat("folder/", 80)+"app.db", errPathTooLong)
	f(jailed, strings.Repeat("n", baseBytesMax-2), errPathTooLong)
	f(jailed, "/srv/data/.urlite", errPathOwn)
	f(jailed, "/srv/data/.urlite-upload", errPathOwn)
	f(jailed, "/srv/data/.URLite.db", errPathOwn)
	f(jailed, "/srv/data/files/.urlite-cache/app.db", errPathOwn)
	f(open, "/elsewhere/.urlite/app.db", errPathOwn)
	f(jailed, "app.db-wal", errPathSide)
	f(jailed, "app.db-shm", errPathSide)
	f(jailed, "app.db-journal", errPathSide)
	f(jailed, "app.db-WAL", errPathSide)
	f(jailed, "/srv/data/app-wal", errPathSide)

	// Two faults: the one declared first is named.
	f(jailed, "?\xff", errPathNotUTF8)
	f(jailed, ":memory:?", errPathCharacter)
	f(jailed, "../.app", errPathRelative)
	f(jailed, ".app"+long, errPathName)
	f(jailed, "/elsewhere/"+long, errPathTooLong)
	f(jailed, "/srv/data/.urlite/app.db-wal", errPathOwn)
}

func TestResolveKeepsAbsolutePathsInTheFolder(t *testing.T) {
	f := func(rules Rules, name string) {
		t.Helper()
		_, err := rules.Resolve(name)
		want := "absolute database paths outside " + rules.Dir + " are disallowed"
		if r := refusal.Of(err); r == nil || r.Kind != refusal.InvalidDatabasePath || r.Text != want {
			t.Errorf("Resolve(%q) refused with %v; want %q", name, err, want)
		}
	}
	f(jailed, "/elsewhere/app.db")
	f(jailed, "/")
	f(jailed, "/srv")
	f(jailed, "/srv/data2/app.db") // the folder's name is a prefix, the folder is not
	f(jailed, "/srv/data/../app.db")
	f(jailed, "/srv/data/x/../../../etc/passwd")
}

func FuzzResolve(f *testing.F) {
	for _, name := range []string{
		"app", "./app", "../app", "/srv/data/a/../app.db", "/srv/data/../../x", ":memory:",
		"app.db-wal", "/srv/data/.urlite/x", "é\u0301", "a\x00", "\xff", "//", ".", "",
	} {
		f.Add(name, false)
		f.Add(name, true)
	}
	f.Fuzz(func(t *testing.T, name string, allowAny bool) {
		rules := Rules{Dir: jailed.Dir, AllowAnyAbsolute: allowAny}
		path, err := rules.Resolve(name)
		if err != nil {
			if r := refusal.Of(err); r.Kind != refusal.InvalidDatabasePath || path != "" {
				t.Fatalf("Resolve(%q) = %q, %v", name, path, err)
			}
			return
		}
		inside := path == rules.Dir || strings.HasPrefix(path, rules.Dir+"/")
		switch {
		case !filepath.IsAbs(path):
			t.Fatalf("Resolve(%q) = %q: not absolute", name, path)
		case !inside && !allowAny:
			t.Fatalf("Resolve(%q) = %q: outside the folder", name, path)
		case !inside && !filepath.IsAbs(name):
			t.Fatalf("Resolve(%q) = %q: a bare name left the folder", name, path)
		case slices.Contains(strings.Split(path, "/"), ".."):
			t.Fatalf("Resolve(%q) = %q: climbs", name, path)
		case strings.ContainsAny(path, "?#\x00"):
			t.Fatalf("Resolve(%q) = %q: a character that SQLite could read as more than a name", name, path)
		}
		if again, err := rules.Resolve(path); err != nil || again != path {
			t.Fatalf("Resolve(%q) = %q, but that resolves to %q, %v", name, path, again, err)
		}
	})
}

// realRules are rules over a new folder that exists.
func realRules(t *testing.T) Rules {
	t.Helper()
	rules, err := NewRules(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// must ends a test whose preparation failed.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewRulesResolvesTheFolder(t *testing.T) {
	folder := realRules(t).Dir
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(folder, link))
	if rules, err := NewRules(link, true); err != nil || rules.Dir != folder || !rules.AllowAnyAbsolute {
		t.Errorf("NewRules(%q) = %+v, %v; want the folder %q", link, rules, err, folder)
	}

	t.Chdir(folder)
	if rules, err := NewRules(".", false); err != nil || rules.Dir != folder {
		t.Errorf("NewRules of the working directory = %+v, %v; want %q", rules, err, folder)
	}
}

func TestNewRulesRefusesAFolderThatCantHoldDatabases(t *testing.T) {
	dir := t.TempDir()
	file, odd := filepath.Join(dir, "file"), filepath.Join(dir, "c#")
	must(t, os.WriteFile(file, nil, 0o600))
	must(t, os.Mkdir(odd, 0o700))
	for _, bad := range []string{file, odd, filepath.Join(dir, "missing")} {
		if rules, err := NewRules(bad, false); err == nil {
			t.Errorf("NewRules(%q) = %+v, want an error", bad, rules)
		}
	}
}

func TestLocateAppliesTheRulesToWhatSymlinksLeadTo(t *testing.T) {
	rules, outside := realRules(t), t.TempDir()
	below := func(names ...string) string { return filepath.Join(append([]string{rules.Dir}, names...)...) }
	must(t, os.Mkdir(below("real"), 0o700))
	must(t, os.Mkdir(below(".urlite"), 0o700))
	must(t, os.Symlink("real", below("inner")))
	must(t, os.Symlink(outside, below("outer")))
	must(t, os.Symlink(".urlite", below("own")))
	must(t, os.Symlink("loop", below("loop")))

	f := func(name, want string) {
		t.Helper()
		if got, err := rules.Locate(name); err != nil || got != want {
			t.Errorf("Locate(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
	f("app", below("app.db"))
	f(rules.Dir, rules.Dir)
	f(below("real/app.db"), below("real/app.db"))
	f(below("inner/app.db"), below("real/app.db"))
	f(below("inner"), below("inner")) // the last element is for Inspect to judge

	refused := func(name string, want refusal.Kind) {
		t.Helper()
		if got, err := rules.Locate(name); err == nil || refusal.Of(err).Kind != want {
			t.Errorf("Locate(%q) = %q, %v; want kind %d", name, got, err, want)
		}
	}
	refused("a/b", refusal.InvalidDatabasePath)
	refused(below("outer/app.db"), refusal.InvalidDatabasePath)
	refused(below("own/app.db"), refusal.InvalidDatabasePath)
	refused(below("missing/app.db"), refusal.DatabaseNotFound)
	refused(below("loop/app.db"), refusal.FileSystemError)

	rules.AllowAnyAbsolute = true
	realOutside, err := filepath.EvalSymlinks(outside)
	must(t, err)
	f(below("outer/app.db"), filepath.Join(realOutside, "app.db"))
}

func TestInspectTellsADatabaseFromEverythingElse(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) {
		t.Helper()
		must(t, os.WriteFile(at(name), []byte(content), 0o600))
	}
	write("sound.db", sqliteHeader+"and the rest")
	write("empty.db", "")
	write("short.db", sqliteHeader[:10])
	write("text.db", "this is no database, and long enough to have a header")
	must(t, os.Mkdir(at("folder"), 0o700))
	must(t, os.Symlink("sound.db", at("link.db")))
	must(t, os.Symlink("nowhere.db", at("dangling.db")))
	must(t, syscall.Mkfifo(at("pipe.db"), 0o600))
	socket, err := net.Listen("unix", at("socket.db"))
	must(t, err)
	defer socket.Close()

	f := func(path string, exists bool, want error) {
		t.Helper()
		if got, err := Inspect(path); !errors.Is(err, want) || err == nil && got != exists {
			t.Errorf("Inspect(%q) = %t, %v; want %t, %v", path, got, err, exists, want)
		}
	}
	f(at("sound.db"), true, nil)
	f(at("missing.db"), false, nil)
	f(at("empty.db"), false, errPathHeader)
	f(at("short.db"), false, errPathHeader)
	f(at("text.db"), false, errPathHeader)
	f(at("folder"), false, errPathDirectory)
	f(at("link.db"), false, errPathSymlink)
	f(at("dangling.db"), false, errPathSymlink)
	f(at("pipe.db"), false, errPathIrregular)
	f(at("socket.db"), false, errPathIrregular)
	f("/dev/null", false, errPathIrregular)
	f(at("sound.db/below.db"), false, errPathNoFolder)
}

func TestCheckHeaderNeverWaitsForAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	if err := checkHeader(pipe); err != errPathHeader {
		t.Errorf("checkHeader of a pipe nobody writes to = %v, want %v", err, errPathHeader)
	}
}
