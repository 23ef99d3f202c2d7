package querylog

import (
	"slices"
	"strings"
	"time"
)

// SlowestMax is how many of the slowest requests are named.
const SlowestMax = 10

// Stats are the numbers of entries.
type Stats struct {
	Total, Successes, Failures int64
	// LastHour and LastMinute are those answered since then.
	LastHour, LastMinute int64
	// Slowest are the slowest of them, the slowest first.
	Slowest []Entry
	took    float64 // ms, of all
}

// Add counts an entry in, at now (Unix ms).
func (s *Stats) Add(e *Entry, now int64) {
	s.Total++
	if e.Success {
		s.Successes++
	} else {
		s.Failures++
	}
	if e.At > now-time.Hour.Milliseconds() {
		s.LastHour++
	}
	if e.At > now-time.Minute.Milliseconds() {
		s.LastMinute++
	}
	s.took += Millis(e.Took)
	at, _ := slices.BinarySearchFunc(s.Slowest, e, func(have Entry, e *Entry) int {
		if have.Took >= e.Took {
			return -1 // of equals the one that came first
		}
		return 1
	})
	if at == SlowestMax {
		return
	}
	own := *e
	own.SQL, own.Error, own.Client = strings.Clone(e.SQL), strings.Clone(e.Error), strings.Clone(e.Client)
	s.Slowest = slices.Insert(s.Slowest, at, own)
	s.Slowest = s.Slowest[:min(len(s.Slowest), SlowestMax)]
}

// AverageMillis is how long the requests took, 0 for none.
func (s *Stats) AverageMillis() float64 {
	if s.Total == 0 {
		return 0
	}
	return s.took / float64(s.Total)
}
