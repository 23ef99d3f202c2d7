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
		r.measured = &measurement{baseName: "incr"}
		r.measured.base.latency.record(time.Millisecond)
		r.measured.base.elapsed = time.Second / 4
		r.measured.server.latency.record(2 * time.Millisecond)
		r.measured.server.elapsed = time.Second
		var out strings.Builder
		printRow(&out, &r)
		if got := strings.Join(strings.Fields(out.String()), " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const figures = "incr-hot 256 1 2ms 2ms 2ms incr 4 0"
	f(row{verdict: verdict{measured: "0.65 of no-op", target: ">= 0.60"}}, figures+" 0.65 of no-op >= 0.60 OK")
	f(row{verdict: verdict{measured: "0.55 of no-op", target: ">= 0.60", missed: true}}, figures+" 0.55 of no-op >= 0.60 MISS")
	f(row{verdict: verdict{measured: "0.55 of no-op"}}, figures+" 0.55 of no-op")
	f(row{verdict: verdict{measured: "0.65 of no-op", target: ">= 0.60"}, wrong: []string{"the counters add up to 1"}},
		figures+" 0.65 of no-op >= 0.60 FAILED FAILED: the counters add up to 1")
	f(row{verdict: verdict{measured: "0.65 of no-op", note: "what else there is"}}, figures+" 0.65 of no-op what else there is")
}

