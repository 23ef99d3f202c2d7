package writer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/store"
)

const (
	batchKeys     = 100_000
	batchItems    = 100 // as many as the API takes
	batchSeed     = 1
	batchDatabase = "load"
	batchActor    = "127.0.0.1" // as the server calls who calls it from here
	// batchTurn is how many batches a connection sends in a turn, at least: in a longer
	// one it matters less that the connections do not end it at the same moment.
	batchTurn, batchTurnMin = 32, 128
	batchWait               = 30 * time.Second
)

// BenchmarkBatchSet measures what lies between a client and the disk: batches of 100
// small items sent to a server program over loopback connections, against a loop that
// has the same rows in memory and puts them through the store by itself, row by row,
// without HTTP, JSON, queue, overlay or goroutines. The target is 60 % of the loop's
// items a second.
//
// Both begin with a copy of one file of 100,000 keys, lie in the same temporary folder
// (choose it by TMPDIR; on a RAM disk a commit costs nothing), commit with
// synchronous=FULL and checkpoint at the same length of the log. They take turns: the
// loop gets the batches that the server just had, spread evenly over as many commits
// as the server made. In the end both files must hold the same values and history.
//
// The clients share the cores with the server, which runs as a process of its own;
// what they cost is part of the server's side. It is built here as the test is, so
// without a profile; LOADTEST_SERVER takes another, by its absolute path.
func BenchmarkBatchSet(b *testing.B) {
	program := serverProgram(b)
	for _, connections := range []int{1, 32} {
		b.Run(fmt.Sprint("connections=", connections), func(b *testing.B) {
			benchmarkBatchSet(b, program, connections)
		})
	}
}

func benchmarkBatchSet(b *testing.B, program string, connections int) {
	folder := b.TempDir()
	first := seedBatches(b)
	serverFile, loopFile := filepath.Join(folder, "server", batchDatabase+".db"), filepath.Join(folder, "loop", "loop.db")
	copyFile(b, first, serverFile)
	copyFile(b, first, loopFile)

	server := serveBatches(b, program, filepath.Dir(serverFile), connections)
	loop := openLoop(b, loopFile)
	source := batchSource{connections: connections, random: rand.New(rand.NewPCG(batchSeed, 0))}
	var serverSide, loopSide batchSide
	turn := func(serverSide, loopSide *batchSide) {
		batches := source.next()
		commits := server.run(b, batches, serverSide)
		loop.run(b, batches, commits, loopSide)
	}
	turn(&batchSide{}, &batchSide{}) // caches fill
	for b.Loop() {
		turn(&serverSide, &loopSide)
	}
	server.stop(b)
	loop.close(b)
	sameContent(b, serverFile, loopFile)

	b.ReportMetric(0, "ns/op") // of a turn of both: it says nothing
	b.ReportMetric(serverSide.itemsPerSecond(), "server-items/s")
	b.ReportMetric(loopSide.itemsPerSecond(), "loop-items/s")
	b.ReportMetric(serverSide.itemsPerSecond()/loopSide.itemsPerSecond(), "of-loop")
	b.ReportMetric(serverSide.batchesPerCommit(), "server-batches/commit")
	b.ReportMetric(loopSide.batchesPerCommit(), "loop-batches/commit")
}

// batchSide is what one side has done.
type batchSide struct {
	batches, commits int
	took             time.Duration
}

func (s *batchSide) itemsPerSecond() float64 { return float64(s.batches*batchItems) / s.took.Seconds() }

func (s *batchSide) batchesPerCommit() float64 { return float64(s.batches) / float64(s.commits) }

// batch is one request, both as it is sent and as what it means.
type batch struct {
	request []byte
	ops     []kv.Op
}

// batchSource makes batches of random keys. Each connection has keys of its own, so
// that the order of writes to a key does not depend on who is faster.
type batchSource struct {
	connections int
	random      *rand.Rand
	turn        int
}

// next makes the batches of a turn, by connection.
func (s *batchSource) next() [][]batch {
	s.turn++
	turn := make([][]batch, s.connections)
	for c := range turn {
		for n := range max(batchTurn, batchTurnMin/s.connections) {
			keys := make([]int, batchItems)
			for i := range keys {
				keys[i] = s.random.IntN(batchKeys/s.connections)*s.connections + c
			}
			turn[c] = append(turn[c], newBatch(keys, fmt.Sprintf("turn %d, batch %d", s.turn, n)))
		}
	}
	return turn
}

