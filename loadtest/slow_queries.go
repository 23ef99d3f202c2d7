package main

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// endlessSQL keeps a reader, and the core it runs on, busy until its time is over.
const endlessSQL = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

// slowReaders is how many readers a database has where nobody says: the server's default.
func slowReaders() int { return max(4, 2*runtime.NumCPU()) }

// endedQuery is how a query of endlessSQL ended, and when.
type endedQuery struct {
	at  time.Time
	err error // nil when its time was over
}

// besideQueries loads the server in turns while no query runs and while every reader runs
// one. What is measured is all of it: that the writer waits for no reader, and what it
// has left of the cores. How much of it is the cores shows a third turn, beside as many
// threads of another program that do nothing but burn them.
func (t *trial) besideQueries(ctx context.Context) (*measurement, error) {
	load, err := t.load(t.server.address, t.scenario.traffic)
	if err != nil {
		return nil, err
	}
	defer load.close()
	m := &measurement{}
	t.counted += t.warmUp(ctx, load, &m.server)
	burning := &tally{}
	seconds := min(max(int(math.Ceil(t.settings.duration.Seconds())), 1), querySecondsMax)
	turn := time.Duration(seconds)*time.Second - 2*queryMargin
	for range min(rounds, seconds) {
		base := load.slice(ctx, turn)
		burnt, err := t.besideBurners(ctx, load, turn)
		if err != nil {
			return nil, err
		}
		burning.merge(burnt)
		queries := t.startQueries(slowReaders(), seconds)
		if err := waitUntil(ctx, time.Now().Add(queryMargin)); err != nil {
			return nil, err
		}
		server := load.slice(ctx, turn)
		answered := time.Now()
		for range slowReaders() {
			query := <-queries
			switch {
			case query.err != nil:
				return nil, query.err
			case query.at.Before(answered):
				return nil, fmt.Errorf("a query ended %v before the turn did", answered.Sub(query.at))
			}
			m.queries++
		}
		t.count(m, round{base: base, server: server})
	}
	t.counted += burning.counted
	m.asides = append(m.asides, asideTally{name: "beside as many foreign threads that burn cores", tally: burning})
	return m, ctx.Err()
}

// startQueries has so many queries run for so many seconds each.
func (t *trial) startQueries(count, seconds int) <-chan endedQuery {
	ended := make(chan endedQuery, count)
	for range count {
		go func() {
			err := t.runQuery(seconds)
			ended <- endedQuery{at: time.Now(), err: err}
		}()
	}
	return ended
}

// runQuery runs a query that must be ended by the server, for its time is over.
func (t *trial) runQuery(seconds int) error {
	path := pathOf("/query", fmt.Sprintf("&timeout=%d&sql=", seconds)+base64.RawURLEncoding.EncodeToString([]byte(endlessSQL)))
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)
	request.SetRequestURI("http://" + t.server.address + path)
	wait := time.Duration(seconds)*time.Second + queryWaitMax
	if err := fasthttp.DoTimeout(request, answer, wait); err != nil {
		return fmt.Errorf("a query: %w", err)
	}
	told := newStatusError(answer.StatusCode(), answer.Body())
	if told.code != "REQUEST_TIMEOUT" {
		return fmt.Errorf("a query that does not end by itself: %w", told)
	}
	return nil
}

// besideBurners loads the server while another process burns as many cores as the
// queries do.
func (t *trial) besideBurners(ctx context.Context, load *generator, turn time.Duration) (*tally, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	burner := exec.CommandContext(ctx, binary, burnCommand, "-threads", fmt.Sprint(slowReaders()), "-for", (2 * turn).String())
	if err := burner.Start(); err != nil {
		return nil, err
	}
	err = waitUntil(ctx, time.Now().Add(queryMargin))
	sum := load.slice(ctx, turn)
	cancel()
	_ = burner.Wait() // it was ended
	return sum, err
}

// burnCommand is the hidden first argument that makes this program burn cores.
const burnCommand = "burn"

// runBurn burns cores for a while and returns the exit code.
func runBurn(arguments []string) int {
	flags := flag.NewFlagSet(burnCommand, flag.ContinueOnError)
	threads := flags.Int("threads", 1, "how many cores to burn")
	duration := flags.Duration("for", time.Second, "how long")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(*threads))
	var burning sync.WaitGroup
	for range *threads {
		burning.Go(func() {
			for start := time.Now(); time.Since(start) < *duration; {
			}
		})
	}
	burning.Wait()
	return 0
}

// queriesShown adds what the two sides were.
func queriesShown(judge func(*measurement) verdict) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := judge(m)
		v.missed = v.missed || m.queries == 0
		v.note = fmt.Sprintf("%d queries, %d at a time; p99 %s without and %s with, %.0f and %.0f increments a second",
			m.queries, slowReaders(), brief(m.base.latency.quantile(0.99)), brief(m.server.latency.quantile(0.99)),
			m.base.perSecond(), m.server.perSecond())
		return v
	}
}
