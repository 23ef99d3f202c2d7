package server

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// serverMetrics are the numbers about requests. Their labels are routes of the
// table and statuses of the API: a fixed set.
type serverMetrics struct {
	set      *metrics.Set
	requests *metrics.Counter
}

func newServerMetrics(s *Server) *serverMetrics {
	m := &serverMetrics{set: metrics.NewSet()}
	m.requests = m.set.NewCounter("urlite_requests_total")
	m.set.NewGauge("urlite_requests_in_flight", func() float64 { return float64(s.inFlight.Load()) })
	m.set.NewGauge("urlite_databases_open", func() float64 { return float64(s.catalog.Open()) })
	return m
}

// routeMetrics are one route's numbers. A status' counter is made when it is first
// answered.
type routeMetrics struct {
	name     string
	word     string // what the query history calls the operation; "" if it tells nothing of it
	writes   bool   // the operation
	set      *metrics.Set
	seconds  *metrics.Histogram
	statuses [statusEnd]atomic.Pointer[metrics.Counter]
}

const statusEnd = 600

func (m *serverMetrics) route(name string) *routeMetrics {
	word, writes := noteWord(name)
	return &routeMetrics{
		name:    name,
		word:    word,
		writes:  writes,
		set:     m.set,
		seconds: m.set.GetOrCreateHistogram(fmt.Sprintf("urlite_request_seconds{route=%q}", name)),
	}
}

func (r *routeMetrics) count(status int, took time.Duration) {
	r.seconds.Update(took.Seconds())
	if status < 0 || status >= statusEnd {
		status = statusEnd - 1
	}
	counter := r.statuses[status].Load()
	if counter == nil {
		counter = r.set.GetOrCreateCounter(fmt.Sprintf(`urlite_responses_total{route=%q,status="%d"}`, r.name, status))
		r.statuses[status].Store(counter)
	}
	counter.Inc()
}

// writeMetrics answers everything in Prometheus text.
func writeMetrics(q *request) error {
	q.ctx.Response.Header.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	q.server.metrics.set.WritePrometheus(q.ctx)
	q.server.catalog.WriteMetrics(q.ctx)
	metrics.WriteProcessMetrics(q.ctx)
	return nil
}
