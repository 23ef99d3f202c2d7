package kv

import (
	"math"
	"strconv"

	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/refusal"
)

// CounterContentType is the type of a key that counting created.
const CounterContentType = "text/plain"

// Bounds are how far counting may go. Only the bound that a step moves towards
// matters: a counter that lies beyond it already may come back.
type Bounds struct {
	Min, Max       int64
	HasMin, HasMax bool
	// Clamp stops at a bound; without it a step beyond is refused.
	Clamp bool
}

// DeltaNotPositive refuses what is no step to count by.
var DeltaNotPositive = refusal.New(refusal.InvalidParameters, "delta must be a positive integer")

var (
	boundsCrossed    = refusal.New(refusal.InvalidParameters, "min must not be greater than max")
	clampUnbounded   = refusal.New(refusal.InvalidParameters, "on_limit needs min or max")
	alwaysWithoutTTL = refusal.New(refusal.InvalidParameters, "ttl_mode needs ttl")
	counterOverflow  = refusal.New(refusal.InvalidParameters, "the result does not fit into 64 bits; the value is unchanged")
)

func checkIncr(op *Op) *refusal.Refusal {
	b := &op.Bounds
	switch {
	case op.Delta < 1:
		return DeltaNotPositive
	case b.HasMin && b.HasMax && b.Min > b.Max:
		return boundsCrossed
	case b.Clamp && !b.HasMin && !b.HasMax:
		return clampUnbounded
	case op.TTLAlways && !op.TTLSent:
		return alwaysWithoutTTL
	}
	return nil
}

// bounded tells of a request that asked for more than a step: its answer tells more.
func (op *Op) bounded() bool { return op.Bounds.HasMin || op.Bounds.HasMax || op.TTLSent }

// decideIncr counts up or down, at the path of a document or the value as a whole.
// What is missing starts at 0; the content type of an existing key stays, and its
// lifetime unless the request sets it always.
func decideIncr(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	before, found, document, why := op.counter(row, now, out.Scratch)
	if why != nil {
		return why
	}
	after, why := op.step(before)
	if why != nil {
		return why
	}
	live := row.Live(now)
	out.Reply.Value, out.Reply.Applied = after, after-before
	out.Reply.ExpireAt = row.ExpireAt
	if found && after == before && !op.TTLAlways {
		return nil
	}
	out.Entry.Arg = after - before
	if op.Path == "" {
		out.keepOrMake(row, now, CounterContentType)
		out.Value = IntegerValue(after)
	} else if why := out.count(op, row, now, document, after); why != nil {
		return why
	}
	if op.TTLAlways || (op.TTLSeconds > 0 && !live) {
		out.expires(expireAt(op.TTLSeconds, now))
	}
	out.Reply.ExpireAt = out.ExpireAt
	return nil
}

// counter reads the counter, 0 if it is not found, and the document that it lies in if
// there is a path.
func (op *Op) counter(row *Row, now int64, scratch *Scratch) (n int64, found bool, document []byte, why *refusal.Refusal) {
	ok := true
	if op.Path == "" {
		if found = row.Live(now); found {
			n, ok = row.Value.integer()
		}
	} else {
		if document, why = documentOf(op, row, now, emptyObject, scratch); why != nil {
			return 0, false, nil, why
		}
		var leaf []byte
		if leaf, found = jsonpath.Find(document, op.path); found {
			n, ok = integerOf(leaf)
		}
	}
	if !ok {
		return 0, false, nil, notAnInteger(op.Key)
	}
	return n, found, document, nil
}

func notAnInteger(key string) *refusal.Refusal {
	return refusal.Newf(refusal.InvalidParameters, "Value at key '%s' is not an integer", key)
}

// count puts the counter at its place in the document.
func (out *Outcome) count(op *Op, row *Row, now int64, document []byte, after int64) *refusal.Refusal {
	var digits [20]byte
	counted, why := splice(op.path, document, strconv.AppendInt(digits[:0], after, 10), out.Scratch)
	if why != nil {
		return why
	}
	out.keepOrMake(row, now, contentTypeJSON)
	if op.path.IsRoot() {
		out.Value = IntegerValue(after) // the document is the counter
		return nil
	}
	return out.setDocument(op, counted)
}

// step is the counter after the step that op asks for.
func (op *Op) step(before int64) (after int64, why *refusal.Refusal) {
	b := &op.Bounds
	if op.Code == Decr {
		after, fits := before-op.Delta, before >= math.MinInt64+op.Delta
		return op.land(before, after, fits, b.HasMin && (!fits || after < b.Min), min(before, b.Min))
	}
	after, fits := before+op.Delta, before <= math.MaxInt64-op.Delta
	return op.land(before, after, fits, b.HasMax && (!fits || after > b.Max), max(before, b.Max))
}

// land answers after, or what else becomes of a step that is beyond its bound, where
// it stops, or does not fit.
func (op *Op) land(before, after int64, fits, beyond bool, stop int64) (int64, *refusal.Refusal) {
	switch {
	case beyond && op.Bounds.Clamp:
		return stop, nil
	case beyond:
		return 0, beyondBound(before)
	case !fits:
		return 0, counterOverflow
	}
	return after, nil
}

// beyondBound refuses a step, and tells the value that it leaves.
func beyondBound(value int64) *refusal.Refusal {
	return refusal.New(refusal.Conflict, "the result would be beyond the bound; the value is unchanged").
		With(string(strconv.AppendInt([]byte(`,"value":`), value, 10)))
}

func foldIncr(e *Entry, row *Row) {
	if e.Path == "" {
		before, _ := row.Value.integer()
		row.Value = IntegerValue(before + e.Arg)
		return
	}
	document, _ := row.Value.document(nil)
	path := parsed(e.Path)
	leaf, _ := jsonpath.Find(document, path)
	before, _ := integerOf(leaf)
	var digits [20]byte
	if path.IsRoot() {
		row.Value = IntegerValue(before + e.Arg)
		return
	}
	if counted, why := splice(path, document, strconv.AppendInt(digits[:0], before+e.Arg, 10), nil); why == nil {
		row.Value = documentValue(counted, row.ContentType)
	}
}

func answerIncr(dst []byte, op *Op, r *Reply) []byte {
	a := answerStart(dst, op).number("value", r.Value).etag(r).path(op)
	if op.bounded() {
		a = a.number("applied", r.Applied).moment("expire_at", r.ExpireAt)
	}
	return a.end()
}
