package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urlite/urlite/refusal"
)

// streaming is a server that answers every request with what a producer makes.
type streaming struct {
	*testServer
	// ended counts the producers that have come to their end.
	ended atomic.Int64
}

func startStreaming(t *testing.T, produce func(out *flow) error) *streaming {
	t.Helper()
	s := &streaming{}
	s.testServer = startServer(t, testOptions{
		config: func(c *Config) { c.SQL.BytesMax = 1 << 20 },
		beforeServing: func(server *Server) {
			server.http.Handler = server.answer("test", func(q *request) error {
				return q.send(func(out *flow) error {
					defer s.ended.Add(1)
					return produce(out)
				})
			})
		},
	})
	return s
}

// idles waits until no request is in flight, and every producer has ended.
func (s *streaming) idles(t *testing.T, producers int64) {
	t.Helper()
	for end := time.Now().Add(answerWait); s.api.inFlight.Load() != 0 || s.ended.Load() != producers; {
		if time.Now().After(end) {
			t.Fatalf("%d requests in flight, %d of %d producers ended", s.api.inFlight.Load(), s.ended.Load(), producers)
		}
		time.Sleep(time.Millisecond)
	}
}

// numbers makes a list of n numbers, each as long as a line.
func numbers(out *flow, n int) error {
	out.begin()
	out.name("list")
	for i := range n {
		out.open(int64(i))
		out.out = append(out.out, strings.Repeat("7", 100)...)
		if err := out.more(); err != nil {
			return err
		}
	}
	out.close(int64(n))
	out.out = append(out.out, '}')
	return nil
}

func numbersText(n int) string {
	return `{"success":true,"list":[` + strings.Repeat(","+strings.Repeat("7", 100), n)[1:] + `]}`
}

const (
	fewNumbers  = 1000    // a plain answer
	manyNumbers = 9000    // a stream, which still fits into what may be sent whole
	manySockets = 400_000 // more than sockets hold
	tooMany     = 1 << 30
)

func TestAnAnswerIsStreamedWhenItIsLong(t *testing.T) {
	f := func(n int, wantLength bool) {
		t.Helper()
		s := startStreaming(t, func(out *flow) error { return numbers(out, n) })
		c := s.connect(t)
		for range 2 { // the connection is kept
			got := c.exchange(t, "GET", rawRequest("GET", "/", ""))
			if string(got.body) != numbersText(n) {
				t.Errorf("%d numbers: another answer of %d bytes", n, len(got.body))
			}
			if has := got.header.Get("Content-Length") != ""; has != wantLength || got.closes {
				t.Errorf("%d numbers: %v", n, got.header)
			}
		}
		s.idles(t, 2)
	}
	f(1, true)
	f(fewNumbers, true)
	f(manyNumbers, false)
}

func TestAnErrorIsARefusalUntilTheFirstPieceIsSent(t *testing.T) {
	f := func(n int, fault func() error, status int) {
		t.Helper()
		s := startStreaming(t, func(out *flow) error {
			if err := numbers(out, n); err != nil {
				return err
			}
			return fault()
		})
		s.request(t, "GET", "", "").wants(t, status, `"error":`)
		s.idles(t, 1)
	}
	gap := func() error { return refusal.New(refusal.TimeTravelChainGap, "a gap") }
	f(1, gap, 409)
	f(fewNumbers, gap, 409)
	f(fewNumbers, func() error { return errors.New("a fault") }, 500)
	f(fewNumbers, func() error { panic("a fault") }, 500)
}

func TestAnErrorInAStreamBreaksTheConnectionOff(t *testing.T) {
	f := func(fault func() error, level string) {
		t.Helper()
		s := startStreaming(t, func(out *flow) error {
			if err := numbers(out, manyNumbers); err != nil {
				return err
			}
			return fault()
		})
		c := s.connect(t)
		c.send(t, rawRequest("GET", "/", "", "X-Request-Id: mine"))
		if got, err := c.receive("GET"); err == nil {
			t.Errorf("the answer looks whole: %s, %d bytes", got.reason, len(got.body))
		}
		if !c.closed() {
			t.Error("the connection is still open")
		}
		s.idles(t, 1)
		if log := s.log.String(); !strings.Contains(log, level) || !strings.Contains(log, "answer broken off") || !strings.Contains(log, "request_id=mine") {
			t.Errorf("logged %q", log)
		}
	}
	f(func() error { return errors.New("a fault") }, "level=ERROR")
	f(func() error { panic("a fault") }, "level=ERROR")
	f(func() error { return refusal.New(refusal.RequestTimeout, "out of time") }, "level=WARN")
}

