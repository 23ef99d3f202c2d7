package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// serveHere serves a handler from within the test and returns its address.
func serveHere(t *testing.T, handler fasthttp.RequestHandler) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func startGenerator(t *testing.T, address string, connections int, traffic ...shape) *generator {
	t.Helper()
	g, err := newGenerator(address, connections, traffic, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return g
}

func TestTheGeneratorCountsWhatTheServerAnswered(t *testing.T) {
	var increments, others atomic.Uint64
	noop := noopHandler()
	address := serveHere(t, func(ctx *fasthttp.RequestCtx) {
		if strings.HasSuffix(string(ctx.Path()), "/incr") {
			increments.Add(1)
		} else {
			others.Add(1)
		}
		noop(ctx)
	})
	g := startGenerator(t, address, 4, incrementHot(), incrementRandom(100), getRandom(100), putRandom(100))
	sum := &tally{}
	for range 2 {
		sum.merge(g.slice(context.Background(), 50*time.Millisecond))
	}
	if sum.failures != 0 {
		t.Fatalf("%d failures, first %s", sum.failures, sum.failure)
	}
	if sum.counted != increments.Load() || sum.latency.total != increments.Load()+others.Load() {
		t.Errorf("counted %d of %d increments, recorded %d of %d requests",
			sum.counted, increments.Load(), sum.latency.total, increments.Load()+others.Load())
	}
	if others.Load() == 0 || increments.Load() == 0 {
		t.Errorf("the mix came to %d increments and %d others", increments.Load(), others.Load())
	}
}

func TestAnythingButA200IsAFailure(t *testing.T) {
	address := serveHere(t, func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		ctx.SetBodyString("busy")
	})
	sum := startGenerator(t, address, 2, incrementHot()).slice(context.Background(), 20*time.Millisecond)
	if sum.counted != 0 || sum.latency.total != 0 || sum.failures == 0 {
		t.Errorf("%d counted, %d recorded, %d failures", sum.counted, sum.latency.total, sum.failures)
	}
	if want := "POST /api/v1/sqlite/kv/hot/incr?db=load: status 503: busy"; sum.failure != want {
		t.Errorf("the first failure reads %q, want %q", sum.failure, want)
	}
}

func TestA429IsAnAnswerWhereTheTrafficAsksForIt(t *testing.T) {
	address := serveHere(t, func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(fasthttp.StatusTooManyRequests)
		ctx.SetBodyString("slow down")
	})
	f := func(traffic shape, answers bool) {
		t.Helper()
		sum := startGenerator(t, address, 2, traffic).slice(context.Background(), 20*time.Millisecond)
		if answered := sum.refused > 0 && sum.refused == sum.latency.total && sum.failures == 0; answered != answers {
			t.Errorf("%s: %d refused, %d recorded, %d failures", traffic.path(), sum.refused, sum.latency.total, sum.failures)
		}
	}
	f(limitHot(hotLimitKey, limitWide), false)
	f(refusable(limitHot(fullLimitKey, limitNarrow)), true)
}

func TestASliceEndsWhenEveryConnectionHasSentItsMost(t *testing.T) {
	address := serveHere(t, noopHandler())
	g := startGenerator(t, address, 3, incrementHot())
	g.requestsMax = 7
	start := time.Now()
	sum := g.slice(context.Background(), time.Minute)
	if sum.latency.total != 3*7 || time.Since(start) > 30*time.Second {
		t.Errorf("%d requests in %v", sum.latency.total, time.Since(start))
	}
}

func TestRequestsThatAreOneThingAreSentInTurnAndHaveOneLatency(t *testing.T) {
	var paths []string // of the only connection
	address := serveHere(t, func(ctx *fasthttp.RequestCtx) {
		paths = append(paths, string(ctx.Path()))
		time.Sleep(10 * time.Millisecond)
		ctx.SetBodyString("done")
	})
	g := startGenerator(t, address, 1, getRandom(1), incrementHot(), putRandom(1))
	g.inTurn(true)
	g.requestsMax = 7
	sum := g.slice(context.Background(), time.Minute)
	if sum.failures > 0 || sum.latency.total != 2 || sum.counted != 2 {
		t.Errorf("%d latencies of 7 requests, 3 to a turn, %d counted; %s", sum.latency.total, sum.counted, sum.failure)
	}
	if least := sum.latency.quantile(0); least < 30*time.Millisecond {
		t.Errorf("a turn took %v", least)
	}
	if sum = g.slice(context.Background(), time.Minute); sum.latency.quantile(0) < 30*time.Millisecond {
		t.Error("a slice began in the middle of a turn")
	}
	key, hot, put := apiPrefix+"/kv/key-000000", apiPrefix+"/kv/hot/incr", apiPrefix+"/kv/put-000000"
	each := []string{key, hot, put, key, hot, put, key}
	if want := append(each, each...); !slices.Equal(paths, want) {
		t.Errorf("sent %q", paths)
	}
}

func TestRequestsSayWhatTheyAreAbout(t *testing.T) {
	f := func(s shape, method, address, contentType string) {
		t.Helper()
		header := &newScript("localhost", []shape{s}, 1, 0).next().request.Header
		if got := string(header.RequestURI()); got != apiPrefix+address {
			t.Errorf("asks for %s, want %s", got, apiPrefix+address)
		}
		if string(header.Method()) != method || string(header.ContentType()) != contentType {
			t.Errorf("%s is sent as %s %q", address, header.Method(), header.ContentType())
		}
	}
	f(incrementHot(), "POST", "/kv/hot/incr?db=load", "")
	f(limitHot("k", 5), "POST", "/kv/k/limit?db=load&limit=5&window=60", "")
	f(limitRandom(1, 5), "POST", "/kv/limit-000000/limit?db=load&limit=5&window=60", "")
	f(putRandom(1), "PUT", "/kv/put-000000?db=load", "text/plain")
	f(putDocument("{}"), "PUT", "/kv/document?db=load", "application/json")
	f(patchDocument("items.1.name"), "PUT", "/kv/document?db=load&path=items.1.name", "application/json")
	f(listPage(""), "GET", "/kv?db=load&limit=100", "")
	f(listPage("a+b="), "GET", "/kv?db=load&limit=100&after=a%2Bb%3D", "")
}

func TestTheSameSeedSendsTheSameRequests(t *testing.T) {
	traffic := []shape{incrementRandom(1_000), getRandom(1_000)}
	addresses := func(seed uint64) (list []string) {
		s := newScript("localhost", traffic, seed, 3)
		for range 50 {
			list = append(list, string(s.next().request.Header.RequestURI()))
		}
		return list
	}
	first, second, other := addresses(1), addresses(1), addresses(2)
	different := 0
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("request %d is %s and %s", i, first[i], second[i])
		}
		if first[i] != other[i] {
			different++
		}
	}
	if different == 0 {
		t.Error("another seed sends the same requests")
	}
}

func TestKeysAreAllOfOneLength(t *testing.T) {
	f := func(number int, want string) {
		t.Helper()
		place := []byte("------")
		putNumber(place, number)
		if string(place) != want {
			t.Errorf("%d is written %s, want %s", number, place, want)
		}
	}
	f(0, "000000")
	f(42, "000042")
	f(keysMax-1, "999999")
}
