package writer

import (
	"sync"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/sqltx"
)

// Call is what one request wants written, all of it or nothing: key-value
// operations of one table, or a SQL transaction.
//
// Whoever fills a Call lends it the memory that its names, keys and values point
// into, until Do returns. What it answers with is its own.
type Call struct {
	// Table is the KV table of Ops, lower-case.
	Table string
	// Actor is who did it, for history.
	Actor string
	Ops   []kv.Op
	// SQL, if not nil, is run instead of Ops.
	SQL     *sqltx.Request
	RowsMax int
	// Deadline, in ms, is when the caller no longer wants it; 0 is never. A call
	// that was begun in time and committed is a success, however late.
	Deadline int64

	// Replies answer Ops one to one; Results answer SQL.
	Replies []kv.Reply
	Results sqltx.Results
	// FailedAt is the index of the operation that was refused.
	FailedAt int

	err   error
	bytes int
	done  chan struct{}
}

var calls = sync.Pool{New: func() any { return &Call{done: make(chan struct{}, 1)} }}

// NewCall takes an empty call from the pool.
func NewCall() *Call { return calls.Get().(*Call) }

// Release gives the call back. Nothing of it may be used after.
func (c *Call) Release() {
	clear(c.Ops) // lets go of what was lent
	poison(c)
	c.Table, c.Actor, c.Ops, c.SQL = "", "", c.Ops[:0], nil
	c.Deadline, c.RowsMax, c.FailedAt, c.err, c.bytes = 0, 0, 0, nil, 0
	c.Replies = c.Replies[:0]
	c.Results.Reset()
	calls.Put(c)
}

// Add appends an empty operation and returns it, valid until the next Add.
func (c *Call) Add(code kv.Code) *kv.Op {
	c.Ops = append(c.Ops, kv.Op{Code: code})
	return &c.Ops[len(c.Ops)-1]
}

// weigh is what the call weighs in a queue.
func (c *Call) weigh() int {
	bytes := 0
	for i := range c.Ops {
		bytes += c.Ops[i].Bytes()
	}
	if c.SQL == nil {
		return bytes
	}
	for i := range c.SQL.Items {
		bytes += len(c.SQL.Items[i].SQL)
		for v := range c.SQL.Items[i].Values {
			bytes += len(c.SQL.Items[i].Values[v].Bytes)
		}
	}
	return bytes
}

// begin makes the call ready to be worked, perhaps again.
func (c *Call) begin() {
	c.err, c.FailedAt = nil, 0
	c.Replies = c.Replies[:0]
}
