package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urlite/urlite/catalog"
)

// Files that can't be written, locks of others, full disks: the server says so, goes
// on with the rest, and is well again when they are over.

// asAnOrdinaryUser drops the rights of root, to whom no file is read-only, until the
// test ends.
func asAnOrdinaryUser(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	if err := syscall.Seteuid(nobody); err != nil {
		t.Skipf("root can't become somebody else here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Seteuid(0); err != nil {
			panic(err) // nothing after this could be trusted
		}
	})
}

func TestAReadOnlyFileIsReadAndNotWritten(t *testing.T) {
	asAnOrdinaryUser(t)
	dir, err := os.MkdirTemp("", "urlite-readonly-") // not the test's own, which is root's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "app.db")
	t.Run("written first", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		s.request(t, "PUT", "/kv/k?db=app", "kept").wants(t, 200, "")
	})
	if err := os.Chmod(file, 0o444); err != nil {
		t.Fatal(err)
	}
	t.Run("then read-only", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		s.request(t, "PUT", "/kv/k?db=app", "lost").wants(t, 409, "DATABASE_READONLY")
		s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "kept")
		s.request(t, "GET", "/kv?db=app", "").wants(t, 200, `"count":1`)
		s.request(t, "GET", "/query?db=app&sql=SELECT+key+FROM+kv_store", "").wants(t, 200, `"key":"k"`)
		s.request(t, "DELETE", "/kv/k?db=app", "").wants(t, 409, "DATABASE_READONLY")
		s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 409, "DATABASE_READONLY")
		s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"k","value":1}]}`).wants(t, 409, "DATABASE_READONLY")
		s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT 1 AS one"}]}`).wants(t, 200, `"one":1`)
		s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"DELETE FROM kv_store"}]}`).wants(t, 409, `"code":"DATABASE_READONLY","reqIdx":-1`)
		s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "kept")
		s.request(t, "PUT", "/kv/k?db=other", "elsewhere").wants(t, 200, "")
	})
	// SQLite gives the side files the mode of the file, and a reader leaves them there.
	files, err := filepath.Glob(file + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("and at last writable again", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		s.request(t, "PUT", "/kv/k?db=app", "new").wants(t, 200, "")
	})
}

// otherProcess is a sqlite3 shell at work on a database.
type otherProcess struct {
	t     *testing.T
	stdin io.WriteCloser
	out   *bufio.Scanner
	ended func() error
}

func startOtherProcess(t *testing.T, file string) *otherProcess {
	t.Helper()
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("needs the sqlite3 shell as another process")
	}
	command := exec.Command(shell, "-batch", file)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &otherProcess{t: t, stdin: stdin, out: bufio.NewScanner(stdout), ended: command.Wait}
	t.Cleanup(func() { stdin.Close(); command.Wait() })
	return p
}

// do runs SQL and waits until it is done.
func (p *otherProcess) do(sql string) {
	p.t.Helper()
	fmt.Fprintf(p.stdin, "%s;\nSELECT 'done';\n", sql)
	for p.out.Scan() {
		if p.out.Text() == "done" {
			return
		}
	}
	p.t.Fatalf("the sqlite3 shell ended: %v", p.out.Err())
}

func TestALockOfAnotherProcessIsToldAndOutlived(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, `"value":1`)
	other := startOtherProcess(t, filepath.Join(s.dir, "app.db"))

	other.do("BEGIN EXCLUSIVE; CREATE TABLE theirs (x)")
	started := time.Now()
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 503, "DATABASE_BUSY")
	if waited := time.Since(started); waited < 150*time.Millisecond {
		t.Errorf("gave up after %v, before the wait was over", waited)
	}
	insert := `{"transaction":[{"statement":"INSERT INTO kv_store (key, value) VALUES ('sql', 1)"}]}`
	s.request(t, "POST", "/db?db=app", insert).wants(t, 503, `"code":"DATABASE_BUSY","reqIdx":-1`)
	s.request(t, "GET", "/kv/n?db=app", "").wants(t, 200, "1") // readers wait for nobody
	s.request(t, "GET", "/query?db=app&sql=SELECT+1", "").wants(t, 200, "")
	s.request(t, "POST", "/kv/n/incr?db=other", "").wants(t, 200, `"value":1`)

	other.do("COMMIT")
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, `"value":2`)
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT count(*) AS n FROM theirs"}]}`).wants(t, 200, `"n":0`)

	// A lock that is let go in time is only waited for.
	other.do("BEGIN IMMEDIATE")
	time.AfterFunc(50*time.Millisecond, func() { other.stdin.Write([]byte("COMMIT;\n")) })
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, `"value":3`)
}

func TestADatabaseThatIsLockedWhileItIsOpened(t *testing.T) {
	s := startServer(t, testOptions{})
	file := filepath.Join(s.dir, "app.db")
	other := startOtherProcess(t, file)
	other.do("CREATE TABLE t (x); INSERT INTO t VALUES (7)") // a file of the old journal
	other.do("BEGIN EXCLUSIVE")
	s.request(t, "GET", "/query?db=app&sql=SELECT+x+FROM+t", "").wants(t, 503, "DATABASE_BUSY")
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 503, "DATABASE_BUSY")
	s.healthy(t)
	other.do("COMMIT")
	s.request(t, "GET", "/query?db=app&sql=SELECT+x+FROM+t", "").wants(t, 200, `"x":7`)
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, `"value":1`)
}

