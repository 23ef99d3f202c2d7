package main

import (
	"context"
	"slices"
)

// scenario is one kind of load and what urlite promises under it.
type scenario struct {
	name       string
	about      string
	traffic    []shape
	against    baseline
	preload    bool // create the random keys first
	unrecorded bool // and as many beside them that have no history
	// prepare makes what else has to be there first, and may choose the traffic; nil: nothing.
	prepare     func(context.Context, *trial) error
	arguments   []string // of the server, behind all others
	connections int      // 0: the counts of -connections
	requestsMax int      // of each connection in a turn; 0: as many as there is time for
	rounds      int      // turns of each side; 0: as many as usual
	shown       []aside  // measured after it, and judged by nobody
	disk        bool     // measure the disk's sync as well
	measure     func(*trial, context.Context) (*measurement, error)
	// audit tells what is wrong with what a server holds, given its address and how many
	// requests were acknowledged that count; nil: the counters have to add up to them.
	audit func(*trial, string, uint64) []string
	judge func(*measurement) verdict
}

// baseline is what a scenario is measured against, in turns with it.
type baseline struct {
	name string
	// traffic is sent to the very same server; none is the scenario's own, sent to a
	// server that does nothing.
	traffic []shape
	// asOne says that the requests of the traffic are sent one after the other, and are
	// one thing with one latency.
	asOne bool
	// start makes another server that does something, which gets the scenario's own
	// traffic and is audited as well; nil: there is none.
	start func(*trial) (*process, error)
}

// aside is traffic that is worth a look beside the scenario's own.
type aside struct {
	name    string
	traffic []shape
}

var doesNothing = baseline{name: "no-op"}

// scenarios lists them all, in the order they run.
func scenarios(keys int) []scenario {
	return slices.Concat(promised(keys), compared(keys), travelling(keys), querying(keys), bystanding(keys))
}

// promised are held against what the machine can do: a server that does nothing, its
// disk, a size in memory.
func promised(keys int) []scenario {
	mix := []shape{incrementHot(), incrementRandom(keys), getRandom(keys), putRandom(keys)}
	return []scenario{
		{
			name:    "incr-hot",
			about:   "every connection increments the same key",
			traffic: []shape{incrementHot()},
			against: doesNothing,
			measure: (*trial).compare,
			judge:   throughputAtLeast(0.60),
		},
		{
			name:    "incr-random",
			about:   "increments of random keys",
			traffic: []shape{incrementRandom(keys)},
			against: doesNothing,
			preload: true,
			measure: (*trial).compare,
			judge:   throughputAtLeast(0.35),
		},
		{
			name:    "get-random",
			about:   "reads of random small keys",
			traffic: []shape{getRandom(keys)},
			against: doesNothing,
			preload: true,
			measure: (*trial).compare,
			judge:   throughputAtLeast(0.70),
		},
		{
			name:        "incr-one-connection",
			about:       "latency of an increment when nobody shares its commit",
			traffic:     []shape{incrementHot()},
			against:     doesNothing,
			connections: 1,
			disk:        true,
			measure:     (*trial).compare,
			judge:       latencyWithin(2.5),
		},
		{
			name:    "mix",
			about:   "hot and random increments, reads and small writes in equal parts; -profile looks at this",
			traffic: mix,
			against: doesNothing,
			preload: true,
			measure: (*trial).compare,
			judge:   throughputShown,
		},
		{
			name:    "memory",
			about:   "resident memory at the end of a long mix on one database",
			traffic: mix,
			preload: true,
			measure: (*trial).soak,
			judge:   memoryWithin(60e6),
		},
	}
}

// compared are held against another thing that the same server does.
func compared(keys int) []scenario {
	whole, leaf := document()
	incrHot := baseline{name: "incr", traffic: []shape{incrementHot()}}
	return []scenario{
		{
			name:    "limit-hot",
			about:   "every connection asks the same rate limit, which grants; against increments of one key",
			traffic: []shape{limitHot(hotLimitKey, limitWide)},
			against: incrHot,
			measure: (*trial).compare,
			judge:   throughputAtLeast(0.85),
		},
		{
			name:    "limit-hot-refused",
			about:   "the same with a limit that is used up, so that nearly all answers are 429",
			traffic: []shape{refusable(limitHot(fullLimitKey, limitNarrow))},
			against: incrHot,
			measure: (*trial).compare,
			judge:   refusedAtLeast(0.99, throughputAtLeast(0.85)),
		},
		{
			name:    "limit-random",
			about:   "rate limits of random keys, which grant; against increments of random keys",
			traffic: []shape{limitRandom(keys, limitWide)},
			against: baseline{name: "incr", traffic: []shape{incrementRandom(keys)}},
			preload: true,
			prepare: prepareLimits,
			measure: (*trial).compare,
			judge:   throughputAtLeast(0.85),
		},
		{
			name:        "patch-1mb",
			about:       "latency of writing a leaf of a document of 1 MB; against writing the whole",
			traffic:     []shape{patchDocument(leaf)},
			against:     baseline{name: "whole PUT", traffic: []shape{putDocument(whole)}},
			connections: 1,
			requestsMax: documentsMax,
			measure:     (*trial).compare,
			judge:       quantileWithin(0.5, 3),
		},
		{
			name:        "list-page",
			about:       "latency of a page deep in the list of all keys; against the first page",
			against:     baseline{name: "first page", traffic: []shape{listPage("")}},
			preload:     true,
			prepare:     preparePages,
			connections: 1,
			measure:     (*trial).compare,
			judge:       quantileWithin(0.5, 1.2),
		},
		{
			name:        "sweep",
			about:       "latency of hot and random increments while keys expire (-expiring); against the same while none do",
			traffic:     []shape{incrementHot(), incrementRandom(keys)},
			against:     baseline{name: "no expiry"},
			preload:     true,
			connections: 64,
			measure:     (*trial).sweep,
			judge:       sweepWithin(1.2),
		},
	}
}
