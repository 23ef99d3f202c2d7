package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func TestASweepIsBoundedInTimeAndKeys(t *testing.T) {
	f := func(duration time.Duration, turns, turnSeconds, keys int) {
		t.Helper()
		p := newSweepPlan(duration, 100)
		if p.turns != turns || p.turnSeconds != turnSeconds || p.keys() != keys {
			t.Errorf("%v: %d turns of %d s, %d keys", duration, p.turns, p.turnSeconds, p.keys())
		}
	}
	f(time.Millisecond, 1, 1, 100)
	f(time.Second, 1, 1, 100)
	f(1100*time.Millisecond, 2, 1, 200)
	f(5*time.Second, 3, 2, 600)
	f(time.Minute, 3, 20, 6_000)
	f(durationMax, 3, 20, 6_000)
}

// Whenever a key is written, it expires in a turn that is for it, and each second of
// those turns has its share.
func TestKeysExpireEvenlyAndOnlyInTheirTurns(t *testing.T) {
	const seed, perSecond = 3, 1_000
	random := rand.New(rand.NewPCG(seed, 0))
	p := newSweepPlan(5*time.Second, perSecond)
	began := time.Unix(1_700_000_000, 0)
	p.start = began.Add(7 * time.Second)
	tenths := map[int]int{} // of seconds, of all expiring turns in a row
	for n := range p.keys() {
		written := began.Add(time.Duration(random.Int64N(int64(3 * time.Second))))
		expires := written.Add(time.Duration(p.ttlSeconds(n, written)) * time.Second)
		found := false
		for turn := range p.turns {
			within := expires.Sub(p.expiring(turn))
			if within >= 0 && within < p.turn() {
				tenths[turn*p.turnSeconds*10+int(within/(100*time.Millisecond))]++
				found = true
			}
		}
		if !found {
			t.Fatalf("seed %d: key %d, written at %v, expires at %v", seed, n, written, expires)
		}
	}
	for tenth := range p.turns * p.turnSeconds * 10 {
		if count := tenths[tenth]; count < 60 || count > 150 {
			t.Errorf("seed %d: %d keys expire in tenth %d, about 100 should", seed, count, tenth)
		}
	}
}

func TestMetricsAreReadByName(t *testing.T) {
	const text = "rows_total{db=\"other.db\"} 5\nrows_total{db=\"load.db\"} 167\nrows_total_more{db=\"load.db\"} 9\nbig{db=\"load.db\"} 1.5e+06\n"
	f := func(name string, want float64) {
		t.Helper()
		if got, err := metricIn(text, name+`{db="load.db"}`); err != nil || got != want {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
	f("rows_total", 167)
	f("big", 1_500_000)
	if _, err := metricIn(text, "rows"); err == nil {
		t.Error("a metric that is not there was read")
	}
}

func TestWorkInParallelIsDoneOnceAndEndsWithTheFirstError(t *testing.T) {
	const count = 1_000
	did := make([]int, count)
	if err := inParallel(context.Background(), count, func(i int) error { did[i]++; return nil }); err != nil {
		t.Fatal(err)
	}
	for i, times := range did {
		if times != 1 {
			t.Errorf("number %d was done %d times", i, times)
		}
	}
	broken := errors.New("broken")
	if err := inParallel(context.Background(), count, func(i int) error {
		if i == 5 {
			return broken
		}
		return nil
	}); !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := inParallel(ctx, count, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled one ended with %v", err)
	}
}

func TestAPlanThatIsMissedIsTold(t *testing.T) {
	if err := waitUntil(context.Background(), time.Now().Add(10*time.Millisecond)); err != nil {
		t.Error(err)
	}
	if err := waitUntil(context.Background(), time.Now().Add(-2*latenessMax)); err == nil {
		t.Error("a moment long past was waited for")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := waitUntil(ctx, time.Now().Add(time.Minute)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait ended with %v", err)
	}
}
