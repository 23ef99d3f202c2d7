package server

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rowsOf is what a table holds, each row as JSON.
func (s *testServer) rowsOf(t testing.TB, db, table string) string {
	t.Helper()
	sql := fmt.Sprintf(`{"resultFormat":"list","transaction":[{"query":%q}]}`, "SELECT * FROM "+table+" ORDER BY rowid")
	a := s.request(t, "POST", "/db?db="+db, sql)
	answer := told[struct {
		Results []struct{ ResultSetList json.RawMessage }
	}](t, a)
	if len(answer.Results) != 1 {
		return ""
	}
	return string(answer.Results[0].ResultSetList)
}

// cell is a value of a column in a file, and as SQL answers it.
type cell struct{ csv, answered string }

func drawCell(t *rapid.T, kind int) cell {
	quoted := func(s string) string {
		out := &bytes.Buffer{}
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.Encode(s)
		return strings.TrimSpace(out.String())
	}
	empty := rapid.IntRange(0, 5).Draw(t, "empty") == 0
	switch {
	case empty && kind < 2:
		return cell{"", "null"}
	case kind == 0:
		n := strconv.FormatInt(rapid.Int64().Draw(t, "integer"), 10)
		return cell{n, n}
	case kind == 1:
		f := strconv.FormatFloat(float64(rapid.IntRange(-1e6, 1e6).Draw(t, "thousandths"))/1000+0.0005, 'f', 4, 64)
		shown, _ := strconv.ParseFloat(f, 64)
		text, _ := json.Marshal(shown)
		return cell{f, string(text)}
	}
	if empty {
		return cell{"", `""`}
	}
	text := "t" + rapid.StringOf(rapid.RuneFrom([]rune("ab,\"'\n\t 0é😀\x00;]`"))).Draw(t, "text")
	return cell{text, quoted(text)}
}

// What an export of random rows holds is in the table after its import, value by value.
func TestAnImportedTableHoldsWhatTheFileSays(t *testing.T) {
	s := startServer(t, testOptions{})
	tables := 0
	rapid.Check(t, func(rt *rapid.T) {
		kinds := rapid.SliceOfN(rapid.IntRange(0, 2), 2, 5).Draw(rt, "kinds") // a line is never empty
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		header := make([]string, len(kinds))
		for i := range kinds {
			header[i] = fmt.Sprint("column ", i)
		}
		w.Write(header)
		cells := make([][]cell, rapid.IntRange(0, 30).Draw(rt, "rows"))
		told := make([]bool, len(kinds)) // whether a column has any value
		for r := range cells {
			var fields []string
			for i, kind := range kinds {
				c := drawCell(rt, kind)
				cells[r], fields = append(cells[r], c), append(fields, c.csv)
				told[i] = told[i] || c.csv != ""
			}
			w.Write(fields)
		}
		var want []string
		for _, row := range cells {
			var answered []string
			for i, c := range row {
				if !told[i] {
					c.answered = `""` // of an empty column nobody knows that it is one of numbers
				}
				answered = append(answered, c.answered)
			}
			want = append(want, "["+strings.Join(answered, ",")+"]")
		}
		w.Flush()
		tables++
		table := fmt.Sprint("t", tables)
		mode := rapid.SampledFrom([]string{"commit", "batches"}).Draw(rt, "mode")
		a := s.request(t, "POST", "/db/import?db=app&create=true&table="+table+"&mode="+mode, file.String())
		if a.status != 200 || !strings.Contains(string(a.body), fmt.Sprintf(`"rows":%d,"skipped":0`, len(want))) {
			rt.Fatalf("%s %s for %q", a.reason, a.body, file.String())
		}
		if got, wanted := s.rowsOf(t, "app", table), "["+strings.Join(want, ",")+"]"; got != wanted {
			rt.Fatalf("%q\nis %s\nwant %s", file.String(), got, wanted)
		}
	})
}

