package kv

import "github.com/urlite/urlite/refusal"

// Code is an operation's place in the table.
type Code uint8

// The operations that write a key.
const (
	Set Code = iota
	Delete
	Incr
	Decr

	codeEnd
)

// operation is one line of the table: everything that the rest of the house asks
// about an operation.
type operation struct {
	name string
	// check refuses what is wrong whatever the row is; nil when nothing can be.
	check func(op *Op) *refusal.Refusal
	// decide reads op and row and fills out, or refuses and leaves all alone.
	decide func(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal
	// readsValue says that decide looks at the value of a live row.
	readsValue bool
}

var operations = [codeEnd]operation{
	Set:    {name: "set", check: checkSet, decide: decideSet},
	Delete: {name: "delete", decide: decideDelete},
	Incr:   {name: "incr", check: checkIncr, decide: decideIncr, readsValue: true},
	Decr:   {name: "decr", check: checkIncr, decide: decideIncr, readsValue: true},
}

// String is the operation's name as clients write it.
func (c Code) String() string { return operations[c].name }

// NeedsValue tells whether deciding op and recording it needs the value of row:
// if its value is Stored, it must be loaded first.
func NeedsValue(op *Op, row *Row) bool {
	if !row.Exists || row.Value.Kind != Stored {
		return false
	}
	// A recorded write after unrecorded ones keeps the state that they left.
	return operations[op.Code].readsValue || row.gapOpen() || (!op.Unrecorded && row.Head == 0)
}

// ReadsValue tells whether deciding op looks at the value of a live row.
func (op *Op) ReadsValue() bool { return operations[op.Code].readsValue }
