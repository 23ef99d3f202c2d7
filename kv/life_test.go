package kv

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/urlite/urlite/refusal"
)

// life is one key from its first write on: its row, its history as the file would
// hold it, and what a witness saw who looked at the row after every write.
//
// Its writes come in groups, as the writer's do. New values of a group lie in the
// scratch memory, which is taken back when the group is committed.
type life struct {
	row      Row
	now      int64
	sequence int64
	chain    []Entry // oldest first
	seen     []sighting
	// untold are the times between which writes went unrecorded, inclusive.
	untold []span

	// scratch may be nil. lent is what was decided in the group, as it was then.
	scratch *Scratch
	lent    []lending
}

// sighting is the row after all the writes of one moment.
type sighting struct {
	at  int64
	row Row
}

type span struct{ from, to int64 }

// lending is memory that nobody may change before the group is committed.
type lending struct {
	what        string
	memory, was []byte
}

const birth = 1_700_000_000_000

// newLife begins with a scratch whose chunk is soon used up.
func newLife() *life {
	return &life{now: birth, scratch: &Scratch{chunk: make([]byte, 0, 100)}}
}

// leavesHistory is what the contract says of an operation that changes its row.
func leavesHistory(op *Op) bool {
	switch op.Code {
	case Expire, Persist:
		return true
	case Limit:
		return false
	}
	return !op.Unrecorded
}

// do lets op happen, as the writer does it, and answers whether it was refused.
func (l *life) do(op *Op) (out Outcome, refused bool) {
	out.Scratch = l.scratch
	if why := Decide(op, &l.row, l.now, &out); why != nil {
		return out, true
	}
	if out.Changed && !leavesHistory(op) {
		l.untold = append(l.untold, span{l.now, l.now})
	}
	l.lend("the operation's value", op.Value.Bytes)
	if op.If != nil {
		l.lend("the operation's condition", op.If.Bytes)
	}
	l.lend("the element", out.Reply.Element)
	var log [EntriesMax]Entry
	for _, entry := range out.Apply(op, &l.row, l.now, &l.sequence, log[:0]) {
		l.lend("the entry's state", entry.Value.Bytes)
		l.lend("what the entry did", entry.Delta.Bytes)
		l.keep(entry)
	}
	l.lend("the row", l.row.Value.Bytes)
	l.witness()
	return out, false
}

func (l *life) lend(what string, memory []byte) {
	if len(memory) > 0 {
		l.lent = append(l.lent, lending{what, memory, bytes.Clone(memory)})
	}
}

// changed tells of the first memory of the group that was changed after it was
// decided, "" if none was.
func (l *life) changed() string {
	for _, lent := range l.lent {
		if !bytes.Equal(lent.memory, lent.was) {
			return fmt.Sprintf("%s was %q and is %q", lent.what, lent.was, lent.memory)
		}
	}
	return ""
}

// commit ends the group, and spoils the scratch memory before it is used again.
func (l *life) commit() (changed string) {
	changed = l.settle()
	if l.scratch != nil {
		spoil(l.scratch)
	}
	return changed
}

// settle gives the file a copy of everything, and answers what changed says.
func (l *life) settle() string {
	changed := l.changed()
	l.lent = nil
	l.row.Value = read(l.row.Value)
	for i := range l.chain {
		e := &l.chain[i]
		e.Value, e.Delta = read(e.Value), read(e.Delta)
	}
	for i := range l.seen {
		l.seen[i].row = copyOf(l.seen[i].row)
	}
	return changed
}

// spoil takes the memory back, and makes use after that show.
func spoil(s *Scratch) {
	chunk := s.chunk[:cap(s.chunk)]
	for i := range chunk {
		chunk[i] = 0xdb
	}
	s.Reset()
}

func (l *life) witness() {
	if n := len(l.seen); n > 0 && l.seen[n-1].at == l.now {
		l.seen = l.seen[:n-1]
	}
	l.seen = append(l.seen, sighting{l.now, l.row})
}

