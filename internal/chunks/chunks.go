// Package chunks cuts data into chunks where its content says so. An edit, wherever it
// is, changes the few chunks around it; all others are the same as before, byte for byte.
//
// A rolling hash runs over the data. Where its highest bits are zero, a chunk ends. The
// idea is that of FastCDC (Xia et al., USENIX ATC 2016): a hash of one shift and one
// addition a byte, and chunks of a smallest size that are not looked into. Its harder test
// for small chunks and easier one for large ones is left out: chunks of even sizes fill
// pages worse.
//
// Files keep what was cut here: where the ends lie must never change.
package chunks

import "iter"

// sizes are how long chunks are on the average, about, by the size of the data. A large
// value would make too many small chunks; and since all is cut anew where the average
// changes, it changes seldom.
var sizes = [...]struct{ dataBytesMin, averageBits int }{
	{8 << 20, 14},
	{1 << 20, 12},
	{0, 10},
}

const (
	// window is how many bytes the hash tells of: each shifts those before it by a bit.
	window = 64
	// A chunk is at least a quarter of the average and at most four times as long. Only
	// the last may be shorter.
	spreadBits = 2
)

// gear is a random number for each byte.
var gear = func() (gear [256]uint64) {
	// A xorshift generator with a multiplication (Marsaglia, 2003; Vigna, 2016).
	state := uint64(0x75726c6974650001)
	for i := range gear {
		state ^= state >> 12
		state ^= state << 25
		state ^= state >> 27
		gear[i] = state * 0x2545f4914f6cdd1d
	}
	return gear
}()

// Split yields data in its order, chunk by chunk. Each is a part of data, not a copy.
func Split(data []byte) iter.Seq[[]byte] {
	return func(yield func(chunk []byte) bool) {
		bits := averageBits(len(data))
		for rest := data; len(rest) > 0; {
			end := cut(rest, bits)
			if !yield(rest[:end:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

func averageBits(dataBytes int) int {
	for _, size := range sizes {
		if dataBytes >= size.dataBytesMin {
			return size.averageBits
		}
	}
	return 0 // the last line is for all sizes
}

// cut finds the end of the first chunk of data, which is not empty.
func cut(data []byte, averageBits int) int {
	shortest, longest := 1<<averageBits>>spreadBits, 1<<averageBits<<spreadBits
	if len(data) <= shortest {
		return len(data)
	}
	var hash uint64
	for _, b := range data[shortest-window : shortest] {
		hash = hash<<1 + gear[b]
	}
	for i, b := range data[shortest:min(longest, len(data))] {
		if hash>>(64-averageBits) == 0 {
			return shortest + i
		}
		hash = hash<<1 + gear[b]
	}
	return min(longest, len(data))
}
