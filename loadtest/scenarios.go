package main

import (
	"fmt"
	"time"
)

// scenario is one kind of load and what urlite promises under it.
type scenario struct {
	name        string
	about       string
	traffic     []shape
	preload     bool // create the random keys first
	connections int  // 0: the counts of -connections
	disk        bool // measure the disk's sync as well
	soak        bool // one long slice of the server alone, for its memory
	judge       func(*measurement) verdict
}

// measurement is what a scenario found. A soak has no no-op side.
type measurement struct {
	server, noop tally
	ratios       []float64 // throughput to no-op, one a round
	diskSyncs    []time.Duration
	diskSync     time.Duration // their median
	memory       memory
}

// verdict is one line of judgement: a figure, what it should be, and whether it is.
type verdict struct {
	measured string
	target   string // empty: nothing is promised
	missed   bool
}

// scenarios lists them all, in the order they run.
func scenarios(keys int) []scenario {
	mix := []shape{incrementHot(), incrementRandom(keys), getRandom(keys), putRandom(keys)}
	return []scenario{
		{
			name:    "incr-hot",
			about:   "every connection increments the same key",
			traffic: []shape{incrementHot()},
			judge:   throughputAtLeast(0.60),
		},
		{
			name:    "incr-random",
			about:   "increments of random keys",
			traffic: []shape{incrementRandom(keys)},
			preload: true,
			judge:   throughputAtLeast(0.35),
		},
		{
			name:    "get-random",
			about:   "reads of random small keys",
			traffic: []shape{getRandom(keys)},
			preload: true,
			judge:   throughputAtLeast(0.70),
		},
		{
			name:        "incr-one-connection",
			about:       "latency of an increment when nobody shares its commit",
			traffic:     []shape{incrementHot()},
			connections: 1,
			disk:        true,
			judge:       latencyWithin(2.5),
		},
		{
			name:    "mix",
			about:   "hot and random increments, reads and small writes in equal parts; -profile looks at this",
			traffic: mix,
			preload: true,
			judge:   throughputShown,
		},
		{
			name:    "memory",
			about:   "resident memory at the end of a long mix on one database",
			traffic: mix,
			preload: true,
			soak:    true,
			judge:   memoryWithin(60e6),
		},
	}
}

func throughputAtLeast(share float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		v := throughputShown(m)
		v.target = fmt.Sprintf(">= %.2f", share)
		v.missed = m.throughputRatio() < share
		return v
	}
}

// throughputShown shows the ratio to the no-op, and between which values the
// rounds were: where they lie far apart, the machine was not quiet.
func throughputShown(m *measurement) verdict {
	low, high := bounds(m.ratios)
	return verdict{measured: fmt.Sprintf("%.2f of no-op (%.2f-%.2f)", m.throughputRatio(), low, high)}
}

// latencyWithin judges the median by the least it could be: one sync of the
// disk and one request that does nothing.
func latencyWithin(factor float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		noop := m.noop.latency.quantile(0.5)
		least := m.diskSync + noop
		ratio := float64(m.server.latency.quantile(0.5)) / float64(max(least, 1))
		return verdict{
			measured: fmt.Sprintf("%.2f x (sync %s + no-op %s)", ratio, brief(m.diskSync), brief(noop)),
			target:   fmt.Sprintf("<= %.2f", factor),
			missed:   ratio > factor,
		}
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

func (m *measurement) throughputRatio() float64 {
	noop := m.noop.perSecond()
	if noop == 0 {
		return 0
	}
	return m.server.perSecond() / noop
}

func bounds(ratios []float64) (low, high float64) {
	for i, ratio := range ratios {
		if i == 0 {
			low, high = ratio, ratio
		}
		low, high = min(low, ratio), max(high, ratio)
	}
	return low, high
}
