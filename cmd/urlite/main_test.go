package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urlite/urlite/catalog"
)

// output is what a running program has written so far.
type output struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.String()
}

// runToEnd runs the program until it ends by itself.
func runToEnd(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, faults output
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	code = run(ctx, args, environ, &out, &faults)
	if ctx.Err() != nil {
		t.Fatalf("urlite %v did not end by itself", args)
	}
	return code, out.String(), faults.String()
}

// program is a server that runs in this process.
type program struct {
	stdout, stderr output
	stop           context.CancelFunc
	ended          chan int // its exit code
	url            string   // of the API
}

var servesOn = regexp.MustCompile(` on (\S+:[0-9]+) \(`)

// start runs "urlite serve" on a free port until the test ends.
func start(t *testing.T, dir string, flags ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{stop: stop, ended: make(chan int, 1)}
	args := append([]string{"serve", "--dir", dir, "--listen", "127.0.0.1:0"}, flags...)
	go func() { p.ended <- run(ctx, args, nil, &p.stdout, &p.stderr) }()
	t.Cleanup(func() {
		stop()
		p.ended <- <-p.ended // it may have been awaited before
	})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if found := servesOn.FindStringSubmatch(p.stdout.String()); found != nil {
			p.url = "http://" + found[1] + "/api/v1/sqlite"
			return p
		}
	}
	t.Fatalf("it does not start: %s", p.stderr.String())
	return nil
}

// stopped stops the program as SIGTERM does and answers its exit code.
func (p *program) stopped(t *testing.T) int {
	t.Helper()
	p.stop()
	select {
	case code := <-p.ended:
		p.ended <- code
		return code
	case <-time.After(30 * time.Second):
		t.Fatal("it does not stop")
		return -1
	}
}

func (p *program) get(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %s %s %v", path, answer.Status, body, err)
	}
	return string(body)
}

func TestWhatIsWrongWithTheCommandLineIsOneClearLine(t *testing.T) {
	f := func(environ []string, args, want string) {
		t.Helper()
		code, stdout, stderr := runToEnd(t, environ, strings.Fields(args)...)
		first, rest, _ := strings.Cut(stderr, "\n")
		if code != exitUsage || stdout != "" || !strings.Contains(first, want) {
			t.Errorf("urlite %s %v: exit %d, %q; want %d and %q", args, environ, code, stderr, exitUsage, want)
		}
		if rest != "" && rest != "\"urlite serve -h\" explains the flags\n" {
			t.Errorf("urlite %s %v says more than a line: %q", args, environ, stderr)
		}
	}
	f(nil, "bogus", `unknown command "bogus"`)
	f(nil, "serve --no-such-flag", "-no-such-flag")
	f(nil, "serve stray", `unexpected argument "stray"`)
	f(nil, "serve --readers many", `invalid value "many" for flag -readers`)
	f(nil, "serve --readers 0", "--readers must be positive")
	f(nil, "serve --max-body-bytes -1", "--max-body-bytes must be positive")
	f(nil, "serve --busy-wait 0s", "--busy-wait must be positive")
	f(nil, "serve --busy-wait 5", `invalid value "5" for flag -busy-wait`)
	f(nil, "serve --idle-close -1s", "--idle-close must not be negative")
	f(nil, "serve --create-missing=perhaps", `"perhaps"`)
	f(nil, "serve --synchronous off", `invalid value "off" for --synchronous: it is full or normal`)
	f([]string{"URLITE_LISTN=:80"}, "serve", "unknown environment variable URLITE_LISTN")
	f([]string{"URLITE_READERS=many"}, "serve", `environment variable URLITE_READERS: invalid value "many"`)
	f([]string{"URLITE_READERS=0"}, "serve", "--readers must be positive")
	f([]string{"URLITE_"}, "serve", "unknown environment variable URLITE_")
}

func TestHelpAndVersionAreNoFailures(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		code, stdout, stderr := runToEnd(t, []string{"PATH=/bin"}, strings.Fields(args)...)
		if code != exitDone || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("urlite %s: exit %d, %q, %q; want %q", args, code, stdout, stderr, want)
		}
	}
	for _, help := range []string{"help", "-h", "--help", "-help"} {
		f(help, "urlite serve [flags]")
	}
	for _, help := range []string{"serve -h", "serve --help", "serve --readers 3 -h"} {
		f(help, "Usage: urlite serve [flags]")
	}
	engine, err := catalog.EngineVersion()
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []string{"version", "--version", "-version"} {
		f(ask, "urlite "+version+", SQLite "+engine+"\n")
	}
	if code, _, stderr := runToEnd(t, nil); code != exitUsage || stderr != usage {
		t.Errorf("without a command: exit %d, %q", code, stderr)
	}
}

func TestEveryFlagHasItsVariable(t *testing.T) {
	_, help, _ := runToEnd(t, nil, "serve", "-h")
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	defaults := defaultSettings()
	defaults.define(flags)
	flags.VisitAll(func(f *flag.Flag) {
		variable := "URLITE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if !strings.Contains(help, fmt.Sprintf("--%s (%s", f.Name, variable)) || len(f.Usage) < 10 || !strings.Contains(help, f.Usage) {
			t.Errorf("the help does not explain --%s and %s", f.Name, variable)
		}
		if _, err := readSettings(nil, []string{variable + "=" + f.DefValue}, io.Discard); err != nil {
			t.Errorf("%s can't be set to its default %q: %v", variable, f.DefValue, err)
		}
	})
}

