package server

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"
)

// chunks writes a body in chunks that end at cuts.
func inChunks(body string, cuts ...int) string {
	var raw strings.Builder
	for _, cut := range append(cuts, len(body)) {
		if cut = min(cut, len(body)); cut > 0 {
			fmt.Fprintf(&raw, "%x\r\n%s\r\n", cut, body[:cut])
			body = body[cut:]
		}
	}
	return raw.String() + "0\r\n\r\n"
}

func TestBodiesOfEverySizeArriveAsTheyWereSent(t *testing.T) {
	s := startServer(t, testOptions{})
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	edges := rapid.SampledFrom([]int{prefetchedBytes, bodyKeptBytesMax, bodyStepBytes, bodyStepBytes * 3 / 2, 1<<20 - 2})
	size := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 1<<20), rapid.Custom(func(t *rapid.T) int {
		return edges.Draw(t, "edge") + rapid.IntRange(-1, 1).Draw(t, "beside")
	}))
	put := "PUT " + prefix + "/kv/k?db=app&history=false HTTP/1.1\r\nHost: a\r\nContent-Type: application/x\r\n"
	get := rawRequest("GET", prefix+"/kv/k?db=app", "")
	rapid.Check(t, func(rt *rapid.T) {
		body := string(noise[:max(0, size.Draw(rt, "size"))])
		raw := fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", put, len(body), body)
		if rapid.Bool().Draw(rt, "chunked") {
			cuts := rapid.SliceOfN(size, 0, 3).Draw(rt, "cuts")
			raw = put + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(body, cuts...)
		}
		c := s.connect(t)
		defer c.Close()
		// Two and a question at once: each must begin where the one before ended.
		go io.WriteString(c, raw+raw+get)
		for _, method := range []string{"PUT", "PUT", "GET"} {
			a, err := c.receive(method)
			if err != nil || a.status != 200 {
				rt.Fatalf("%s: %v %v", method, a, err)
			}
			if method == "GET" && string(a.body) != body {
				rt.Fatalf("%d bytes came back as %d", len(body), len(a.body))
			}
		}
	})
	if taken := s.api.bodies.taken.Load(); taken != 0 {
		t.Errorf("%d bytes are still counted", taken)
	}
}

// emptyPools takes from the pools the requests of tests before, whose memory for a body may
// be room for all that a client sends here. What is in a pool survives one collection.
func emptyPools() {
	runtime.GC()
	runtime.GC()
}

