package past

import "github.com/urlite/urlite/kv"

// Fate is what became of a key by a moment.
type Fate uint8

// The fates. Only of a key that was There a state tells more.
const (
	There   Fate = iota + 1
	Absent       // it was not there: never, or not any more
	Expired      // its lifetime was over
	Unknown      // the moment lies in a gap: unrecorded writes came before it
	Folded       // the moment lies before what is kept of the past
)

// State is a key at a moment. Its memory is its own, and is used again when it is told
// another state.
type State struct {
	Fate Fate
	// Row is the value, its type and its lifetime, of a key that was There; of one that
	// was Expired as well.
	Row kv.Row
	// OpNumber and At are those of the entry that made the state; 0 without one.
	OpNumber, At int64
	// Recorded says that the key has a chain.
	Recorded bool
	// Oldest is, of a Folded state, the earliest moment in ms that can be told.
	Oldest int64

	arena, delta []byte
}

// Table is the past of a KV table.
type Table struct {
	source Source
}

// Of is the past of the table of source.
func Of(source Source) *Table { return &Table{source: source} }

// At tells the state of key at a moment: with all that was written before until (ms).
func (t *Table) At(key string, until int64, into *State) error { panic("not built") }

// After tells the state of key right after its entry opNumber, whatever time it was: it
// is never Expired. An entry that does not exist is refused as HistoryEntryNotFound; the
// state after an UNRECORDED one is Unknown.
func (t *Table) After(key string, opNumber int64, into *State) error { panic("not built") }

// Told is an entry of a history, with the states around it. What is not known of them,
// because the entry stands in a gap, is Unknown.
type Told struct {
	Entry
	Before, After *State
}

// History tells the newest entries of key with numbers below before, at most limit of
// them, from the oldest to the newest; before 0 is no bound. hasGaps is about the whole
// chain. A base is not among them.
func (t *Table) History(key string, before int64, limit int, each func(*Told) error) (hasGaps bool, err error) {
	panic("not built")
}

// Page is which keys of a table to tell about.
type Page struct {
	Prefix string
	After  string // the key after which to begin, if not empty
	Offset int    // how many to pass over
	Limit  int    // negative: all
	Values bool
	// Counted says that the total is wanted.
	Counted bool
}

// Found is a key that was there, with its state. Size is that of the value, which is
// only told if the page asks for it.
type Found struct {
	Key  string
	Size int64
	*State
}

// Snapshot tells what the table was at the moment until: it hands each key of the page
// that was there to each, in the order of their bytes, and each key that it looked at and
// can't tell about to gap. total, if wanted, is how many keys were there that can be told about.
// A moment before the horizon is refused.
func (t *Table) Snapshot(until int64, page *Page, each func(*Found) error, gap func(key string)) (total int64, err error) {
	panic("not built")
}

// Change is a key that was something else at one moment than at another.
type Change struct {
	Key      string
	From, To *State // There or not
	// Between are the entries between, newest first, at most BetweenMax of them, if the
	// key was there at both.
	Between []Entry
}

// BetweenMax bounds the entries of a change.
const BetweenMax = 1000

// Stats counts the keys that a diff has looked at.
type Stats struct{ Created, Modified, Deleted, Unchanged int64 }

// Diff tells which keys were something else at the moment until than at from; a key is
// modified if its value or its type is another. keys, if not nil, are those to look at.
func (t *Table) Diff(from, until int64, keys []string, each func(*Change) error, gap func(key string)) (Stats, error) {
	panic("not built")
}

// Return is the wish that a table be what it was at a moment.
type Return struct {
	// Until is the moment: what was written before it stays.
	Until int64
	Now   int64
	// Keys, if not nil, are those to look at; Exclude are never looked at.
	Keys    []string
	Exclude map[string]bool
}

// Step is what a return does to one key. Its memory is good until the next one.
type Step struct {
	Key    string
	Action kv.Action // never LeaveAlone
	Row    *kv.Row   // the key now
	Then   *kv.Row   // what it is to be
	// Operations is how many recorded entries it takes back.
	Operations int64
}

// Counts are the keys that a return has looked at.
type Counts struct {
	Total, RolledBack, Deleted, Restored, Relived, Operations int64
}

// Plan tells what a return does, key by key: to show it and to do it is the same plan. A key
// without any recorded past is untouched. One whose state at the moment lies in a gap, or beyond what
// is kept, refuses the whole return as TimeTravelChainGap.
func (t *Table) Plan(r *Return, each func(*Step) error, untouched func(key string)) (Counts, error) {
	panic("not built")
}

// Undo is what takes back the newest entries of a key.
type Undo struct {
	Row  kv.Row // the key now
	Then *State // what it was before them: There, Absent or Expired
	// To is the entry that is the newest then; its ID is 0 if none is left.
	To kv.Entry
	// Gone are the ids of those to take away, newest first.
	Gone []int64
}

// Undo plans to take back the newest entries of key, as many as steps or as there are.
// It refuses a key without entries as HistoryEntryNotFound, and a state that lies in a
// gap as TimeTravelChainGap.
func (t *Table) Undo(key string, steps int64) (*Undo, error) { panic("not built") }

// Keep is how much of the past is kept; zeros are for ever.
type Keep struct {
	Entries int64 // of each key, the newest
	Seconds int64 // of each key, those that are not older
}

// Fold is what takes the oldest entries of a key away and keeps the rest exact.
type Fold struct {
	// Base is the entry that is the oldest then, with its state. An ID of 0 says that
	// there is nothing to fold.
	Base kv.Entry
	// Gone are the ids of the entries before it, newest first.
	Gone []int64
	// More says that another fold may follow this one at once.
	More bool
}

// foldBytesMax bounds a state that a fold writes into an entry that has none: beyond
// it, the entries before stay until one that tells its state is old enough.
const foldBytesMax = 16 << 10

// Fold plans to take away entries of key that are beyond keep at now (ms). The newest entry
// beyond it stays, as the base: what is within keep stays exact. One fold takes away
// few entries (about twice kv.KeyframeEvery at the most).
func (t *Table) Fold(key string, keep Keep, now int64) (*Fold, error) { panic("not built") }
