package writer

import (
	"bytes"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// Once is what makes a call be done once, however often it is sent
// (Idempotency-Key): its answer is committed with it.
type Once struct {
	// Key names it within the database.
	Key string
	// Request is a fingerprint of the request: the key of one can't be used for another.
	Request [32]byte
}

// Answer is what a call with a Once is answered, now or before.
type Answer struct {
	Body []byte
	// Version is the ETag that goes with it, 0 for none.
	Version int64
	// Replayed says that it was answered before.
	Replayed bool
}

const (
	// answersKeptMillis is how long an answer is remembered: a day.
	answersKeptMillis = 24 * 60 * 60 * 1000
	// answerBytesMax bounds one.
	answerBytesMax = 1 << 20
)

// ErrNotDone answers a call that has nothing to do and only asks for its answer, when
// there is none.
var ErrNotDone = refusal.New(refusal.NotFound, "the request was not done before")

var (
	errOtherRequest   = refusal.New(refusal.IdempotencyKeyMismatch, "the Idempotency-Key was used with another request")
	errAnswerTooLarge = refusal.Newf(refusal.IdempotentResponseTooLarge, "the response exceeds %d bytes, the most that is kept for an Idempotency-Key; nothing was done", answerBytesMax)
)

// workOnce works a call unless it was worked before; then it has the answer of then.
// Those that come while the first is still waiting are in this group behind it, or in
// a later one.
func (w *Writer) workOnce(c *Call) error {
	found, err := w.disk.Recall(c.Once.Key, &w.recalled)
	if err != nil {
		return err
	}
	if found && w.recalled.At > w.now-answersKeptMillis {
		if !bytes.Equal(w.recalled.Request, c.Once.Request[:]) {
			c.err = errOtherRequest
			return nil
		}
		c.Answer = Answer{Body: append(c.Answer.Body[:0], w.recalled.Body...), Version: w.recalled.Version, Replayed: true}
		return nil
	}
	if c.asks() {
		c.err = ErrNotDone
		return nil
	}
	logged, sequence := w.overlay.mark(), w.sequence
	if err := w.workAny(c); err != nil || c.err != nil {
		return err
	}
	c.answer()
	switch {
	case len(c.Answer.Body) <= answerBytesMax:
	case c.SQL != nil || len(c.Ops) == 0:
		return errAnswerTooLarge // it is done in the file already; the group undoes it
	default:
		w.overlay.rewind(logged)
		w.sequence = sequence
		c.err = errAnswerTooLarge
		return nil
	}
	w.upkeep.expires(w.now + answersKeptMillis)
	return w.disk.Remember(c.Once.Key, &store.Answer{
		At: w.now, Request: c.Once.Request[:], Version: c.Answer.Version, Body: c.Answer.Body,
	})
}

// Version is the ETag of the row that a call on one key has left, 0 if it left none.
func (c *Call) Version() int64 {
	switch {
	case c.Undo != nil:
		return c.undoneVersion
	case c.SQL == nil && len(c.Ops) > 0 && c.Shape == kv.One:
		return c.Replies[0].Version
	}
	return 0
}

// AppendAnswer appends the body of the answer to a call that was done.
func (c *Call) AppendAnswer(dst []byte) []byte {
	switch {
	case c.SQL != nil && c.SQL.Tally() != nil:
		tally := c.SQL.Tally()
		return sqltx.AppendImported(dst, tally.Rows, tally.Failed, tally.Errors)
	case c.SQL != nil:
		return append(dst, c.Results.Bytes()...)
	case c.Undo != nil:
		return past.AppendUndone(dst, c.Undo.Key, c.Undone, c.Version())
	case c.Return != nil:
		return past.AppendReturned(dst, c.Return.To, &c.Returned.Counts, c.Returned.Untouched, c.Returned.Cut, c.Returned.Millis)
	case c.Keep != nil:
		return past.AppendKept(dst, c.Table, c.Kept)
	case c.Unlog != nil:
		return c.Unlog.appendAnswer(dst)
	}
	return kv.AppendAnswer(dst, c.Shape, c.Ops, c.Replies)
}

// answer makes the answer of a call that was done.
func (c *Call) answer() {
	c.Answer.Replayed, c.Answer.Version = false, c.Version()
	c.Answer.Body = c.AppendAnswer(c.Answer.Body[:0])
}
