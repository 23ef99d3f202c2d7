package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	shortKey    = "short"
	arrayKey    = "array"
	bytesPrefix = "counter-" // with its number, a key of 14 characters

	snapshotTable = "snapshots"
	rolledTable   = "rolled"
	tablePrefix   = "key-" // of the keys of both

	// earlyEntry lies at the far end of a long past.
	earlyEntry = 5
)

var (
	errFillSlow   = fmt.Errorf("what the scenario needs could not be written within %v: the machine is too busy, or the numbers are too large", fillMax)
	errSettleSlow = fmt.Errorf("the log was not emptied within %v of silence", settleMax)
)

// travelling are about the past: what it costs to keep, to ask for and to return to.
func travelling(keys int) []scenario {
	return []scenario{
		{
			name:        "history-deep",
			about:       "latency of an early state of a key with a long past (-entries); against a key with 100 entries",
			traffic:     []shape{stateOf(hotKey)},
			against:     baseline{name: "short", traffic: []shape{stateOf(shortKey)}},
			prepare:     prepareDeep,
			connections: 1,
			measure:     (*trial).compare,
			judge:       withAsides(quantileWithin(0.5, 3)),
		},
		{
			name:        "snapshot-table",
			about:       "latency of a page of a large table (-table-keys) as it was before 1,000 keys changed; against reading those and a page",
			prepare:     prepareSnapshots,
			connections: 1,
			measure:     (*trial).compare,
			judge:       withAsides(quantileWithin(0.5, 5)),
		},
		{
			name:       "history-cost",
			about:      "increments of random keys with history; against increments of other random keys without",
			traffic:    []shape{incrementRandom(keys)},
			against:    baseline{name: "no history", traffic: []shape{incrementUnrecorded(keys)}},
			preload:    true,
			unrecorded: true,
			measure:    (*trial).compare,
			judge:      throughputAtLeast(0.70),
		},
		{
			name:        "history-bytes-incr",
			about:       "bytes of history in the file for an increment of a random key (-entries)",
			prepare:     prepareGrowingCounters,
			connections: fillers,
			measure:     (*trial).grow,
			judge:       bytesWithin(48),
		},
		{
			name:        "history-bytes-push",
			about:       "bytes of history in the file for a push of 100 bytes to an array of 100 KB (-entries)",
			prepare:     prepareGrowingArray,
			connections: pushers,
			measure:     (*trial).grow,
			judge:       bytesWithin(400),
		},
		{
			name:        "rollback-100k",
			about:       "a table of 100,000 changed keys (-table-keys) rolled back in one commit, while others increment; against before it",
			against:     baseline{name: "no rollback", traffic: []shape{incrementPatiently()}},
			traffic:     []shape{incrementPatiently()},
			prepare:     prepareRollback,
			connections: others,
			measure:     (*trial).undo,
			judge:       undoWithin(10*time.Second, 500*time.Millisecond, 64e6),
		},
	}
}

// stateOf asks for the state of a key right after one of its first entries.
func stateOf(key string) shape {
	return shape{method: fasthttp.MethodGet, prefix: key, suffix: "/snapshot", query: fmt.Sprintf("&op_number=%d", earlyEntry)}
}

func incrementUnrecorded(keys int) shape {
	s := incrementRandom(keys)
	s.prefix, s.query = unrecordedPrefix, unrecordedQuery
	return s
}

// prepareDeep writes a key with many entries and one with few, and has the harness look
// into the middle of the long past as well.
func prepareDeep(ctx context.Context, t *trial) error {
	few := shape{method: fasthttp.MethodPost, prefix: shortKey, suffix: "/incr"}
	if _, err := t.send(ctx, 1, shortEntries, few); err != nil {
		return err
	}
	began := time.Now()
	if _, err := t.send(ctx, fillers, t.settings.entries, incrementHot()); err != nil {
		return err
	}
	middle := began.Add(time.Since(began) / 2)
	t.scenario.shown = []aside{{
		name:    fmt.Sprintf("at_timestamp amid its %d entries", t.settings.entries),
		traffic: []shape{{method: fasthttp.MethodGet, prefix: hotKey, query: fmt.Sprintf("&at_timestamp=%d", middle.Unix())}},
	}}
	for _, key := range []string{hotKey, shortKey} {
		var answer struct {
			Value    string
			OpNumber int `json:"op_number"`
		}
		if err := ask(fasthttp.MethodGet, t.server.address, stateOf(key).path(), nil, &answer); err != nil {
			return err
		}
		if answer.Value != fmt.Sprint(earlyEntry) || answer.OpNumber != earlyEntry {
			return fmt.Errorf("%s was %q after its entry %d", key, answer.Value, answer.OpNumber)
		}
	}
	return nil
}

// send has at least count requests answered, whatever time they take; who sends more
// connections than that sends one on each.
func (t *trial) send(ctx context.Context, connections, count int, traffic ...shape) (*tally, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, fillMax, errFillSlow)
	defer cancel()
	connections = min(connections, count)
	load, err := newGenerator(t.server.address, connections, traffic, t.settings.seed)
	if err != nil {
		return nil, err
	}
	defer load.close()
	load.requestsMax = (count + connections - 1) / connections
	sent := load.slice(ctx, fillMax)
	t.counted += sent.counted
	switch {
	case sent.failures > 0:
		return nil, errors.New(sent.failure)
	case sent.latency.total < uint64(count):
		return nil, errors.Join(context.Cause(ctx), fmt.Errorf("%d of %d requests were answered", sent.latency.total, count))
	}
	return sent, nil
}

// nextSecond waits until the second of now is over, which it returns: all that was
// written before counts as of it, and nothing of what comes after does.
func nextSecond(ctx context.Context) (second int64, err error) {
	second = time.Now().Unix()
	return second, waitUntil(ctx, time.Unix(second+1, 0).Add(secondMargin))
}
