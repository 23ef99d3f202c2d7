package server

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/testdb"
)

// timeHouse is a server that can be stopped and started again on its folder.
type timeHouse struct {
	dir   string
	clock atomic.Int64
	log   lockedBuffer
	// runs and files are how many there were; sound is how many runs the last file has
	// come through.
	runs, files, sound int

	api     *Server
	opened  *catalog.Catalog
	served  chan error
	address string
	conn    net.Conn
	in      *bufio.Reader
}

// The triggers that watch over plain SQL have the machine's clock, and take the time of
// the latest entry if that is later. So that it always is, the clock of these tests is
// ahead of the machine's, whatever they do to it.
const timeAhead = 30 * 24 * time.Hour

func newTimeHouse(t *testing.T) *timeHouse {
	h := &timeHouse{dir: t.TempDir()}
	h.clock.Store(time.Now().Truncate(24 * time.Hour).Add(timeAhead).UnixMilli())
	if err := h.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Error(err)
		}
		if strings.Contains(h.log.String(), "level=ERROR") {
			t.Errorf("the server has logged:\n%s", h.log.String())
		}
	})
	return h
}

func (h *timeHouse) start() error {
	rules, err := catalog.NewRules(h.dir, false)
	if err != nil {
		return err
	}
	options := catalog.StoreOptions{BusyWait: time.Second}
	if options.Synchronous, err = catalog.ParseSynchronous("normal"); err != nil { // nobody pulls the plug
		return err
	}
	h.opened = catalog.New(catalog.Config{
		Rules: rules, Store: options, Writer: catalog.DefaultWriterLimits(), Readers: 2, OpenMax: 4, Now: h.clock.Load,
	})
	h.api = New(Config{
		Version: "test", CreateMissing: true, Limits: DefaultLimits(), SQL: DefaultSQLLimits(), BodyBytesMax: 32 << 20,
		Now: h.clock.Load, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	}, h.opened)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h.address, h.served = listener.Addr().String(), make(chan error, 1)
	go func() { h.served <- h.api.Serve(listener) }()
	return nil
}

func (h *timeHouse) stop() error {
	if h.conn != nil {
		h.conn.Close()
		h.conn = nil
	}
	shutdown(h.api.http, 2*time.Second)
	err := <-h.served
	h.opened.Close()
	return err
}

// timeRun is one run of a property: two tables of its own in a database, and the model
// of them.
type timeRun struct {
	latest  int64
	t       *rapid.T
	h       *timeHouse
	db      string
	m       *timeModel
	settled int // what sound is after it
}

// runsPerFile is how many runs share a database: to make one takes longer than a run.
const runsPerFile = 4

// run begins a run, on a day that none before has seen, even if it set the clock back.
func (h *timeHouse) run(t *rapid.T) *timeRun {
	if h.runs++; h.sound == 0 || h.sound == runsPerFile {
		h.files++
	}
	h.sound = h.sound % runsPerFile
	day := (24 * time.Hour).Milliseconds()
	h.clock.Store((h.clock.Load()/day + 2) * day)
	r := &timeRun{t: t, h: h, db: fmt.Sprintf("file%d", h.files), m: &timeModel{}}
	for _, letter := range []string{"a", "b"} {
		name := fmt.Sprintf("run%d%s", h.runs, letter)
		r.m.tables = append(r.m.tables, &timeTable{name: name, keys: map[string]*timeline{}})
		r.want("PUT", r.path("/kv-settings", name, "keep_entries=0"), "", 200)
	}
	r.settled = h.sound + 1
	h.sound = 0 // until the run has ended well
	r.m.now = h.clock.Load()
	return r
}

// end checks the database's file.
func (r *timeRun) end() {
	testdb.Check(&failingRun{T: r.t, what: "at the end"}, filepath.Join(r.h.dir, r.db+".db"))
	r.h.sound = r.settled
}