// The upload is cut at every byte: nothing is imported, and no table is made.
func TestAnUploadThatIsCutImportsNothing(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "x").wants(t, 200, "")
	files := map[string]string{
		"csv":    "a,b\n1,one\n2,two\n3,\"thr\nee\"\n",
		"ndjson": "{\"a\":1,\"b\":\"one\"}\n{\"a\":2}\n",
		"json":   `[{"a":1,"b":"one"},{"a":2,"b":null}]`,
	}
	for format, file := range files {
		head := "POST " + prefix + "/db/import?db=app&table=cut&create=true&format=" + format + " HTTP/1.1\r\nHost: a\r\n"
		for _, raw := range []string{
			fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(file), file),
			head + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(file, 3, 10),
		} {
			for cut := len(head); cut < len(raw); cut++ {
				c := s.connect(t)
				c.send(t, raw[:cut])
				c.Conn.(*net.TCPConn).CloseWrite()
				if a, err := c.receive("POST"); err == nil && a.status < 400 {
					t.Fatalf("%s cut at %d of %d: %s %s", format, cut, len(raw), a.reason, a.body)
				}
				c.Close()
			}
		}
	}
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT count(*) AS n FROM sqlite_master WHERE name = 'cut'"}]}`).wants(t, 200, `"n":0`)
	noFilesLeft(t, s.dir)
}

// noFilesLeft fails if there is a file of the server's own.
func noFilesLeft(t testing.TB, dir string) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(dir, ".urlite*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
}

func TestBatchesBeforeACutStayAndAreTold(t *testing.T) {
	s := startServer(t, testOptions{})
	var file strings.Builder
	file.WriteString("n\n")
	for n := range 2*importBatchRows + 500 {
		fmt.Fprintln(&file, n)
	}
	c := s.connect(t)
	c.send(t, fmt.Sprintf("POST %s/db/import?db=app&table=t&create=true&mode=batches HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
		prefix, file.Len()+1, file.String()))
	c.Conn.(*net.TCPConn).CloseWrite()
	a, err := c.receive("POST")
	if err != nil {
		t.Fatal(err)
	}
	a.wants(t, 400, `"error":"the body ended before it was complete; 2000 rows were imported before"`)
	a.wants(t, 400, `"rows":2000,"skipped":0`)
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT count(*) AS n FROM t"}]}`).wants(t, 200, `"n":2000`)
}

func TestTheFirstErrorsAreListedAndAllAreCounted(t *testing.T) {
	s := startServer(t, testOptions{})
	var file strings.Builder
	file.WriteString("n\n")
	for n := range 2*importBatchRows + 1 {
		if n%100 == 50 {
			file.WriteString("1,2\n")
		} else {
			fmt.Fprintln(&file, n)
		}
	}
	a := s.request(t, "POST", "/db/import?db=app&table=t&create=true&mode=batches", file.String())
	answer := told[struct {
		Rows, Skipped int
		Errors        []struct{ Row int }
	}](t, a)
	if answer.Rows != 2*importBatchRows+1-20 || answer.Skipped != 20 || len(answer.Errors) != 20 || answer.Errors[19].Row != 1951 {
		t.Errorf("%s", a.body)
	}
	a = s.request(t, "POST", "/db/import?db=app&table=t&mode=batches", strings.Repeat(file.String()[:2]+"1,2\n", 30))
	if answer := told[struct{ Errors []struct{ Row int } }](t, a); len(answer.Errors) != 20 || answer.Errors[0].Row != 1 {
		t.Errorf("%s", a.body)
	}
}

