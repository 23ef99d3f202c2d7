package server

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/catalog"
)

// exporting is a server with a table t of so many rows of 100 letters, and one long answer
// at a time.
func exporting(t *testing.T, rows int) *testServer {
	t.Helper()
	s := startServer(t, testOptions{catalog: func(c *catalog.Config) { c.Readers = 2 }})
	s.sql(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)",
		fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO t SELECT i, printf('%%0100d', i) FROM n", rows))
	return s
}

// sql runs statements in the database app.
func (s *testServer) sql(t testing.TB, statements ...string) {
	t.Helper()
	var items []string
	for _, statement := range statements {
		text, err := json.Marshal(statement)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, `{"statement":`+string(text)+`}`)
	}
	s.request(t, "POST", "/db?db=app&timeout=60", `{"transaction":[`+strings.Join(items, ",")+`]}`).wants(t, 200, "results")
}

// quiesces waits until no request is in flight, and proves that the place of a long answer
// is free again.
func (s *testServer) quiesces(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(answerWait); s.api.inFlight.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a request is still in flight")
		}
	}
	s.request(t, "GET", "/db/export?db=app&timeout=5&sql=SELECT+1", "").wants(t, 200, "1")
}

const exportedRows = 30_000 // several pieces, and more than a result may have

func TestAnExportIsAllRows(t *testing.T) {
	s := exporting(t, exportedRows)
	get := func(format string) *answer {
		a := s.request(t, "GET", "/db/export?db=app&table=t&format="+format, "")
		a.wants(t, 200, "")
		if a.header.Get("Content-Length") != "" || a.header.Get("X-Truncated") != "" {
			t.Errorf("%s: %v", format, a.header)
		}
		return a
	}
	rows, err := csv.NewReader(bytes.NewReader(get("csv").body)).ReadAll()
	if err != nil || len(rows) != exportedRows+1 || rows[exportedRows][0] != fmt.Sprint(exportedRows) {
		t.Errorf("csv: %d rows, %v", len(rows), err)
	}
	var objects []struct{ ID int }
	if err := json.Unmarshal(get("json").body, &objects); err != nil || len(objects) != exportedRows || objects[exportedRows-1].ID != exportedRows {
		t.Errorf("json: %d rows, %v", len(objects), err)
	}
	if lines := bytes.Count(get("ndjson").body, []byte("\n")); lines != exportedRows {
		t.Errorf("ndjson: %d rows", lines)
	}
	s.quiesces(t)
}

func TestAStreamedQueryEndsWithTheMarkThatItIsCut(t *testing.T) {
	s := exporting(t, exportedRows)
	f := func(format, mark string) {
		t.Helper()
		a := s.request(t, "GET", "/query?db=app&sql=SELECT+*+FROM+t&format="+format, "")
		if a.status != 200 || !bytes.HasSuffix(a.body, []byte(mark)) || a.header.Get("Etag") == "" {
			t.Errorf("%s: %s ends with %q: %v", format, a.reason, a.body[max(0, len(a.body)-100):], a.header)
		}
	}
	f("csv", "\r\n# truncated after 10000 rows\r\n")
	f("ndjson", "\n"+`{"truncated":true,"rowCount":10000}`+"\n")
	s.quiesces(t)
}

// An export is of one state of the database, however long its client takes.
func TestAnExportSeesNoWriteThatComesLater(t *testing.T) {
	s := exporting(t, exportedRows)
	c := s.connect(t)
	c.send(t, rawRequest("GET", prefix+"/db/export?db=app&table=t&format=ndjson", ""))
	if _, err := c.in.Peek(1); err != nil {
		t.Fatal(err)
	}
	s.sql(t, "DELETE FROM t WHERE id > 10")
	a, err := c.receive("GET")
	if err != nil || bytes.Count(a.body, []byte("\n")) != exportedRows {
		t.Errorf("%v", err)
	}
	s.quiesces(t)
	if got := s.request(t, "GET", "/db/export?db=app&table=t", ""); bytes.Count(got.body, []byte("\n")) != 11 {
		t.Errorf("then: %q", got.body)
	}
}

func TestAClientThatLeavesAnExportLeavesItsReader(t *testing.T) {
	s := exporting(t, 10*exportedRows)
	for _, format := range []string{"csv", "ndjson", "json"} {
		c := s.connect(t)
		c.send(t, rawRequest("GET", prefix+"/db/export?db=app&table=t&format="+format, ""))
		if _, err := io.CopyN(io.Discard, c.in, 1<<20); err != nil {
			t.Fatal(err)
		}
		c.Close()
		s.quiesces(t)
	}
	if a := s.request(t, "HEAD", "/db/export?db=app&table=t", ""); a.status != 200 || a.header.Get("Content-Disposition") == "" {
		t.Errorf("%s %v", a.reason, a.header)
	}
	s.quiesces(t)
}