func TestAFlagWinsOverItsVariable(t *testing.T) {
	environ := []string{"URLITE_READERS=3", "URLITE_DIR=/from/environment", "HOME=/somewhere"}
	s, err := readSettings([]string{"--readers", "5"}, environ, io.Discard)
	if err != nil || s.readers != 5 || s.dir != "/from/environment" {
		t.Errorf("readers %d, dir %q, %v", s.readers, s.dir, err)
	}
}

func TestWhatCantBeServedIsTold(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	missing, port := filepath.Join(dir, "missing"), taken.Addr().String()
	f := func(wants string, args ...string) {
		t.Helper()
		code, stdout, stderr := runToEnd(t, nil, append([]string{"serve"}, args...)...)
		if code != exitFault || stdout != "" || strings.Count(stderr, "\n") != 1 {
			t.Errorf("serve %v: exit %d, %q, %q; want %d and one line", args, code, stdout, stderr, exitFault)
		}
		for want := range strings.SplitSeq(wants, "|") {
			if !strings.Contains(stderr, want) {
				t.Errorf("serve %v: %q does not tell %q", args, stderr, want)
			}
		}
	}
	f("--dir|"+missing+"|no such file", "--dir", missing)
	f("--dir|"+file+"|not a directory", "--dir", file)
	f(port+"|in use", "--dir", dir, "--listen", port)
	f("nonsense|missing port", "--dir", dir, "--listen", "nonsense")
	f(port+"|in use", "--dir", dir, "--listen", "127.0.0.1:0", "--pprof", port)
}

func TestTheCommandsPrintedAtStartWork(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs " + tool)
		}
	}
	p := start(t, t.TempDir())
	var answers []string
	for line := range strings.Lines(p.stdout.String()) {
		if !strings.HasPrefix(line, "  curl ") {
			continue
		}
		command := exec.Command("sh", "-c", line)
		command.Env = append(os.Environ(), "no_proxy=127.0.0.1")
		answer, err := command.Output()
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		answers = append(answers, string(answer))
	}
	want := []string{
		`{"success":true,"key":"visits","value":1,"etag":"\"1\""}`,
		`{"success":true,"key":"greeting","size":5,"etag":"\"2\""}`,
		`hello`,
	}
	if fmt.Sprint(answers) != fmt.Sprint(want) {
		t.Errorf("the commands answer %q, want %q", answers, want)
	}
}

func TestAnAddressOfAllInterfacesIsPrintedAsOneThatWorks(t *testing.T) {
	f := func(network, want string) {
		t.Helper()
		address, err := net.ResolveTCPAddr("tcp", network)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(address); got != want {
			t.Errorf("reachable(%s) = %s, want %s", network, got, want)
		}
	}
	f("0.0.0.0:8080", "127.0.0.1:8080")
	f("[::]:8080", "127.0.0.1:8080")
	f("192.0.2.7:80", "192.0.2.7:80")
	f("[::1]:80", "[::1]:80")
}

func TestSettingsReachTheServer(t *testing.T) {
	p := start(t, t.TempDir(), "--max-body-bytes", "1234", "--max-value-bytes", "567",
		"--open-databases-max", "3", "--synchronous", "normal", "--create-missing=false")
	var health struct {
		Synchronous string
		Cache       struct {
			MaxSize int `json:"max_size"`
		}
		Limits   map[string]int
		Warnings []string
	}
	if err := json.Unmarshal([]byte(p.get(t, "/health")), &health); err != nil {
		t.Fatal(err)
	}
	if health.Synchronous != "normal" || health.Cache.MaxSize != 3 ||
		health.Limits["request_body_bytes"] != 1234 || health.Limits["value_bytes"] != 567 {
		t.Errorf("health tells of %+v", health)
	}
	if warned := len(health.Warnings) > 0; warned != catalog.EngineBundled {
		t.Errorf("warnings %q; the engine is the bundled one: %v", health.Warnings, catalog.EngineBundled)
	}
	answer, err := http.Post(p.url+"/kv/k/incr?db=app", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 400 {
		t.Errorf("a missing database is answered %s", answer.Status)
	}
}

// The request in flight is answered, the log is emptied into the file, and nobody
// listens any more.
func TestBeingStoppedDrains(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	slow := `{"transaction":[{"statement":"CREATE TABLE t (n)"},{"statement":"INSERT INTO t WITH RECURSIVE
		n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 5000000) SELECT count(*) FROM n"}]}`
	answered := make(chan string, 1)
	go func() {
		answer, err := http.Post(p.url+"/db?db=app", "application/json", strings.NewReader(strings.ReplaceAll(slow, "\n\t\t", " ")))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		answered <- fmt.Sprintf("%d %s", answer.StatusCode, body)
	}()
	for !strings.Contains(p.get(t, "/health"), `"in_flight":2`) {
		if len(answered) > 0 {
			t.Fatalf("it was answered before it was seen: %s", <-answered)
		}
	}
	if code := p.stopped(t); code != exitDone {
		t.Errorf("exit %d: %s", code, p.stderr.String())
	}
	select {
	case answer := <-answered:
		if want := `200 {"results":[{"success":true,"rowsUpdated":0},{"success":true,"rowsUpdated":1,"lastInsertRowid":1}]}`; answer != want {
			t.Errorf("the request in flight is answered %s", answer)
		}
	default:
		t.Error("it ended before the request in flight was answered")
	}
	if _, err := http.Get(p.url + "/health"); err == nil {
		t.Error("it still listens")
	}
	if _, err := os.Stat(filepath.Join(dir, "app.db-wal")); !os.IsNotExist(err) {
		t.Errorf("the write-ahead log is left behind: %v", err)
	}
	if !strings.Contains(p.stderr.String(), "draining") {
		t.Errorf("it does not say that it drains: %s", p.stderr.String())
	}
}
