package writer

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
)

// callersMax is how many wait at once: as many as a busy server has connections.
const callersMax = 256

// benchmarkIncrements counts keys up on a real file, durably.
func benchmarkIncrements(b *testing.B, key func(caller, i int) string) {
	_, disk := testdb.Open(b)
	set := metrics.NewSet()
	w := New(unclosed{disk}, Config{Limits: DefaultLimits(), Now: func() int64 { return time.Now().UnixMilli() }, Metrics: NewMetrics(set, "bench")})
	defer w.Close()
	b.SetParallelism((callersMax + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		caller := time.Now().Nanosecond()
		for i := 0; pb.Next(); i++ {
			c := NewCall()
			c.Table, c.Actor = kv.DefaultTable, "bench"
			op := c.Add(kv.Incr)
			op.Key, op.Delta = key(caller, i), 1
			if err := w.Do(c); err != nil {
				b.Error(err)
			}
			c.Release()
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// unclosed leaves closing the file to testdb.
type unclosed struct{ Disk }

func (unclosed) Close() error { return nil }

func BenchmarkIncrementHot(b *testing.B) {
	benchmarkIncrements(b, func(int, int) string { return "hits" })
}

func BenchmarkIncrementRandom(b *testing.B) {
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("counter:%s", strconv.FormatUint(uint64(i)*0x9e3779b97f4a7c15, 36))
	}
	benchmarkIncrements(b, func(caller, i int) string {
		return keys[(uint64(caller)*0x9e3779b97f4a7c15+uint64(i)*0xbf58476d1ce4e5b9)>>20%uint64(len(keys))]
	})
}
