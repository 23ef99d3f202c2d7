package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/querylog"
)

// relaxed spares a test the waiting for the disk.
func relaxed(c *catalog.Config) { c.Store.Synchronous, _ = catalog.ParseSynchronous("normal") }

// shownEntry is an entry as the API shows it.
type shownEntry struct {
	ID        int64   `json:"id"`
	SQL       string  `json:"sql"`
	Timestamp string  `json:"timestamp"`
	Millis    float64 `json:"execution_time_ms"`
	Success   bool    `json:"success"`
	Error     string  `json:"error"`
	Rows      int64   `json:"row_count"`
	Statement bool    `json:"is_statement"`
	Source    string  `json:"source"`
	Client    string  `json:"client_ip"`
}

type shownHistory struct {
	History, Entries            []shownEntry
	Count, Total, Limit, Offset int64
}

func (s *testServer) shown(t testing.TB, query string) (h shownHistory) {
	t.Helper()
	got := s.request(t, "GET", "/history?db=app"+query, "")
	if err := json.Unmarshal(got.body, &h); got.status != 200 || err != nil {
		t.Fatalf("%s %s %v", got.reason, got.body, err)
	}
	if !slices.Equal(h.History, h.Entries) || int64(len(h.History)) != h.Count {
		t.Fatalf("the two lists differ, or are no %d entries: %s", h.Count, got.body)
	}
	return h
}

// askedRequest is a request, and how the query history is to tell it.
type askedRequest struct {
	method, path, body string
	status             int
	told               shownEntry
}

func anyAsked(t *rapid.T) askedRequest {
	key := rapid.SampledFrom([]string{"a", "b/c", "ключ", "%"}).Draw(t, "key")
	path := "/kv/" + url.PathEscape(key)
	kv := func(word string, statement bool, rows int64) shownEntry {
		return shownEntry{SQL: word + " " + key, Success: true, Statement: statement, Rows: rows, Source: "kv"}
	}
	switch rapid.IntRange(0, 7).Draw(t, "request") {
	case 0:
		return askedRequest{"PUT", path + "?db=app", "1", 200, kv("SET", true, 1)}
	case 1:
		return askedRequest{"POST", path + "?db=app&delta=5", "", 405, shownEntry{}} // came to no database
	case 2:
		return askedRequest{"POST", path + "/incr?db=app&table=counters", "", 200, shownEntry{SQL: "INCR " + key + " table=counters", Success: true, Statement: true, Rows: 1, Source: "kv"}}
	case 3:
		failed := kv("GET", false, 0)
		failed.SQL += " table=nothing"
		failed.Success, failed.Error = false, "Key not found"
		return askedRequest{"GET", path + "?db=app&table=nothing", "", 404, failed}
	case 4:
		n := rapid.IntRange(1, 900).Draw(t, "length")
		sql := "SELECT '" + strings.Repeat("é", n) + "' AS a"
		return askedRequest{"GET", "/query?db=app&sql=" + url.QueryEscape(sql), "", 200, shownEntry{SQL: sql, Success: true, Rows: 1, Source: "sql"}}
	case 5:
		body, long := `{"transaction":[`, []string(nil)
		for i := range rapid.IntRange(1, 500).Draw(t, "items") {
			long = append(long, fmt.Sprintf(`SELECT %d`, i))
			body += fmt.Sprintf(`{"query":"SELECT %d"},`, i)
		}
		kept, mark := querylog.Cut(strings.Join(long, "; "), querylog.SQLBytesMax)
		return askedRequest{"POST", "/db?db=app", body[:len(body)-1] + "]}", 200, shownEntry{SQL: kept + mark, Success: true, Rows: int64(len(long)), Source: "sql"}}
	case 6:
		return askedRequest{"POST", "/db?db=app", `{"transaction":[{"statement":"INSERT INTO nowhere VALUES (?)","values":["a secret"]}]}`, 400,
			shownEntry{SQL: "INSERT INTO nowhere VALUES (?)", Error: "no such table: nowhere", Statement: true, Source: "sql"}}
	}
	return askedRequest{"GET", "/history/stats?db=app", "", 200, shownEntry{}}
}

