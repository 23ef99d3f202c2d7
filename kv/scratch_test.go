package kv

import (
	"testing"

	"pgregory.net/rapid"
)

func TestMemoryThatIsTakenIsEmptyAndNobodyElses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scratch := &Scratch{chunk: make([]byte, 0, rapid.IntRange(0, 100).Draw(t, "room"))}
		for range rapid.IntRange(1, 3).Draw(t, "groups") {
			var all [][]byte
			taken := 0
			for i := range rapid.IntRange(1, 30).Draw(t, "values") {
				n := anyOf([]int{0, 1, 7, 60, 500, scratchChunk / 4, scratchChunk/4 + 1}).Draw(t, "bytes")
				memory := scratch.take(n)
				if taken += n; len(memory) != 0 || cap(memory) != n || scratch.Taken != taken {
					t.Fatalf("%d bytes of %d, %d taken, want %d and %d", len(memory), cap(memory), scratch.Taken, n, taken)
				}
				memory = memory[:n]
				for j := range memory {
					memory[j] = byte(i)
				}
				all = append(all, append(memory, byte(i))) // more than there is room for
			}
			for i := range all {
				for _, b := range all[i] {
					if b != byte(i) {
						t.Fatalf("the value %d holds a byte of %d", i, b)
					}
				}
			}
			if scratch.Reset(); scratch.Taken != 0 {
				t.Fatal("not given back")
			}
		}
	})
}

func TestWithoutScratchTheHeapGivesTheMemory(t *testing.T) {
	var none *Scratch
	if memory := none.take(9); len(memory) != 0 || cap(memory) < 9 {
		t.Error(len(memory), cap(memory))
	}
}
