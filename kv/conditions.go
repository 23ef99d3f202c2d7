package kv

import (
	"bytes"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// Conditions are what must hold of a row before an operation: HTTP's If-Match and
// If-None-Match (RFC 9110, 13.1), and compare-and-set by the stored bytes.
type Conditions struct {
	// Absent is If-None-Match: *, Exists is If-Match: *.
	Absent, Exists bool
	// Tagged says that the row's version must be one of Versions. There may be none:
	// then it is a tag that no row has.
	Tagged   bool
	Versions []int64
	// HasBytes says that the stored bytes must be Bytes.
	HasBytes bool
	Bytes    []byte
}

func (c *Conditions) bytes() int {
	if c == nil {
		return 0
	}
	return len(c.Bytes) + 8*len(c.Versions)
}

// hold refuses if one of the conditions does not hold of row at now.
func (c *Conditions) hold(row *Row, now int64) *refusal.Refusal {
	live := row.Live(now)
	switch {
	case c.Absent && live:
		return failed("Precondition failed: the key exists", row, now)
	case c.Exists && !live:
		return failed("Precondition failed: the key does not exist", row, now)
	case c.Tagged && !(live && c.Holds(row.Version)):
		return failed(etagMismatch, row, now)
	case c.HasBytes && !live:
		return failed("Key does not exist for CAS", row, now)
	case c.HasBytes && !row.Value.equal(c.Bytes):
		return failed("Value mismatch for CAS", row, now)
	}
	return nil
}

// Holds tells whether the version is one of the tagged ones.
func (c *Conditions) Holds(version int64) bool {
	for _, v := range c.Versions {
		if v == version {
			return true
		}
	}
	return false
}

// equal compares the value as clients see it.
func (v *Value) equal(b []byte) bool {
	if v.Kind == Integer {
		var digits [20]byte
		return bytes.Equal(v.Append(digits[:0]), b)
	}
	return bytes.Equal(v.Bytes, b)
}

const etagMismatch = "Precondition failed: the ETag does not match"

// OtherVersion refuses a read of a version that is not one of those asked for.
func OtherVersion(version int64) *refusal.Refusal {
	return failed(etagMismatch, &Row{Exists: true, Version: version}, 0)
}

// failed is a precondition that does not hold of row, with the ETag that the row has.
func failed(text string, row *Row, now int64) *refusal.Refusal {
	return refusal.New(refusal.PreconditionFailed, text).With(string(appendCurrentETag([]byte(","), row, now)))
}

// appendCurrentETag appends "current_etag":…, null for a row that is not there.
func appendCurrentETag(dst []byte, row *Row, now int64) []byte {
	dst = append(dst, `"current_etag":`...)
	if !row.Live(now) {
		return append(dst, "null"...)
	}
	return AppendETagText(dst, row.Version)
}

// Failed collects the items of a batch whose conditions do not hold, so that the
// refusal names them all.
type Failed struct {
	items []byte
}

// Any tells whether an item has failed.
func (f *Failed) Any() bool { return len(f.items) > 0 }

// Check holds the conditions of op, if it has any, against row.
func (f *Failed) Check(op *Op, row *Row, now int64) {
	if op.If == nil || op.If.hold(row, now) == nil {
		return
	}
	f.items = append(f.items, `,{"key":`...)
	f.items = append(jsontext.AppendString(f.items, op.Key), ',')
	f.items = append(appendCurrentETag(f.items, row, now), '}')
}

// Refusal is the batch's.
func (f *Failed) Refusal() *refusal.Refusal {
	return refusal.New(refusal.PreconditionFailed, "Precondition failed").With(`,"failed":[` + string(f.items[1:]) + "]")
}

// Reset forgets the items.
func (f *Failed) Reset() { f.items = f.items[:0] }
