package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// row is a scenario's line in the table, and what went wrong with it, if
// anything: errors and sums that do not add up fail the run, a missed target does not.
type row struct {
	scenario    string
	connections int
	measured    *measurement
	verdict     verdict
	wrong       []string
}

const rowFormat = "%-20s %5s %9s %9s %9s %9s  %-10s %9s %7s  %-38s %-9s %s"

func printHeader(to io.Writer) {
	printLine(to, "scenario", "conns", "req/s", "p50", "p99", "max", "against", "req/s", "errors", "measured", "target", "")
}

// printRow prints a scenario's line as soon as it is known: a whole run takes
// minutes, and whoever watches wants to see it move.
func printRow(to io.Writer, r *row) {
	server, base, against, basePerSecond := &r.measured.server, &r.measured.base, "-", "-"
	if base.latency.total > 0 {
		against, basePerSecond = r.measured.baseName, fmt.Sprintf("%.0f", base.perSecond())
	}
	latency := &server.latency
	printLine(to, r.scenario, fmt.Sprint(r.connections), fmt.Sprintf("%.0f", server.perSecond()),
		brief(latency.quantile(0.5)), brief(latency.quantile(0.99)), brief(latency.max),
		against, basePerSecond, fmt.Sprint(server.failures+base.failures),
		r.verdict.measured, r.verdict.target, r.mark())
	if r.verdict.note != "" {
		_, _ = fmt.Fprintf(to, "  %s\n", r.verdict.note)
	}
	for _, wrong := range r.wrong {
		_, _ = fmt.Fprintf(to, "  FAILED: %s\n", strings.ReplaceAll(strings.TrimSpace(wrong), "\n", "\n    "))
	}
}

func (r *row) mark() string {
	switch {
	case len(r.wrong) > 0:
		return "FAILED"
	case r.verdict.target == "":
		return ""
	case r.verdict.missed:
		return "MISS"
	}
	return "OK"
}

func printLine(to io.Writer, cells ...any) {
	line := fmt.Sprintf(rowFormat, cells...)
	_, _ = fmt.Fprintln(to, strings.TrimRight(line, " "))
}

// brief shows a duration with three digits or so: nobody reads nanoseconds in a table.
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 100*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