func TestAClientThatGoesAwayWhileItsWriteWaits(t *testing.T) {
	s := startServer(t, testOptions{catalog: func(c *catalog.Config) { c.Store.BusyWait = 10 * time.Second }})
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, `"value":1`)
	other := startOtherProcess(t, filepath.Join(s.dir, "app.db"))
	other.do("BEGIN IMMEDIATE")
	for i := range 10 {
		c := s.connect(t)
		c.send(t, rawRequest("POST", prefix+"/kv/n/incr?db=app", ""))
		s.soon(t, "the request waits", func() bool { return s.api.inFlight.Load() == int64(i+1) })
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	s.healthy(t)
	other.do("COMMIT")
	s.soon(t, "nobody waits", func() bool { return s.api.inFlight.Load() == 0 })
	// Each was taken whole: what was accepted is done, though nobody heard of it.
	s.request(t, "POST", "/kv/n/incr?db=app", "").wants(t, 200, `"value":12`)
}

// A mount of a few megabytes is as good as a full disk.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs the right to mount")
	}
	dir := t.TempDir()
	mount := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "tmpfs", dir)
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("needs the right to mount: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

func TestAFullDiskLosesNothingAndIsOutlived(t *testing.T) {
	dir := smallDisk(t, 6)
	s := startServer(t, testOptions{dir: dir})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s.request(t, "POST", "/kv/counter/incr?db=app", "").wants(t, 200, "")
	s.request(t, "POST", "/kv/counter/incr?db=second", "").wants(t, 200, "")
	value := strings.Repeat("v", 20_000)
	put := func(i int) *answer {
		return s.request(t, "PUT", fmt.Sprintf("/kv/k%d?db=app", i), value, "Content-Type: text/plain")
	}
	stored := 0
	for a := put(0); a.status == 200; a = put(stored) {
		if stored++; stored > 1000 {
			t.Fatal("the disk is never full")
		}
	}
	for i := range 3 { // and stays full
		put(stored).wants(t, 503, `"code":"SERVICE_UNAVAILABLE"`)
		insert := fmt.Sprintf(`{"transaction":[{"statement":"CREATE TABLE t%d AS SELECT hex(zeroblob(40000)) AS x"}]}`, i)
		s.request(t, "POST", "/db?db=app", insert).wants(t, 503, `"code":"SERVICE_UNAVAILABLE"`)
	}
	check := func() {
		t.Helper()
		for i := range stored {
			a := s.request(t, "GET", fmt.Sprintf("/kv/k%d?db=app", i), "")
			if a.status != 200 || string(a.body) != value {
				t.Errorf("k%d: %s, %d bytes", i, a.reason, len(a.body))
			}
		}
		s.request(t, "GET", fmt.Sprintf("/kv/k%d?db=app", stored), "").wants(t, 404, "")
		s.request(t, "GET", "/kv?db=app&limit=1", "").wants(t, 200, "")
	}
	check()
	s.healthy(t)
	s.request(t, "PUT", "/kv/k?db=third", "new").wants(t, 503, "") // no room for a new one
	if _, err := os.Stat(filepath.Join(dir, "third.db")); err == nil {
		t.Error("half a database is left")
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	check()
	put(stored).wants(t, 200, "")
	stored++
	check()
	s.request(t, "POST", "/kv/counter/incr?db=app", "").wants(t, 200, `"value":2`)
	s.request(t, "PUT", "/kv/k?db=third", "new").wants(t, 200, "")
}

func TestADamagedFileIsAFaultOfWhichClientsReadNoMore(t *testing.T) {
	dir := t.TempDir()
	t.Run("written first", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		fill := `{"transaction":[{"statement":"CREATE TABLE t (x)"},{"statement":"INSERT INTO t WITH RECURSIVE n(i) AS
			(SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 500) SELECT hex(zeroblob(100)) FROM n"}]}`
		s.request(t, "POST", "/db?db=app", strings.ReplaceAll(fill, "\n\t\t\t", " ")).wants(t, 200, "")
	})
	file := filepath.Join(dir, "app.db")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clear(content[len(content)/3:])
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("then damaged", func(t *testing.T) {
		s := startServer(t, testOptions{dir: dir})
		s.unchecked = true
		const told = `{"error":"internal database error","code":"DATABASE_ERROR"`
		s.request(t, "GET", "/query?db=app&sql=SELECT+sum(length(x))+AS+n+FROM+t", "").wants(t, 500, told+"}")
		sum := `{"transaction":[{"query":"SELECT sum(length(x)) FROM t"}]}`
		s.request(t, "POST", "/db?db=app", sum).wants(t, 500, told+`,"reqIdx":0}`)
		s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"DELETE FROM t","noFail":true}]}`).wants(t, 500, told)
		if log := s.log.String(); !strings.Contains(log, "malformed") && !strings.Contains(log, "CORRUPT") {
			t.Errorf("the log does not tell what was wrong: %s", log)
		}
		s.request(t, "PUT", "/kv/k?db=other", "fine").wants(t, 200, "")
		s.healthy(t)
	})
}
