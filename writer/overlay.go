package writer

import "github.com/urlite/urlite/kv"

// overlay is the rows that a group has touched, as they will be when it commits:
// each is loaded once, decided upon in memory, and written once.
//
// It holds memory that calls have lent. It is empty before any of them is
// acknowledged.
type overlay struct {
	tables []overlayTable
	slots  []slot
	log    []logLine
	undo   []undoLine
	// loaded is the size of the values that were read from the file: the disk keeps
	// them until the transaction ends.
	loaded int
	// scratch is where values are made that no request has lent.
	scratch kv.Scratch
}

// bytes is what the overlay holds beside what was lent.
func (o *overlay) bytes() int { return o.loaded + o.scratch.Taken }

type overlayTable struct {
	name  string
	slots map[string]int // key -> index in overlay.slots
}

// slot is one row of the overlay.
type slot struct {
	index  int // in overlay.slots
	table  string
	key    string
	was    kv.Row // as in the file
	row    kv.Row // as it will be
	loaded bool
	dirty  bool
	item   int // of the transaction at hand, which touched it last
}

// logLine is one entry of history, to be written with the group.
type logLine struct {
	table string
	key   string
	actor string
	entry kv.Entry
}

// undoLine takes one operation back.
type undoLine struct {
	slot  int
	row   kv.Row
	dirty bool
}

// tablesKeptMax bounds the tables whose maps are kept from group to group.
const tablesKeptMax = 16

// slotsKeptMax bounds the rows for which there is room kept from group to group: a
// transaction may have had ten thousand.
const slotsKeptMax = 4096

// slot finds or makes the place of a row; loaded is false in a new one.
// It stays where it is until the next call of slot.
func (o *overlay) slot(table, key string) *slot {
	t := o.table(table)
	i, ok := t.slots[key]
	if !ok {
		i = len(o.slots)
		o.slots = append(o.slots, slot{index: i, table: table, key: key})
		t.slots[key] = i
	}
	return &o.slots[i]
}

// table finds or makes the map of a table. Groups seldom touch more than one.
func (o *overlay) table(name string) *overlayTable {
	for i := range o.tables {
		if o.tables[i].name == name {
			return &o.tables[i]
		}
	}
	o.tables = append(o.tables, overlayTable{name: string([]byte(name)), slots: map[string]int{}})
	return &o.tables[len(o.tables)-1]
}

// mark begins a call that may have to be undone, and answers where its history
// begins.
func (o *overlay) mark() (logged int) {
	o.undo = o.undo[:0]
	return len(o.log)
}

// touch keeps the row of a slot for undo, before it changes.
func (o *overlay) touch(s *slot) {
	o.undo = append(o.undo, undoLine{slot: s.index, row: s.row, dirty: s.dirty})
}

// rewind takes back all since mark, which answered logged.
func (o *overlay) rewind(logged int) {
	for n := len(o.undo) - 1; n >= 0; n-- {
		u := &o.undo[n]
		o.slots[u.slot].row, o.slots[u.slot].dirty = u.row, u.dirty
	}
	clear(o.log[logged:])
	o.log = o.log[:logged]
	o.undo = o.undo[:0]
}

// reset empties the overlay and lets go of what was lent, but for what was loaded.
func (o *overlay) reset() {
	if len(o.tables) > tablesKeptMax {
		o.tables = nil
	}
	if cap(o.slots) > slotsKeptMax {
		o.tables, o.slots, o.log, o.undo = nil, nil, nil, nil
	}
	for i := range o.tables {
		clear(o.tables[i].slots)
	}
	clear(o.slots)
	clear(o.log)
	clear(o.undo)
	o.slots, o.log, o.undo = o.slots[:0], o.log[:0], o.undo[:0]
	o.scratch.Reset()
}
