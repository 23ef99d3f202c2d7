package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// generator drives one server over a fixed number of open connections, each
// with its goroutine that sends the next request when the last is answered.
//
// It shares the cores with the server, so it is kept light: requests are
// prepared, connections live as long as the generator, and the loop of a
// connection neither allocates nor shares anything.
type generator struct {
	connections []*connection
}

// connection is one socket with all that a request on it needs.
type connection struct {
	script *script
	socket net.Conn
	reader *bufio.Reader
	writer *bufio.Writer
	answer fasthttp.Response
}

// tally is what one slice of load came to.
type tally struct {
	latency  histogram // of requests answered with 200
	counted  uint64    // 200s that moved a counter by one
	failures uint64    // everything but a 200
	failure  string    // the first of them, in words
	elapsed  time.Duration
}

func (t *tally) merge(other *tally) {
	t.latency.merge(&other.latency)
	t.counted += other.counted
	t.failures += other.failures
	t.elapsed += other.elapsed
	if t.failure == "" {
		t.failure = other.failure
	}
}

func (t *tally) perSecond() float64 {
	if t.elapsed <= 0 {
		return 0
	}
	return float64(t.latency.total) / t.elapsed.Seconds()
}

// newGenerator opens the connections. The same seed gives the same requests.
func newGenerator(address string, connections int, traffic []shape, seed uint64) (*generator, error) {
	g := &generator{}
	for number := range connections {
		socket, err := net.DialTimeout("tcp4", address, answerWait)
		if err != nil {
			g.close()
			return nil, err
		}
		g.connections = append(g.connections, &connection{
			script: newScript(address, traffic, seed, uint64(number)),
			socket: socket,
			reader: bufio.NewReader(socket),
			writer: bufio.NewWriter(socket),
		})
	}
	return g, nil
}

func (g *generator) close() {
	for _, c := range g.connections {
		_ = c.socket.Close()
	}
}

// slice loads the server for the given time, or until ctx is done, and returns
// when every request it sent has its answer.
func (g *generator) slice(ctx context.Context, duration time.Duration) *tally {
	var stop atomic.Bool
	var working sync.WaitGroup
	tallies := make([]tally, len(g.connections))
	start := time.Now()
	for i, c := range g.connections {
		// One deadline for the slice: a timer per request would cost more than the request.
		_ = c.socket.SetDeadline(start.Add(duration + answerWait))
		working.Go(func() { c.work(&stop, &tallies[i]) })
	}
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
	stop.Store(true)
	working.Wait()

	sum := &tally{}
	for i := range tallies {
		sum.merge(&tallies[i])
	}
	sum.elapsed = time.Since(start)
	return sum
}

// work sends requests until stop, or until the connection breaks: what became
// of the last request is unknown then, so the run has failed anyway.
func (c *connection) work(stop *atomic.Bool, t *tally) {
	sent := time.Now()
	for !stop.Load() {
		next := c.script.next()
		err := c.exchange(next.request)
		answered := time.Now()
		switch {
		case err != nil:
			t.fail(next.request, err.Error())
			return
		case c.answer.StatusCode() != fasthttp.StatusOK:
			t.fail(next.request, fmt.Sprintf("status %d: %.200s", c.answer.StatusCode(), c.answer.Body()))
		case len(c.answer.Body()) == 0:
			t.fail(next.request, "an empty body")
		default:
			t.latency.record(answered.Sub(sent))
			if next.counts {
				t.counted++
			}
		}
		sent = answered
	}
}

func (c *connection) exchange(request *fasthttp.Request) error {
	if err := request.Write(c.writer); err != nil {
		return err
	}
	if err := c.writer.Flush(); err != nil {
		return err
	}
	return c.answer.ReadLimitBody(c.reader, answerBytesMax)
}

func (t *tally) fail(request *fasthttp.Request, how string) {
	t.failures++
	if t.failure == "" {
		t.failure = fmt.Sprintf("%s %s: %s", request.Header.Method(), request.Header.RequestURI(), how)
	}
}
