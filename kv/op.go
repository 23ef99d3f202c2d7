package kv

import (
	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/internal/ratelimit"
	"github.com/urlite/urlite/refusal"
)

// Op is one key-value operation as a request asked for it. Its texts and bytes are lent
// by the request until its call is acknowledged.
type Op struct {
	Code Code
	Key  string
	// Unrecorded is history=false.
	Unrecorded bool
	// MissingOK makes the deletion of a missing key a success that deletes
	// nothing, as in a batch.
	MissingOK bool
	// If, if not nil, is what must hold of the row before.
	If *Conditions

	// Path is where in a JSON document the operation works, empty for the whole
	// value. Check reads it.
	Path string
	path jsonpath.Path

	// Value is what Set stores, Push and Append append, and Remove looks for.
	Value Value
	// ContentType is the type that Value comes with.
	ContentType string
	// TTLSeconds is the lifetime from now, 0 for none; TTLSent tells a lifetime of 0
	// from none asked for. TTLAlways has counting set it each time, not only when it
	// makes the key.
	TTLSeconds         int64
	TTLSent, TTLAlways bool

	// Delta is what Incr adds and Decr takes away, at least 1, within Bounds.
	Delta  int64
	Bounds Bounds
	// Index is the element that Remove takes, if HasIndex; negative counts from the end.
	Index    int64
	HasIndex bool
	// LengthMax is how many elements Push leaves, 0 for any number.
	LengthMax int64
	// Limit is what Limit asks for; Peek only asks whether it would be granted.
	Limit ratelimit.Rule
	Peek  bool

	// valueBytesMax bounds what the operation may make of a value. Check sets it.
	valueBytesMax int
}

// Bytes is the size of what the op lends: what it weighs in a queue.
func (op *Op) Bytes() int {
	return len(op.Key) + len(op.Path) + len(op.Value.Bytes) + len(op.ContentType) + op.If.bytes()
}

// Reply is what an operation tells its caller.
type Reply struct {
	Version  int64 // the ETag after the write, 0 when no row is left
	Value    int64 // Incr and Decr: the counter after
	Applied  int64 // Incr and Decr: the change made
	ExpireAt int64 // ms, 0 = never
	Size     int   // Set and Append: bytes of the value
	Length   int   // Push, Pop and Remove: elements after
	Deleted  bool  // Delete: there was something to delete
	// Element is what Pop and Remove took. It lies in the row's memory: who keeps a
	// reply beyond the commit copies it.
	Element []byte
	// Verdict is Limit's, granted or not.
	Verdict ratelimit.Verdict
	// Row is what Get has read. It is the row itself, as it is until the next operation.
	Row *Row
}

// Check refuses what no row could make right: it looks at the operation alone, in
// the caller's goroutine. The first refusal in declared order wins: key, value,
// lifetime, path, then the operation's own.
func Check(op *Op, limits *Limits) *refusal.Refusal {
	op.valueBytesMax = limits.ValueBytesMax
	if r := CheckKey(op.Key, limits); r != nil {
		return r
	}
	if len(op.Value.Bytes) > limits.ValueBytesMax {
		return op.tooLarge(len(op.Value.Bytes))
	}
	if r := checkTTL(op); r != nil {
		return r
	}
	if op.Path != "" {
		var r *refusal.Refusal
		if op.path, r = jsonpath.Parse(op.Path); r != nil {
			return r
		}
	}
	if check := operations[op.Code].check; check != nil {
		return check(op)
	}
	return nil
}

// tooLarge refuses a value of so many bytes.
func (op *Op) tooLarge(size int) *refusal.Refusal {
	return refusal.Newf(refusal.PayloadTooLarge, "value of %d bytes exceeds the limit of %d bytes", size, op.valueBytesMax)
}

// fits refuses a value that has grown too large.
func (op *Op) fits(v Value) *refusal.Refusal {
	if op.valueBytesMax > 0 && len(v.Bytes) > op.valueBytesMax {
		return op.tooLarge(len(v.Bytes))
	}
	return nil
}