// path is a path with its parameters, which are spelled as in a URL.
func (r *timeRun) path(path, table string, parameters ...string) string {
	return path + "?db=" + r.db + "&table=" + table + "&timeout=300&" + strings.Join(parameters, "&")
}

// keyPath is the path of a key, or of one of its operations.
func (r *timeRun) keyPath(t *timeTable, key, operation string, parameters ...string) string {
	return r.path("/kv/"+url.PathEscape(key)+operation, t.name, parameters...)
}

// ask sends a request and reads its answer, which has to be one of the API.
func (r *timeRun) ask(method, path, body string, headers ...string) *answer {
	h := r.h
	if h.conn == nil {
		conn, err := net.Dial("tcp4", h.address)
		if err != nil {
			r.t.Fatal(err)
		}
		h.conn, h.in = conn, bufio.NewReader(conn)
	}
	h.conn.SetDeadline(time.Now().Add(answerWait))
	c := &connection{h.conn, h.in}
	if _, err := io.WriteString(c, rawRequest(method, prefix+path, body, headers...)); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	a, err := c.receive(method)
	if err != nil {
		h.conn.Close()
		h.conn = nil
		r.t.Fatalf("%s %s is not answered: %v", method, path, err)
	}
	checkAnswer(&failingRun{T: r.t, what: method + " " + path}, method, a)
	if !strings.HasPrefix(path, "/query") {
		r.t.Logf("at %d: %s %s %s: %d %s", h.clock.Load(), method, path, body, a.status, a.body) // told of a run that fails
	}
	if a.status >= 500 {
		r.t.Fatalf("%s %s: %s %s\n%s", method, path, a.reason, a.body, h.log.String())
	}
	return a
}

// want is ask for an answer of one status.
func (r *timeRun) want(method, path, body string, status int, headers ...string) *answer {
	a := r.ask(method, path, body, headers...)
	if a.status != status {
		r.t.Fatalf("%s %s %q: %s %s, want %d", method, path, body, a.reason, a.body, status)
	}
	return a
}

// failingRun is a rapid.T as far as helpers of ordinary tests need one.
type failingRun struct {
	testing.TB
	T    *rapid.T
	what string
}

func (f *failingRun) Helper() {}
func (f *failingRun) Errorf(format string, args ...any) {
	f.T.Fatalf(f.what+": "+format, args...)
}
func (f *failingRun) Fatalf(format string, args ...any) { f.Errorf(format, args...) }
func (f *failingRun) Fatal(args ...any)                 { f.T.Fatal(args...) }

// seenRow is a row as it lies in the file.
type seenRow struct {
	timeState
	updatedAt, version int64
}

// seen is what there is in the file: rows, when the keys that are gone ceased to be, the
// number of each key's oldest entry, and what can't be told any more.
type seen struct {
	rows    map[string]seenRow
	gone    map[string]int64
	oldest  map[string]int64
	horizon int64
}

const seenSQL = `SELECT 'row' AS kind, '$table' AS name, key, hex(value) AS v, content_type AS c, updated_at AS u, expire_at AS e, version AS n FROM $table
	UNION ALL SELECT 'gone', '$table', key, NULL, NULL, updated_at, NULL, NULL FROM _urlite_$table_deleted WHERE version >= 0
	UNION ALL SELECT 'oldest', '$table', key, NULL, NULL, min(op_number), NULL, NULL FROM $table_history GROUP BY key
	UNION ALL SELECT 'horizon', '$table', NULL, NULL, NULL, horizon, NULL, NULL FROM _urlite_tables WHERE name = '$table'
	UNION ALL SELECT 'count', '$table', NULL, NULL, NULL, rows, (SELECT count(*) FROM $table), NULL FROM _urlite_tables WHERE name = '$table' AND rows IS NOT NULL`