func TestAScenarioWithoutABaselineShowsNone(t *testing.T) {
	r := row{scenario: "memory", connections: 8, measured: &measurement{}, verdict: verdict{measured: "40.0 MB"}}
	var out strings.Builder
	printRow(&out, &r)
	if got, want := strings.Join(strings.Fields(out.String()), " "), "memory 8 0 0s 0s 0s - - 0 40.0 MB"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestColumnsStandBelowTheirHeads(t *testing.T) {
	r := row{scenario: "incr one connection", connections: 1, measured: &measurement{}}
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
	f("scenario", "incr one connection")
	f("against", "-")
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
	f(throughputAtLeast(0.6), measurement{server: side(60, 1), base: side(100, 1)}, false)
	f(throughputAtLeast(0.6), measurement{server: side(59, 1), base: side(100, 1)}, true)
	f(throughputAtLeast(0.6), measurement{}, true)
	f(latencyWithin(2), measurement{server: side(1, 2_000), base: side(1, 100), diskSync: 1_000}, false)
	f(latencyWithin(2), measurement{server: side(1, 3_000), base: side(1, 100), diskSync: 1_000}, true)
	f(memoryWithin(60e6), measurement{memory: memory{residentBytes: 60e6}}, false)
	f(memoryWithin(60e6), measurement{memory: memory{residentBytes: 60e6 + 1}}, true)

	f(quantileWithin(0.5, 3), measurement{server: side(1, 300_000), base: side(1, 100_000)}, false)
	f(quantileWithin(0.5, 3), measurement{server: side(1, 310_000), base: side(1, 100_000)}, true)
	f(quantileWithin(0.5, 3), measurement{}, true)

	refused := side(100, 1)
	refused.refused = 99
	f(refusedAtLeast(0.99, throughputAtLeast(1)), measurement{server: refused, base: side(100, 1)}, false)
	f(refusedAtLeast(0.99, throughputAtLeast(1)), measurement{server: refused, base: side(101, 1)}, true)
	refused.refused = 98
	f(refusedAtLeast(0.99, throughputAtLeast(1)), measurement{server: refused, base: side(100, 1)}, true)

	grown := measurement{growth: growth{entries: 10, bytes: 480}}
	f(bytesWithin(48), grown, false)
	grown.growth.bytes++
	f(bytesWithin(48), grown, true)
	f(bytesWithin(48), measurement{}, true)

	const second = int64(time.Second)
	undone := func(keys int, took, waited, bytes int64) measurement {
		return measurement{
			server: side(1, time.Duration(waited)),
			undo:   undoCount{keys: keys, took: time.Duration(took), longer: bytes},
		}
	}
	rollback := undoWithin(10*time.Second, time.Second, 64e6)
	f(rollback, undone(1, 10*second, 11*second, 64e6), false)
	f(rollback, undone(0, 10*second, 11*second, 64e6), true)
	f(rollback, undone(1, 10*second+1, 10*second, 64e6), true)
	f(rollback, undone(1, 5*second, 6*second+1, 64e6), true)
	f(rollback, undone(1, 5*second, 5*second, 64e6+1), true)

	export := func(server, base time.Duration, rows int, longer int64) (m measurement) {
		for _, factor := range []time.Duration{9, 1, 1, 1, 2} { // the median counts
			one := round{server: &tally{elapsed: factor * server}, base: &tally{elapsed: factor * base}}
			one.server.latency.record(one.server.elapsed)
			one.base.latency.record(one.base.elapsed)
			m.add(one)
		}
		m.export = exportCount{rows: rows, bytes: 1, longer: longer}
		return m
	}
	f(exportWithin(0.5, 32e6), export(2*time.Second, time.Second, 1, 32e6), false)
	f(exportWithin(0.5, 32e6), export(2001*time.Millisecond, time.Second, 1, 32e6), true)
	f(exportWithin(0.5, 32e6), export(2*time.Second, time.Second, 1, 32e6+1), true)
	f(exportWithin(0.5, 32e6), export(2*time.Second, time.Second, 0, 32e6), true)
	f(exportWithin(0.5, 32e6), measurement{}, true)

	beside := queriesShown(quantileWithin(0.99, 1.25))
	f(beside, measurement{server: side(1, 120_000), base: side(1, 100_000), queries: 1}, false)
	f(beside, measurement{server: side(1, 120_000), base: side(1, 100_000)}, true)
	f(beside, measurement{server: side(1, 130_000), base: side(1, 100_000), queries: 1}, true)

	f(rowsShown(throughputAtLeast(0.6)), measurement{server: side(60, 1), base: side(100, 1)}, false)
	f(rowsShown(throughputAtLeast(0.6)), measurement{server: side(59, 1), base: side(100, 1)}, true)

	kept := sweepCount{expired: 100, sweptUnderLoad: 95}
	f(sweepWithin(1.2), measurement{server: side(1, 120_000), base: side(1, 100_000), sweep: kept}, false)
	f(sweepWithin(1.2), measurement{server: side(1, 130_000), base: side(1, 100_000), sweep: kept}, true)
	kept.sweptUnderLoad = 94
	f(sweepWithin(1.2), measurement{server: side(1, 120_000), base: side(1, 100_000), sweep: kept}, true)
}

func TestWhatIsOnlyShownIsNotJudged(t *testing.T) {
	m := measurement{asides: []asideTally{{"one", &tally{}}, {"two", &tally{failures: 1, failure: "why"}}}}
	m.asides[0].latency.record(2 * time.Millisecond)
	v := withAsides(func(*measurement) verdict { return verdict{note: "first"} })(&m)
	if want := "first; one: p50 2ms, p99 2ms; two: p50 0s, p99 0s"; v.note != want || v.missed {
		t.Errorf("noted %q, want %q", v.note, want)
	}
	if wrong := m.failures(); len(wrong) != 1 || wrong[0] != "1 requests of two failed; first why" {
		t.Errorf("told %q", wrong)
	}
}

func TestTheRoundsShowHowQuietTheMachineWas(t *testing.T) {
	m := measurement{baseName: "incr"}
	add := func(server, base time.Duration) {
		r := round{server: &tally{}, base: &tally{}}
		r.server.latency.record(server)
		r.base.latency.record(base)
		r.server.elapsed, r.base.elapsed = server, base
		m.add(r)
	}
	f := func(judge func(*measurement) verdict, want string) {
		t.Helper()
		if got := judge(&m).measured; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	add(100*time.Microsecond, 100*time.Microsecond)
	add(300*time.Microsecond, 150*time.Microsecond)
	add(200*time.Microsecond, 200*time.Microsecond)
	f(throughputShown, "0.75 of incr (0.50-1.00)")
	f(quantileWithin(1, 2), "1.50 x p100 of incr (1.00-2.00)")
}
