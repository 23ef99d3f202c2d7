package server

import "sync/atomic"

// byteBudget bounds the memory of all bodies that are being read or worked on. What
// fasthttp reads ahead, and the small buffers that come with a request, are not counted.
type byteBudget struct {
	max   int64
	taken atomic.Int64
}

// take takes n bytes, or answers false when there are no more: nobody waits.
func (b *byteBudget) take(n int) bool {
	if b.taken.Add(int64(n)) <= b.max {
		return true
	}
	b.taken.Add(int64(-n))
	return false
}

// give gives n bytes back.
func (b *byteBudget) give(n int) { b.taken.Add(int64(-n)) }
