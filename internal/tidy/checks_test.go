package tidy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A check that can't fail proves nothing, so each is given a file that breaks its
// law, and one that just keeps it.

// written puts one file into a new folder, which it returns.
func written(t *testing.T, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkGo returns what a check of Go files says of one file.
func checkGo(t *testing.T, check func([]goFile) []string, name, source string) []string {
	t.Helper()
	files, err := loadGo(written(t, name, source))
	if err != nil {
		t.Fatal(err)
	}
	return check(files)
}

// expect compares findings with the one that is wanted, "" for none.
func expect(t *testing.T, findings []string, want string) {
	t.Helper()
	var wanted []string
	if want != "" {
		wanted = []string{want}
	}
	if !slices.Equal(findings, wanted) {
		t.Errorf("found %q, want %q", findings, wanted)
	}
}

func TestImportLawFindsWhatIsNotAllowed(t *testing.T) {
	law := importLaw{
		module:    "example.org/house",
		everybody: "law",
		testsOnly: "bench",
		rooms: []room{
			{"roof", "wall"}, {"wall", "floor"}, {"floor", ""}, {"floor/cellar", ""}, {"law", ""}, {"bench", "floor"},
		},
		guests: []guest{{"example.net/paint", "wall"}, {"example.net/dice", "tests"}, {"unsafe", "roof/bind*.go"}},
	}
	f := func(name, imported, want string) {
		t.Helper()
		expect(t, checkGo(t, law.check, name, "package p\nimport _ \""+imported+"\"\n"), want)
	}

	f("roof/a.go", "example.org/house/wall", "")
	f("roof/a.go", "example.org/house/wall/brick", "")
	f("roof/tile/a.go", "example.org/house/wall", "")
	f("roof/tile/a.go", "example.org/house/roof", "")
	f("roof/a.go", "example.org/house/floor", "roof/a.go:2: room roof may not import room floor")
	f("floor/a.go", "example.org/house/wall", "floor/a.go:2: room floor may not import room wall")
	f("floor/a_test.go", "example.org/house/wall", "floor/a_test.go:2: room floor may not import room wall")
	f("floor/a.go", "example.org/house/floor/cellar", "floor/a.go:2: room floor may not import room floor/cellar")
	f("floor/a.go", "example.org/house/law", "")
	f("law/a.go", "example.org/house/floor", "law/a.go:2: room law may not import room floor")
	f("roof/a_test.go", "example.org/house/bench", "")
	f("roof/a.go", "example.org/house/bench", "roof/a.go:2: bench may only be imported by tests")
	f("roof/a.go", "example.org/house/shed", "roof/a.go:2: shed is no room of the import law")
	f("shed/a.go", "fmt", "shed/a.go:1: folder shed is no room of the import law")

	f("wall/a.go", "example.net/paint/red", "")
	f("roof/a.go", "example.net/paint", "roof/a.go:2: example.net/paint may only be imported by wall")
	f("roof/a.go", "example.net/glass", "roof/a.go:2: example.net/glass is no guest of the import law")
	f("roof/a_test.go", "example.net/dice", "")
	f("roof/a.go", "example.net/dice", "roof/a.go:2: example.net/dice may only be imported by tests")
	f("roof/bind_row.go", "unsafe", "")
	f("roof/row.go", "unsafe", "roof/row.go:2: unsafe may only be imported by roof/bind*.go")
	f("roof/a.go", "net/http", "")
}

func TestPurityLawFindsClocksGoroutinesAndTheWorld(t *testing.T) {
	law := purityLaw{clockless: "floor wall", goroutineless: "floor", worldless: "floor", outside: "os net"}
	f := func(name, source, want string) {
		t.Helper()
		expect(t, checkGo(t, law.check, name, "package p\n"+source), want)
	}
	f("floor/a.go", `import "time"; var t = time.Now()`, "floor/a.go:2: time.Now in a room without a clock")
	f("floor/b/a.go", `import "time"; var t = time.Now()`, "floor/b/a.go:2: time.Now in a room without a clock")
	f("floor/a.go", `import c "time"; var read = c.Since`, "floor/a.go:2: time.Since in a room without a clock")
	f("floor/a.go", `import . "time"; var t = Now()`, "floor/a.go:2: a dot import would hide the clock")
	f("floor/a.go", `import "time"; const day = 24 * time.Hour`, "")
	f("floor/a.go", `var time struct{ Now int }; var t = time.Now`, "")
	f("floor/a_test.go", `import "time"; var t = time.Now()`, "")
	f("roof/a.go", `import "time"; var t = time.Now()`, "")

	f("floor/a.go", "func f() { go f() }", "floor/a.go:2: a goroutine in a room that starts none")
	f("floor/a.go", `import "time"; var wait = time.Sleep`, "floor/a.go:2: time.Sleep in a room that waits for nothing")
	f("wall/a.go", `import "time"; var wait = time.Sleep`, "")
	f("wall/a.go", `import "time"; var t = time.Now()`, "wall/a.go:2: time.Now in a room without a clock")
	f("roof/a.go", "func f() { go f() }", "")

	f("floor/a.go", `import "os"`, "floor/a.go:2: os in a room that knows nothing of the world")
	f("floor/a.go", `import "net/http"`, "floor/a.go:2: net/http in a room that knows nothing of the world")
	f("roof/a.go", `import "os"`, "")
}

func TestSizeLawFindsLongFilesAndFunctions(t *testing.T) {
	law := sizeLaw{fileLinesMax: 10, functionLinesMax: 4}
	f := func(name, source, want string) {
		t.Helper()
		expect(t, checkGo(t, law.check, name, source), want)
	}
	lines := func(n int) string { return strings.Repeat("\n", n) }

	f("a.go", "package p"+lines(10), "")
	f("a.go", "package p"+lines(11), "a.go:11: the file has 11 lines, of 10 at most")
	f("a_test.go", "package p"+lines(11), "")

	// Comments above a function are not counted, what is inside is counted once.
	f("a.go", "package p\n// one\n// two\nfunc f() {"+lines(3)+"}\n", "")
	f("a.go", "package p\nfunc f() {"+lines(4)+"}\n", "a.go:2: f has 5 lines, of 4 at most")
	f("a.go", "package p\nvar f = func() {"+lines(4)+"}\n", "a.go:2: a function literal has 5 lines, of 4 at most")
	f("a.go", "package p\nfunc f() { func() {"+lines(4)+"}() }\n", "a.go:2: f has 5 lines, of 4 at most")
	f("a_test.go", "package p\nfunc f() {"+lines(4)+"}\n", "")
}

func TestLoadGoLeavesOutWhatIsNotOfTheModule(t *testing.T) {
	f := func(name string, want int) {
		t.Helper()
		if files, err := loadGo(written(t, name, "package p")); err != nil || len(files) != want {
			t.Errorf("%s: loaded %d files, %v; want %d", name, len(files), err, want)
		}
	}
	f("a.go", 1)
	f("a/b/c.go", 1)
	f("a/testdata/c.go", 0)
	f("a/.hidden/c.go", 0)
	f("a/c.txt", 0)

	dir := written(t, "tools/go.mod", "module tools")
	if err := os.WriteFile(filepath.Join(dir, "tools", "a.go"), []byte("package p"), 0o600); err != nil {
		t.Fatal(err)
	}
	if files, err := loadGo(dir); err != nil || len(files) != 0 {
		t.Errorf("loaded %d files of a nested module, %v", len(files), err)
	}
	if _, err := loadGo(written(t, "a.go", "package")); err == nil {
		t.Error("a file that does not parse went unnoticed")
	}
}

func TestTextLawFindsWhatDoesNotBelong(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		findings, err := texts.check(written(t, "page.md", text), []string{"page.md", "removed.md"})
		if err != nil {
			t.Fatal(err)
		}
		if len(findings) > 1 || want == "" && len(findings) > 0 || want != "" && (len(findings) == 0 || !strings.HasPrefix(findings[0], want)) {
			t.Errorf("found %q in %q, want %q", findings, text, want)
		}
	}
	// In two pieces, so that the law does not find them here.
	f("one\ntwo /wor"+"k/main", `page.md:2: " /wor`)
	f("(/roo"+"t/go)", `page.md:1: "(/roo`)
	f("// TO"+"DO: later", `page.md:1: "TO`)
	f("FIX"+"ME", `page.md:1: "FIX`)
	f("a XX"+"X b", `page.md:1: "XX`)
	f("see iss"+"ue #12", `page.md:1: "iss`)
	f("see Iss"+"ues #12", `page.md:1: "Iss`)

	f("https://example.org/wor"+"k/main", "")
	f("networ"+"k/main and the roo"+"t / of all", "")
	f("mktemp XXXX"+"XX", "")
	f("an issue of its own", "")
	f("\x00TO"+"DO", "")
}

func TestRepositoryFilesListsThisFile(t *testing.T) {
	names, err := repositoryFiles(root)
	if err != nil {
		t.Skip(err)
	}
	if !slices.Contains(names, "internal/tidy/checks_test.go") {
		t.Errorf("%d files, and this one is not among them", len(names))
	}
}

func TestCheckMakefileFindsTargetsWithoutHelp(t *testing.T) {
	f := func(makefile, want string) {
		t.Helper()
		expect(t, checkMakefile(makefile), want)
	}
	f("build: sqlite3.o ## build it\n\tgo build", "")
	f("\n\nbuild: sqlite3.o\n\tgo build", "Makefile:3: target build has no ## help")
	f("sqlite3.o:", "Makefile:1: target sqlite3.o has no ## help")
	f("a b: c", "Makefile:1: target a b has no ## help")
	f("TAGS := -x\nBASE ?= HEAD\nA:=b", "")
	f(".PHONY: build\nhave-%:\n\techo: colon", "")
	f("# comment: with a colon", "")
}
