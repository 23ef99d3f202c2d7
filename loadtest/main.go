// Command loadtest measures urlite against a server that does nothing, or one thing
// that it does against another, on the same machine and in the same run, and checks
// that what was counted is there.
//
// See README.md for the scenarios and how to read the table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

func main() {
	if code, other := runOther(os.Args[1:]); other {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// runOther is this program as something else that it measures against, if its arguments
// say so, and the exit code.
func runOther(arguments []string) (code int, other bool) {
	if len(arguments) == 0 {
		return 0, false
	}
	switch arguments[0] {
	case noopCommand:
		return runNoop(arguments[1:]), true
	case referenceCommand:
		return runReference(arguments[1:]), true
	case burnCommand:
		return runBurn(arguments[1:]), true
	}
	return 0, false
}

// run returns the exit code: 0, also with targets missed; 1 when a request
// failed, a sum was wrong or a scenario could not run; 2 for a wrong flag.
func run(ctx context.Context, arguments []string, to, errorsTo io.Writer) int {
	settings, err := parseSettings(arguments, errorsTo)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintln(errorsTo, err)
		return 2
	}
	all := scenarios(settings.keys)
	if settings.list {
		for _, s := range all {
			_, _ = fmt.Fprintf(to, "%-20s %s\n", s.name, s.about)
		}
		return 0
	}
	_, _ = fmt.Fprintf(to, "%s on %d cores, seed %d, %d keys, %v a side in %d rounds\n",
		settings.server, runtime.NumCPU(), settings.seed, settings.keys, settings.duration, rounds)
	printHeader(to)
	code := 0
	for _, s := range all {
		if !settings.run.MatchString(s.name) {
			continue
		}
		counts := settings.connections
		if s.connections > 0 {
			counts = []int{s.connections}
		}
		for _, connections := range counts {
			row, err := runTrial(ctx, settings, s, connections)
			if err != nil {
				_, _ = fmt.Fprintf(errorsTo, "%s: %v\n", s.name, err)
				return 1
			}
			printRow(to, row)
			if len(row.wrong) > 0 {
				code = 1
			}
		}
	}
	return code
}
