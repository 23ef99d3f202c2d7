package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	expiringPrefix = "expiring-"
	sweptMetric    = "urlite_writer_expired_rows_total"
	// sweepRest lies between a turn in which keys expire and the next, in which none
	// do: what is still to be swept must not slow down the side without sweeping.
	sweepRest = time.Second
	// sweepMargin is for the last answers of a turn without expiring keys to come in
	// before the first key expires.
	sweepMargin = 20 * time.Millisecond
	// latenessMax is how far the machine may fall behind the plan: turns that run
	// into each other compare nothing.
	latenessMax = 500 * time.Millisecond
)

// sweepCount is what became of the keys that expired.
type sweepCount struct {
	expired        float64
	sweptUnderLoad float64
	left           float64 // still there when the last rest had ended
}

// sweepPlan says when keys expire: evenly throughout every second turn. A lifetime is
// told in whole seconds, so a turn is some of them, and it is the moments of writing,
// spread over whole seconds too, that spread the expiries within each.
type sweepPlan struct {
	start       time.Time // of the first turn
	turns       int       // with expiring keys, and as many without
	turnSeconds int
	perSecond   int
}

func newSweepPlan(duration time.Duration, perSecond int) sweepPlan {
	seconds := min(max(int(math.Ceil(duration.Seconds())), 1), sweepSecondsMax)
	turns := min(rounds, seconds)
	return sweepPlan{turns: turns, turnSeconds: (seconds + turns - 1) / turns, perSecond: perSecond}
}

func (p sweepPlan) turn() time.Duration { return time.Duration(p.turnSeconds) * time.Second }

// keys is how many expire in all.
func (p sweepPlan) keys() int { return p.turns * p.turnSeconds * p.perSecond }

// quiet is when a turn without expiring keys begins, expiring when the one with them
// follows.
func (p sweepPlan) quiet(turn int) time.Time {
	return p.start.Add(time.Duration(turn) * (2*p.turn() + sweepRest))
}

func (p sweepPlan) expiring(turn int) time.Time { return p.quiet(turn).Add(p.turn()) }

// ttlSeconds is the lifetime of key number n, written at the given time.
func (p sweepPlan) ttlSeconds(n int, written time.Time) int {
	second := n % (p.turns * p.turnSeconds)
	turn, within := second/p.turnSeconds, second%p.turnSeconds
	due := p.expiring(turn).Add(time.Duration(within) * time.Second)
	return int(math.Ceil(due.Sub(written).Seconds()))
}

// sweep loads the server in turns while keys expire and while none do, all of which
// are there from the beginning.
func (t *trial) sweep(ctx context.Context) (*measurement, error) {
	load, err := t.load(t.server.address, t.scenario.traffic)
	if err != nil {
		return nil, err
	}
	defer load.close()
	m := &measurement{}
	t.counted += t.warmUp(ctx, load, &m.server)
	plan, err := t.plantExpiring(ctx, newSweepPlan(t.settings.duration, t.settings.expiring))
	if err != nil {
		return nil, err
	}
	atFirst, err := metricOf(t.server.address, sweptMetric)
	if err != nil {
		return nil, err
	}
	for turn := range plan.turns {
		if err := waitUntil(ctx, plan.quiet(turn)); err != nil {
			return nil, err
		}
		base := load.slice(ctx, time.Until(plan.expiring(turn))-sweepMargin)
		before, err := metricOf(t.server.address, sweptMetric)
		if err != nil {
			return nil, err
		}
		server := load.slice(ctx, time.Until(plan.expiring(turn).Add(plan.turn())))
		after, err := metricOf(t.server.address, sweptMetric)
		if err != nil {
			return nil, err
		}
		t.count(m, round{server: server, base: base})
		m.sweep.sweptUnderLoad += after - before
	}
	if err := waitUntil(ctx, plan.quiet(plan.turns)); err != nil {
		return nil, err
	}
	atLast, err := metricOf(t.server.address, sweptMetric)
	m.sweep.expired = float64(plan.keys())
	m.sweep.left = m.sweep.expired - (atLast - atFirst)
	return m, err
}

// plantExpiring writes the plan's keys, of which none expires before the plan
// starts, and decides when that is.
func (t *trial) plantExpiring(ctx context.Context, plan sweepPlan) (sweepPlan, error) {
	names := numbered(expiringPrefix, plan.keys())
	batches := (len(names) + batchItemsMax - 1) / batchItemsMax
	plant := func(batch int, lives bool) error {
		first := batch * batchItemsMax
		items, now := make([]batchItem, min(batchItemsMax, len(names)-first)), time.Now()
		for i := range items {
			items[i] = batchItem{Key: names[first+i], Value: "short-lived", ContentType: "text/plain"}
			if lives {
				items[i].TTLSeconds = plan.ttlSeconds(first+i, now)
			}
		}
		if lives && !now.Before(plan.start) {
			return errors.New("the keys could not be written before the first was to expire: the machine is too busy")
		}
		return setBatch(t.server.address, "", items)
	}
	// A few without a lifetime tell how long all will take.
	const pilots = 4 * writers
	began := time.Now()
	if err := inParallel(ctx, min(pilots, batches), func(batch int) error { return plant(batch, false) }); err != nil {
		return plan, err
	}
	estimate := time.Since(began) * time.Duration(batches) / time.Duration(min(pilots, batches))
	pace := time.Duration(math.Ceil(1.5*estimate.Seconds())) * time.Second
	if 2*pace > plantMax {
		return plan, fmt.Errorf("%d keys would take %v to write: choose a smaller -expiring", len(names), estimate)
	}
	began = time.Now()
	plan.start = began.Add(2*pace + sweepRest)
	return plan, inParallel(ctx, batches, func(batch int) error {
		time.Sleep(time.Until(began.Add(pace * time.Duration(batch) / time.Duration(batches))))
		return plant(batch, true)
	})
}

// inParallel does count things, a few at a time, and ends with the first error.
func inParallel(ctx context.Context, count int, do func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var working sync.WaitGroup
	for range writers {
		working.Go(func() {
			for i := next.Add(1) - 1; int(i) < count && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := do(int(i)); err != nil {
					cancel(err)
				}
			}
		})
	}
	working.Wait()
	return context.Cause(ctx)
}

func waitUntil(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait < -latenessMax {
		return fmt.Errorf("the machine is too busy: %v behind the plan", -wait)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
