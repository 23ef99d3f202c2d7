package kv

// EntryOp names what an entry of a key's history did. The numbers are stored in
// files: they are never reused or moved.
type EntryOp uint8

// The operations of history, by their stored number.
const (
	EntrySet        EntryOp = 1
	EntryPatch      EntryOp = 2
	EntryDelete     EntryOp = 3
	EntryIncr       EntryOp = 4
	EntryDecr       EntryOp = 5
	EntryPush       EntryOp = 6
	EntryPop        EntryOp = 7
	EntryRemove     EntryOp = 8
	EntryExpireSet  EntryOp = 9
	EntryPersist    EntryOp = 10
	EntryUnrecorded EntryOp = 11
	EntryRollback   EntryOp = 12
	EntryAppend     EntryOp = 13

	entryEnd = iota + 1
)

// entryNames are the operations as history tells them.
var entryNames = [entryEnd]string{
	EntrySet: "SET", EntryPatch: "PATCH", EntryDelete: "DELETE", EntryIncr: "INCR", EntryDecr: "DECR",
	EntryPush: "PUSH", EntryPop: "POP", EntryRemove: "REMOVE", EntryExpireSet: "EXPIRE_SET", EntryPersist: "PERSIST",
	EntryUnrecorded: "UNRECORDED", EntryRollback: "ROLLBACK", EntryAppend: "APPEND",
}

// TellsAbsence is of operations that always tell the state after them: without a value,
// there is no such key.
func (op EntryOp) TellsAbsence() bool { return op == EntryDelete || op == EntryRollback }

// Replays is of operations whose entries can be replayed on the state before: they tell the
// state after them only where they have to, or as a keyframe.
func (op EntryOp) Replays() bool {
	return op != EntrySet && op != EntryUnrecorded && !op.TellsAbsence()
}

// String is the operation's name as history tells it.
func (op EntryOp) String() string {
	if op >= entryEnd {
		return entryNames[EntryUnrecorded] // of a later version of us
	}
	return entryNames[op]
}

// KeyframeEvery is how many entries may lie between two full states of a key, so
// that no question about its past replays more than this. A power of two: the
// file's partial index is over the op_numbers that are multiples of it.
const KeyframeEvery = 64

// Entry is one line of a key's history. Entries of a key form a chain, newest to
// oldest, by Prev; each holds what its operation needs to be replayed, and at
// least every KeyframeEvery-th the whole state after it.
type Entry struct {
	ID       int64 // write sequence number
	OpNumber int64 // counted per key from 1
	Op       EntryOp
	// Closes marks an update of an UNRECORDED entry written earlier: the state at
	// the end of its gap is known now, or, without a state, no longer.
	Closes bool
	At     int64 // ms, never before that of an entry with a smaller ID
	Prev   int64 // id of the key's entry before, 0 for the first

	// Arg is a number of the operation: the signed delta of INCR and DECR, the index
	// of REMOVE, the elements that PUSH dropped, for a closed UNRECORDED the time in ms
	// of the last write that it stands for, and for a ROLLBACK the second it went back to.
	Arg int64
	// Path is where in the document it worked, empty for the whole value.
	Path string
	// Delta is what PATCH put there, or PUSH added. An entry with a state has none.
	Delta Value
	// Expires says that the operation set the lifetime: ExpireAt is the one after it.
	Expires bool

	// HasState says that the four fields below hold the state after the entry. An
	// entry without it is replayed on the state before.
	HasState bool
	Absent   bool // the state is: no such key
	Value    Value
	// ContentType and ExpireAt belong to Value.
	ContentType string
	ExpireAt    int64
}

// keepState makes e a full state: the row as it is after e.
func (e *Entry) keepState(row *Row) {
	e.HasState, e.Delta = true, Value{}
	if !row.Exists {
		e.Absent = true
		return
	}
	e.Value, e.ContentType, e.ExpireAt = row.Value, row.ContentType, row.ExpireAt
}
