package kv

// scratchChunk is taken from the heap at a time; values that are larger than a
// quarter of it get memory of their own.
const scratchChunk = 64 << 10

// Scratch is the memory in which operations make new values: many small ones from
// one chunk. All of it is given back at once, by Reset.
type Scratch struct {
	chunk []byte
	// Taken is how many bytes were taken since Reset.
	Taken int
}

// take answers empty memory for n bytes. A nil Scratch takes it from the heap.
func (s *Scratch) take(n int) []byte {
	if s == nil {
		return make([]byte, 0, n)
	}
	s.Taken += n
	if n > scratchChunk/4 {
		return make([]byte, 0, n)
	}
	if cap(s.chunk)-len(s.chunk) < n {
		s.chunk = make([]byte, 0, scratchChunk)
	}
	start := len(s.chunk)
	s.chunk = s.chunk[:start+n]
	return s.chunk[start : start : start+n]
}

// Reset takes back all that was taken.
func (s *Scratch) Reset() { s.chunk, s.Taken = s.chunk[:0], 0 }