// look reads the file, by table.
func (r *timeRun) look() map[string]*seen {
	var parts []string
	all := map[string]*seen{}
	for _, t := range r.m.tables {
		parts = append(parts, strings.ReplaceAll(seenSQL, "$table", t.name))
		all[t.name] = &seen{rows: map[string]seenRow{}, gone: map[string]int64{}, oldest: map[string]int64{}}
	}
	a := r.want("GET", "/query?db="+r.db+"&sql="+url.QueryEscape(strings.Join(parts, " UNION ALL ")), "", 200)
	var told struct {
		ResultSet []struct {
			Kind, Name, Key, V, C string
			U, E, N               int64
		}
	}
	if err := json.Unmarshal(a.body, &told); err != nil {
		r.t.Fatalf("%v: %s", err, a.body)
	}
	for _, line := range told.ResultSet {
		s := all[line.Name]
		switch line.Kind {
		case "row":
			value, err := hex.DecodeString(line.V)
			if err != nil {
				r.t.Fatal(err)
			}
			s.rows[line.Key] = seenRow{timeState{true, string(value), line.C, line.E}, line.U, line.N}
		case "gone":
			s.gone[line.Key] = line.U
		case "oldest":
			s.oldest[line.Key] = line.U
		case "horizon":
			s.horizon = line.U
		case "count":
			if line.U != line.E {
				r.t.Fatalf("%s: %d rows are counted, and %d are there", line.Name, line.U, line.E)
			}
		}
	}
	return all
}

// agree holds the file to the model, after which the model knows of it what is not the
// requests' doing: which expired rows were swept, and what was folded away.
func (r *timeRun) agree(all map[string]*seen) {
	for _, t := range r.m.tables {
		s := all[t.name]
		r.agreeOnSweep(t, s)
		r.agreeOnPast(t, s)
		for _, key := range t.sorted() {
			r.agreeOnKey(t, key, s)
		}
		for key := range s.rows {
			if t.keys[key] == nil {
				r.t.Fatalf("%s: there is a row %q, and none in the model", t.name, key)
			}
		}
		for key := range s.oldest {
			if t.keys[key] == nil {
				r.t.Fatalf("%s: there is a past of %q, and none in the model", t.name, key)
			}
		}
	}
}

// clockNow is what time it is to the writer, if it looks.
func (r *timeRun) clockNow() int64 {
	now := r.h.clock.Load()
	r.latest = max(r.latest, now)
	return now
}

// latestNow is the latest time at which the writer may have swept or folded.
func (r *timeRun) latestNow() int64 { return max(r.clockNow(), r.latest) }

// agreeOnSweep follows which rows were swept, if they have expired.
func (r *timeRun) agreeOnSweep(t *timeTable, s *seen) {
	for key, k := range t.keys {
		if _, there := s.rows[key]; k.row.there && !there && !k.row.live(r.latestNow()) {
			k.expire()
			t.dropTraceless(key)
		}
	}
}

func (r *timeRun) agreeOnKey(t *timeTable, key string, s *seen) {
	k := t.keys[key]
	row, there := s.rows[key]
	updatedAt, gone := s.gone[key]
	switch {
	case k.row.there != there:
		r.t.Fatalf("%s: %q is there: %v, in the model: %v", t.name, key, there, k.row.there)
	case there && (row.timeState != k.row || row.updatedAt != k.updatedAt):
		r.t.Fatalf("%s: the row of %q is %+v, want %+v at %d", t.name, key, row, k.row, k.updatedAt)
	case there && k.version != 0 && k.version != row.version:
		r.t.Fatalf("%s: %q was written: its version was %d and is %d", t.name, key, k.version, row.version)
	case !there && gone != (len(k.entries) > 0):
		r.t.Fatalf("%s: %q is gone and has a past: %v, in the model: %v", t.name, key, gone, !gone)
	case gone && updatedAt != k.updatedAt:
		r.t.Fatalf("%s: %q ceased to be at %d, want %d", t.name, key, updatedAt, k.updatedAt)
	}
	k.version = row.version
}
