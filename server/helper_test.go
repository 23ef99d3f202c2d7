package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
)

// The clock of tests stands still until a test moves it: at the start of a second.
const clockStart = 1_700_000_000_000

// testServer is a server on a folder of its own and a port of this machine.
type testServer struct {
	api     *Server
	dir     string
	address string
	clock   atomic.Int64 // Unix ms
	log     lockedBuffer
	// unchecked spares the folder's files from the check at the end, for tests that
	// hurt them.
	unchecked bool
	// closeDatabases ends the server's catalog, as a drain does; the test's end does, too.
	closeDatabases func()
}

// testOptions are what a test wants otherwise.
type testOptions struct {
	dir            string // "" is a new one
	config         func(*Config)
	catalog        func(*catalog.Config)
	beforeServing  func(*Server)
	realTime       bool
	anyAbsolute    bool
	mayCreateNever bool
}

// startServer serves until the test ends. Then every database of the folder must
// be sound.
func startServer(t testing.TB, options testOptions) *testServer {
	t.Helper()
	s := newServer(t, options)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.api.Serve(listener) }()
	t.Cleanup(func() {
		shutdown(s.api.http, 2*time.Second)
		if err := <-served; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	return s
}

// newServer makes a server that does not listen.
func newServer(t testing.TB, options testOptions) *testServer {
	t.Helper()
	s := &testServer{dir: options.dir}
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	rules, err := catalog.NewRules(s.dir, options.anyAbsolute)
	if err != nil {
		t.Fatal(err)
	}
	s.dir = rules.Dir // without symlinks
	s.clock.Store(clockStart)
	now := s.clock.Load
	if options.realTime {
		now = func() int64 { return time.Now().UnixMilli() }
	}
	databases := catalog.Config{
		Rules: rules, Store: catalog.StoreOptions{BusyWait: 200 * time.Millisecond},
		Writer: catalog.DefaultWriterLimits(), Readers: 4, OpenMax: 64, QueryHistory: true, Now: now,
	}
	if options.catalog != nil {
		options.catalog(&databases)
	}
	config := Config{
		Version: "test", Built: "today", SQLiteVersion: "3", Synchronous: "full",
		CreateMissing: !options.mayCreateNever,
		Limits:        DefaultLimits(), SQL: DefaultSQLLimits(), BodyBytesMax: 32 << 20, UploadBytesMax: 32 << 20,
		Now: now, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	}
	if options.config != nil {
		options.config(&config)
	}
	opened := catalog.New(databases)
	s.closeDatabases = sync.OnceFunc(opened.Close)
	s.api = New(config, opened)
	if options.beforeServing != nil {
		options.beforeServing(s.api)
	}
	t.Cleanup(func() {
		s.closeDatabases()
		if !s.unchecked {
			checkFolder(t, s.dir)
		}
	})
	return s
}

// checkFolder checks every database in dir.
func checkFolder(t testing.TB, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if exists, err := catalog.Inspect(file); exists && err == nil {
			testdb.Check(t, file)
		}
	}
}

// lockedBuffer is a log that a test may read while it is written.
type lockedBuffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

// connection is a client that sends what no library would.
type connection struct {
	net.Conn
	in *bufio.Reader
}

// answerWait ends a test in which the server stays silent.
const answerWait = 20 * time.Second

func (s *testServer) connect(t testing.TB) *connection {
	t.Helper()
	conn, err := net.Dial("tcp4", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(answerWait))
	return &connection{conn, bufio.NewReader(conn)}
}

// answer is a response, read to its end.
type answer struct {
	status int
	reason string // "200 OK"
	header http.Header
	body   []byte
	proto  string
	closes bool
}

func (c *connection) send(t testing.TB, raw string) {
	t.Helper()
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatalf("sending: %v", err)
	}
}

// receive reads the answer to a request of this method.
func (c *connection) receive(method string) (*answer, error) {
	response, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &answer{response.StatusCode, response.Status, response.Header, body, response.Proto, response.Close}, nil
}

