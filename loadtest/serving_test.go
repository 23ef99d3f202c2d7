package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// binaryVariable names a server that is built already; without it the tests
// build their own.
const binaryVariable = "LOADTEST_SERVER"

// build makes the server that all tests run: once, and only if one asks.
var build struct {
	once   sync.Once
	folder string
	binary string
	err    error
}

func TestMain(m *testing.M) {
	if code, other := runOther(os.Args[1:]); other {
		os.Exit(code) // startNoop and startReference run this binary
	}
	code := m.Run()
	if build.folder != "" {
		_ = os.RemoveAll(build.folder)
	}
	os.Exit(code)
}

func serverBinary(t *testing.T) string {
	t.Helper()
	build.once.Do(func() {
		if build.binary = os.Getenv(binaryVariable); build.binary != "" {
			return
		}
		if build.folder, build.err = os.MkdirTemp("", "urlite-built-"); build.err != nil {
			return
		}
		build.binary = filepath.Join(build.folder, "urlite")
		build.err = buildServer(build.binary)
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.binary
}

// buildServer links the current SQLite where `make sqlite3.o` has made it, and
// the bundled one elsewhere, as a plain `go build` does.
func buildServer(binary string) error {
	arguments := []string{"build", "-o", binary}
	if object, err := os.Stat("../sqlite3.o"); err == nil {
		// The object is no input that the Go command knows of; a changed flag makes it link anew.
		arguments = append(arguments, "-tags", "linksqlite3",
			"-ldflags", fmt.Sprintf("-X main.sqliteObject=%d", object.ModTime().UnixNano()))
	}
	command := exec.Command("go", append(arguments, "./cmd/urlite")...)
	command.Dir = ".." // where the linker looks for the object
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, output)
	}
	return nil
}

// serve starts a server on folder; it is killed at the end of the test if it
// still runs then.
func serve(t *testing.T, folder string) *process {
	t.Helper()
	server, err := startServer(serverBinary(t), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.kill)
	return server
}

// stopCleanly drains the server: it must exit with 0.
func stopCleanly(t *testing.T, server *process) {
	t.Helper()
	if err := server.stop(); err != nil {
		t.Error(err)
	}
}

// apiClient speaks to servers as any Go program would, over as many kept
// connections as there are goroutines.
type apiClient struct {
	http http.Client
}

func newAPIClient(t *testing.T, goroutines int) *apiClient {
	c := &apiClient{http: http.Client{
		Transport: &http.Transport{MaxIdleConns: goroutines, MaxIdleConnsPerHost: goroutines},
		Timeout:   30 * time.Second,
	}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

func (c *apiClient) increment(address, database, key string) (int64, error) {
	var answer struct {
		Success bool   `json:"success"`
		Key     string `json:"key"`
		Value   int64  `json:"value"`
		ETag    string `json:"etag"`
	}
	path := "/kv/" + url.PathEscape(key) + "/incr?db=" + database
	if err := c.call(http.MethodPost, address, path, &answer); err != nil {
		return 0, err
	}
	if !answer.Success || answer.Key != key || answer.ETag == "" {
		return 0, fmt.Errorf("an increment of %s answered %+v", key, answer)
	}
	return answer.Value, nil
}

// patientIncrement repeats what another process's write kept busy. Nothing was
// committed by a busy answer, so the repetition can't count twice.
func (c *apiClient) patientIncrement(ctx context.Context, address, database, key string) (int64, error) {
	for {
		value, err := c.increment(address, database, key)
		var refused *statusError
		if !errors.As(err, &refused) || refused.code != "DATABASE_BUSY" {
			return value, err
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *apiClient) value(t *testing.T, address, database, key string) int64 {
	t.Helper()
	var value int64
	if err := c.call(http.MethodGet, address, "/kv/"+url.PathEscape(key)+"?db="+database, &value); err != nil {
		t.Fatalf("reading %s: %v", key, err)
	}
	return value
}

// queryRow answers the first row of a reading SQL statement.
func (c *apiClient) queryRow(t *testing.T, address, database, sql string) map[string]any {
	t.Helper()
	var answer struct {
		Rows []map[string]any `json:"resultSet"`
	}
	path := "/query?db=" + database + "&sql=" + base64.RawURLEncoding.EncodeToString([]byte(sql))
	if err := c.call(http.MethodGet, address, path, &answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(answer.Rows) == 0 {
		t.Fatalf("%s: no row", sql)
	}
	return answer.Rows[0]
}

func (c *apiClient) call(method, address, path string, into any) error {
	return c.send(method, address, path, nil, into)
}

// transact runs a transaction of SQL.
func (c *apiClient) transact(address, database string, items []sqlItem, into any) error {
	body, err := json.Marshal(map[string]any{"transaction": items})
	if err != nil {
		return err
	}
	return c.send(http.MethodPost, address, dbPath+"?db="+database, bytes.NewReader(body), into)
}

func (c *apiClient) send(method, address, path string, body io.Reader, into any) error {
	request, err := http.NewRequest(method, "http://"+address+apiPrefix+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", jsonType)
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	told, err := io.ReadAll(io.LimitReader(answer.Body, answerBytesMax))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return newStatusError(answer.StatusCode, told)
	}
	return json.Unmarshal(told, into)
}

// historyIsWhole checks that the history tells every one of a counter's writes,
// numbered from 1 without a gap.
func historyIsWhole(t *testing.T, c *apiClient, address, database, key string, writes int64) {
	t.Helper()
	row := c.queryRow(t, address, database, fmt.Sprintf(
		"SELECT count(*) AS entries, count(DISTINCT op_number) AS numbers, min(op_number) AS first, max(op_number) AS last FROM kv_store_history WHERE key = '%s'", key))
	want := map[string]any{"entries": float64(writes), "numbers": float64(writes), "first": float64(1), "last": float64(writes)}
	for name, number := range want {
		if row[name] != number {
			t.Errorf("history of %s: %s is %v, want %v", key, name, row[name], number)
		}
	}
}

// fileIsSound asks SQLite itself.
func fileIsSound(t *testing.T, c *apiClient, address, database string) {
	t.Helper()
	row := c.queryRow(t, address, database, "PRAGMA integrity_check")
	if len(row) != 1 || row["integrity_check"] != "ok" {
		t.Errorf("integrity_check: %v", row)
	}
}
