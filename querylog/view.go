package querylog

// View tells the log as it is: the entries of the file, and those that wait to be written,
// the newest first, each once and EntriesMax at most. An entry that was written between
// the reading of the two is in both, with the same ID.
type View struct {
	// Waiting are those of the ring, the oldest first. They were read before the file was.
	Waiting []Entry
	// Tell takes them. It must not keep an entry.
	Tell func(e *Entry)
	told int
}

// Stored takes the next entry of the file, the newest first. More is false when no other
// will be told.
func (v *View) Stored(e *Entry) (more bool) {
	v.tellWaiting(e.ID)
	if n := len(v.Waiting); n > 0 && v.Waiting[n-1].ID == e.ID {
		v.Waiting = v.Waiting[:n-1]
	}
	v.tell(e)
	return v.told < EntriesMax
}

// End tells what there is no entry in the file for.
func (v *View) End() { v.tellWaiting(-1) }

// tellWaiting tells those that wait and are newer than an ID.
func (v *View) tellWaiting(than int64) {
	for n := len(v.Waiting); n > 0 && v.Waiting[n-1].ID > than; n = len(v.Waiting) {
		v.tell(&v.Waiting[n-1])
		v.Waiting = v.Waiting[:n-1]
	}
}

func (v *View) tell(e *Entry) {
	if v.told < EntriesMax {
		v.told++
		v.Tell(e)
	}
}
