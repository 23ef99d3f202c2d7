// Command urlite turns a folder of SQLite files into databases over HTTP.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes of the program.
const (
	exitDone  = 0
	exitFault = 1
	exitUsage = 2
)

const usage = `urlite turns a folder of SQLite files into databases over HTTP.

Usage:
  urlite serve [flags]    serve the databases of a folder
  urlite version          print the versions of urlite and SQLite
  urlite help             print this

"urlite serve -h" explains the flags.
`

func main() {
	// A second signal ends the program the hard way: stop gives the first one back
	// its default.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the program without its process: it ends when ctx does, and answers the
// exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch args[0] {
	case "serve":
		return serve(ctx, args[1:], environ, stdout, stderr)
	case "version", "--version", "-version":
		return printVersion(stdout, stderr)
	case "help", "--help", "-help", "-h":
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	fmt.Fprintf(stderr, "urlite: unknown command %q; \"urlite help\" lists them\n", args[0])
	return exitUsage
}
