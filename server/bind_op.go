package server

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// arguments are what a request says to an operation: in its query, its headers and its
// body, or in the fields of an item of a transaction. What it names is lent.
type arguments interface {
	has(name string) bool
	flag(name string, absent bool) (bool, error)
	integer(name string, absent int64) (int64, error)
	// text is empty for what was not sent.
	text(name string) (string, error)
	// conditions are the lists of ETags that must match, and that must not; nil if not sent.
	conditions() (match, none []byte, err error)
	// storedBytes are those that the stored value must be.
	storedBytes() (bytes []byte, sent bool)
	// body, element and target bind the Value of an operation that takes it so.
	body(op *kv.Op) error
	element(op *kv.Op) error
	target(op *kv.Op) error
}

// binders read what arguments say to an operation beside the key. Which of them an
// operation has, its line in the table of operations tells.
var binders = []struct {
	takes kv.Takes
	bind  func(a arguments, op *kv.Op) error
	// refuse is for operations that don't take it, if to ignore it would be to do
	// something else than was asked.
	refuse func(a arguments, op *kv.Op) error
}{
	{kv.TakesConditions, bindConditions, takesNoConditions},
	{kv.TakesBytes, bindStoredBytes, refuseStoredBytes},
	{kv.TakesPath, bindPath, refusePath},
	{kv.TakesTTL, bindTTL, nil},
	{kv.TakesDelta, bindCount, nil},
	{kv.TakesIndex, bindIndex, nil},
	{kv.TakesLengthMax, bindLengthMax, nil},
	{kv.TakesBody, arguments.body, nil},
	{kv.TakesElement, arguments.element, nil},
	{kv.TakesTarget, arguments.target, nil},
	{kv.TakesLimit, bindLimit, nil},
}

// bindOp reads all that the request says to the operation on the path's key.
func (q *request) bindOp(op *kv.Op) error {
	op.Key = q.key
	return bindArguments(requestArguments{q}, op)
}

func bindArguments(a arguments, op *kv.Op) error {
	history, err := a.flag("history", true)
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
		if err := do(a, op); err != nil {
			return err
		}
	}
	return nil
}

func bindPath(a arguments, op *kv.Op) (err error) {
	op.Path, err = a.text("path")
	return err
}

// refusePath keeps a request for a part of the value from being done to the whole.
func refusePath(a arguments, op *kv.Op) error {
	path, err := a.text("path")
	if err == nil && path != "" {
		err = refusal.Newf(refusal.InvalidParameters, "%s takes no path", op.Code)
	}
	return err
}

func bindTTL(a arguments, op *kv.Op) (err error) {
	op.TTLSeconds, err = a.integer("ttl", 0)
	op.TTLSent = a.has("ttl")
	return err
}

var (
	errOnLimit = refusal.New(refusal.InvalidParameters, "on_limit must be reject or clamp")
	errTTLMode = refusal.New(refusal.InvalidParameters, "ttl_mode must be if_new or always")
)

func bindCount(a arguments, op *kv.Op) (err error) {
	if op.Delta, err = a.integer("delta", 1); err != nil {
		return kv.DeltaNotPositive
	}
	if op.Bounds.Min, op.Bounds.HasMin, err = bound(a, "min"); err != nil {
		return err
	}
	if op.Bounds.Max, op.Bounds.HasMax, err = bound(a, "max"); err != nil {
		return err
	}
	if op.Bounds.Clamp, err = choice(a, "on_limit", "reject", "clamp", errOnLimit); err != nil {
		return err
	}
	op.TTLAlways, err = choice(a, "ttl_mode", "if_new", "always", errTTLMode)
	return err
}

// bound is an integer parameter that may be absent.
func bound(a arguments, name string) (n int64, sent bool, err error) {
	if sent = a.has(name); !sent {
		return 0, false, nil
	}
	n, err = a.integer(name, 0)
	return n, true, err
}

// choice tells whether a parameter is the second of two words; absent, it is the first.
func choice(a arguments, name, first, second string, neither error) (bool, error) {
	word, err := a.text(name)
	switch {
	case err != nil:
		return false, err
	case word == "" || word == first:
		return false, nil
	case word == second:
		return true, nil
	}
	return false, neither
}

func bindIndex(a arguments, op *kv.Op) (err error) {
	op.Index, op.HasIndex, err = bound(a, "index")
	return err
}

var errLengthMax = refusal.New(refusal.InvalidParameters, "max_length must be a positive integer")

func bindLengthMax(a arguments, op *kv.Op) error {
	n, sent, err := bound(a, "max_length")
	if err != nil || (sent && n < 1) {
		return errLengthMax
	}
	op.LengthMax = n
	return nil
}

// requestArguments are those of a request about one key.
type requestArguments struct{ *request }

func (a requestArguments) text(name string) (string, error) { return lent(a.argument(name)), nil }

func (a requestArguments) conditions() (match, none []byte, err error) {
	return a.etagList(headerIfMatch), a.etagList(headerIfNoneMatch), nil
}

func (a requestArguments) storedBytes() (bytes []byte, sent bool) {
	return a.argument("if_match"), a.has("if_match")
}

func (a requestArguments) body(op *kv.Op) error {
	sent, err := a.contentType()
	if err != nil {
		return err
	}
	body, err := a.request.body()
	if err != nil {
		return err
	}
	op.Value, op.ContentType = kv.BodyOf(op, sent, body)
	return nil
}

func (a requestArguments) element(op *kv.Op) error {
	body, err := a.request.body()
	if err != nil {
		return err
	}
	op.Value = kv.ElementOf(body)
	return nil
}

func (a requestArguments) target(op *kv.Op) error {
	if op.HasIndex {
		return nil // it wins, whatever the body is
	}
	body, err := a.request.body()
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
