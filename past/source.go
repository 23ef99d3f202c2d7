// Package past tells what a key-value table was: every key's history, the table at any
// moment, the difference of two moments, and what would undo the time between. It reads
// entries through a Source and replays them with kv; it knows no clock and no SQLite.
//
// Moments are given as the first millisecond that no longer counts: what was written
// before it was there. So the second T of the API, which counts whole, is (T+1)*1000.
package past

import (
	"errors"

	"github.com/urlite/urlite/kv"
)

// Source is one KV table in one state of its database, as far as its past goes. It
// belongs to one goroutine. Times are Unix milliseconds.
//
// Entries of a key form a chain, newest to oldest, by Prev; ids and times of all entries
// of the table grow together. The chain ends with op_number 1, or, where older entries
// were folded away, with a base: Prev is 0, OpNumber is not 1, and it tells its state.
type Source interface {
	// Row reads the row of key with its value, live or not. Of a key without a row it
	// tells the chain that is left: Exists is false, UpdatedAt is when it ceased to be,
	// and Head is 0 if it has no chain. The value is appended to arena, which is returned.
	Row(key string, row *kv.Row, arena []byte) ([]byte, error)
	// Entry reads the entry id of key; what it holds is appended to arena, which is
	// returned. ErrMissing says that there is none.
	Entry(key string, id int64, into *Entry, arena []byte) ([]byte, error)
	// Link reads of an entry what leads on, which costs less.
	Link(key string, id int64) (Link, error)
	// Frame is the id of the entry of key with a number that is a multiple of
	// kv.KeyframeEvery, 0 if there is none. Such entries tell their state, unless they
	// are UNRECORDED.
	Frame(key string, opNumber int64) (id int64, err error)
	// FirstFrame is the oldest of those entries that is there; its ID is 0 without one.
	FirstFrame(key string) (Link, error)
	// Cut is the smallest id that an entry written at or after a moment may have: all
	// before it are older.
	Cut(at int64) (id int64, err error)
	// Gaps counts the UNRECORDED entries of key with numbers in (after, upTo].
	Gaps(key string, after, upTo int64) (int64, error)
	// Changed lists the keys, each once and in the order of their bytes, that may have
	// been something else at one end of the span than at the other, or whose past is
	// not all recorded: those with entries within it, those that expired or were
	// deleted within it, and those that have unrecorded writes now. Of a span that ends
	// before now, it misses keys that were written to since.
	Changed(span *Span) (Keys, error)
	// Rows walks the rows there are now, live or not, in the order of their keys' bytes.
	Rows(walk *Walk) (Rows, error)
	// Count counts the rows whose key begins with prefix: all there are, without those
	// that their head does not tell (they are among the Changed), and without those that
	// expired before goneBefore.
	Count(prefix string, goneBefore int64) (int64, error)
	// Horizon is the moment before which keys may have been there that have left no
	// trace, 0 for none.
	Horizon() (int64, error)
}

// ErrMissing says that an entry is not there that a chain leads to: somebody has
// written to the history by other means.
var ErrMissing = errors.New("past: an entry is missing")

// Entry is a line of history and who wrote it.
type Entry struct {
	kv.Entry
	Actor string // empty if nobody knows
}

// Link is what leads from an entry to the one before it.
type Link struct {
	ID, OpNumber, Prev, At int64
	Op                     kv.EntryOp
	HasState               bool
}

// Span is the time between two moments: from FromID to before ToID by the entries' ids,
// and from From to before To by the clock. Prefix bounds the keys.
type Span struct {
	FromID, ToID int64
	From, To     int64
	Prefix       string
	// After, if not empty, is the key after which to begin.
	After string
}

// Keys walks over keys. Close ends the walk, whole or not.
type Keys interface {
	// Next answers the next key, good until the call after it, and false at the end.
	Next() (key *ChangedKey, ok bool, err error)
	Close() error
}

// ChangedKey is a key that may have been something else, and what the walk over a Span
// knows of it anyway.
type ChangedKey struct {
	Key string
	// Before is the id of its newest entry before FromID, 0 if the walk does not know it.
	Before int64
	// Counted says that Count, with From for goneBefore, counts its row.
	Counted bool
}

// Walk is which rows to walk over.
type Walk struct {
	Prefix string
	// After, if not empty, is the key after which to begin.
	After string
	// Values says that the rows' values are wanted; without it, Size is all there is.
	Values bool
}

// Rows walks over rows. Close ends the walk, whole or not.
type Rows interface {
	// Next answers the next row, good until the call after it, and false at the end.
	Next() (row *WalkedRow, ok bool, err error)
	Close() error
}

// WalkedRow is a row and its key; its value is Stored unless it was asked for.
type WalkedRow struct {
	Key  string
	Size int64 // bytes of the value
	kv.Row
}
