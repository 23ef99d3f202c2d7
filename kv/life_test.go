package kv

import (
	"bytes"
	"fmt"
	"slices"

	"pgregory.net/rapid"
)

// life is one key from its first write on: its row, its history as the file would
// hold it, and what a witness saw who looked at the row after every write.
type life struct {
	row      Row
	now      int64
	sequence int64
	chain    []Entry // oldest first
	seen     []sighting
	// untold are the times between which writes went unrecorded, inclusive.
	untold []span
}

// sighting is the row after all the writes of one moment.
type sighting struct {
	at  int64
	row Row
}

type span struct{ from, to int64 }

const birth = 1_700_000_000_000

func newLife() *life { return &life{now: birth} }

// do lets op happen, as the writer does it, and answers whether it was refused.
func (l *life) do(op *Op) (out Outcome, refused bool) {
	if why := Decide(op, &l.row, l.now, &out); why != nil {
		return out, true
	}
	if out.Changed && op.Unrecorded {
		l.untold = append(l.untold, span{l.now, l.now})
	}
	var log [2]Entry
	for _, entry := range out.Apply(op, &l.row, l.now, &l.sequence, log[:0]) {
		l.keep(entry)
	}
	l.witness()
	return out, false
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
	known = n == 0
	for i := max(from, 0); i < n; i++ {
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

// copyOf shares no memory with the row.
func copyOf(row Row) Row {
	row.Value.Bytes = bytes.Clone(row.Value.Bytes)
	return row
}

// text is all of a row, an outcome, an operation or an entry, to compare: bytes,
// not pointers.
func text(of any) string { return fmt.Sprintf("%+v", of) }

// The generators of operations and rows. Integers abound, so that counting has
// something to count.
var (
	anyCode  = rapid.SampledFrom([]Code{Set, Delete, Incr, Decr})
	anyDelta = rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Min(1))
	anyBody  = rapid.OneOf(
		rapid.SampledFrom([]string{"", "0", "7", "-12", "9223372036854775807", "-9223372036854775808", `{"a":1}`, "text", "a\x00b", "\xff\xfe"}),
		rapid.String(),
	)
	anyType = rapid.SampledFrom([]string{"text/plain", "application/json", "application/octet-stream", "", "image/png"})
)

func anyOp(t *rapid.T) *Op {
	op := &Op{Code: anyCode.Draw(t, "op"), Key: "key", Unrecorded: rapid.Bool().Draw(t, "unrecorded")}
	switch op.Code {
	case Set:
		op.ContentType = anyType.Draw(t, "type")
		op.Value = BytesValue([]byte(anyBody.Draw(t, "body")), op.ContentType)
		op.TTLSeconds = rapid.SampledFrom([]int64{0, 0, 1, 2, 60}).Draw(t, "ttl")
	case Delete:
		op.MissingOK = rapid.Bool().Draw(t, "missing ok")
	default:
		op.Delta = anyDelta.Draw(t, "delta")
	}
	return op
}

// anyRow is a row as a life may have left it, or plain SQL.
func anyRow(t *rapid.T) Row {
	row := Row{Exists: rapid.Bool().Draw(t, "exists")}
	if row.Exists {
		row.ContentType = anyType.Draw(t, "row type")
		row.Value = BytesValue([]byte(anyBody.Draw(t, "row body")), row.ContentType)
		if rapid.Bool().Draw(t, "counter") {
			row.Value = IntegerValue(rapid.Int64().Draw(t, "count"))
		}
		row.CreatedAt, row.UpdatedAt = birth, birth+1
		row.ExpireAt = rapid.SampledFrom([]int64{0, birth + 1, birth + 1000}).Draw(t, "expires")
	}
	row.Head = rapid.SampledFrom([]int64{0, 41}).Draw(t, "head")
	row.OpNumber = row.Head / 2
	row.Version = row.Head + rapid.SampledFrom([]int64{0, 1}).Draw(t, "ahead")
	return row
}

// sweep removes the row as the store does, if it has expired.
func (l *life) sweep() {
	if !l.row.Exists || l.row.Live(l.now) {
		return
	}
	if l.row.gapOpen() {
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