func newBatch(keys []int, value string) batch {
	type item struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	items, ops := make([]item, len(keys)), make([]kv.Op, len(keys))
	for i, key := range keys {
		items[i] = item{Key: fmt.Sprintf("key-%06d", key), Value: fmt.Sprintf("%s, item %d", value, i)}
		stored, contentType, why := kv.ItemValue([]byte(strconv.Quote(items[i].Value)), "")
		if why != nil {
			panic(why)
		}
		ops[i] = kv.Op{Code: kv.Set, Key: items[i].Key, Value: stored, ContentType: contentType}
	}
	body, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		panic(err)
	}
	head := fmt.Sprintf("POST /api/v1/sqlite/kv/batch/set?db=%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		batchDatabase, len(body))
	return batch{request: append([]byte(head), body...), ops: ops}
}

// storeLoop is the side without a server.
type storeLoop struct {
	disk    *store.WriteConn
	limits  Limits
	outcome kv.Outcome
	entries []kv.Entry
}

func openLoop(b *testing.B, path string) *storeLoop {
	b.Helper()
	disk, err := store.OpenWriter(path, store.Options{Synchronous: store.Full})
	if err != nil {
		b.Fatal(err)
	}
	return &storeLoop{disk: disk, limits: DefaultLimits(), outcome: kv.Outcome{Scratch: &kv.Scratch{}}}
}

func (l *storeLoop) close(b *testing.B) {
	b.Helper()
	if err := l.disk.Close(); err != nil {
		b.Fatal(err)
	}
}

// run commits the batches in so many commits.
func (l *storeLoop) run(b *testing.B, turn [][]batch, commits int, side *batchSide) {
	b.Helper()
	var batches []batch
	for n := range turn[0] {
		for c := range turn {
			batches = append(batches, turn[c][n])
		}
	}
	started := time.Now()
	for n := range commits {
		if err := l.commit(batches[n*len(batches)/commits : (n+1)*len(batches)/commits]); err != nil {
			b.Fatal(err)
		}
	}
	side.took += time.Since(started)
	side.batches += len(batches)
	side.commits += commits
}

func (l *storeLoop) commit(batches []batch) error {
	sequence, err := l.disk.Begin()
	if err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	rows := 0
	for i := range batches {
		rows += len(batches[i].ops)
	}
	if err := l.disk.Reserve(sequence+int64(rows), 0); err != nil {
		return err
	}
	for i := range batches {
		for n := range batches[i].ops {
			if err := l.write(&batches[i].ops[n], now, &sequence); err != nil {
				return err
			}
		}
	}
	if err := l.disk.Commit(); err != nil {
		return err
	}
	if l.disk.Frames() >= l.limits.CheckpointFrames {
		_, err = l.disk.Checkpoint(store.Passive)
	}
	return err
}

func (l *storeLoop) write(op *kv.Op, now int64, sequence *int64) error {
	var was kv.Row
	if err := l.disk.Load(kv.DefaultTable, op.Key, op.ReadsValue(), &was); err != nil {
		return err
	}
	row := was
	if why := kv.Decide(op, &row, now, &l.outcome); why != nil {
		return why
	}
	l.entries = l.outcome.Apply(op, &row, now, sequence, l.entries[:0])
	for i := range l.entries {
		if err := l.disk.Record(kv.DefaultTable, op.Key, batchActor, &l.entries[i]); err != nil {
			return err
		}
	}
	return l.disk.Save(kv.DefaultTable, op.Key, &was, &row)
}

// seedBatches makes a file with every key and answers its path.
func seedBatches(b *testing.B) (path string) {
	b.Helper()
	path = testdb.CreateUnchecked(b)
	var batches []batch
	for first := 0; first < batchKeys; first += batchItems {
		keys := make([]int, batchItems)
		for i := range keys {
			keys[i] = first + i
		}
		batches = append(batches, newBatch(keys, "seed"))
	}
	loop := openLoop(b, path)
	loop.run(b, [][]batch{batches}, 10, &batchSide{})
	if _, err := loop.disk.Checkpoint(store.Truncate); err != nil {
		b.Fatal(err)
	}
	loop.close(b)
	return path
}

