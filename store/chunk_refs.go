package store

import (
	"encoding/binary"

	"github.com/urlite/urlite/kv"
)

// What a state is made of is one BLOB in the file:
//
//	one byte          the kind of the value
//	varint            op_number of the entry
//	varint            bytes of the value
//	varint            own
//	eight bytes       check
//	then runs of chunks with ids that follow each other, until the end:
//	signed varint     the first id, as a distance from the last one of the run before
//	varint            how many there are
//
// Varints are those of encoding/binary; the eight bytes are the highest first.

// stateHead is what stands before the runs.
type stateHead struct {
	kind           storedKind
	opNumber, size int64
	// own is the id of the first chunk that was made for this state, 0 without one. All
	// chunks from it on were.
	own int64
	// check is hashOf the hashes of all chunks, each in eight bytes: chunks that are
	// others than those that were put don't pass for them.
	check uint64
}

// storedKind is the kind of a value as the file has it: it never changes.
type storedKind uint8

const (
	storedText storedKind = 1
	storedBlob storedKind = 2
	// storedDocument is added to those: the value is known to be one JSON document.
	storedDocument storedKind = 4
)

func storedKindOf(value *kv.Value) storedKind {
	kind := storedBlob
	if value.Kind == kv.Text {
		kind = storedText
	}
	if value.Document {
		kind |= storedDocument
	}
	return kind
}

func (k storedKind) known() bool {
	bare := k &^ storedDocument
	return bare == storedText || bare == storedBlob
}

// value is a value of the kind, without its bytes.
func (k storedKind) value() kv.Value {
	value := kv.Value{Kind: kv.Blob, Document: k&storedDocument != 0}
	if k&^storedDocument == storedText {
		value.Kind = kv.Text
	}
	return value
}

func (h *stateHead) append(dst []byte) []byte {
	dst = append(dst, byte(h.kind))
	for _, n := range []int64{h.opNumber, h.size, h.own} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return binary.BigEndian.AppendUint64(dst, h.check)
}

// readHead answers what stands before the runs, and the runs. It is not ok if that can't
// be what was written.
func readHead(refs []byte) (h stateHead, runs []byte, ok bool) {
	if len(refs) == 0 {
		return h, nil, false
	}
	h.kind, runs = storedKind(refs[0]), refs[1:]
	for _, n := range []*int64{&h.opNumber, &h.size, &h.own} {
		unsigned, size := binary.Uvarint(runs)
		if size <= 0 || int64(unsigned) < 0 {
			return h, nil, false
		}
		*n, runs = int64(unsigned), runs[size:]
	}
	if len(runs) < 8 || !h.kind.known() || h.size > lengthMax {
		return h, nil, false
	}
	h.check = binary.BigEndian.Uint64(runs)
	return h, runs[8:], true
}

// chunksMax is more than the chunks of the largest value that the file can hold.
const chunksMax = 1 << 15

// appendRuns appends the runs of ids.
func appendRuns(dst []byte, ids []int64) []byte {
	before := int64(0)
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && ids[n] == ids[0]+int64(n) {
			n++
		}
		dst = binary.AppendVarint(dst, ids[0]-before)
		dst = binary.AppendUvarint(dst, uint64(n))
		before, ids = ids[n-1], ids[n:]
	}
	return dst
}

// readRuns appends the ids of all runs to ids. It is not ok if the runs can't be what was
// written.
func readRuns(runs []byte, ids []int64) (all []int64, ok bool) {
	id := int64(0)
	for len(runs) > 0 {
		distance, size := binary.Varint(runs)
		if size <= 0 {
			return ids, false
		}
		count, countSize := binary.Uvarint(runs[size:])
		if countSize <= 0 || count == 0 || count > uint64(chunksMax-len(ids)) {
			return ids, false
		}
		id += distance
		for range count {
			if id <= 0 {
				return ids, false
			}
			ids = append(ids, id)
			id++
		}
		id--
		runs = runs[size+countSize:]
	}
	return ids, true
}
