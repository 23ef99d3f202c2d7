//go:build linksqlite3

package store

// EngineBundled is false: SQLite comes from the sqlite3.o that make compiled.
const EngineBundled = false
