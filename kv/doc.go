// Package kv is what every key-value operation means.
//
// It is pure: no clock, no goroutine, no I/O and no SQLite. Time is handed in,
// and so is the row; what comes out is an outcome or a refusal. So the whole
// meaning of the product can be table-tested and fuzzed without a database, and
// a refused operation can't have touched anything.
//
// The laws, each with a test in laws_test.go:
//
//  1. The same arguments give the same outcome: no clock, no randomness, no map order.
//  2. A refusal leaves the row as it was.
//  3. Expiry is a fact of time, not of the sweep.
//  4. Folding the entries of a key gives its row.
//  5. When several refusals apply, the first in declared order wins.
//  6. N increments in any grouping give the same sum.
//
// An operation is one file: its check, its decision. Adding one is that file and
// a line in the table of operation.go.
package kv
