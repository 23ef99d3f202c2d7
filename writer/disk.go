package writer

import (
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// Disk is what the writer needs of a database file. *store.WriteConn is the real
// one; the tests use a fake that fails where they want.
//
// Between Begin and Commit or Rollback it is in a transaction. Only the writer's
// goroutine calls it.
type Disk interface {
	LogDisk
	// Begin starts a transaction and answers the file's write sequence number.
	Begin() (sequence int64, err error)
	// BeginBriefly is Begin for what no call is for: another process that holds the file is
	// hardly waited for.
	BeginBriefly() (sequence int64, err error)
	// Disturbed tells whether anybody else has committed to the file since the Begin before
	// the latest.
	Disturbed() bool
	// Load reads a row, its value only if asked. The value's bytes are good until
	// the transaction ends.
	Load(table, key string, withValue bool, row *kv.Row) error
	// Save writes a row; was is what Load answered.
	Save(table, key string, was, now *kv.Row) error
	// Record writes a line of history.
	Record(table, key, actor string, entry *kv.Entry) error
	// BeginSQL begins a request of a client that may take as long as limit. All until
	// EndSQL is its doing: Load, Save and Record of operations among its items, too. EndSQL
	// lets it stand, or takes it back; why is a refusal for which it was taken back.
	BeginSQL(limit time.Duration) error
	EndSQL(back bool) (why *refusal.Refusal, err error)
	// RunItem runs an item's SQL and answers it. An error is the item's, of which some may
	// have been done. When TransactionEnded, only Rollback is left.
	RunItem(item *sqltx.Item, rowsMax int, out store.Results) error
	TransactionEnded() bool
	// Mark begins what may have to be taken back, Unmark ends what the latest mark began:
	// it stands, or all of it is taken back, and then Load and Sequence know nothing of it.
	Mark() error
	Unmark(back bool) error
	// Reserve moves the write sequence number: the numbers up to it are those of the
	// rows and lines written next, none of which is later than clock (ms). Sequence
	// answers it as it is since, and Clock the time of the latest line as Begin or
	// Sequence found it.
	Reserve(sequence, clock int64) error
	Sequence() (int64, error)
	Clock() int64
	// Past reads what a table was, in the transaction, for as long as limit. EndPast ends it.
	Past(table string, limit time.Duration) (past.Source, error)
	EndPast()
	// Forget takes the newest lines of a key's history away, newest first: those after
	// the one with the number to, 0 for all.
	Forget(table, key string, ids []int64, to int64) error
	// SetKeep settles how much of a table's past is kept.
	SetKeep(table string, keep *Keep) error
	// Recall reads an answer that was stored, and Remember stores one.
	Recall(key string, into *store.Answer) (found bool, err error)
	Remember(key string, answer *store.Answer) error
	// Sweep removes expired rows, and answers given before a time.
	Sweep(now, answeredBefore int64, rowsMax int) (store.Swept, error)
	// Retain takes away what is beyond the past that is kept.
	Retain(usual past.Keep, now int64, entriesMax int) (store.Retained, error)
	// Recount counts the rows of one table whose number nobody knows; more says that
	// there may be others.
	Recount() (more bool, err error)
	maintainer
	// Commit returns when the transaction is durable. After an error it is to be
	// rolled back.
	Commit() error
	Rollback() error

	// Frames is the length of the write-ahead log in pages.
	Frames() int
	// LogBytes is its size on disk. It may be called from any goroutine.
	LogBytes() int64
	Checkpoint(mode store.CheckpointMode) (whole bool, err error)
	Close() error
}

var _ Disk = (*store.WriteConn)(nil)
