package writer

import (
	"fmt"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Metrics are one database's numbers about its writer. The label db is one of the
// databases that are open, so there are no more of them than may be open.
type Metrics struct {
	groupCalls *metrics.Histogram
	hold       *metrics.Histogram
	commit     *metrics.Histogram
	checkpoint *metrics.Histogram
	cuts       [cutReasons]*metrics.Counter
	retries    *metrics.Counter
	swept      *metrics.Counter
	folded     *metrics.Counter
}

// NewMetrics registers a database's numbers in set.
func NewMetrics(set *metrics.Set, db string) *Metrics {
	name := func(metric, labels string) string {
		return fmt.Sprintf("urlite_writer_%s{db=%q%s}", metric, db, labels)
	}
	m := &Metrics{
		groupCalls: set.NewHistogram(name("group_calls", "")),
		hold:       set.NewHistogram(name("hold_seconds", "")),
		commit:     set.NewHistogram(name("commit_seconds", "")),
		checkpoint: set.NewHistogram(name("checkpoint_seconds", "")),
		retries:    set.NewCounter(name("retried_groups_total", "")),
		swept:      set.NewCounter(name("expired_rows_total", "")),
		folded:     set.NewCounter(name("folded_entries_total", "")),
	}
	for reason, label := range [cutReasons]string{cutDrained: "drained", cutOps: "ops", cutBytes: "bytes", cutTime: "time"} {
		m.cuts[reason] = set.NewCounter(name("group_cuts_total", fmt.Sprintf(",reason=%q", label)))
	}
	return m
}

// Watch adds the gauges that need the running writer.
func (m *Metrics) Watch(set *metrics.Set, db string, w *Writer) {
	set.NewGauge(fmt.Sprintf("urlite_writer_inbox_calls{db=%q}", db), func() float64 { return float64(w.inbox.len()) })
	set.NewGauge(fmt.Sprintf("urlite_writer_wal_bytes{db=%q}", db), func() float64 { return float64(w.disk.LogBytes()) })
}

// group counts one committed group: hold is the work up to the commit, commit the
// wait for the disk.
func (m *Metrics) group(calls int, reason cutReason, started, worked time.Time) {
	if calls == 0 {
		return // a sweep of its own
	}
	m.groupCalls.Update(float64(calls))
	m.hold.Update(worked.Sub(started).Seconds())
	m.commit.UpdateDuration(worked)
	m.cuts[reason].Inc()
}
