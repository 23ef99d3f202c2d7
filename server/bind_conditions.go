package server

import (
	"bytes"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

var (
	errCreateOnly   = refusal.New(refusal.InvalidParameters, "If-None-Match on a write must be *")
	errNoConditions = refusal.New(refusal.InvalidParameters, "this operation takes no If-Match and no If-None-Match")
)

// etagList is a list of ETags, which may come in several lines (RFC 9110, 5.3).
func (q *request) etagList(name string) []byte {
	first := q.header(name)
	if first == nil {
		return nil
	}
	if lines := q.ctx.Request.Header.PeekAll(name); len(lines) > 1 {
		return bytes.Join(lines, []byte(", "))
	}
	return first
}

// bindConditions reads If-Match and If-None-Match of a write.
func bindConditions(a arguments, op *kv.Op) error {
	match, none, err := a.conditions()
	if err != nil || (match == nil && none == nil) {
		return err
	}
	op.If = &kv.Conditions{}
	if err := ifMatch(match, op.If); err != nil {
		return err
	}
	if none != nil {
		if string(bytes.TrimSpace(none)) != "*" {
			return errCreateOnly
		}
		op.If.Absent = true
	}
	return nil
}

// takesNoConditions is for operations that take none: to ignore a condition would be
// to overwrite what its sender wanted kept.
func takesNoConditions(a arguments, _ *kv.Op) error {
	match, none, err := a.conditions()
	if err == nil && (match != nil || none != nil) {
		err = errNoConditions
	}
	return err
}

// ifMatch reads an If-Match, nil if none was sent. An empty one is malformed: what it is
// sent for is not to write unconditionally.
func ifMatch(list []byte, into *kv.Conditions) error {
	if list == nil {
		return nil
	}
	versions, any, why := kv.ParseETags(lent(list))
	if why != nil {
		return why
	}
	into.Exists, into.Tagged, into.Versions = any, !any, versions
	return nil
}

// refuseConditions is takesNoConditions for requests that are about no single key.
func refuseConditions(q *request, _ *kv.Op) error {
	if q.header(headerIfMatch) != nil || q.header(headerIfNoneMatch) != nil {
		return errNoConditions
	}
	return nil
}

// bindStoredBytes reads the if_match of compare-and-set, which may be empty: then the
// stored value must be.
func bindStoredBytes(a arguments, op *kv.Op) error {
	stored, sent := a.storedBytes()
	if !sent {
		return nil
	}
	if op.If == nil {
		op.If = &kv.Conditions{}
	}
	op.If.HasBytes, op.If.Bytes = true, stored
	return nil
}

// refuseStoredBytes is for operations that compare no bytes, for the same reason.
func refuseStoredBytes(a arguments, op *kv.Op) error {
	if stored, _ := a.storedBytes(); len(stored) > 0 {
		return refusal.Newf(refusal.InvalidParameters, "%s takes no if_match", op.Code)
	}
	return nil
}

// holds tells whether a read may go on: notModified says that the client has what it
// would get. The order is that of RFC 9110, 13.2.2.
func (q *request) holds(version int64) (notModified bool, err error) {
	match, none := q.etagList(headerIfMatch), q.etagList(headerIfNoneMatch)
	if match == nil && none == nil {
		return false, nil
	}
	var c kv.Conditions
	if err := ifMatch(match, &c); err != nil {
		return false, err
	}
	if c.Tagged && !c.Holds(version) {
		return false, kv.OtherVersion(version)
	}
	if none == nil {
		return false, nil
	}
	versions, any, why := kv.ParseWeakETags(lent(none))
	if why != nil {
		return false, why
	}
	c = kv.Conditions{Tagged: true, Versions: versions}
	return any || c.Holds(version), nil
}
