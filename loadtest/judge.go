package main

import (
	"fmt"
	"time"
)

// verdict is one line of judgement: a figure, what it should be, and whether it is.
type verdict struct {
	measured string
	target   string // empty: nothing is promised
	missed   bool
	note     string // what one has to know beside the figure; empty: nothing
}

func throughputAtLeast(share float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := throughputShown(m)
		v.target = fmt.Sprintf(">= %.2f", share)
		v.missed = m.ratio(throughputRatio) < share
		return v
	}
}

// throughputShown shows the ratio to the baseline, and between which values the
// rounds were: where they lie far apart, the machine was not quiet.
func throughputShown(m *measurement) verdict {
	low, high := m.bounds(throughputRatio)
	return verdict{measured: fmt.Sprintf("%.2f of %s (%.2f-%.2f)", m.ratio(throughputRatio), m.baseName, low, high)}
}

// refusedAtLeast holds a scenario that is about refusals to its word: what was
// granted was another, and dearer, thing.
func refusedAtLeast(share float64, judge func(*measurement) verdict) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := judge(m)
		refused := float64(m.server.refused) / float64(max(m.server.latency.total, 1))
		v.missed = v.missed || refused < share
		v.note = fmt.Sprintf("%.2f %% of the answers were 429", 100*refused)
		return v
	}
}

// latencyWithin judges the median by the least it could be: one sync of the
// disk and one request that does nothing.
func latencyWithin(factor float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		noop := m.base.latency.quantile(0.5)
		least := m.diskSync + noop
		ratio := float64(m.server.latency.quantile(0.5)) / float64(max(least, 1))
		return verdict{
			measured: fmt.Sprintf("%.2f x (sync %s + no-op %s)", ratio, brief(m.diskSync), brief(noop)),
			target:   fmt.Sprintf("<= %.2f", factor),
			missed:   ratio > factor,
		}
	}
}

// quantileWithin judges a quantile of the latency by the baseline's.
func quantileWithin(share, factor float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		of := quantileRatio(share)
		ratio := m.ratio(of)
		low, high := m.bounds(of)
		return verdict{
			measured: fmt.Sprintf("%.2f x p%.0f of %s (%.2f-%.2f)", ratio, 100*share, m.baseName, low, high),
			target:   fmt.Sprintf("<= %.2f", factor),
			missed:   ratio > factor || ratio == 0,
		}
	}
}

// sweptShareMin is how many of the keys that expired under load must have been
// removed under load: a sweep that rests costs nobody anything.
const sweptShareMin = 0.95

// sweepWithin also shows whether the sweep kept up.
func sweepWithin(factor float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := quantileWithin(0.99, factor)(m)
		s := &m.sweep
		v.missed = v.missed || s.sweptUnderLoad < sweptShareMin*s.expired
		v.note = fmt.Sprintf("%.0f keys expired, p99 %s without and %s with; %.0f rows (%.1f %%) were swept under load, %.0f were left %v after it",
			s.expired, brief(m.base.latency.quantile(0.99)), brief(m.server.latency.quantile(0.99)),
			s.sweptUnderLoad, 100*s.sweptUnderLoad/max(s.expired, 1), s.left, sweepRest)
		return v
	}
}

// withAsides adds the medians of what is only shown.
func withAsides(judge func(*measurement) verdict) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := judge(m)
		for _, a := range m.asides {
			if v.note != "" {
				v.note += "; "
			}
			v.note += fmt.Sprintf("%s: p50 %s, p99 %s", a.name, brief(a.latency.quantile(0.5)), brief(a.latency.quantile(0.99)))
		}
		return v
	}
}

func memoryWithin(bytes int64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		return verdict{
			measured: fmt.Sprintf("%.1f MB (peak %.1f MB)", float64(m.memory.residentBytes)/1e6, float64(m.memory.peakBytes)/1e6),
			target:   fmt.Sprintf("<= %.0f MB", float64(bytes)/1e6),
			missed:   m.memory.residentBytes > bytes,
		}
	}
}

// measurement is what a scenario found. A soak has no baseline.
type measurement struct {
	baseName     string
	server, base tally   // all rounds together
	rounds       []round // one by one
	diskSyncs    []time.Duration
	diskSync     time.Duration // their median
	memory       memory
	sweep        sweepCount
	growth       growth
	undo         undoCount
	export       exportCount
	queries      int // that ran to their time's end beside the load
	asides       []asideTally
	wrong        []string // what was found out while measuring
}

// asideTally is what came of traffic that is only shown.
type asideTally struct {
	name string
	*tally
}

// round is a turn of each side.
type round struct{ server, base *tally }

// add counts a round in.
func (m *measurement) add(r round) {
	m.server.merge(r.server)
	m.base.merge(r.base)
	m.rounds = append(m.rounds, r)
}

// ratioOf compares the server with its baseline; zero when there is nothing to compare.
type ratioOf func(server, base *tally) float64

func throughputRatio(server, base *tally) float64 {
	if base.perSecond() == 0 {
		return 0
	}
	return server.perSecond() / base.perSecond()
}

func quantileRatio(share float64) ratioOf {
	return func(server, base *tally) float64 {
		return float64(server.latency.quantile(share)) / float64(max(base.latency.quantile(share), 1))
	}
}

// ratio is the one of all rounds together.
func (m *measurement) ratio(of ratioOf) float64 { return of(&m.server, &m.base) }

// bounds are the least and the greatest of a round's.
func (m *measurement) bounds(of ratioOf) (low, high float64) {
	for i, r := range m.rounds {
		ratio := of(r.server, r.base)
		if i == 0 {
			low, high = ratio, ratio
		}
		low, high = min(low, ratio), max(high, ratio)
	}
	return low, high
}
