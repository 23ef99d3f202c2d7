package querylog

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However the newest entries are spread over memory and file, and some of them over both,
// they are told once each.
func TestAViewIsTheNewestOfBoth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Int64Range(0, 5000), 0, 2*EntriesMax, rapid.ID).Draw(rt, "ids")
		slices.Sort(ids)
		var stored, waiting []Entry
		for i, id := range ids {
			where := rapid.IntRange(0, 2).Draw(rt, "where")
			if i < len(ids)-EntriesMax { // the ring never holds more
				where = 1
			}
			if where > 0 {
				stored = append(stored, Entry{ID: id})
			}
			if where != 1 {
				waiting = append(waiting, Entry{ID: id})
			}
		}
		var told []int64
		v := View{Waiting: waiting, Tell: func(e *Entry) { told = append(told, e.ID) }}
		for i := len(stored) - 1; i >= 0 && v.Stored(&stored[i]); i-- {
		}
		v.End()
		slices.Reverse(ids)
		if want := ids[:min(len(ids), EntriesMax)]; !slices.Equal(told, want) {
			rt.Fatalf("told %v, want %v", told, want)
		}
	})
}

func TestStatsAreThoseOfAPlainCount(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const now = int64(1_700_000_000_000)
		var s Stats
		var entries []Entry
		want := Stats{}
		sum := 0.0
		for range rapid.IntRange(0, 40).Draw(rt, "entries") {
			e := Entry{ID: int64(len(entries)), SQL: "x", Success: rapid.Bool().Draw(rt, "success"),
				Took: time.Duration(rapid.IntRange(0, 20).Draw(rt, "took")) * time.Millisecond}
			age := rapid.SampledFrom([]int64{-5, 0, 59_999, 60_000, 3_599_999, 3_600_000, 1e9}).Draw(rt, "age")
			e.At = now - age
			if age < 60_000 {
				want.LastMinute++
			}
			if age < 3_600_000 {
				want.LastHour++
			}
			if want.Total++; e.Success {
				want.Successes++
			} else {
				want.Failures++
			}
			sum += e.Took.Seconds() * 1000
			entries = append(entries, e)
			s.Add(&e, now)
		}
		slices.SortStableFunc(entries, func(a, b Entry) int { return int(b.Took - a.Took) })
		entries = entries[:min(len(entries), SlowestMax)]
		if !slices.Equal(s.Slowest, entries) {
			rt.Fatalf("slowest %v, want %v", s.Slowest, entries)
		}
		if average := sum / float64(max(want.Total, 1)); s.AverageMillis() < average-0.001 || s.AverageMillis() > average+0.001 {
			rt.Fatalf("average %v, want %v", s.AverageMillis(), average)
		}
		if s.Slowest, s.took = nil, 0; s.Total != want.Total || s.Successes != want.Successes || s.Failures != want.Failures ||
			s.LastHour != want.LastHour || s.LastMinute != want.LastMinute {
			rt.Fatalf("got %+v, want %+v", s, want)
		}
	})
}
