package tidy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// arrows is the plan of the house. A new folder or module gets its line here
// first, and the line is where to argue about it.
var arrows = importLaw{
	module:    "github.com/urlite/urlite",
	everybody: "refusal",
	testsOnly: "internal/testdb",
	rooms: []room{
		// room, and the rooms it may import
		{"cmd", "server catalog client"},
		{"server", "catalog directory past kv sqltx tabular spool querylog web internal/jsontext internal/ratelimit"},
		{"catalog", "writer reader store past querylog"},
		{"writer", "store past kv sqltx querylog"},
		{"reader", "store kv sqltx"},
		{"store", "past kv sqltx querylog internal/chunks"},
		{"past", "kv internal/jsontext"},
		{"sqltx", "internal/jsontext"},
		{"tabular", "sqltx internal/jsontext"},
		{"spool", ""},
		{"querylog", ""},
		{"kv", "internal/jsontext internal/jsonpath internal/ratelimit"},
		{"directory", "kv"},
		{"refusal", ""},
		{"client", ""},
		{"web", ""},
		{"loadtest", "server client store sqltx"},
		{"internal/jsontext", ""},
		{"internal/jsonpath", "internal/jsontext"},
		{"internal/ratelimit", ""},
		{"internal/chunks", ""},
		{"internal/testdb", "store past kv sqltx"},
		{"internal/tidy", ""},
	},
	guests: []guest{
		// module or package, and who may import it
		{"crawshaw.io/sqlite", "store loadtest/reference*.go"},
		{"github.com/mattn/go-sqlite3", "store/amalgamation.go"},
		{"github.com/valyala/fasthttp", "server client loadtest"},
		{"github.com/fasthttp/router", "server loadtest"},
		{"github.com/goccy/go-json", "server loadtest/reference*.go"},
		{"github.com/VictoriaMetrics/metrics", "server catalog writer reader cmd"},
		{"pgregory.net/rapid", "tests"},
		{"unsafe", "store server/bind*.go"},
		{"C", "store"},
	},
}

var purity = purityLaw{
	clockless:     "kv past sqltx tabular querylog store internal/jsontext internal/jsonpath internal/ratelimit",
	goroutineless: "kv past sqltx tabular querylog internal/chunks internal/jsontext internal/jsonpath internal/ratelimit",
	worldless:     "kv past sqltx tabular querylog internal/chunks internal/jsontext internal/jsonpath internal/ratelimit",
	outside:       "os net io/fs log math/rand crypto/rand context database",
}

var sizes = sizeLaw{fileLinesMax: 500, functionLinesMax: 70}

// The brackets keep this table from finding itself.
var texts = textLaw{
	{`(^|[^\w./-])/([w]ork|[r]oot)/`, "a path of somebody's machine"},
	{`(?i)\b[i]ssues? #`, "a reference that means nothing outside of its tracker; say what it is about"},
	{`\b([T]ODO|[F]IXME|[X]XX)\b`, "do it, or write down in docs/ why not"},
}

// root is the repository, seen from this package's folder, where its tests run.
var root = filepath.Join("..", "..")

func report(t *testing.T, findings []string) {
	t.Helper()
	for _, finding := range findings {
		t.Error(finding)
	}
}

func TestGoFilesKeepTheLaws(t *testing.T) {
	files, err := loadGo(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("imports", func(t *testing.T) { report(t, arrows.check(files)) })
	t.Run("purity", func(t *testing.T) { report(t, purity.check(files)) })
	t.Run("sizes", func(t *testing.T) { report(t, sizes.check(files)) })
}

func TestTextsKeepTheLaws(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git tells which files are ours; it is not installed")
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("git tells which files are ours; this is no clone")
	}
	names, err := repositoryFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := texts.check(root, names)
	if err != nil {
		t.Fatal(err)
	}
	report(t, findings)
}

func TestEveryMakeTargetHasHelp(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	report(t, checkMakefile(string(makefile)))
}
