package main

import (
	"math/bits"
	"time"
)

// A histogram counts latencies in buckets that are linear within a power of
// two: 32 of them, so a quantile is off by 3 % at most, and recording is a
// shift and an addition. The zero value is empty and ready.
type histogram struct {
	counts [bucketCount]uint64
	total  uint64
	max    time.Duration // exact
}

const (
	linearBits    = 5  // 32 buckets in each power of two
	nanosecondBit = 37 // latencies from 2^37 ns (137 s) on share the last bucket
	shiftMax      = nanosecondBit - linearBits - 1
	bucketCount   = (shiftMax + 2) << linearBits
)

// bucketOf returns the bucket of a latency. The first 64 are one nanosecond
// wide each; from there on the width doubles every 32 buckets.
func bucketOf(latency time.Duration) int {
	nanoseconds := uint64(max(latency, 0))
	shift := max(bits.Len64(nanoseconds)-linearBits-1, 0)
	if shift > shiftMax {
		return bucketCount - 1
	}
	return shift<<linearBits + int(nanoseconds>>shift)
}

// upperBound is the longest latency that falls into the bucket.
func upperBound(bucket int) time.Duration {
	shift := max(bucket>>linearBits-1, 0)
	steps := bucket - shift<<linearBits
	return time.Duration((steps+1)<<shift - 1)
}

func (h *histogram) record(latency time.Duration) {
	h.counts[bucketOf(latency)]++
	h.total++
	h.max = max(h.max, latency)
}

func (h *histogram) merge(other *histogram) {
	for bucket, count := range other.counts {
		h.counts[bucket] += count
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// quantile returns a latency that the given share (0..1) of all records does
// not exceed; zero when nothing was recorded.
func (h *histogram) quantile(share float64) time.Duration {
	rank := max(uint64(share*float64(h.total)+0.5), 1)
	seen := uint64(0)
	for bucket, count := range h.counts {
		if seen += count; seen >= rank {
			return min(upperBound(bucket), h.max)
		}
	}
	return h.max
}
