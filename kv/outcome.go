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
	UpdatedAt   int64
	ExpireAt    int64
	// Entry is what the history line tells of the operation itself. Its place in the
	// chain is Apply's, and so is the state after it, which an entry that can't be
	// replayed asks for with HasState.
	Entry Entry
	Reply Reply

	// Scratch is where new values are made. Who decides gives it, and takes it back
	// when nothing decided with it is in use.
	Scratch *Scratch
}

// Decide works out what op does to row at now, or refuses. It changes neither. What
// out holds after it lies in the memory of op, of row and of out.Scratch.
func Decide(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	line := &operations[op.Code]
	*out = Outcome{UpdatedAt: now, Entry: Entry{Op: line.entry, Path: op.Path}, Scratch: out.Scratch}
	if op.If != nil {
		if why := op.If.hold(row, now); why != nil {
			return why
		}
	}
	return line.decide(op, row, now, out)
}

// keep has the row stay as it is, but for what is then set. row must be live.
func (out *Outcome) keep(row *Row) {
	out.Changed, out.Exists = true, true
	out.Value, out.ContentType = row.Value, row.ContentType
	out.CreatedAt, out.ExpireAt = row.CreatedAt, row.ExpireAt
}

// keepOrMake has a live row stay as it is, and makes an empty one of contentType of
// any other.
func (out *Outcome) keepOrMake(row *Row, now int64, contentType string) {
	if row.Live(now) {
		out.keep(row)
		return
	}
	out.Changed, out.Exists = true, true
	out.ContentType, out.CreatedAt = contentType, now
	out.Entry.HasState = true // a replay need not know what was live when
}

// Apply carries out a decided outcome: it moves row on, takes numbers from
// sequence, and appends the history that the write leaves to log. Nothing here
// can fail.
func (out *Outcome) Apply(op *Op, row *Row, now int64, sequence *int64, log []Entry) []Entry {
	return out.apply(op.recorded(), row, now, sequence, log)
}

func (out *Outcome) apply(recorded bool, row *Row, now int64, sequence *int64, log []Entry) []Entry {
	if !out.Changed {
		if row.Live(now) {
			out.Reply.Version = row.Version
		}
		return log
	}
	if row.Exists && !row.Live(now) {
		log = row.ExpireNow(log)
	}
	if recorded {
		log = closeGap(row, now, sequence, log)
	} else {
		log = openGap(row, now, sequence, log)
	}
	*sequence++
	row.Exists = out.Exists
	row.Value, row.ContentType = out.Value, out.ContentType
	row.CreatedAt, row.UpdatedAt, row.ExpireAt = out.CreatedAt, out.UpdatedAt, out.ExpireAt
	row.Version, row.Undone = *sequence, false
	if recorded {
		row.Unseen = false
		entry := out.Entry
		entry.At = now
		link(row, *sequence, &entry)
		if entry.HasState || entry.OpNumber%KeyframeEvery == 0 {
			entry.keepState(row)
		}
		log = append(log, entry)
	}
	if row.Exists {
		out.Reply.Version = row.Version
	}
	return log
}

// EntriesMax is how many lines of history one operation may leave: its own, and one
// of a gap that it opens or closes.
const EntriesMax = 2

// ExpireNow leaves of an expired row what there is of a key that is not there: its
// chain, with the state that unrecorded writes had given it.
func (r *Row) ExpireNow(log []Entry) []Entry {
	if r.GapOpen() && !r.Unseen {
		log = closeGap(r, 0, nil, log)
	}
	*r = Row{UpdatedAt: r.ExpireAt, Version: r.Head, OpNumber: r.OpNumber, Head: r.Head}
	return log
}

// openGap notes, once, that the chain goes on unrecorded from here. A key without
// any history stays without.
func openGap(row *Row, now int64, sequence *int64, log []Entry) []Entry {
	if row.Head == 0 || row.GapOpen() {
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
func closeGap(row *Row, now int64, sequence *int64, log []Entry) []Entry {
	var entry Entry
	switch {
	case row.GapOpen() && !row.Unseen:
		entry = Entry{ID: row.Head, OpNumber: row.OpNumber, Op: EntryUnrecorded, Closes: true}
	case row.Unseen, row.Head == 0 && row.Exists:
		*sequence++
		entry = Entry{Op: EntryUnrecorded, At: now}
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