// A client that sends its file slowly is in nobody's way.
func TestAnImportThatArrivesSlowlyHoldsNobodyUp(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t (n INTEGER)"}]}`).wants(t, 200, "")
	c := s.connect(t)
	c.send(t, "POST "+prefix+"/db/import?db=app&table=t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	var sum int
	for n := range 200_000 {
		if n%10_000 == 0 {
			c.send(t, fmt.Sprintf("%x\r\n%s\r\n", len("n\n"), map[bool]string{true: "n\n", false: "1\n"}[n == 0]))
			s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, fmt.Sprintf(`"value":%d`, n/10_000+1))
			if n > 0 {
				sum++
			}
		}
	}
	part := strings.Repeat("7\n", 200_000) // more than a spool keeps in memory
	c.send(t, fmt.Sprintf("%x\r\n%s\r\n", len(part), part))
	noFilesLeft(t, s.dir) // the file has no name
	c.exchange(t, "POST", "0\r\n\r\n").wants(t, 200, fmt.Sprintf(`"rows":%d`, sum+200_000))
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT sum(n) AS n FROM t"}]}`).wants(t, 200, fmt.Sprintf(`"n":%d`, sum+7*200_000))
}

func TestOnlySoManyImportsRunAtATime(t *testing.T) {
	s := startServer(t, testOptions{})
	var held []*connection
	for range importsMax {
		c := s.connect(t)
		c.send(t, "POST "+prefix+"/db/import?db=app&table=t&create=true HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nn\n\r\n")
		held = append(held, c)
	}
	s.soon(t, "all have begun", func() bool { return s.api.imports.Load() == importsMax })
	s.request(t, "POST", "/db/import?db=app&table=t&create=true", "n\n1\n").wants(t, 503, "too many imports")
	held[0].exchange(t, "POST", "0\r\n\r\n").wants(t, 200, `"rows":0`)
	s.soon(t, "one is done", func() bool { return s.api.imports.Load() < importsMax })
	s.request(t, "POST", "/db/import?db=app&table=t", "n\n1\n").wants(t, 200, `"rows":1`)
	for _, c := range held {
		c.Close()
	}
	s.soon(t, "all is given back", func() bool { return s.api.imports.Load() == 0 && s.api.bodies.taken.Load() == 0 })
}

func TestAnImportHasItsTime(t *testing.T) {
	s := startServer(t, testOptions{})
	for _, mode := range []string{"commit", "batches"} {
		c := s.connect(t)
		c.send(t, "POST "+prefix+"/db/import?db=app&table=t&create=true&timeout=1&mode="+mode+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nn\n1\n\r\n")
		a, err := c.receive("POST")
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, "POST", a)
		a.wants(t, 503, "REQUEST_TIMEOUT")
		if !c.closed() {
			t.Error("the connection stays open")
		}
	}
	// One that runs too long in the writer: a trigger that never ends.
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t (n); CREATE TABLE log (n); CREATE TRIGGER slow AFTER INSERT ON t BEGIN INSERT INTO log WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c) SELECT count(*) FROM c; END"}]}`).wants(t, 200, "")
	s.request(t, "POST", "/db/import?db=app&table=t&timeout=1", "n\n1\n").wants(t, 503, "REQUEST_TIMEOUT")
	if rows := s.rowsOf(t, "app", "t"); rows != "[]" {
		t.Errorf("%s is in", rows)
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.ImportBytesMax = 100_000; c.BodyBytesMax = 1000 }})
	file := "n\n" + strings.Repeat("1\n", 49_999)
	target := "/db/import?db=app&table=t&create=true"
	s.request(t, "POST", target, file+"1\n").wants(t, 413, "the body exceeds the limit of 100000 bytes")
	s.request(t, "POST", target, file).wants(t, 413, "the rows take more than the limit of 100000 bytes")
	s.request(t, "POST", target+"&mode=batches", file).wants(t, 200, `"rows":49999`)
	for _, got := range []string{"&x=1", "&mode=batches"} {
		statuses, bodies := s.offend(t, "POST "+prefix+strings.Replace(target, "table=t", "table=u", 1)+got+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+inChunks(file+"1\n", 10))
		if fmt.Sprint(statuses) != "[413]" {
			t.Errorf("in chunks: %v %s", statuses, bodies)
		}
	}
	// Other bodies have the limit of bodies.
	s.request(t, "PUT", "/kv/k?db=app", file[:1001]).wants(t, 413, "limit of 1000 bytes")
	wide := strings.Repeat("c,", 32_767)
	s.request(t, "POST", "/db/import?db=app&table=wide&create=true", wide+"c\n").wants(t, 400, "32768 columns are more than the limit of 32766")
}