func TestUploadsThatStallTakeNoMoreThanAStep(t *testing.T) {
	emptyPools()
	s := startServer(t, testOptions{})
	const clients = 50
	var conns []*connection
	for range clients {
		c := s.connect(t)
		c.send(t, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n"+strings.Repeat("x", 2*prefetchedBytes))
		conns = append(conns, c)
	}
	s.soon(t, "all have begun", func() bool { return s.api.bodies.taken.Load() > (clients-1)*bodyStepBytes })
	if taken := s.api.bodies.taken.Load(); taken > clients*bodyStepBytes {
		t.Errorf("%d bytes are taken by %d stalled uploads", taken, clients)
	}
	s.healthy(t)
	for _, c := range conns {
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	s.soon(t, "all is given back", func() bool { return s.api.bodies.taken.Load() == 0 && s.api.inFlight.Load() == 0 })
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 400, "DATABASE_NOT_FOUND")
}

func TestPastTheBudgetLargeBodiesAreRefusedAndSmallOnesNot(t *testing.T) {
	emptyPools()
	s := startServer(t, testOptions{config: func(c *Config) { c.BodyBytesMax = 400 << 10; c.BodiesBytesMax = 1 }})
	begin := func() *connection {
		c := s.connect(t)
		c.send(t, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n"+strings.Repeat("x", 2*prefetchedBytes))
		return c
	}
	var held []*connection
	for taken := int64(-1); s.api.bodies.taken.Load()+bodyStepBytes <= s.api.bodies.max; {
		held = append(held, begin())
		s.soon(t, "it has begun", func() bool { return s.api.bodies.taken.Load() != taken })
		taken = s.api.bodies.taken.Load()
	}
	c := begin()
	c.send(t, strings.Repeat("x", 300000-2*prefetchedBytes))
	a, err := c.receive("PUT")
	if err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, "PUT", a)
	a.wants(t, 503, "SERVICE_UNAVAILABLE")
	s.request(t, "PUT", "/kv/small?db=app", strings.Repeat("x", 5000)).wants(t, 200, "")

	// Others take the place of those that are gone.
	for _, c := range held {
		c.Close()
	}
	s.soon(t, "all is given back", func() bool { return s.api.bodies.taken.Load() == 0 })
	s.request(t, "PUT", "/kv/k?db=app", strings.Repeat("y", 400<<10)).wants(t, 200, `"size":409600`)
}

func TestARequestThatIsFramedTwiceIsRefused(t *testing.T) {
	s := startServer(t, testOptions{})
	smuggled := "0\r\n\r\nPUT " + prefix + "/kv/smuggled?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
	for _, header := range []string{
		"Content-Length: 5\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nContent-Length: 5",
		"transfer-encoding: CHUNKED\r\ncONTENT-lENGTH: 0",
	} {
		for _, target := range []string{"/kv/k?db=app", "/nowhere", "/db/import?db=app&table=t"} {
			got, bodies := s.offend(t, "POST "+prefix+target+" HTTP/1.1\r\nHost: a\r\n"+header+"\r\n\r\n"+smuggled)
			if fmt.Sprint(got) != "[400]" || !strings.Contains(bodies, "not both") {
				t.Errorf("%q is answered %v %s", header, got, bodies)
			}
		}
	}
	s.request(t, "GET", "/kv/smuggled?db=app", "").wants(t, 400, "DATABASE_NOT_FOUND")
	// A value that only looks like one is none.
	s.offend(t, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\nX: content-length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "")
}

// Who is refused may have sent a body all the same, which is no request.
func TestABodyThatNobodyReadIsPassedOver(t *testing.T) {
	s := startServer(t, testOptions{})
	trap := strings.Repeat(rawRequest("PUT", prefix+"/kv/trap?db=app", "x"), 2000)
	after := rawRequest("POST", prefix+"/kv/n/incr?db=app", "")
	f := func(status int, head string) {
		t.Helper()
		for _, body := range []string{
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(trap), trap),
			"Transfer-Encoding: chunked\r\n\r\n" + inChunks(trap, 1, 10_000, 100_000),
			"Transfer-Encoding: chunked\r\n\r\n" + inChunks(trap[:10]),
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 10, trap[:10]),
		} {
			c := s.connect(t)
			go io.WriteString(c, head+" HTTP/1.1\r\nHost: a\r\n"+body+after)
			method, _, _ := strings.Cut(head, " ")
			a, err := c.receive(method)
			if err != nil {
				t.Fatalf("%s: %v", head, err)
			}
			a.wants(t, status, "")
			if a, err = c.receive("POST"); err != nil {
				t.Fatalf("%s: the next request: %v", head, err)
			}
			a.wants(t, 200, `"value":`)
			c.Close()
		}
	}
	f(404, "POST "+prefix+"/nowhere")
	f(405, "POST "+prefix+"/kv/k?db=app")
	f(400, "PUT "+prefix+"/kv/k?db=app&ttl=x")
	f(400, "POST "+prefix+"/db/import?db=app")
	f(404, "POST "+prefix+"/db/import?db=app&table=none")
	f(200, "GET "+prefix+"/health")
	f(200, "HEAD "+prefix+"/health")
	f(404, "GET "+prefix+"/kv/trap?db=app")
}

func TestAClientThatAsksFirstIsToldBeforeItSendsTooMuch(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.BodyBytesMax = 1000 }})
	head := func(n int) string {
		return fmt.Sprintf("PUT %s/kv/k?db=app HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", prefix, n)
	}
	c := s.connect(t)
	a := c.exchange(t, "PUT", head(1001)) // and not 100
	a.wants(t, 413, "the body exceeds the limit of 1000 bytes")
	if !c.closed() {
		t.Error("the connection stays open")
	}
	c = s.connect(t)
	c.send(t, head(1000))
	if a, err := c.receive("PUT"); err != nil || a.status != http.StatusContinue {
		t.Fatalf("%v %v, want 100", a, err)
	}
	c.exchange(t, "PUT", strings.Repeat("x", 1000)).wants(t, 200, `"size":1000`)
	// A header that a client made up is not ours.
	s.request(t, "PUT", "/kv/k?db=app", "x", "Too-Long: 1", "Connection: close").wants(t, 200, "")
}

