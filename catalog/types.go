package catalog

import (
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
)

// NewCall takes an empty call from the pool.
func NewCall() *Call { return writer.NewCall() }

// ErrWrites says that a transaction that looked read-only is not.
var ErrWrites = store.ErrWrites
