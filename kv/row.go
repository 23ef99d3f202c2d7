package kv

// Row is a key as stored, or as it will be when its group commits. All times are
// Unix milliseconds.
//
// A row that does not exist may still have a chain: the past of a deleted key.
type Row struct {
	Exists      bool
	Value       Value
	ContentType string
	CreatedAt   int64
	UpdatedAt   int64
	ExpireAt    int64 // 0 = never
	// Version is the write sequence number of the last write: the ETag.
	Version int64
	// OpNumber is the number of the key's latest history entry, 0 without one.
	OpNumber int64
	// Head is the id of that entry. Recorded writes leave Version == Head; a
	// Version beyond Head means that writes without history came after it, unless
	// the row is Undone.
	Head int64
	// Undone says that Head tells the row, though its Version is another: the entries
	// after it were undone and are gone.
	Undone bool
	// Unseen says that SQL gave the row a Version of its own, so that nobody noticed what
	// it did: a gap without an entry.
	Unseen bool
}

// Live tells whether the row is there for readers and writers at now. From its
// expiry on it is not, swept or not.
func (r *Row) Live(now int64) bool {
	return r.Exists && (r.ExpireAt == 0 || now < r.ExpireAt)
}

// GapOpen tells whether unrecorded writes came after the latest entry.
func (r *Row) GapOpen() bool { return r.Head != 0 && r.Version != r.Head && !r.Undone }
