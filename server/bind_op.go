package server

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// binders read what requests say to an operation beside the key. Which of them an
// operation has, its line in the table of operations tells.
var binders = []struct {
	takes kv.Takes
	bind  func(q *request, op *kv.Op) error
	// refuse is for operations that don't take it, if to ignore it would be to do
	// something else than was asked.
	refuse func(q *request, op *kv.Op) error
}{
	{kv.TakesConditions, bindConditions, refuseConditions},
	{kv.TakesBytes, bindStoredBytes, refuseStoredBytes},
	{kv.TakesPath, bindPath, refusePath},
	{kv.TakesTTL, bindTTL, nil},
	{kv.TakesDelta, bindCount, nil},
	{kv.TakesIndex, bindIndex, nil},
	{kv.TakesLengthMax, bindLengthMax, nil},
	{kv.TakesBody, bindBody, nil},
	{kv.TakesElement, bindElement, nil},
	{kv.TakesTarget, bindTarget, nil},
	{kv.TakesLimit, bindLimit, nil},
}

// bindOp reads all that the request says to the operation on the path's key.
func (q *request) bindOp(op *kv.Op) error {
	op.Key = q.key
	history, err := q.flag("history", true)
	if err != nil {
		return err
	}
	op.Unrecorded = !history
	for i := range binders {
		b := &binders[i]
		do := b.refuse
		if op.Code.Takes(b.takes) {
			do = b.bind
		}
		if do == nil {
			continue
		}
		if err := do(q, op); err != nil {
			return err
		}
	}
	return nil
}

func bindPath(q *request, op *kv.Op) error {
	op.Path = lent(q.argument("path"))
	return nil
}

// refusePath keeps a request for a part of the value from being done to the whole.
func refusePath(q *request, op *kv.Op) error {
	if len(q.argument("path")) > 0 {
		return refusal.Newf(refusal.InvalidParameters, "%s takes no path", op.Code)
	}
	return nil
}

func bindTTL(q *request, op *kv.Op) (err error) {
	op.TTLSeconds, err = q.integer("ttl", 0)
	op.TTLSent = q.has("ttl")
	return err
}

var (
	errOnLimit = refusal.New(refusal.InvalidParameters, "on_limit must be reject or clamp")
	errTTLMode = refusal.New(refusal.InvalidParameters, "ttl_mode must be if_new or always")
)

func bindCount(q *request, op *kv.Op) (err error) {
	if op.Delta, err = q.integer("delta", 1); err != nil {
		return kv.DeltaNotPositive
	}
	if op.Bounds.Min, op.Bounds.HasMin, err = q.bound("min"); err != nil {
		return err
	}
	if op.Bounds.Max, op.Bounds.HasMax, err = q.bound("max"); err != nil {
		return err
	}
	if op.Bounds.Clamp, err = q.choice("on_limit", "reject", "clamp", errOnLimit); err != nil {
		return err
	}
	op.TTLAlways, err = q.choice("ttl_mode", "if_new", "always", errTTLMode)
	return err
}

// bound is an integer parameter that may be absent.
func (q *request) bound(name string) (n int64, sent bool, err error) {
	if sent = q.has(name); !sent {
		return 0, false, nil
	}
	n, err = q.integer(name, 0)
	return n, true, err
}

// choice tells whether a parameter is the second of two words; absent, it is the first.
func (q *request) choice(name, first, second string, neither error) (bool, error) {
	switch string(q.argument(name)) {
	case "", first:
		return false, nil
	case second:
		return true, nil
	}
	return false, neither
}

func bindIndex(q *request, op *kv.Op) (err error) {
	op.Index, op.HasIndex, err = q.bound("index")
	return err
}

var errLengthMax = refusal.New(refusal.InvalidParameters, "max_length must be a positive integer")

func bindLengthMax(q *request, op *kv.Op) error {
	n, sent, err := q.bound("max_length")
	if err != nil || (sent && n < 1) {
		return errLengthMax
	}
	op.LengthMax = n
	return nil
}

func bindBody(q *request, op *kv.Op) error {
	sent, err := q.contentType()
	if err != nil {
		return err
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	op.Value, op.ContentType = kv.BodyOf(op, sent, body)
	return nil
}

func bindElement(q *request, op *kv.Op) error {
	body, err := q.body()
	if err != nil {
		return err
	}
	op.Value = kv.ElementOf(body)
	return nil
}

func bindTarget(q *request, op *kv.Op) error {
	if op.HasIndex {
		return nil // it wins, whatever the body is
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	value, why := kv.TargetOf(body)
	if why != nil {
		return why
	}
	op.Value = value
	return nil
}