// brokenOff asks for an export that must not look whole, and answers what came of it.
func (s *testServer) brokenOff(t *testing.T, query string) string {
	t.Helper()
	c := s.connect(t)
	c.send(t, rawRequest("GET", prefix+"/db/export?db=app&"+query, ""))
	head, err := c.in.ReadString('\n')
	if err != nil || !strings.Contains(head, "200") {
		t.Fatalf("%q, %v", head, err)
	}
	rest, _ := io.ReadAll(c.in)
	if bytes.HasSuffix(rest, []byte("\r\n0\r\n\r\n")) {
		t.Error("it ends like something whole")
	}
	s.quiesces(t)
	return string(rest)
}

const endlessRows = "sql=" + "WITH+RECURSIVE+n(i)+AS+(SELECT+1+UNION+ALL+SELECT+i%2B1+FROM+n)+SELECT+i,+zeroblob(1000)+FROM+n"

func TestAnExportPastItsTimeIsBrokenOff(t *testing.T) {
	s := exporting(t, 1)
	for _, format := range []string{"csv", "ndjson", "json"} {
		s.brokenOff(t, "timeout=1&format="+format+"&"+endlessRows)
	}
}

func TestAnErrorInTheMiddleOfAnExportBreaksItOff(t *testing.T) {
	s := exporting(t, exportedRows)
	query := url.QueryEscape(fmt.Sprintf("SELECT id, text, CASE WHEN id = %d THEN abs(-9223372036854775807 - 1) END AS x FROM t", exportedRows))
	rest := s.brokenOff(t, "sql="+query)
	if !strings.Contains(rest, fmt.Sprintf("\r\n%d,", exportedRows/2)) {
		t.Error("there was nothing before it")
	}
	if log := s.log.String(); !strings.Contains(log, "answer broken off") {
		t.Errorf("logged %q", log)
	}
	// A row that comes before the first piece is still a refusal.
	s.request(t, "GET", "/db/export?db=app&sql="+url.QueryEscape("SELECT abs(-9223372036854775807 - id) FROM t"), "").wants(t, 400, "integer overflow")
}

func TestADamagedPageInTheMiddleOfAnExportBreaksItOff(t *testing.T) {
	dir := t.TempDir()
	t.Run("written", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		s.sql(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT)",
			fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO t SELECT i, printf('%%0100d', i) FROM n", exportedRows))
	})
	file := filepath.Join(dir, "app.db")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Index(content, fmt.Appendf(nil, "%0100d", exportedRows/2))
	damaged -= damaged % 2048 // the head of its page
	copy(content[damaged:], bytes.Repeat([]byte{0xff}, 16))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("damaged", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		s.unchecked = true
		s.brokenOff(t, "table=t")
		if log := s.log.String(); !strings.Contains(log, "level=ERROR") {
			t.Errorf("logged %q", log)
		}
	})
}

func TestHugeValuesAreExported(t *testing.T) {
	s := startServer(t, testOptions{})
	s.sql(t, "CREATE TABLE t(a)", "INSERT INTO t VALUES (zeroblob(20000000)), (NULL), (zeroblob(20000000)), ('end')")
	a := s.request(t, "GET", "/db/export?db=app&table=t", "")
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 5 || len(rows[1][0]) != base64.StdEncoding.EncodedLen(20_000_000) || rows[4][0] != "end" {
		t.Errorf("%s: %d rows, %v", a.reason, len(rows), err)
	}
	s.request(t, "GET", "/query?db=app&sql=SELECT+*,*,*+FROM+t", "").wants(t, 413, "RESPONSE_TOO_LARGE")
	s.quiesces(t)
}

func TestOldHTTPGetsAnExportWholeOrNotAtAll(t *testing.T) {
	s := exporting(t, exportedRows)
	f := func(query, status string) {
		t.Helper()
		c := s.connect(t)
		c.send(t, "GET "+prefix+"/db/export?db=app&"+query+" HTTP/1.0\r\nHost: test\r\n\r\n")
		a, err := c.receive("GET")
		if err != nil || a.reason != status {
			t.Errorf("%s: %+v, %v", query, a, err)
		}
	}
	f("table=t", "200 OK")
	f(endlessRows, "413 Request Entity Too Large")
	s.quiesces(t)
}
