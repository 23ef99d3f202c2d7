package kv

// folds are the operations' own, by the entry that they replay; nil changes nothing but
// the lifetime.
var folds = func() (folds [entryEnd]func(e *Entry, row *Row)) {
	for i := range operations {
		folds[operations[i].entry] = operations[i].fold
	}
	return folds
}()

// Fold replays one entry on the state before it: row becomes the state after.
// Only the value, its type, its lifetime and whether there is one are told by
// history; the other fields of row say nothing. known is false when the entry does not
// tell the state, because it stands for unrecorded writes not yet closed.
func (e *Entry) Fold(row *Row) (known bool) {
	switch {
	case e.HasState:
		row.Exists = !e.Absent
		row.Value, row.ContentType, row.ExpireAt = e.Value, e.ContentType, e.ExpireAt
		return true
	case e.Op == EntryUnrecorded:
		return false
	}
	if e.Op < entryEnd && folds[e.Op] != nil {
		folds[e.Op](e, row)
	}
	if e.Expires {
		row.ExpireAt = e.ExpireAt
	}
	return true
}