// A body cut anywhere, by an end or by a reset: never is a part taken for the whole.
func TestABodyThatIsCutWritesNothing(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "before").wants(t, 200, "")
	body := strings.Repeat("after ", 4000)
	put := "PUT " + prefix + "/kv/k?db=app HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
	for _, raw := range []string{
		fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", put, len(body), body),
		put + "Transfer-Encoding: chunked\r\n\r\n" + inChunks(body, 7, 9000, 1),
	} {
		cuts := []int{len(put), len(raw) - 1, len(raw) - 2, len(raw) - 4, len(raw) - 5, len(raw) - 7, len(raw) - 8}
		for range 30 {
			cuts = append(cuts, len(put)+rand.IntN(len(raw)-len(put)))
		}
		for _, cut := range cuts {
			c := s.connect(t)
			c.send(t, raw[:cut])
			tcp := c.Conn.(*net.TCPConn)
			if cut%2 == 0 {
				tcp.SetLinger(0)
				tcp.Close()
				continue
			}
			tcp.CloseWrite()
			if a, err := c.receive("PUT"); err == nil && a.status < 400 {
				t.Errorf("cut at %d of %d: %s %s", cut, len(raw), a.reason, a.body)
			}
			if !c.closed() {
				t.Errorf("cut at %d of %d: the connection stays open", cut, len(raw))
			}
		}
	}
	s.soon(t, "nobody waits", func() bool { return s.api.inFlight.Load() == 0 && s.api.bodies.taken.Load() == 0 })
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "before")
}

func TestABodyThatTricklesArrives(t *testing.T) {
	s := startServer(t, testOptions{})
	c := s.connect(t)
	c.send(t, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 200 {
		c.send(t, "1\r\nx\r\n")
	}
	c.exchange(t, "PUT", "0\r\n\r\n").wants(t, 200, `"size":200`)
	// While it waits for a body, a server that drains does not wait for it.
	c.send(t, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 50_000))
	s.soon(t, "it is in its handler", func() bool { return s.api.bodies.taken.Load() > 0 })
	s.soon(t, "it is not counted", func() bool { return s.api.inFlight.Load() == 0 })
}

func TestOnlyWhatIsSoReadsAsALength(t *testing.T) {
	f := func(raw string, want bool) {
		t.Helper()
		if got := hasLength([]byte(raw)); got != want {
			t.Errorf("%q: %v", raw, got)
		}
	}
	f("", false)
	f("Content-Length: 1\r\n", true)
	f("A: b\r\nCONTENT-length:1\r\n", true)
	f("A: b\r\nContent-Length\r\n", false)
	f("X-Content-Length: 1\r\n", false)
	f("A: content-length: 1\r\n", false)
	f(string(bytes.Repeat([]byte("\n"), 20)), false)
}

// The library's own Body answers an error as if it were the body.
func TestNobodyElseReadsBodies(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file != "body.go" && !strings.HasSuffix(file, "_test.go") && bytes.Contains(text, []byte("Request.Body()")) {
			t.Errorf("%s reads a body past request.body", file)
		}
	}
}

// deaf is a connection that only notes its deadline.
type deaf struct {
	net.Conn
	readBy time.Time
}

func (d *deaf) SetReadDeadline(t time.Time) error { d.readBy = t; return nil }

func TestABodyIsWaitedForUntilItsClientIsSilentOrLate(t *testing.T) {
	f := func(until time.Duration, want time.Duration) {
		t.Helper()
		conn := &deaf{}
		q := &request{ctx: &fasthttp.RequestCtx{}}
		q.ctx.Init2(&coarseConn{Conn: conn}, quiet{}, true)
		now := time.Now()
		r := &bodyReader{q: q, silence: bodySilence}
		if until != 0 {
			r.until = now.Add(until)
		}
		r.patience()
		if waits := conn.readBy.Sub(now); waits < want || waits > want+20*time.Second {
			t.Errorf("with %v left it waits %v, want %v", until, waits, want)
		}
	}
	f(0, bodySilence)
	f(time.Hour, bodySilence)
	f(time.Second, time.Second)
	f(-time.Second, -time.Second)
}
