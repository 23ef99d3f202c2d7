package kv

import "github.com/urlite/urlite/refusal"

// Op is one key-value write as a request asked for it. Key, ContentType and the
// value's bytes are lent by the request until its call is acknowledged.
type Op struct {
	Code Code
	Key  string
	// Unrecorded is history=false.
	Unrecorded bool
	// MissingOK makes the deletion of a missing key a success that deletes
	// nothing, as in a batch.
	MissingOK bool
	// Value and ContentType are what Set stores.
	Value       Value
	ContentType string
	// Delta is what Incr adds and Decr takes away, at least 1.
	Delta int64
	// TTLSeconds is the lifetime that Set gives, 0 for none.
	TTLSeconds int64
}

// Bytes is the size of what the op lends: what it weighs in a queue.
func (op *Op) Bytes() int { return len(op.Key) + len(op.Value.Bytes) + len(op.ContentType) }

// Reply is what an operation tells its caller. It holds nothing lent, so that it
// may cross the acknowledgement.
type Reply struct {
	Version int64 // the ETag after the write
	Value   int64 // Incr and Decr: the counter after
	Size    int   // Set: bytes stored
	Deleted bool  // Delete: there was something to delete
}

// Check refuses what no row could make right: it looks at the operation alone, in
// the caller's goroutine. The first refusal in declared order wins: key, value,
// lifetime, then the operation's own.
func Check(op *Op, limits *Limits) *refusal.Refusal {
	if r := CheckKey(op.Key, limits); r != nil {
		return r
	}
	if len(op.Value.Bytes) > limits.ValueBytesMax {
		return refusal.Newf(refusal.PayloadTooLarge, "value of %d bytes exceeds the limit of %d bytes",
			len(op.Value.Bytes), limits.ValueBytesMax)
	}
	if op.TTLSeconds < 0 {
		return ttlNegative
	}
	if op.TTLSeconds > ttlSecondsMax {
		return ttlTooLong
	}
	if check := operations[op.Code].check; check != nil {
		return check(op)
	}
	return nil
}
