package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// generator drives one server with fasthttp's client over a fixed number of open
// connections: each has its goroutine, which sends the next request when the last is
// answered.
//
// It shares the cores with the server, so the client's own cost is part of every
// figure, of the no-op's as well: requests are prepared, and nothing is allocated or
// shared but the client.
type generator struct {
	client      *fasthttp.HostClient
	connections []*connection
	requestsMax int // of each connection in a slice; 0: as many as there is time for
}

// connection is what one goroutine sends and receives with. As there are no more of
// them than connections, none ever waits for one.
type connection struct {
	client *fasthttp.HostClient
	script *script
	answer fasthttp.Response
}

// tally is what one slice of load came to.
type tally struct {
	latency  histogram // of requests, or turns of them, answered as they may be
	counted  uint64    // 200s that moved a counter by one
	refused  uint64    // 429s, where they are an answer
	failures uint64    // everything else
	failure  string    // the first of them, in words
	elapsed  time.Duration
}

func (t *tally) merge(other *tally) {
	t.latency.merge(&other.latency)
	t.counted += other.counted
	t.refused += other.refused
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

// newGenerator makes a client of so many connections, which it opens as it needs
// them. The same seed gives the same requests.
func newGenerator(address string, connections int, traffic []shape, seed uint64) (*generator, error) {
	g := &generator{client: &fasthttp.HostClient{
		Addr:     address,
		MaxConns: connections,
		// A request that failed may have been counted: nothing is sent twice.
		MaxIdemponentCallAttempts: 1,
		MaxResponseBodySize:       answerBytesMax,
		ReadTimeout:               answerWait,
		WriteTimeout:              answerWait,
		// The keys are sent as they are.
		DisablePathNormalizing: true,
	}}
	for number := range connections {
		g.connections = append(g.connections, &connection{
			client: g.client,
			script: newScript(address, traffic, seed, uint64(number)),
		})
	}
	return g, nil
}

func (g *generator) close() { g.client.CloseIdleConnections() }

// inTurn makes the connections send what they send one after the other, and take a whole
// turn for one thing with one latency.
func (g *generator) inTurn(asOne bool) {
	for _, c := range g.connections {
		c.script.inTurn = asOne
	}
}

// slice loads the server for the given time, or until ctx is done or every
// connection has sent its most, and returns when every request has its answer.
func (g *generator) slice(ctx context.Context, duration time.Duration) *tally {
	var stop atomic.Bool
	var working sync.WaitGroup
	tallies := make([]tally, len(g.connections))
	start := time.Now()
	for i, c := range g.connections {
		working.Go(func() { c.work(&stop, g.requestsMax, &tallies[i]) })
	}
	ended := make(chan struct{})
	go func() {
		working.Wait()
		close(ended)
	}()
	select {
	case <-ctx.Done():
	case <-ended:
	case <-time.After(duration):
	}
	stop.Store(true)
	<-ended

	sum := &tally{}
	for i := range tallies {
		sum.merge(&tallies[i])
	}
	sum.elapsed = time.Since(start)
	return sum
}

// work sends requests until stop, the most it may send, or the connection's end:
// what became of the last request is unknown then, so the run has failed anyway.
func (c *connection) work(stop *atomic.Bool, requestsMax int, t *tally) {
	c.script.turn = 0
	sent := time.Now()
	for n := 0; !stop.Load() && (requestsMax == 0 || n < requestsMax); n++ {
		next := c.script.next()
		err := c.client.Do(next.request, &c.answer)
		answered := time.Now()
		switch {
		case err != nil:
			t.fail(next.request, err.Error())
			return
		case c.answer.StatusCode() == fasthttp.StatusTooManyRequests && next.mayRefuse:
			t.latency.record(answered.Sub(sent))
			t.refused++
		case c.answer.StatusCode() != fasthttp.StatusOK:
			t.fail(next.request, fmt.Sprintf("status %d: %.200s", c.answer.StatusCode(), c.answer.Body()))
		case len(c.answer.Body()) == 0:
			t.fail(next.request, "an empty body")
		default:
			if next.counts {
				t.counted++
			}
			if !c.script.turned() {
				continue
			}
			t.latency.record(answered.Sub(sent))
		}
		sent = answered
	}
}

func (t *tally) fail(request *fasthttp.Request, how string) {
	t.failures++
	if t.failure == "" {
		t.failure = fmt.Sprintf("%s %s: %s", request.Header.Method(), request.Header.RequestURI(), how)
	}
}
