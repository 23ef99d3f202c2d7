package kv

// Fold replays one entry on the state before it: row becomes the state after.
// Only the value, its type, its lifetime and whether there is one are told by
// history; the other fields of row stay. known is false when the entry does not
// tell the state, because it stands for unrecorded writes not yet closed.
func (e *Entry) Fold(row *Row) (known bool) {
	switch {
	case e.HasState:
		row.Exists = !e.Absent
		row.Value, row.ContentType, row.ExpireAt = e.Value, e.ContentType, e.ExpireAt
	case e.Op == EntryDelete:
		*row = Row{}
	case e.Op == EntryIncr, e.Op == EntryDecr:
		if !row.Live(e.At) {
			row.Exists, row.Value, row.ContentType, row.ExpireAt = true, IntegerValue(0), CounterContentType, 0
		}
		before, _ := row.Value.integer()
		row.Value = IntegerValue(before + e.Arg)
	case e.Op == EntryUnrecorded:
		return false
	}
	return true
}