// The model is a list of what was asked. When it was written to the file, and which of the
// two it is read from, must not show: neither does a restart.
func TestWhatWasAskedIsWhatIsTold(t *testing.T) {
	options := testOptions{dir: t.TempDir(), catalog: relaxed}
	s := startServer(t, options)
	rapid.Check(t, func(rt *rapid.T) {
		s.request(t, "PUT", "/kv/a?db=app", "1").wants(t, 200, "")
		s.request(t, "DELETE", "/history?db=app", "").wants(t, 200, "")
		var model []shownEntry // the last run's are forgotten, and its IDs are not given again
		next := s.nextID(t)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				s.clock.Add(rapid.Int64Range(0, 3000).Draw(rt, "ms"))
			case 1:
				s.closeDatabases()
				s = startServer(t, options)
			case 2:
				id := next - rapid.Int64Range(0, 20).Draw(rt, "back")
				at := slices.IndexFunc(model, func(e shownEntry) bool { return e.ID == id })
				if status := s.request(t, "DELETE", fmt.Sprintf("/history/%d?db=app", id), "").status; (status == 200) != (at >= 0) {
					rt.Fatalf("DELETE %d: %d, place %d", id, status, at)
				}
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
			default:
				a := anyAsked(rt)
				if got := s.request(t, a.method, a.path, a.body); got.status != a.status {
					rt.Fatalf("%s %s: %s %.200s", a.method, a.path, got.reason, got.body)
				}
				if a.told.SQL != "" {
					a.told.ID = next
					next++
					model = append(model, a.told)
				}
			}
			limit, offset := rapid.IntRange(1, 30).Draw(rt, "limit"), rapid.IntRange(0, 5).Draw(rt, "offset")
			h := s.shown(t, fmt.Sprintf("&limit=%d&offset=%d", limit, offset))
			want := slices.Clone(model)
			slices.Reverse(want)
			want = want[min(offset, len(want)):]
			want = want[:min(limit, len(want))]
			for i := range h.History {
				h.History[i].Timestamp, h.History[i].Millis = "", 0
				if h.History[i].Client != "127.0.0.1" {
					rt.Fatalf("client %q", h.History[i].Client)
				}
				h.History[i].Client = ""
			}
			if h.Total != int64(len(model)) || !slices.Equal(h.History, want) {
				rt.Fatalf("told  %+v of %d\nwant %+v of %d", h.History, h.Total, want, len(model))
			}
		}
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

// nextID asks for something, has it forgotten, and tells which ID comes after it.
func (s *testServer) nextID(t testing.TB) int64 {
	t.Helper()
	s.request(t, "GET", "/kv/a?db=app", "").wants(t, 200, "")
	last := s.shown(t, "&limit=1").History[0].ID
	s.request(t, "DELETE", fmt.Sprintf("/history/%d?db=app", last), "").wants(t, 200, "")
	return last + 1
}

func TestValuesAreNotNoted(t *testing.T) {
	s := startServer(t, testOptions{})
	const secret = "hunter2"
	s.request(t, "PUT", "/kv/k?db=app&if_match="+secret, secret, "Idempotency-Key: "+secret).wants(t, 412, "")
	s.request(t, "PUT", "/kv/k?db=app", secret).wants(t, 200, "")
	s.request(t, "POST", "/kv/k/append?db=app", secret).wants(t, 200, "")
	s.request(t, "POST", "/kv/list/push?db=app", `{"value":"`+secret+`"}`).wants(t, 200, "")
	s.request(t, "POST", "/kv/list/remove?db=app", `{"value":"`+secret+`"}`).wants(t, 200, "")
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"k","value":"`+secret+`"}]}`).wants(t, 200, "")
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t(a)"},{"statement":"INSERT INTO t VALUES (?)","values":["`+secret+`"]}]}`).wants(t, 200, "")
	s.request(t, "GET", "/query?db=app&sql="+url.QueryEscape("SELECT ?")+"&params="+url.QueryEscape(`["`+secret+`"]`), "").wants(t, 200, "")
	if got := s.request(t, "GET", "/history?db=app", ""); strings.Contains(string(got.body), secret) {
		t.Errorf("%s", got.body)
	} else if h := s.shown(t, ""); h.Total != 8 {
		t.Errorf("%d entries: %s", h.Total, got.body)
	}
}

// A crash loses a second at most: what is older is in the file, although nobody wrote.
func TestWhatIsASecondOldIsInTheFile(t *testing.T) {
	s := startServer(t, testOptions{realTime: true})
	s.request(t, "PUT", "/kv/k?db=app", "1").wants(t, 200, "")
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "")
	path := filepath.Join(s.dir, "app.db")
	for deadline := time.Now().Add(30 * time.Second); ; {
		if n := testdb.Query(t, path, "SELECT count(*) FROM _query_history")[0][0].Int; n == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it never was")
		}
	}
}

