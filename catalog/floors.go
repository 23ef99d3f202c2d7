package catalog

// floorsMax bounds the paths whose write sequence is remembered one by one.
const floorsMax = 10_000

// floors are how far the files had come that were removed or replaced: a new file in the
// place of one goes on from there, and the rows of one that arrives get versions from there
// on (store.Adopt), so that an ETag of the one does not come again in the other. All is under
// the catalog's mu.
type floors struct {
	byPath map[string]int64
	// others is the highest of those that are no longer remembered: higher than need be
	// is harmless.
	others int64
}

// raise remembers that the file at path had come to sequence.
func (f *floors) raise(path string, sequence int64) {
	if sequence <= f.of(path) {
		return
	}
	if f.byPath == nil {
		f.byPath = map[string]int64{}
	}
	for known := range f.byPath {
		if len(f.byPath) < floorsMax {
			break
		}
		f.others = max(f.others, f.byPath[known])
		delete(f.byPath, known)
	}
	f.byPath[path] = sequence
}

// of is where a new file at path has to begin.
func (f *floors) of(path string) int64 { return max(f.byPath[path], f.others) }

func (c *Catalog) raiseFloor(path string, sequence int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floors.raise(path, sequence)
}

func (c *Catalog) floor(path string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.floors.of(path)
}
