package writer

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// mayAll holds the conditions and the rate limits of a call's operations against the
// rows before any of them is done, so that a refusal can tell about all: which items
// have failed, and what each of the limits has left. A call whose operations have
// neither is not looked at. may is false for a call that was refused.
func (w *Writer) mayAll(c *Call) (may bool, err error) {
	w.failed.Reset()
	limited := false
	for i := range c.Ops {
		op := &c.Ops[i]
		if op.If == nil && op.Code != kv.Limit {
			continue
		}
		s := w.overlay.slot(c.Table, op.Key)
		why, err := w.load(s, op)
		if why == nil && err == nil {
			w.failed.Check(op, &s.row, w.now)
			why = w.ask(c, op, &s.row)
		}
		switch {
		case err != nil:
			return false, err
		case why == kv.RateLimited:
			limited = true
		case why != nil:
			c.err = why
			return false, nil
		}
	}
	switch {
	case w.failed.Any():
		c.err = w.failed.Refusal()
	case limited:
		c.err = kv.RateLimited
	default:
		c.Replies = c.Replies[:0] // they will be given anew
		return true, nil
	}
	return false, nil
}

// ask has a rate limit tell what is left, without the cost of an operation that others
// of its call may yet refuse. Nothing else is asked.
func (w *Writer) ask(c *Call, op *kv.Op, row *kv.Row) *refusal.Refusal {
	if op.Code != kv.Limit {
		return nil
	}
	peek := *op
	peek.Peek = true
	why := kv.Decide(&peek, row, w.now, &w.outcome)
	c.reply(&w.outcome.Reply)
	return why
}
