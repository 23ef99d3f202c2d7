package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRowsShowTheirVerdict(t *testing.T) {
	f := func(r row, want string) {
		t.Helper()
		r.scenario, r.connections = "incr-hot", 256
		r.measured = &measurement{ratios: []float64{0.6, 0.7}}
		r.measured.server.latency.record(2 * time.Millisecond)
		r.measured.server.elapsed = time.Second
		var out strings.Builder
		printRow(&out, &r)
		if got := strings.Join(strings.Fields(out.String()), " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const figures = "incr-hot 256 1 - 2ms 2ms 2ms 0"
	f(row{verdict: verdict{measured: "0.65 of no-op", target: ">= 0.60"}}, figures+" 0.65 of no-op >= 0.60 OK")
	f(row{verdict: verdict{measured: "0.55 of no-op", target: ">= 0.60", missed: true}}, figures+" 0.55 of no-op >= 0.60 MISS")
	f(row{verdict: verdict{measured: "0.55 of no-op"}}, figures+" 0.55 of no-op")
	f(row{verdict: verdict{measured: "0.65 of no-op", target: ">= 0.60"}, wrong: []string{"the counters add up to 1"}},
		figures+" 0.65 of no-op >= 0.60 FAILED FAILED: the counters add up to 1")
}

func TestColumnsStandBelowTheirHeads(t *testing.T) {
	r := row{scenario: "incr-one-connection", connections: 1, measured: &measurement{}}
	r.measured.server.elapsed = time.Second
	r.verdict = verdict{measured: "1.84 x (sync 1.2ms + no-op 31µs)", target: "<= 2.50"}
	var header, line strings.Builder
	printHeader(&header)
	printRow(&line, &r)
	f := func(head, cell string) {
		t.Helper()
		if want, got := columnOf(header.String(), head), columnOf(line.String(), cell); got != want {
			t.Errorf("%q starts in column %d, its head in %d", cell, got, want)
		}
	}
	f("scenario", "incr-one-connection")
	f("measured", "1.84 x")
	f("target", "<= 2.50")
}

// columnOf counts runes, not bytes: µ is one column.
func columnOf(line, text string) int {
	before, _, _ := strings.Cut(line, text)
	return utf8.RuneCountInString(before)
}

func TestTheTargetsJudgeWhatWasMeasured(t *testing.T) {
	side := func(perSecond int, latency time.Duration) (t tally) {
		for range perSecond {
			t.latency.record(latency)
		}
		t.elapsed = time.Second
		return t
	}
	f := func(judge func(*measurement) verdict, m measurement, missed bool) {
		t.Helper()
		if v := judge(&m); v.missed != missed {
			t.Errorf("%s against %s: missed is %v", v.measured, v.target, v.missed)
		}
	}
	f(throughputAtLeast(0.6), measurement{server: side(60, 1), noop: side(100, 1)}, false)
	f(throughputAtLeast(0.6), measurement{server: side(59, 1), noop: side(100, 1)}, true)
	f(throughputAtLeast(0.6), measurement{}, true)
	f(latencyWithin(2), measurement{server: side(1, 2_000), noop: side(1, 100), diskSync: 1_000}, false)
	f(latencyWithin(2), measurement{server: side(1, 3_000), noop: side(1, 100), diskSync: 1_000}, true)
	f(memoryWithin(60e6), measurement{memory: memory{residentBytes: 60e6}}, false)
	f(memoryWithin(60e6), measurement{memory: memory{residentBytes: 60e6 + 1}}, true)
}
