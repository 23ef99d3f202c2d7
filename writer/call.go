package writer

import (
	"sync"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// Call is what one request wants written, all of it or nothing: key-value
// operations of one table, or a transaction of SQL and such operations.
//
// Whoever fills a Call lends it the memory that its names, keys and values point
// into, until Do returns. What it answers with is its own.
type Call struct {
	// Table is the KV table of Ops, lower-case.
	Table string
	// Actor is who did it, for history.
	Actor string
	Ops   []kv.Op
	// Shape is what the answer to Ops looks like.
	Shape kv.Shape
	// SQL, if not nil, is run instead of Ops, which then are those of its items.
	SQL     *sqltx.Request
	RowsMax int
	// One of these, if not nil, is done instead of Ops.
	Undo   *Undo
	Return *Return
	Keep   *Keep
	// Task, if there is one, is done instead of all that, alone.
	Task  store.Task
	Unlog *Unlog
	// Deadline, in ms, is when the caller no longer wants it; 0 is never. A call
	// that was begun in time and committed is a success, however late.
	Deadline int64

	// Once, if it has a key, is done once: who asks again gets the first answer.
	Once Once

	// Replies answer Ops one to one, up to the one that was refused; Results answer SQL,
	// and then Replies are those of limits that refused.
	Replies []kv.Reply
	Results sqltx.Results
	// Undone is how many entries Undo has taken back, Returned what Return has done, and
	// Kept what is kept after Keep.
	Undone   int64
	Returned Returned
	Kept     past.Keep
	// Found is what Task has answered.
	Found string
	// Answer is what is to be answered, if Once has a key.
	Answer Answer

	undoneVersion int64 // of the row that Undo has left

	owned []byte // what Replies hold
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
	if cap(c.Ops) > opsKeptMax {
		c.Ops = nil
	}
	c.Table, c.Actor, c.Ops, c.SQL = "", "", c.Ops[:0], nil
	c.Undo, c.Return, c.Keep, c.Undone, c.Returned = nil, nil, nil, 0, Returned{}
	c.Task, c.Found = store.NoTask, ""
	c.Unlog = nil
	c.Deadline, c.RowsMax, c.err, c.bytes = 0, 0, nil, 0
	c.Shape, c.Once = kv.One, Once{}
	clear(c.Replies) // an element may be large
	c.Replies, c.owned = c.Replies[:0], keep(c.owned)
	c.Answer = Answer{Body: keep(c.Answer.Body)}
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
	if c.Return != nil {
		for _, key := range c.Return.Keys {
			bytes += len(key)
		}
	}
	if c.SQL == nil {
		return bytes
	}
	for i := range c.SQL.Items {
		item := &c.SQL.Items[i]
		bytes += len(item.SQL)
		for v := range item.Values {
			bytes += len(item.Values[v].Bytes)
		}
		if item.Batch != nil {
			bytes += item.Batch.Bytes()
		}
	}
	return bytes
}

// opsKeptMax is how many operations a released call keeps the room for: a transaction may
// have had thousands.
const opsKeptMax = 256

// ownedKeptMax is how large a buffer may be that a released call keeps.
const ownedKeptMax = 64 << 10

func keep(buffer []byte) []byte {
	if cap(buffer) > ownedKeptMax {
		return nil
	}
	return buffer[:0]
}

// begin makes the call ready to be worked, perhaps again.
func (c *Call) begin() {
	c.err = nil
	c.Answer = Answer{Body: c.Answer.Body[:0]}
	c.Replies, c.owned = c.Replies[:0], c.owned[:0]
	c.Undone, c.undoneVersion, c.Returned = 0, 0, Returned{}
}

// asks tells of a call that wants nothing done.
func (c *Call) asks() bool {
	return len(c.Ops) == 0 && c.SQL == nil && c.Undo == nil && c.Return == nil && c.Keep == nil && c.Unlog == nil
}

// mayRewind tells whether operations of the call may have to be undone: none of them
// is done until all are, and their answer fits.
// The operations of a transaction are undone in the file.
func (c *Call) mayRewind() bool { return c.SQL == nil && (len(c.Ops) > 1 || c.Once.Key != "") }

// reply keeps a reply beyond the commit.
func (c *Call) reply(r *kv.Reply) {
	c.Replies = append(c.Replies, *r)
	if len(r.Element) == 0 {
		return
	}
	start := len(c.owned)
	c.owned = append(c.owned, r.Element...) // replies before keep the memory they had
	c.Replies[len(c.Replies)-1].Element = c.owned[start:]
}