// exchange sends a request and reads its answer, which must be one.
func (c *connection) exchange(t testing.TB, method, raw string) *answer {
	t.Helper()
	c.send(t, raw)
	got, err := c.receive(method)
	if err != nil {
		t.Fatalf("no answer to %.200q: %v", raw, err)
	}
	checkAnswer(t, method, got)
	return got
}

// closed tells whether the server ended the connection, with nothing more to read.
func (c *connection) closed() bool {
	_, err := c.in.ReadByte()
	return err != nil && !os.IsTimeout(err)
}

// request asks on a connection of its own. The path is below the API's prefix.
func (s *testServer) request(t testing.TB, method, path, body string, headers ...string) *answer {
	t.Helper()
	c := s.connect(t)
	defer c.Close()
	return c.exchange(t, method, rawRequest(method, prefix+path, body, headers...))
}

func rawRequest(method, target, body string, headers ...string) string {
	var raw strings.Builder
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target)
	for _, header := range headers {
		raw.WriteString(header + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&raw, "Content-Length: %d\r\n", len(body))
	}
	raw.WriteString("\r\n" + body)
	return raw.String()
}

// wants fails the test if the answer is another.
func (a *answer) wants(t testing.TB, status int, text string) {
	t.Helper()
	if a.status != status || !strings.Contains(string(a.body), text) {
		t.Errorf("answered %s %.300q, want %d and %q", a.reason, a.body, status, text)
	}
}

// healthy asks for the server's health, as a proof that it lives.
func (s *testServer) healthy(t testing.TB) {
	t.Helper()
	s.request(t, "GET", "/health", "").wants(t, 200, `"status":"ok"`)
}

// checkAnswer holds an answer to what every answer of the API must be.
func checkAnswer(t testing.TB, method string, a *answer) {
	t.Helper()
	if id := a.header.Get("X-Request-Id"); !isSaneID([]byte(id)) {
		t.Errorf("%s: request id %q", a.reason, id)
	}
	if a.header.Get("Server") != "urlite" || a.header.Get("Date") == "" {
		t.Errorf("%s: Server %q, Date %q", a.reason, a.header.Get("Server"), a.header.Get("Date"))
	}
	isJSON := a.header.Get("Content-Type") == "application/json"
	if isJSON && method != "HEAD" && !json.Valid(a.body) {
		t.Errorf("%s: the body is no JSON: %.300q", a.reason, a.body)
	}
	if a.status >= 400 {
		checkError(t, method, a, isJSON)
	}
}

// checkError holds a refusal to its shape.
func checkError(t testing.TB, method string, a *answer, isJSON bool) {
	t.Helper()
	code := a.header.Get("X-Hoody-Error-Code")
	if method == "HEAD" {
		if len(a.body) > 0 {
			t.Errorf("%s: HEAD has a body: %q", a.reason, a.body)
		}
	} else {
		var told struct {
			Error, Code string
			StatusCode  *int
		}
		if err := json.Unmarshal(a.body, &told); err != nil || !isJSON || told.Error == "" || told.StatusCode != nil || code != "" {
			t.Errorf("%s: not the shape of an error: %v %q", a.reason, a.header, a.body)
		}
		code = told.Code
	}
	if !slices.Contains(codesOf(a.status), code) {
		t.Errorf("%s: code %q does not go with the status", a.reason, code)
	}
	checkRetry(t, a)
	if allow := a.header.Get("Allow"); (a.status == 405) != (allow != "") {
		t.Errorf("%s: Allow %q", a.reason, allow)
	}
}

// checkRetry holds a refusal to what it says of another try: soon, when a limit grants
// it again, or nothing.
func checkRetry(t testing.TB, a *answer) {
	t.Helper()
	retry := a.header.Get("Retry-After")
	seconds, _ := strconv.Atoi(retry)
	switch {
	case a.status == 503 && retry == "1":
	case a.status == 429 && seconds >= 1:
	case a.status != 503 && a.status != 429 && retry == "":
	default:
		t.Errorf("%s: Retry-After %q", a.reason, retry)
	}
}

// codesOf are the codes that a status may come with.
func codesOf(status int) (codes []string) {
	for kind := refusal.Kind(1); kind < refusal.KindEnd; kind++ {
		if statusOf(kind) == status {
			codes = append(codes, kind.Code())
		}
	}
	return codes
}