func TestAnImportOnAFullDiskImportsNothing(t *testing.T) {
	dir := smallDisk(t, 8)
	s := startServer(t, testOptions{dir: dir})
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t (a)"}]}`).wants(t, 200, "")
	row := strings.Repeat("r", 9_998) + "\n"
	file := func(megabytes int) string { return "a\n" + strings.Repeat(row, megabytes*100) }
	// Full while it is spooled, and while it is inserted.
	for _, megabytes := range []int{10, 5} {
		s.request(t, "POST", "/db/import?db=app&table=t", file(megabytes)).wants(t, 503, `"code":"SERVICE_UNAVAILABLE"`)
		s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT count(*) AS n FROM t"}]}`).wants(t, 200, `"n":0`)
		noFilesLeft(t, dir)
	}
	s.request(t, "POST", "/db/import?db=app&table=t", file(1)).wants(t, 200, `"rows":100`)
	if log := s.log.String(); !strings.Contains(log, "no space left") && !strings.Contains(log, "FULL") {
		t.Errorf("the log does not tell why: %s", log)
	}
}

// Rows are inserted next to others' writes, all or none of them, whatever their neighbours do.
func TestImportsAmongOthersWrites(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t (who, n, UNIQUE (who, n)); CREATE TABLE bad (x)"},`+
		`{"statement":"CREATE TRIGGER bad BEFORE INSERT ON bad BEGIN SELECT raise(ROLLBACK, 'all of it'); END"}]}`).wants(t, 200, "")
	const clients, rows = 24, 300
	answers := s.crowd(t, clients, func(i int) string {
		if i%4 == 3 { // takes its whole group with it, which is worked again
			return rawRequest("POST", prefix+"/db?db=app", `{"transaction":[{"statement":"INSERT INTO bad VALUES (1)"}]}`)
		}
		file := "who,n\n"
		for n := range rows {
			file += fmt.Sprintf("%d,%d\n", i, n)
		}
		if i%4 == 2 {
			file += fmt.Sprintf("%d,%d\n", i, rand.IntN(rows)) // a row again
		}
		return rawRequest("POST", prefix+"/db/import?db=app&table=t", file, "Content-Type: text/csv")
	})
	imported := 0
	for i, a := range answers {
		switch {
		case a.status == 503 && strings.Contains(string(a.body), "too many imports"):
		case i%4 == 3, i%4 == 2:
			a.wants(t, 409, "SQL_CONSTRAINT")
		default:
			a.wants(t, 200, fmt.Sprintf(`"rows":%d`, rows))
			imported += rows
		}
	}
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT count(*) AS n FROM t"}]}`).wants(t, 200, fmt.Sprintf(`"n":%d`, imported))
	if imported == 0 {
		t.Error("nothing was imported at all")
	}
}

func TestHostileNamesAreNames(t *testing.T) {
	s := startServer(t, testOptions{})
	for i, name := range []string{`a"b`, "a]b", "a`b", "a'b", `";DROP TABLE kept;--`, "😀", "a b", "select", "0", "?1", strings.Repeat("n", 1000)} {
		file := &bytes.Buffer{}
		w := csv.NewWriter(file)
		w.Write([]string{name, "other"})
		w.Write([]string{"1", "2"})
		w.Flush()
		db := fmt.Sprint("names", i)
		s.request(t, "POST", "/db/import?db="+db+"&create=true&table="+url.QueryEscape(name), file.String()).wants(t, 200, `"rows":1`)
		s.request(t, "POST", "/db/import?db="+db+"&mode=batches&table="+url.QueryEscape(name), file.String()).wants(t, 200, `"rows":1`)
		a := s.request(t, "POST", "/db?db="+db, `{"transaction":[{"query":"SELECT t.name AS t, c.name AS c FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.name NOT LIKE '\\_%' ESCAPE '\\' AND c.name <> 'other'"}]}`)
		found := told[struct {
			Results []struct {
				ResultSet []struct{ T, C string }
			}
		}](t, a).Results[0].ResultSet
		if len(found) != 1 || found[0].T != name || found[0].C != name {
			t.Errorf("%q: %s", name, a.body)
		}
	}
}