func TestAReadOnlyFilesHistoryIsInMemory(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "1").wants(t, 200, "")
	s.closeDatabases()
	if err := os.Chmod(filepath.Join(s.dir, "app.db"), 0o444); err != nil {
		t.Fatal(err)
	}
	s = startServer(t, testOptions{dir: s.dir})
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "")
	s.request(t, "PUT", "/kv/k?db=app", "2").wants(t, 409, "DATABASE_READONLY")
	h := s.shown(t, "")
	if h.Total != 3 || h.History[0].SQL != "SET k" || h.History[0].ID != 3 || h.History[0].Success || h.History[1].SQL != "GET k" || h.History[2].ID != 1 {
		t.Errorf("%+v", h)
	}
	s.request(t, "DELETE", "/history/3?db=app", "").wants(t, 409, "DATABASE_READONLY")
	s.request(t, "DELETE", "/history?db=app", "").wants(t, 409, "DATABASE_READONLY")
}

// Who reads a file that another program made leaves no trace in it.
func TestReadingAFileOfAnotherProgramsAddsNothingToIt(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t(a)"}]}`).wants(t, 200, "")
	s.closeDatabases()
	path := filepath.Join(s.dir, "app.db")
	shell(t, path, "DROP TABLE _query_history")
	s = startServer(t, testOptions{dir: s.dir})
	s.request(t, "GET", "/query?db=app&sql=SELECT+1", "").wants(t, 200, "")
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 404, "")
	if h := s.shown(t, ""); h.Total != 2 {
		t.Errorf("%+v", h)
	}
	s.closeDatabases()
	there := func() int64 {
		return testdb.Query(t, path, "SELECT count(*) FROM sqlite_master WHERE name = '_query_history'")[0][0].Int
	}
	if there() != 0 {
		t.Error("there is a table now")
	}
	s = startServer(t, testOptions{dir: s.dir})
	s.request(t, "PUT", "/kv/k?db=app", "1").wants(t, 200, "")
	for tries := 0; there() == 0; tries++ { // when the writer sees what waits is its own affair
		if tries == 100 {
			t.Fatal("there is none")
		}
		s.clock.Add(1000)
		s.request(t, "PUT", "/kv/k?db=app", "2").wants(t, 200, "")
	}
}

// A time that RFC 3339 can't write would make an answer that no client reads.
func TestTimesThatAnotherProgramWroteCanBeRead(t *testing.T) {
	s := startServer(t, testOptions{})
	s.sql(t, "CREATE TABLE t(a)")
	s.shown(t, "")
	s.closeDatabases()
	shell(t, filepath.Join(s.dir, "app.db"), `INSERT INTO _query_history(id, sql, timestamp, execution_time_ms, success)
		VALUES (2, 'old', -9223372036854775808, 0, 1), (3, 'new', 9223372036854775807, 0, 1)`)
	s = startServer(t, testOptions{dir: s.dir})
	h := s.shown(t, "")
	if h.Total != 3 {
		t.Fatalf("%+v", h)
	}
	for _, e := range h.History {
		if _, err := time.Parse(time.RFC3339, e.Timestamp); err != nil {
			t.Error(err)
		}
	}
}

// Many ask and some look on: each finds its own request, and no text is torn.
func TestManyAskAndEachFindsItsOwn(t *testing.T) {
	s := startServer(t, testOptions{realTime: true, catalog: relaxed})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 30 {
				key := fmt.Sprintf("k%d-%d", i, n)
				s.request(t, "PUT", "/kv/"+key+"?db=app", "1").wants(t, 200, "")
				h := s.shown(t, "&limit=1000")
				found, ids := 0, map[int64]bool{}
				for _, e := range h.History {
					if e.SQL == "SET "+key {
						found++
					}
					if !strings.HasPrefix(e.SQL, "SET k") || ids[e.ID] {
						t.Errorf("%+v", e)
					}
					ids[e.ID] = true
				}
				if found != 1 {
					t.Errorf("%s is told %d times", key, found)
				}
			}
		})
	}
	group.Wait()
}

// shell runs SQL as another program would, which no policy of ours binds.
func shell(t *testing.T, path, statement string) {
	t.Helper()
	if out, err := exec.Command("sqlite3", path, statement).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
