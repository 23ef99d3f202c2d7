package past

// Table is the past of a KV table. Like its source it belongs to one goroutine, and to
// one state of the database: it remembers where moments lie.
type Table struct {
	source Source
	cuts   [cutsKept]cut
	oldest int // of cuts: the next to be forgotten
	// kept is the source's horizon, once it was asked for.
	kept      int64
	keptKnown bool
	// unread is where the values of rows go that nobody looks at.
	unread []byte
}

// Of is the past of the table of source.
func Of(source Source) *Table { return &Table{source: source} }

// cutsKept are the moments of a difference: a question is about no more of them, and
// about thousands of keys.
const cutsKept = 2

// cut is where a moment lies among the ids.
type cut struct {
	at, id int64
	known  bool
}

// cut is Cut of the source, remembered.
func (t *Table) cut(at int64) (int64, error) {
	for i := range t.cuts {
		if c := &t.cuts[i]; c.known && c.at == at {
			return c.id, nil
		}
	}
	id, err := t.source.Cut(at)
	if err != nil {
		return 0, err
	}
	t.cuts[t.oldest] = cut{at: at, id: id, known: true}
	t.oldest = (t.oldest + 1) % cutsKept
	return id, nil
}

// horizon is Horizon of the source, remembered.
func (t *Table) horizon() (_ int64, err error) {
	if !t.keptKnown {
		t.kept, err = t.source.Horizon()
		t.keptKnown = err == nil
	}
	return t.kept, err
}