// A client that is gone in the middle leaves nothing behind: no file, no memory, no rows.
func TestAnImporterThatGoesAway(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t (n)"}]}`).wants(t, 200, "")
	before := openFilesOf(t, s.dir)
	for _, mode := range []string{"commit", "batches"} {
		c := s.connect(t)
		c.send(t, "POST "+prefix+"/db/import?db=app&table=t&mode="+mode+" HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nn\n")
		go io.WriteString(c, strings.Repeat("123456\n", 300_000))
		s.soon(t, "it has begun", func() bool { return s.api.imports.Load() == 1 })
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		s.soon(t, "it has ended", func() bool { return s.api.imports.Load() == 0 && s.api.bodies.taken.Load() == 0 })
		if mode == "commit" {
			s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT count(*) AS n FROM t"}]}`).wants(t, 200, `"n":0`)
		}
	}
	s.soon(t, "its file is closed", func() bool { return openFilesOf(t, s.dir) <= before })
}

// openFilesOf counts the nameless files that this process has open in dir.
func openFilesOf(t testing.TB, dir string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	n := 0
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && strings.HasPrefix(target, dir) && strings.Contains(target, "(deleted)") {
			n++
		}
	}
	return n
}

// What goes wrong with all of a batch is no row's fault: it must not pass for a success that
// has imported nothing.
func TestABatchThatFailsAsAWholeIsTold(t *testing.T) {
	s := startServer(t, testOptions{})
	s.sql(t, "CREATE TABLE t (a)", "CREATE TRIGGER broken AFTER INSERT ON t BEGIN INSERT INTO nowhere VALUES (1); END",
		"CREATE TABLE j (a, b AS (json_extract(a, '$.x')) STORED)")
	rows := "a\n" + strings.Repeat("1\n", importBatchRows+3)
	for _, mode := range []string{"commit", "batches"} {
		a := s.request(t, "POST", "/db/import?db=app&table=t&mode="+mode, rows)
		a.wants(t, 400, "no such table: main.nowhere")
		a = s.request(t, "POST", "/db/import?db=app&table=j&mode="+mode, rows+"{\n")
		a.wants(t, 400, fmt.Sprintf("row %d: malformed JSON", importBatchRows+4))
		a.wants(t, 400, map[string]string{"commit": `"code"`, "batches": fmt.Sprintf(`"rows":%d,`, importBatchRows)}[mode])
	}
	s.request(t, "GET", "/query?db=app&sql=SELECT+count(*)+AS+n+FROM+t", "").wants(t, 200, `"n":0`)
}

// A database that is deleted while rows for it arrive is not made again without its table.
func TestAnImportDoesNotBringBackWhatWasDeleted(t *testing.T) {
	for _, mode := range []string{"commit", "batches"} {
		s := startServer(t, testOptions{})
		s.sql(t, "CREATE TABLE t (a)")
		c := s.connect(t)
		part := "a\n" + strings.Repeat("1\n", importBatchRows+prefetchedBytes)
		c.send(t, "POST "+prefix+"/db/import?db=app&table=t&mode="+mode+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		c.send(t, fmt.Sprintf("%x\r\n%s\r\n", len(part), part))
		s.soon(t, "the import waits for more", func() bool { return s.api.imports.Load() == 1 && s.api.inFlight.Load() == 0 })
		s.request(t, "DELETE", "/db?db=app", "").wants(t, 200, "")
		c.exchange(t, "POST", "4\r\n1\n1\n\r\n0\r\n\r\n").wants(t, 400, "DATABASE_NOT_FOUND")
		s.request(t, "GET", "/query?db=app&sql=SELECT+1", "").wants(t, 400, "DATABASE_NOT_FOUND")
	}
}
