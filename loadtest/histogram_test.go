package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsAreContiguousAndCoverTheirLatencies(t *testing.T) {
	for bucket := range bucketCount - 1 {
		longest := upperBound(bucket)
		if got := bucketOf(longest); got != bucket {
			t.Fatalf("%d ns, the end of bucket %d, falls into %d", longest, bucket, got)
		}
		if got := bucketOf(longest + 1); got != bucket+1 {
			t.Fatalf("%d ns falls into bucket %d, not into %d", longest+1, got, bucket+1)
		}
	}
	for _, beyond := range []time.Duration{-1, 0, 1 << 37, 1 << 62} {
		if bucket := bucketOf(beyond); bucket < 0 || bucket >= bucketCount {
			t.Errorf("%d ns falls into bucket %d, outside of all", beyond, bucket)
		}
	}
}

func TestQuantilesAreWithinThreePercentOfTheSortedTruth(t *testing.T) {
	const seed, records = 7, 20_000
	random := rand.New(rand.NewPCG(seed, 0))
	var whole, half histogram
	truth := make([]time.Duration, records)
	for i := range truth {
		truth[i] = time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		if i%2 == 0 {
			whole.record(truth[i])
		} else {
			half.record(truth[i])
		}
	}
	whole.merge(&half)
	slices.Sort(truth)

	f := func(share float64) {
		t.Helper()
		want := truth[int(share*records+0.5)-1]
		got := whole.quantile(share)
		if got < want || float64(got) > 1.032*float64(want)+1 {
			t.Errorf("seed %d: quantile %v is %v, the sorted truth says %v", seed, share, got, want)
		}
	}
	f(0.01)
	f(0.50)
	f(0.99)
	f(0.999)
	if whole.quantile(1) != truth[records-1] {
		t.Errorf("the maximum is %v, want %v exactly", whole.quantile(1), truth[records-1])
	}
}

func TestAnEmptyHistogramAnswersZero(t *testing.T) {
	var empty histogram
	if got := empty.quantile(0.99); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	var h histogram
	if allocations := testing.AllocsPerRun(100, func() { h.record(time.Millisecond) }); allocations != 0 {
		t.Errorf("%v allocations for a record", allocations)
	}
}
