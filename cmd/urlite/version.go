package main

import (
	"fmt"
	"io"

	"github.com/urlite/urlite/catalog"
)

// Set by the build (Makefile).
var (
	version = "dev"
	built   = "unknown"
	// sqliteObject is the checksum of the sqlite3.o that was linked: with it in the
	// command line, Go's cache notices when the object has changed.
	sqliteObject = ""
)

func printVersion(stdout, stderr io.Writer) int {
	engine, err := catalog.EngineVersion()
	if err != nil {
		fmt.Fprintf(stderr, "urlite: %v\n", err)
		return exitFault
	}
	fmt.Fprintf(stdout, "urlite %s, SQLite %s\n", version, engine)
	return exitDone
}
