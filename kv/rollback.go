package kv

import "bytes"

// Action is what a rollback of a table does to a key.
type Action uint8

// The actions, by what the key is now and what it was.
const (
	LeaveAlone Action = iota
	RollBack          // it is there, and was another
	TakeAway          // it is there, and was not
	BringBack         // it was there, and is not
	Relive            // it is the same but for its lifetime
)

// ActionTo tells what makes of row what its key would be at now if nothing had been
// written since a moment; then is the state of that moment. A lifetime that has ended
// since is over: what had it is not brought back.
func ActionTo(row, then *Row, now int64) Action {
	is, was := row.Live(now), then.Live(now)
	switch {
	case is && !was:
		return TakeAway
	case !is && was:
		return BringBack
	case !is:
		return LeaveAlone
	case !SameValue(row, then):
		return RollBack
	case row.ExpireAt != then.ExpireAt:
		return Relive
	}
	return LeaveAlone
}

// SameValue tells whether two rows have the same bytes and the same type.
func SameValue(a, b *Row) bool {
	if a.ContentType != b.ContentType {
		return false
	}
	if a.Value.Kind == Integer && b.Value.Kind == Integer {
		return a.Value.Int == b.Value.Int
	}
	var left, right [20]byte // digits of a counter
	return bytes.Equal(a.Value.bytes(left[:0]), b.Value.bytes(right[:0]))
}

// bytes is the value as a client sees it; those of a counter are appended to digits.
func (v Value) bytes(digits []byte) []byte {
	if v.Kind == Integer {
		return v.Append(digits)
	}
	return v.Bytes
}

// ReturnTo makes row the state then, or nothing if that is over at now, and appends the
// history that it leaves to log: a ROLLBACK to the second to, which can be rolled back
// like any other write. The value of row must be loaded.
func ReturnTo(row, then *Row, now, to int64, sequence *int64, log []Entry) []Entry {
	out := Outcome{Changed: true, UpdatedAt: now, Entry: Entry{Op: EntryRollback, Arg: to, HasState: true}}
	if then.Live(now) {
		out.Exists = true
		out.Value, out.ContentType, out.ExpireAt = then.Value, then.ContentType, then.ExpireAt
		out.CreatedAt = now
		if row.Live(now) {
			out.CreatedAt = row.CreatedAt
		}
	}
	return out.apply(true, row, now, sequence, log)
}

// UndoTo makes row what its key was right after the entry to, of which then is the
// state; the entries after it are taken away. Without an entry, all are, and the key was
// not there before them.
func UndoTo(row, then *Row, to *Entry, now int64, sequence *int64) {
	createdAt := row.CreatedAt
	if !row.Live(now) {
		createdAt = now
	}
	if !then.Live(now) {
		*row = Row{Version: to.ID, OpNumber: to.OpNumber, Head: to.ID, UpdatedAt: now}
		if then.Exists {
			row.UpdatedAt = then.ExpireAt
		}
		return
	}
	*sequence++
	*row = Row{
		Exists: true, Value: then.Value, ContentType: then.ContentType, ExpireAt: then.ExpireAt,
		CreatedAt: createdAt, UpdatedAt: now, Version: *sequence,
		OpNumber: to.OpNumber, Head: to.ID, Undone: to.Op != EntryUnrecorded,
	}
}
