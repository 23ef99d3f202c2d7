package server

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
)

const backupOfApp = "/db/backup?db=app"

// fill makes a database of so many KiB.
func (s *testServer) fill(t testing.TB, name string, kib int) {
	t.Helper()
	for i := range (kib + 511) / 512 {
		s.request(t, "PUT", fmt.Sprintf("/kv/fill%d?db=%s", i, name), strings.Repeat("x", 512<<10)).wants(t, 200, "")
	}
}

// sound holds the bytes of a backup to what a database must be, alone in a folder.
func sound(t testing.TB, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "backup.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	testdb.Check(t, path)
	return path
}

// nothingLeft fails the test if a file of the server's own stays in its folder, when all
// requests have ended: those that broke off may still be at it.
func (s *testServer) nothingLeft(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); s.api.inFlight.Load() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, ".urlite-*")); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

func pack(t testing.TB, content []byte) string {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.String()
}

func unpack(t testing.TB, content []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return unpacked
}

func TestABackupIsADatabaseAndComesBackAsOne(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "saved").wants(t, 200, "")
	s.fill(t, "app", 1000)
	plain := s.request(t, "GET", backupOfApp, "")
	plain.wants(t, 200, "")
	for name, want := range map[string]string{
		"Content-Type": sqliteType, "Content-Disposition": `attachment; filename="app.db"`, "Vary": "Accept-Encoding",
		"Content-Encoding": "", "Content-Length": fmt.Sprint(len(plain.body)),
	} {
		if got := plain.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	head := s.request(t, "HEAD", backupOfApp, "")
	if head.wants(t, 200, ""); head.header.Get("Content-Length") != plain.header.Get("Content-Length") || head.header.Get("Content-Type") != sqliteType {
		t.Errorf("HEAD: %v", head.header)
	}
	packed := s.request(t, "GET", backupOfApp, "", "Accept-Encoding: br, gzip;q=0.5")
	if packed.wants(t, 200, ""); packed.header.Get("Content-Encoding") != "gzip" || !bytes.Equal(unpack(t, packed.body), plain.body) {
		t.Errorf("packed: %v", packed.header)
	}
	if refused := s.request(t, "GET", backupOfApp, "", "Accept-Encoding: gzip;q=0, br"); refused.header.Get("Content-Encoding") != "" {
		t.Errorf("packed for who does not want it: %v", refused.header)
	}
	sound(t, plain.body)

	s.request(t, "PUT", "/kv/k?db=app", "lost").wants(t, 200, "")
	s.request(t, "PUT", backupOfApp, string(plain.body)).wants(t, 200, fmt.Sprintf(`{"success":true,"path":"app","size":%d,"replaced":true}`, len(plain.body)))
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "saved")
	s.request(t, "PUT", "/db/backup?db=new", string(packed.body), "Content-Encoding: gzip").wants(t, 201, `"replaced":false`)
	s.request(t, "GET", "/kv/k?db=new", "").wants(t, 200, "saved")
	s.nothingLeft(t)
}

func TestABackupOfAnUnusualNameTellsIt(t *testing.T) {
	s := startServer(t, testOptions{})
	name := url.QueryEscape(filepath.Join(s.dir, `é "x".db`))
	s.request(t, "PUT", "/kv/k?db="+name, "v").wants(t, 200, "")
	got := s.request(t, "GET", "/db/backup?db="+name, "").header.Get("Content-Disposition")
	if want := `attachment; filename="___x_.db"; filename*=UTF-8''%C3%A9%20%22x%22.db`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What does not arrive whole, or is none, changes nothing.
func TestAnUploadThatIsNoDatabaseLeavesTheOldOne(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.UploadBytesMax = 4 << 20 }})
	s.request(t, "PUT", "/kv/k?db=app", "old").wants(t, 200, "")
	s.request(t, "PUT", "/kv/k?db=other", "new").wants(t, 200, "")
	s.fill(t, "other", 500)
	content := string(s.request(t, "GET", "/db/backup?db=other", "").body)
	packed := pack(t, []byte(content))
	bomb := pack(t, append([]byte(content), make([]byte, 8<<20)...))
	if len(bomb) > 100<<10 {
		t.Fatalf("a bomb of %d bytes", len(bomb))
	}
	f := func(about string, status int, code, body string, headers ...string) {
		t.Helper()
		a := s.request(t, "PUT", backupOfApp, body, headers...)
		if a.status != status || !strings.Contains(string(a.body), code) {
			t.Errorf("%s: answered %s %.200s", about, a.reason, a.body)
		}
		s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "old")
		s.nothingLeft(t)
	}
	f("cut file", 400, "INVALID_SQLITE_HEADER", content[:len(content)-1])
	f("half a file", 400, "INVALID_SQLITE_HEADER", content[:len(content)/2])
	f("damaged", 400, "INVALID_SQLITE_HEADER", content[:5000]+strings.Repeat("\xff", 3000)+content[8000:])
	f("cut gzip", 400, "gzip", packed[:len(packed)-1], "Content-Encoding: gzip")
	f("more after gzip", 400, "gzip", packed+"more", "Content-Encoding: gzip")
	f("a bomb", 413, "PAYLOAD_TOO_LARGE", bomb, "Content-Encoding: gzip")
	f("too large", 413, "PAYLOAD_TOO_LARGE", content+strings.Repeat("x", 4<<20))
	c := s.connect(t)
	c.send(t, strings.Replace(rawRequest("PUT", prefix+backupOfApp, content), content, content[:len(content)-10], 1))
	c.Close()
	s.healthy(t)
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "old")
	f("the whole", 400, "INVALID_PARAMETERS", packed, "Content-Encoding: deflate")
	s.request(t, "PUT", backupOfApp, packed, "Content-Encoding: gzip").wants(t, 200, "")
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "new")
}

