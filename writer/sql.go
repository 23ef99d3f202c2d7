package writer

import (
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

var errOutOfTime = refusal.New(refusal.RequestTimeout, "the request ran out of time")

// workSQL works a transaction of SQL and key-value operations in the group. It must see
// the rows decided before it, and those after it must see what it did.
func (w *Writer) workSQL(c *Call) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.disk.BeginSQL(w.timeLeft(c)); err != nil {
		return err
	}
	clock := w.clock
	bytesMax := c.Results.BytesMax
	kept := c.Once.Key != "" && (bytesMax == 0 || bytesMax > answerBytesMax)
	if kept {
		c.Results.BytesMax = answerBytesMax
	}
	c.Results.Begin(c.SQL.Format)
	item, why, err := w.workItems(c)
	c.Results.End()
	c.Results.BytesMax = bytesMax
	w.upkeep.distrust() // SQL may have given rows a lifetime
	switch {
	case err != nil:
		return err
	case w.disk.TransactionEnded():
		return &sqltx.ItemError{Index: item, Refusal: why}
	}
	w.overlay.reset() // of what was refused nothing is written
	late, err := w.disk.EndSQL(why != nil)
	switch {
	case err != nil:
		return err
	case late != nil:
		item, why = sqltx.WholeRequest, late
	case why != nil && why.Kind == refusal.ResponseTooLarge && kept:
		why = errAnswerTooLarge
	}
	if why != nil {
		c.err = &sqltx.ItemError{Index: item, Refusal: why}
		w.clock = clock // the entries since are none
	}
	w.moveClock() // what it changed is of this moment, and what follows it not older
	return w.catchUp()
}

// workItems works the items in order, to the first that fails and may not. Then why says
// so, or err if it is not the item's fault. If the transaction has ended, there is a why.
func (w *Writer) workItems(c *Call) (item int, why *refusal.Refusal, err error) {
	w.behind = false
	for w.item = range c.SQL.Items {
		if c.SQL.Items[w.item].NoFail {
			why, err = w.tryItem(c)
		} else {
			why, err = w.workItem(c)
		}
		if why != nil || err != nil {
			return w.item, why, err
		}
	}
	why, err = w.settle()
	return w.item, why, err
}

// tryItem works an item that may fail: then the others go on without it.
func (w *Writer) tryItem(c *Call) (why *refusal.Refusal, err error) {
	if why, err := w.settle(); why != nil || err != nil {
		return why, err
	}
	if err := w.disk.Mark(); err != nil {
		return nil, err
	}
	answered, clock := c.Results.Mark(), w.clock
	why, err = w.workItem(c)
	if why == nil && err == nil {
		why, err = w.settle()
	}
	if err != nil || w.disk.TransactionEnded() {
		return why, err
	}
	if err := w.disk.Unmark(why != nil); err != nil || why == nil {
		return nil, err
	}
	w.overlay.reset()
	w.behind, w.clock = true, clock
	if !sqltx.Forgives(why) || c.SQL.Items[w.item].Tally != nil {
		return why, nil // a tally tells of rows alone: of this fault nobody would know
	}
	c.Results.Rewind(answered)
	return refusal.Of(c.Results.Failed(why)), nil
}

// workItem works an item and answers it.
func (w *Writer) workItem(c *Call) (why *refusal.Refusal, err error) {
	item := &c.SQL.Items[w.item]
	if item.Kind == sqltx.KeyValue {
		return w.workKeyValue(c, item)
	}
	if why, err := w.settle(); why != nil || err != nil {
		return why, err
	}
	w.behind = true
	return w.blame(w.disk.RunItem(item, c.RowsMax, &c.Results))
}

// workKeyValue decides an operation on the overlay, as if it had come by itself.
func (w *Writer) workKeyValue(c *Call, item *sqltx.Item) (why *refusal.Refusal, err error) {
	if c.Deadline != 0 && w.config.Now() >= c.Deadline {
		return errOutOfTime, nil
	}
	if w.behind {
		w.moveClock()
		if err := w.catchUp(); err != nil {
			return nil, err
		}
		w.behind = false
	}
	op := &c.Ops[item.Op]
	s, why, err := w.decide(item.Table, op)
	switch {
	case err != nil:
		return nil, err
	case why == kv.RateLimited:
		c.reply(&w.outcome.Reply)
		return kv.RefusedLimit(op, &w.outcome.Reply), nil
	case why != nil:
		return why, nil
	}
	w.carryOut(c, s, op)
	s.item = w.item
	reply := &w.outcome.Reply
	if most := c.Results.BytesMax; most > 0 && reply.Row != nil && c.Results.Len()+kv.ValueLen(reply.Row) > most {
		return errEntryTooLarge, nil
	}
	w.answer = kv.AppendReply(w.answer[:0], op, reply)
	err = c.Results.Operated(w.answer)
	w.answer = keep(w.answer)
	return refusal.Of(err), nil
}

var errEntryTooLarge = refusal.New(refusal.ResponseTooLarge, "the response is too large; GET the key itself")

// settle writes what the operations of a transaction have decided. A client's trigger
// may refuse it: then w.item is the item whose row it was.
func (w *Writer) settle() (why *refusal.Refusal, err error) {
	w.guilty = w.item
	if err := w.flush(); err != nil {
		w.item = w.guilty
		return w.blame(err)
	}
	return nil, nil
}

// blame tells what SQL of a client is refused for from a fault of the machine, after
// which the group is worked one by one.
func (w *Writer) blame(err error) (*refusal.Refusal, error) {
	if err == nil {
		return nil, nil
	}
	why := refusal.Of(err)
	switch why.Kind {
	case refusal.Internal, refusal.DatabaseError, refusal.FileSystemError, refusal.Unavailable, refusal.DatabaseBusy:
		return nil, &sqltx.ItemError{Index: w.item, Refusal: why}
	}
	return why, nil
}

// callTimeMax bounds what a call without a deadline may take that is no mere operation.
const callTimeMax = 300 * time.Second

func (w *Writer) timeLeft(c *Call) time.Duration {
	if c.Deadline == 0 {
		return callTimeMax
	}
	return min(callTimeMax, time.Duration(c.Deadline-w.now)*time.Millisecond)
}
