package chunks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// noise is n bytes that look random and are the same for ever.
func noise(n int, seed uint64) []byte {
	data := make([]byte, n)
	for i := range data {
		seed = seed*6364136223846793005 + 1442695040888963407
		data[i] = byte(seed >> 56)
	}
	return data
}

// ends are where the chunks of data end.
func ends(data []byte) (ends []int) {
	end := 0
	for chunk := range Split(data) {
		end += len(chunk)
		ends = append(ends, end)
	}
	return ends
}

// check holds what is said of all chunks.
func check(t interface{ Fatalf(string, ...any) }, data []byte) {
	average := 1 << averageBits(len(data))
	whole, last := make([]byte, 0, len(data)), false
	for chunk := range Split(data) {
		whole = append(whole, chunk...)
		if last || len(chunk) == 0 || len(chunk) > average*4 {
			t.Fatalf("a chunk of %d bytes in %d, the average is %d", len(chunk), len(data), average)
		}
		last = len(chunk) < average/4
	}
	if !bytes.Equal(whole, data) {
		t.Fatalf("the chunks of %d bytes are %d together, or others", len(data), len(whole))
	}
}

func TestChunksAreTheDataInPiecesOfBoundedSize(t *testing.T) {
	f := func(data []byte) {
		t.Helper()
		check(t, data)
	}
	f(nil)
	for _, n := range []int{1, window, 255, 256, 257, 1024, 4095, 4096, 4097, 100_000, 1<<20 - 1, 1 << 20, 8<<20 - 1, 8 << 20, 16 << 20} {
		f(noise(n, 1))
	}
	for b := range 256 {
		f(bytes.Repeat([]byte{byte(b)}, 10_000))
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 3000).Draw(t, "data"), rapid.IntRange(1, 20).Draw(t, "times")))
	})
}

func FuzzChunksAreTheDataInPiecesOfBoundedSize(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add([]byte("[1,2,3]"), 1000)
	f.Add(noise(5000, 2), 3)
	f.Fuzz(func(t *testing.T, data []byte, times int) {
		check(t, bytes.Repeat(data, min(max(times, 1), 1+(2<<20)/max(len(data), 1))))
	})
}

// Files keep chunks: if this fails, it is the code that is wrong.
func TestTheEndsOfChunksNeverChange(t *testing.T) {
	f := func(data []byte, want string) {
		t.Helper()
		all := ends(data)
		sum := sha256.Sum256(fmt.Append(nil, all))
		if got := fmt.Sprint(len(all), " ", all[:min(len(all), 4)], " ", hex.EncodeToString(sum[:4])); got != want {
			t.Errorf("%d bytes: %q, want %q", len(data), got, want)
		}
	}
	f([]byte("short"), "1 [5] 1ae3592f")
	f(noise(100_000, 1), "86 [795 2665 3561 4209] 6bac0450")
	f(noise(1<<20, 2), "203 [3123 8913 15626 16911] 5e529152")
	f(noise(8<<20, 3), "411 [17767 44272 48937 58052] cc9b3981")
	f(make([]byte, 10_000), "3 [4096 8192 10000] 251e0688")
	f(bytes.Repeat([]byte("0123456789"), 2000), "5 [4096 8192 12288 16384] 9c85db9f")
}

func TestAnAverageChunkIsAsLongAsItShouldBe(t *testing.T) {
	for _, n := range []int{1<<20 - 1, 8<<20 - 1, 64 << 20} {
		average := 1 << averageBits(n)
		mean := n / len(ends(noise(n, 7)))
		if mean < average || mean > average*5/4 {
			t.Errorf("the mean of %d bytes is %d, the average %d", n, mean, average)
		}
	}
}

// fresh counts the chunks of after that before does not have.
func fresh(before, after []byte) (count int) {
	known := map[string]bool{}
	for chunk := range Split(before) {
		known[string(chunk)] = true
	}
	for chunk := range Split(after) {
		if !known[string(chunk)] {
			count++
		}
	}
	return count
}

func TestAnEditChangesTheChunksAroundItOnly(t *testing.T) {
	// Each chunk after the edit is more likely than not to end where one did before.
	const freshMax = 24
	rapid.Check(t, func(t *rapid.T) {
		before := noise(rapid.IntRange(50_000, 200_000).Draw(t, "bytes"), rapid.Uint64().Draw(t, "seed"))
		at := rapid.IntRange(0, len(before)).Draw(t, "at")
		gone := rapid.IntRange(0, min(500, len(before)-at)).Draw(t, "gone")
		put := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "put")
		after := slices.Concat(before[:at], put, before[at+gone:])
		if n := fresh(before, after); n > freshMax {
			t.Fatalf("%d of %d chunks are new", n, len(ends(after)))
		}
	})
}

func TestAppendedDataChangesTheLastChunkOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		after := noise(rapid.IntRange(1, 100_000).Draw(t, "bytes"), rapid.Uint64().Draw(t, "seed"))
		before := after[:rapid.IntRange(0, len(after)).Draw(t, "before")]
		was, is := ends(before), ends(after)
		if same := max(len(was)-1, 0); !slices.Equal(was[:same], is[:same]) {
			t.Fatalf("%v became %v", was, is)
		}
	})
}

func TestSplitEndsWhenItIsTold(t *testing.T) {
	for chunk := range Split(noise(100_000, 1)) {
		if cap(chunk) != len(chunk) {
			t.Error("appending to a chunk would write over the next")
		}
		return
	}
	t.Error("there was no chunk")
}
