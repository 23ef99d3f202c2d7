package kv

import "github.com/urlite/urlite/refusal"

// Code is an operation's place in the table.
type Code uint8

// The operations on a key. All but Get write.
const (
	Set Code = iota
	Delete
	Incr
	Decr
	Push
	Pop
	Remove
	Expire
	Persist
	Limit
	Append
	Get

	codeEnd
)

// Takes is what a request may say to an operation beside the key.
type Takes uint32

// The parameters of operations.
const (
	TakesTTL        Takes = 1 << iota
	TakesPath             // where in a JSON document
	TakesDelta            // Delta, Bounds and whether a lifetime is set always
	TakesIndex            // Index
	TakesLengthMax        // LengthMax
	TakesLimit            // Limit and Peek, or a list of limits in the body
	TakesConditions       // If, by ETags
	TakesBytes            // If, by the stored bytes
	TakesBody             // Value and ContentType are the body
	TakesElement          // Value is the JSON body, or the content of its only field, value
	TakesTarget           // Value is the field value of the JSON body, which may be absent
)

// operation is one line of the table: everything that the rest of the house asks
// about an operation.
type operation struct {
	name  string
	takes Takes
	// check refuses what is wrong whatever the row is; nil when nothing can be.
	check func(op *Op) *refusal.Refusal
	// decide reads op and row and fills out, or refuses and leaves all alone.
	decide func(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal
	// fold replays an entry of kind entry on the state before it, unless the entry has
	// the state after it.
	entry EntryOp
	fold  func(e *Entry, row *Row)
	// answer appends the JSON object that tells the client what was done.
	answer func(dst []byte, op *Op, r *Reply) []byte
	// ignoresValue says that decide does not look at the value of a live row unless there
	// is a path, keepsValue that the row keeps it.
	ignoresValue, keepsValue bool
	history                  historyRule
}

// historyRule is whether an operation leaves a line of history.
type historyRule uint8

const (
	asAsked historyRule = iota
	always
	never
)

// recorded tells whether op leaves a line of history.
func (op *Op) recorded() bool {
	rule := operations[op.Code].history
	return rule == always || (rule == asAsked && !op.Unrecorded)
}

var operations = [codeEnd]operation{
	Set: {name: "set", takes: TakesBody | TakesPath | TakesTTL | TakesConditions | TakesBytes,
		check: checkSet, decide: decideSet, entry: EntryPatch, fold: foldPatch, answer: answerSet, ignoresValue: true},
	Delete: {name: "delete", takes: TakesConditions,
		decide: decideDelete, entry: EntryDelete, answer: answerDelete, ignoresValue: true},
	Incr: {name: "incr", takes: TakesDelta | TakesPath | TakesTTL | TakesConditions,
		check: checkIncr, decide: decideIncr, entry: EntryIncr, fold: foldIncr, answer: answerIncr},
	Decr: {name: "decr", takes: TakesDelta | TakesPath | TakesTTL | TakesConditions,
		check: checkIncr, decide: decideIncr, entry: EntryDecr, fold: foldIncr, answer: answerIncr},
	Push: {name: "push", takes: TakesElement | TakesPath | TakesLengthMax | TakesConditions,
		check: checkPush, decide: decidePush, entry: EntryPush, fold: foldPush, answer: answerPush},
	Pop: {name: "pop", takes: TakesPath | TakesConditions,
		decide: decidePop, entry: EntryPop, fold: foldPop, answer: answerPop},
	Remove: {name: "remove", takes: TakesTarget | TakesIndex | TakesPath | TakesConditions,
		check: checkRemove, decide: decideRemove, entry: EntryRemove, fold: foldRemove, answer: answerRemove},
	Expire: {name: "expire", takes: TakesTTL | TakesConditions,
		check: checkExpire, decide: decideExpire, entry: EntryExpireSet, answer: answerExpiry, ignoresValue: true, keepsValue: true, history: always},
	Persist: {name: "persist", takes: TakesConditions,
		decide: decidePersist, entry: EntryPersist, answer: answerExpiry, ignoresValue: true, keepsValue: true, history: always},
	Limit: {name: "limit", takes: TakesLimit,
		check: checkLimit, decide: decideLimit, answer: answerLimit, history: never},
	Append: {name: "append", takes: TakesBody | TakesConditions,
		decide: decideAppend, entry: EntryAppend, fold: foldAppend, answer: answerAppend},
	Get: {name: "get", decide: decideGet, answer: answerGet, history: never},
}

// CodeOf is the operation of that name.
func CodeOf(name string) (code Code, known bool) {
	for code := range codeEnd {
		if operations[code].name == name {
			return code, true
		}
	}
	return 0, false
}

// String is the operation's name as clients write it.
func (c Code) String() string { return operations[c].name }

// Takes tells whether requests may say any of what to the operation.
func (c Code) Takes(what Takes) bool { return operations[c].takes&what != 0 }

// NeedsValue tells whether deciding op and recording it needs the value of row:
// if its value is Stored, it must be loaded first.
func NeedsValue(op *Op, row *Row, now int64) bool {
	switch {
	case !row.Exists || row.Value.Kind != Stored:
		return false
	case op.ReadsValue():
		return true
	case op.recorded():
		// After unrecorded writes, it keeps the state that they left.
		return row.GapOpen() || row.Head == 0 ||
			(operations[op.Code].keepsValue && row.OpNumber%KeyframeEvery == KeyframeEvery-1)
	}
	return row.GapOpen() && !row.Live(now) // and so does the expiry that comes before it
}

// ReadsValue tells whether deciding op looks at the value of a live row.
func (op *Op) ReadsValue() bool {
	return !operations[op.Code].ignoresValue || op.Path != "" || (op.If != nil && op.If.HasBytes)
}
