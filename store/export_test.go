package store

import (
	"strings"

	"crawshaw.io/sqlite"
)

// What the tests of this room look at from outside, so that they may use testdb.
var KeyframesSchema = keyframesSchema

const (
	ForeignKeptMax   = foreignKeptMax
	ForeignKeptBytes = foreignKeptBytes
	ActorsKnownMax   = actorsKnownMax
	WriteTablesMax   = writeTablesMax
	ReadTablesMax    = readTablesMax
	InternedMax      = internedMax
)

// Conn is the connection under a WriteConn.
func (w *WriteConn) Conn() *sqlite.Conn { return w.conn }

// Kept is how many statements of clients are kept.
func (w *WriteConn) Kept() int { return w.foreign.recent.Len() }

// KnownActors is how many names are held in memory.
func (w *WriteConn) KnownActors() int { return len(w.actors.known) }

// ActorID is the number of a name, inside a transaction.
func (w *WriteConn) ActorID(name string) (int64, error) { return w.actors.id(name) }

// SweepStatements are the queries by which a sweep finds its rows.
func SweepStatements(table string) []string {
	return []string{strings.NewReplacer("?1", "100", "?2", "10").Replace(forTable(expireRows, table)), forTable(nextExpiry, table)}
}

// RemoveWith has an Exclusive remove files by another function.
func (e *Exclusive) RemoveWith(remove func(path string) error) { e.remove = remove }

// Damaged says that the file could not be locked for what it holds.
func (e *Exclusive) Damaged() bool { return e.conn == nil }

// Settle empties the log of a seized file.
func (e *Exclusive) Settle() error {
	_, err := e.settle()
	return err
}
