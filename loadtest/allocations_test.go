//go:build !race

package main

import "testing"

// A generator that allocates would make its own garbage collection part of the result.
func TestARequestAllocatesNothingInTheGenerator(t *testing.T) {
	noop, err := startNoop()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(noop.kill)
	c := startGenerator(t, noop.address, 1, incrementRandom(100), putRandom(100), insertOne(), selectOne(100)).connections[0]
	allocations := testing.AllocsPerRun(200, func() {
		if err := c.client.Do(c.script.next().request, &c.answer); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a request", allocations)
	}
}
