//go:build !linksqlite3

package store

// EngineBundled tells that SQLite is the one of 2020 that the binding carries. It
// does for building and testing, not for SQL from the network.
const EngineBundled = true
