package writer

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/sqltx"
)

const birth = 1_700_000_000_000

// clock is a time that only tests move.
type clock struct{ millis atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.millis.Store(birth)
	return c
}

func (c *clock) now() int64       { return c.millis.Load() }
func (c *clock) advance(ms int64) { c.millis.Add(ms) }
func quiet(limits *Limits)        { limits.IdleAfter = time.Hour }
func patient(limits *Limits)      { limits.HoldMax = time.Hour }
func idleSoon(limits *Limits)     { limits.IdleAfter = time.Millisecond }

// start runs a writer on the fake until the test ends, and lets it do first what a
// writer does with a file it does not know. When the test has ended, nothing of the
// writer is left, and the fake's history is sound.
func start(t testing.TB, f *fake, c *clock, change ...func(*Limits)) *Writer {
	t.Helper()
	w := startBusy(t, f, c, change...)
	eventually(t, "the first sweep and the first emptying of the log", func() bool { return f.count("Truncate") > 0 })
	return w
}

// startBusy is start for tests that must not wait.
func startBusy(t testing.TB, f *fake, c *clock, change ...func(*Limits)) *Writer {
	t.Helper()
	limits := DefaultLimits()
	quiet(&limits)
	limits.HoldMax = time.Hour // a slow machine must not cut groups
	for _, change := range change {
		change(&limits)
	}
	set := metrics.NewSet()
	w := New(f, Config{Limits: limits, Now: c.now, Metrics: NewMetrics(set, "test")})
	w.metrics.Watch(set, "test", w)
	t.Cleanup(func() {
		t.Helper()
		f.mu.Lock()
		closed := f.closed
		f.mu.Unlock()
		if !closed {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		<-w.stopped
		f.checkPast()
	})
	return w
}

// submit puts a call into the inbox as Do does, and does not wait.
func submit(t testing.TB, w *Writer, c *Call) *Call {
	t.Helper()
	c.bytes = c.weigh()
	if err := w.inbox.push(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// await is the other half of Do.
func await(c *Call) error {
	<-c.done
	return c.err
}

func call(ops ...kv.Op) *Call {
	c := NewCall()
	c.Table, c.Actor = "t", "tester"
	c.Ops = append(c.Ops, ops...)
	return c
}

func sqlCall(items ...string) *Call {
	c := NewCall()
	c.SQL = &sqltx.Request{}
	for _, item := range items {
		c.SQL.AddItem().SQL = item
	}
	c.RowsMax = 10
	return c
}

func incr(key string) kv.Op { return kv.Op{Code: kv.Incr, Key: key, Delta: 1} }

func set(key, value string) kv.Op {
	return kv.Op{Code: kv.Set, Key: key, ContentType: "text/plain", Value: kv.BytesValue([]byte(value), "text/plain")}
}

func del(key string) kv.Op { return kv.Op{Code: kv.Delete, Key: key} }

// blocked starts a writer whose first group waits in Commit, so that calls gather;
// release lets it go on, for good.
func blocked(t testing.TB, f *fake, c *clock, change ...func(*Limits)) (w *Writer, first *Call, release func()) {
	t.Helper()
	w = start(t, f, c, change...)
	gate := f.hold()
	first = submit(t, w, call(set("first", "1")))
	<-f.entered
	return w, first, func() { close(gate) }
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it never was", what)
		}
		runtime.Gosched()
	}
}
