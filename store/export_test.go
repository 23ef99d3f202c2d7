package store

import (
	"strings"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/sqltx"
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

// RunBatch runs a batch inside the transaction, under the client's policy.
func (w *WriteConn) RunBatch(item *sqltx.Item, limit time.Duration, mayFail bool) ([]int64, []sqltx.RowError, error) {
	w.foreign.begin(limit)
	defer w.foreign.end()
	did, err := w.foreign.runBatch(item, mayFail)
	if err != nil {
		return did.changed, did.errors, w.foreign.refuse(err)
	}
	return did.changed, did.errors, nil
}

// Memory and Spilled are what the SQL of the latest request has not given back, and what it
// wrote to temporary files.
func (w *WriteConn) Memory() int64  { return int64(w.foreign.account.c.memory) }
func (w *WriteConn) Spilled() int64 { return int64(w.foreign.account.c.spilled) }

// PragmaKnown tells whether the policy has thought about a PRAGMA.
func PragmaKnown(name string) bool { _, known := pragmas[name]; return known }

// Believe has others take so many thousandths of the machine, whatever they do.
func (w *Way) Believe(share int) { w.believe(share) }

// Pauses is how often a query has given way.
func (w *Way) Pauses() int64 { return w.pauses() }
