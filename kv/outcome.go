package kv

import "github.com/urlite/urlite/refusal"

// Outcome is what an operation will do: the row it leaves, the line of history,
// and the answer. It is decided whole before anything is changed.
type Outcome struct {
	// Changed is false for a success that writes nothing.
	Changed bool
	// The row after the write; Exists false deletes it.
	Exists      bool
	Value       Value
	ContentType string
	CreatedAt   int64
	ExpireAt    int64
	// EntryOp and Arg are the history line.
	EntryOp EntryOp
	Arg     int64
	Reply   Reply
}

// Decide works out what op does to row at now, or refuses. It changes neither.
func Decide(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	*out = Outcome{}
	return operations[op.Code].decide(op, row, now, out)
}

// Apply carries out a decided outcome: it moves row on, takes numbers from
// sequence, and appends the history that the write leaves to log. Nothing here
// can fail.
func (out *Outcome) Apply(op *Op, row *Row, now int64, sequence *int64, log []Entry) []Entry {
	if !out.Changed {
		out.Reply.Version = row.Version
		return log
	}
	if row.Exists && !row.Live(now) {
		log = expire(row, log)
	}
	if op.Unrecorded {
		log = openGap(row, now, sequence, log)
	} else {
		log = closeGap(row, sequence, log)
	}
	*sequence++
	row.Exists = out.Exists
	row.Value, row.ContentType = out.Value, out.ContentType
	row.CreatedAt, row.UpdatedAt, row.ExpireAt = out.CreatedAt, now, out.ExpireAt
	row.Version = *sequence
	if !op.Unrecorded {
		entry := Entry{Op: out.EntryOp, Arg: out.Arg, At: now}
		link(row, *sequence, &entry)
		if out.EntryOp == EntrySet || entry.OpNumber%KeyframeEvery == 0 {
			entry.keepState(row)
		}
		log = append(log, entry)
	}
	out.Reply.Version = row.Version
	return log
}

// expire leaves of an expired row what the sweep would have left: its chain, with the
// state that unrecorded writes had given it.
func expire(row *Row, log []Entry) []Entry {
	if row.gapOpen() {
		log = closeGap(row, nil, log)
	}
	*row = Row{UpdatedAt: row.UpdatedAt, Version: row.Head, OpNumber: row.OpNumber, Head: row.Head}
	return log
}

// openGap notes, once, that the chain goes on unrecorded from here. A key without
// any history stays without.
func openGap(row *Row, now int64, sequence *int64, log []Entry) []Entry {
	if row.Head == 0 || row.gapOpen() {
		return log
	}
	*sequence++
	entry := Entry{Op: EntryUnrecorded, At: now}
	link(row, *sequence, &entry)
	return append(log, entry)
}

// closeGap keeps the state that unrecorded writes left, so that the recorded
// write after them can be undone. A row that never had history (written with
// history=false, or by plain SQL) gets a gap of its own to begin with.
func closeGap(row *Row, sequence *int64, log []Entry) []Entry {
	var entry Entry
	switch {
	case row.gapOpen():
		entry = Entry{ID: row.Head, OpNumber: row.OpNumber, Op: EntryUnrecorded, Closes: true}
	case row.Head == 0 && row.Exists:
		*sequence++
		entry = Entry{Op: EntryUnrecorded, At: row.UpdatedAt}
		link(row, *sequence, &entry)
	default:
		return log
	}
	entry.Arg = row.UpdatedAt
	entry.keepState(row)
	return append(log, entry)
}

// link makes entry the row's newest, with this id.
func link(row *Row, id int64, entry *Entry) {
	row.OpNumber++
	entry.ID, entry.OpNumber, entry.Prev = id, row.OpNumber, row.Head
	row.Head = id
}