func copyFile(b *testing.B, from, to string) {
	b.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// sameContent holds both files to the same values and the same history.
func sameContent(b *testing.B, one, other string) {
	b.Helper()
	for _, sql := range []string{
		"SELECT key, value, content_type, op_number FROM kv_store ORDER BY key",
		"SELECT key, count(*), max(op_number), min(op), max(op), sum(length(value)) FROM kv_store_history GROUP BY key ORDER BY key",
	} {
		ones, others := testdb.Query(b, one, sql), testdb.Query(b, other, sql)
		if len(ones) != batchKeys || len(others) != batchKeys {
			b.Fatalf("%s: %d and %d rows, want %d", sql, len(ones), len(others), batchKeys)
		}
		for i := range ones {
			if !reflect.DeepEqual(ones[i], others[i]) {
				b.Fatalf("%s: the server has %s, the loop %s", sql, testdb.Text(ones[i:i+1]), testdb.Text(others[i:i+1]))
			}
		}
	}
}

// serverProgram is the server to measure, built with the engine that this test has.
func serverProgram(b *testing.B) string {
	b.Helper()
	if program := os.Getenv("LOADTEST_SERVER"); program != "" {
		return program
	}
	program := filepath.Join(b.TempDir(), "urlite")
	arguments := []string{"build", "-o", program}
	if !store.EngineBundled {
		object, err := os.Stat("../sqlite3.o")
		if err != nil {
			b.Fatal(err)
		}
		// The Go command does not know of the object; a changed flag makes it link anew.
		arguments = append(arguments, "-tags", "linksqlite3", "-ldflags", fmt.Sprintf("-X main.sqliteObject=%d", object.ModTime().UnixNano()))
	}
	build := exec.Command("go", append(arguments, "./cmd/urlite")...)
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, output)
	}
	return program
}

// batchServer is a server process and the connections to it.
type batchServer struct {
	command     *exec.Cmd
	output      bytes.Buffer // whole once the process has ended
	address     string
	connections []*batchConnection
}

type batchConnection struct {
	net.Conn
	in *bufio.Reader
}

func serveBatches(b *testing.B, program, folder string, connections int) *batchServer {
	b.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0") // a port that is free
	if err != nil {
		b.Fatal(err)
	}
	s := &batchServer{address: listener.Addr().String()}
	if err := listener.Close(); err != nil {
		b.Fatal(err)
	}
	s.command = exec.Command(program, "serve", "--dir", folder, "--listen", s.address, "--synchronous", "full")
	s.command.Stdout, s.command.Stderr = &s.output, &s.output
	if err := s.command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if s.command.ProcessState == nil {
			_ = s.command.Process.Kill()
			_ = s.command.Wait()
		}
	})
	for deadline := time.Now().Add(batchWait); len(s.connections) < connections; {
		conn, err := net.Dial("tcp4", s.address)
		switch {
		case err == nil:
			s.connections = append(s.connections, &batchConnection{conn, bufio.NewReader(conn)})
		case time.Now().After(deadline):
			b.Fatal(err)
		default:
			time.Sleep(5 * time.Millisecond)
		}
	}
	return s
}

// stop lets the server drain and empty its log.
func (s *batchServer) stop(b *testing.B) {
	b.Helper()
	for _, c := range s.connections {
		_ = c.Close()
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	hung := time.AfterFunc(batchWait, func() { _ = s.command.Process.Kill() })
	defer hung.Stop()
	if err := s.command.Wait(); err != nil {
		b.Fatalf("%v\n%s", err, &s.output)
	}
}

// run sends each connection's batches, all connections at once, and answers how many
// commits they were.
func (s *batchServer) run(b *testing.B, turn [][]batch, side *batchSide) (commits int) {
	b.Helper()
	callsBefore, commitsBefore := s.groups(b)
	failures := make([]error, len(turn))
	var working sync.WaitGroup
	started := time.Now()
	for c := range turn {
		working.Go(func() { failures[c] = s.connections[c].send(turn[c]) })
	}
	working.Wait()
	side.took += time.Since(started)
	for _, err := range failures {
		if err != nil {
			b.Fatal(err)
		}
	}
	calls, commits := s.groups(b)
	calls, commits = calls-callsBefore, commits-commitsBefore
	if sent := len(turn) * len(turn[0]); calls != sent {
		b.Fatalf("%d batches were sent, the server committed %d", sent, calls)
	}
	side.batches += calls
	side.commits += commits
	return commits
}

func (c *batchConnection) send(batches []batch) error {
	for i := range batches {
		if err := c.SetDeadline(time.Now().Add(batchWait)); err != nil {
			return err
		}
		if _, err := c.Write(batches[i].request); err != nil {
			return err
		}
		answer, err := http.ReadResponse(c.in, nil)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(answer.Body)
			return fmt.Errorf("status %d: %.200s", answer.StatusCode, body)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return err
		}
	}
	return nil
}

// groups reads how many calls the server has committed so far, and in how many groups.
func (s *batchServer) groups(b *testing.B) (calls, commits int) {
	b.Helper()
	answer, err := http.Get("http://" + s.address + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		for name, into := range map[string]*int{"sum": &calls, "count": &commits} {
			label := fmt.Sprintf("urlite_writer_group_calls_%s{db=%q} ", name, batchDatabase+".db")
			if number, found := strings.CutPrefix(line, label); found {
				value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
				if err != nil {
					b.Fatal(err)
				}
				*into = int(value)
			}
		}
	}
	return calls, commits
}