// keep writes an entry as the file would: a new line, or a gap's state into its.
func (l *life) keep(entry Entry) {
	if !entry.Closes {
		l.chain = append(l.chain, entry)
		return
	}
	for i := range l.chain {
		if l.chain[i].ID == entry.ID {
			entry.At, entry.Prev, entry.Closes = l.chain[i].At, l.chain[i].Prev, false
			l.chain[i] = entry
			return
		}
	}
	panic(fmt.Sprintf("entry %d closes a gap that was never opened", entry.ID))
}

// fold replays the first n entries, from the latest full state among them.
func (l *life) fold(n int) (row Row, known bool) {
	from := n - 1
	for from > 0 && !l.chain[from].HasState {
		from--
	}
	return l.foldFrom(max(from, 0), n)
}

// foldFrom replays the entries from one with a full state on, or the first.
func (l *life) foldFrom(from, n int) (row Row, known bool) {
	known = n == 0
	for i := from; i < n; i++ {
		known = l.chain[i].Fold(&row)
	}
	return row, known
}

// show is what a reader sees of a row at a time.
func show(row *Row, now int64) string {
	if !row.Live(now) {
		return "nothing"
	}
	return fmt.Sprintf("%s (kind %d, type %q, expires %d)", row.Value.Append(nil), row.Value.Kind, row.ContentType, row.ExpireAt)
}

// read is a value as it comes back from the file.
func read(v Value) Value {
	return Value{Kind: v.Kind, Int: v.Int, Bytes: bytes.Clone(v.Bytes)}
}

// copyOf shares no memory with the row.
func copyOf(row Row) Row {
	row.Value.Bytes = bytes.Clone(row.Value.Bytes)
	return row
}

// text is all of a row, an outcome, an operation, an entry or a refusal, to compare:
// bytes, not pointers.
func text(of any) string {
	switch of := of.(type) {
	case *Op:
		op, conditions := *of, Conditions{}
		if op.If != nil {
			conditions, op.If = *op.If, nil
		}
		return fmt.Sprintf("%+v if %+v", op, conditions)
	case Outcome:
		of.Scratch = nil
		return fmt.Sprintf("%+v", of)
	case *refusal.Refusal:
		if of == nil {
			return "not refused"
		}
		return fmt.Sprintf("%+v", *of)
	}
	return fmt.Sprintf("%+v", of)
}

// history is the chain for a failure's message.
func (l *life) history() string {
	var lines []string
	for _, e := range l.chain {
		lines = append(lines, fmt.Sprintf("%d. op %d at %d: arg %d, path %q, delta %q, expires %v %d, state %v absent %v %q",
			e.OpNumber, e.Op, e.At-birth, e.Arg, e.Path, e.Delta.Bytes, e.Expires, e.ExpireAt, e.HasState, e.Absent, e.Value.Append(nil)))
	}
	return strings.Join(lines, "\n")
}

// sweep removes the row as the store does, if it has expired.
func (l *life) sweep() {
	if !l.row.Exists || l.row.Live(l.now) {
		return
	}
	if l.row.GapOpen() {
		closed := Entry{ID: l.row.Head, OpNumber: l.row.OpNumber, Op: EntryUnrecorded, Closes: true, Arg: l.row.UpdatedAt}
		closed.keepState(&l.row)
		l.keep(closed)
		l.row.Version = l.row.Head
	}
	l.reloadDeleted()
}

// reload is the writer forgetting the row and reading it from the file.
func (l *life) reload() {
	if !l.row.Exists {
		l.reloadDeleted()
	}
}

// reloadDeleted keeps what the file keeps of a deleted key.
func (l *life) reloadDeleted() {
	row := Row{Version: l.row.Version, OpNumber: l.row.OpNumber, Head: l.row.Head, UpdatedAt: l.row.UpdatedAt}
	if row.Head == 0 {
		row = Row{}
	}
	l.row = row
}

// toldAt tells whether history knows what was there at a time: not within a gap,
// and not before the first entry when something unrecorded came before that.
func (l *life) toldAt(at int64) bool {
	if len(l.chain) == 0 {
		return false
	}
	first := l.chain[0].At
	if at < first {
		return !slices.ContainsFunc(l.untold, func(s span) bool { return s.from <= first })
	}
	for i := range l.chain {
		if e := &l.chain[i]; e.Op == EntryUnrecorded && e.At <= at && (!e.HasState || at < e.Arg) {
			return false
		}
	}
	return true
}