// A client that reads nothing holds neither the writer nor a reader, and the log is emptied.
func TestASlowBackupHoldsUpNobody(t *testing.T) {
	s := startServer(t, testOptions{})
	s.fill(t, "app", 20_000) // more than a socket takes
	slow := make([]*connection, 6)
	for i := range slow { // more than there are readers
		slow[i] = s.connect(t)
		slow[i].send(t, rawRequest("GET", prefix+backupOfApp, ""))
		if first, err := slow[i].in.ReadString('\n'); err != nil || !strings.Contains(first, "200") {
			t.Fatal(first, err)
		}
	}
	for s.api.filesSent.Load() < filesSentMax {
		c := s.connect(t)
		c.send(t, rawRequest("GET", prefix+backupOfApp, ""))
		c.in.ReadString('\n')
		slow = append(slow, c)
	}
	s.request(t, "GET", backupOfApp, "").wants(t, 503, "too many backups")
	for range 5 {
		s.request(t, "POST", "/kv/n/incr?db=app&timeout=1", "").wants(t, 200, "")
		s.request(t, "GET", "/kv/n?db=app&timeout=1", "").wants(t, 200, "")
	}
	s.request(t, "POST", "/maintenance?db=app", `{"op":"wal_checkpoint_truncate"}`).wants(t, 200, `"ok"`)
	s.nothingLeft(t)
	s.request(t, "DELETE", "/db?db=app&timeout=1", "").wants(t, 200, `"success":true`)
	for _, c := range slow {
		c.Close()
	}
	for deadline := time.Now().Add(answerWait); s.api.filesSent.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d files are still being sent to clients that are gone", s.api.filesSent.Load())
		}
	}
}

func TestAListOfDatabasesTellsOfEach(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "v").wants(t, 200, "")
	s.request(t, "POST", "/db/create?path=cold", "").wants(t, 201, "")
	if err := os.WriteFile(filepath.Join(s.dir, "text.sqlite"), make([]byte, 1536), 0o600); err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2001, 2, 3, 4, 5, 6, 789e6, time.UTC)
	for _, name := range []string{"text.sqlite", "app.db", "cold.db"} {
		if err := os.Chtimes(filepath.Join(s.dir, name), moment, moment); err != nil {
			t.Fatal(err)
		}
		moment = moment.Add(time.Hour)
	}
	a := s.request(t, "GET", "/db/list", "")
	a.wants(t, 200, fmt.Sprintf(`{"name":"text.sqlite","path":%q,"size":1536,"size_str":"1.5 KB","modified":"2001-02-03T04:05:06Z","mod_unix":981173106,"is_valid":false}]}`,
		filepath.Join(s.dir, "text.sqlite")))
	list := told[struct {
		Count     int
		Databases []struct {
			Name  string
			Valid bool `json:"is_valid"`
		}
	}](t, a)
	if got := fmt.Sprint(list); got != "{3 [{cold.db true} {app.db true} {text.sqlite false}]}" {
		t.Error(got)
	}
}

func TestSizesAreWrittenForPeople(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KB", 1536: "1.5 KB", 1<<20 - 1: "1.0 MB", 1 << 20: "1.0 MB", 5 << 30: "5.0 GB", 1<<63 - 1: "8.0 EB",
	} {
		if got := sizeText(bytes); got != want {
			t.Errorf("%d is %s, want %s", bytes, got, want)
		}
	}
}

// Whatever is done to the database meanwhile, each increment that was answered is there.
func TestIncrementsGoOnUnderMaintenanceAndBackups(t *testing.T) {
	s := startServer(t, testOptions{})
	s.fill(t, "app", 1000)
	const clients, each = 8, 40
	var errands, group sync.WaitGroup
	stop := make(chan struct{})
	done := make([]int, clients)
	for i := range clients {
		group.Go(func() {
			c := s.connect(t)
			defer c.Close()
			for range each {
				c.SetDeadline(time.Now().Add(answerWait))
				a := c.exchange(t, "POST", rawRequest("POST", prefix+fmt.Sprintf("/kv/n%d/incr?db=app", i), ""))
				switch a.status {
				case 200:
					done[i]++
				case 503:
				default:
					t.Errorf("answered %s %s", a.reason, a.body)
				}
			}
		})
	}
	copies := 0
	errands.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ops := []string{"vacuum", "wal_checkpoint_truncate", "quick_check", "optimize", "integrity_check"}
			a := s.request(t, "POST", "/maintenance?db=app", fmt.Sprintf(`{"op":%q}`, ops[i%len(ops)]))
			if a.status != 200 || (!strings.Contains(string(a.body), `"ok"`) && !strings.Contains(string(a.body), `"busy"`)) {
				t.Errorf("answered %s %s", a.reason, a.body)
			}
			s.request(t, "POST", "/maintenance?db=app", fmt.Sprintf(`{"op":"vacuum_into","dest_path":"copy%d"}`, i)).wants(t, 200, `"ok"`)
			s.request(t, "DELETE", fmt.Sprintf("/db?db=copy%d", i), "").wants(t, 200, "")
			sound(t, s.request(t, "GET", backupOfApp, "").body)
			copies++
		}
	})
	group.Wait()
	close(stop)
	errands.Wait()
	for i, want := range done {
		if got := s.value(t, fmt.Sprintf("/kv/n%d?db=app", i)); got != fmt.Sprint(want) {
			t.Errorf("%d increments were answered, there are %s", want, got)
		}
	}
	if copies == 0 {
		t.Error("nothing was done to it")
	}
	s.nothingLeft(t)
}
