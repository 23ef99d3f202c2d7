package catalog

import (
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/store"
	"github.com/urlite/urlite/writer"
)

// What a request hands to a database and gets from it. The server speaks to the
// catalog alone.
type (
	// Call is what a request wants written.
	Call = writer.Call
	// Reader is a borrowed read-only connection.
	Reader = store.ReadConn
	// Page is which rows of a KV table to list.
	Page = store.Page
	// ListedRow is a row of a list.
	ListedRow = store.ListedRow
	// Shape is what an import needs to know of a table.
	Shape = store.Shape
	// Version is a state of the data of a database.
	Version = store.Version
	// SchemaObject is a table, a view, an index or a trigger of a file, and SchemaColumn a
	// column of the first two.
	SchemaObject = store.SchemaObject
	SchemaColumn = store.SchemaColumn
	// Kept is an answer that a new database is made with.
	Kept = store.Kept
	// Undo is the wish to take back the newest entries of a key.
	Undo = writer.Undo
	// Return is the wish that a table be what it was.
	Return = writer.Return
	// Task is what may be done to a file as a whole.
	Task = store.Task
	// Keep is how much of a table's past is kept, as far as it is settled for it.
	Keep = writer.Keep
	// Unlog is the wish to have entries of the query history forgotten.
	Unlog = writer.Unlog
)

// NewCall takes an empty call from the pool.
func NewCall() *Call { return writer.NewCall() }

// ErrNotDone says that a call without anything to do was not answered before.
var ErrNotDone = writer.ErrNotDone

// SelectAll is the statement that reads all rows of a table or a view.
func SelectAll(table string) string { return store.SelectAll(table) }

// ErrNotReadOnly refuses a query that is not one statement that only reads.
var ErrNotReadOnly = store.ErrNotReadOnly

// ErrWrites says that a transaction that looked read-only is not.
var ErrWrites = store.ErrWrites

// The tasks of a writer.
const (
	EmptyLog = store.EmptyLog
	Vacuum   = store.Vacuum
	Optimize = store.Optimize
)

// What an operator decides about every database.
type (
	// WriterLimits bound what waits and what is committed together.
	WriterLimits = writer.Limits
	// Way has long queries give way.
	Way = store.Way
	// StoreOptions are how a file is run.
	StoreOptions = store.Options
	// KeepLimits are how much of the past is kept.
	KeepLimits = past.Keep
)

// DefaultWriterLimits are the limits of a server that nobody configured.
func DefaultWriterLimits() WriterLimits { return writer.DefaultLimits() }

// What the SQL of one request may take, unless the operator decides.
const (
	SQLMemoryDefault = store.SQLMemoryDefault
	SQLFilesDefault  = store.SQLFilesDefault
)

// NewWay makes a way for a machine with so many processors.
func NewWay(processors int) *Way { return store.NewWay(processors) }

// ParseSynchronous reads "full" or "normal".
func ParseSynchronous(text string) (store.Synchronous, error) { return store.ParseSynchronous(text) }

// EngineVersion is the version of the SQLite library in this program.
func EngineVersion() (string, error) { return store.EngineVersion() }

// EngineBundled tells that it is the old one that the binding carries.
const EngineBundled = store.EngineBundled