func TestAClientThatGoesAwayEndsItsStream(t *testing.T) {
	s := startStreaming(t, func(out *flow) error { return numbers(out, tooMany) })
	c := s.connect(t)
	c.send(t, rawRequest("GET", "/", ""))
	if _, err := io.CopyN(io.Discard, c.in, 1<<20); err != nil {
		t.Fatal(err)
	}
	if s.api.inFlight.Load() != 1 {
		t.Error("a stream is not counted as a request")
	}
	c.Close()
	s.idles(t, 1)
}

func TestAClientThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	s := startStreaming(t, func(out *flow) error { return numbers(out, tooMany) })
	c := s.connect(t)
	started := time.Now()
	c.send(t, rawRequest("GET", "/?timeout=1", ""))
	s.idles(t, 1)
	if took := time.Since(started); took < 900*time.Millisecond {
		t.Errorf("it was given up after %v", took)
	}
	if _, err := c.receive("GET"); err == nil {
		t.Error("the answer looks whole")
	}
}

func TestASlowClientGetsAll(t *testing.T) {
	const n = manySockets
	s := startStreaming(t, func(out *flow) error { return numbers(out, n) })
	c := s.connect(t)
	c.send(t, rawRequest("GET", "/", ""))
	time.Sleep(200 * time.Millisecond)
	if s.ended.Load() != 0 {
		t.Error("all of it was made before anybody read it")
	}
	got, err := c.receive("GET")
	if err != nil || string(got.body) != numbersText(n) {
		t.Errorf("another answer: %v", err)
	}
	s.idles(t, 1)
}

func TestHeadOfAStreamIsItsHeaders(t *testing.T) {
	f := func(n int, wantLength string) {
		t.Helper()
		s := startStreaming(t, func(out *flow) error { return numbers(out, n) })
		c := s.connect(t)
		for range 2 {
			got := c.exchange(t, "HEAD", rawRequest("HEAD", "/", ""))
			if got.status != 200 || got.header.Get("Content-Type") != "application/json" || got.header.Get("Content-Length") != wantLength {
				t.Errorf("%s %v", got.reason, got.header)
			}
		}
		s.idles(t, 2)
	}
	f(1, "126")
	f(tooMany, "")
}

func TestOldHTTPGetsTheAnswerWhole(t *testing.T) {
	f := func(n, status int, want string) {
		t.Helper()
		s := startStreaming(t, func(out *flow) error { return numbers(out, n) })
		c := s.connect(t)
		c.send(t, "GET / HTTP/1.0\r\nHost: test\r\n\r\n")
		response, err := http.ReadResponse(c.in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != status || !strings.HasPrefix(string(body), want) || len(response.TransferEncoding) > 0 {
			t.Errorf("%d numbers: %s %.100q %v", n, response.Status, body, err)
		}
		s.idles(t, 1)
	}
	f(manyNumbers, 200, numbersText(manyNumbers))
	f(tooMany, 413, `{"error":"the response is too large`)
}

func TestADrainWaitsForStreams(t *testing.T) {
	const n = manySockets
	s := startStreaming(t, func(out *flow) error { return numbers(out, n) })
	c := s.connect(t)
	c.send(t, rawRequest("GET", "/", ""))
	if _, err := c.in.Peek(1); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() {
		s.api.Drain()
		close(drained)
	}()
	time.Sleep(2 * drainNotice)
	got, err := c.receive("GET")
	if err != nil || string(got.body) != numbersText(n) {
		t.Errorf("a stream was cut by the drain: %v", err)
	}
	<-drained
}
