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
		s, why, err := w.ask(c, op)
		switch {
		case err != nil:
			return false, err
		case why == nil:
		case why.Kind == refusal.PreconditionFailed:
			w.failed.Check(op, &s.row, w.now)
		case why.Kind == refusal.RateLimited:
			limited = true
		default:
			c.err = why
			return false, nil
		}
		c.reply(&w.outcome.Reply)
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

// ask is decide for an operation that others of its call may yet refuse: a rate limit
// then tells what is left without it.
func (w *Writer) ask(c *Call, op *kv.Op) (*slot, *refusal.Refusal, error) {
	peek := op.Peek
	op.Peek = true
	s, why, err := w.decide(c, op)
	op.Peek = peek
	return s, why, err
}
