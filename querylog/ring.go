package querylog

import (
	"sync"
	"time"
)

const (
	slotsMin = 16
	slotsMax = 1024 // the power of two that EntriesMax fits into
	// textsKeptMax is how much room for texts is kept while nothing waits.
	textsKeptMax = 64 << 10
)

// Ring is the entries that wait to be written: the latest EntriesMax of them. Adding one
// copies its texts into memory that is used again, and costs no allocation once the ring
// has grown to what its database needs between two writings.
//
// Each entry has a place, counted from 1. Its ID is its place and what ahead adds to it.
// A nil Ring takes nothing and holds nothing.
type Ring struct {
	mu sync.Mutex
	// The entries have the places first to next - 1; the one of place p is in
	// slots[p & (len(slots) - 1)].
	slots       []slot
	first, next int64
	ahead       int64
	// texts are those of the entries, oldest first. Its first byte is the number base of all
	// that were ever added.
	texts []byte
	base  int64
}

// slot is an Entry whose texts are in the ring's texts, from start on.
type slot struct {
	start                 int64
	sql, sqlError, client uint16
	success, statement    bool
	source                Source
	at, rows              int64
	took                  time.Duration
}

// NewRing makes a ring for a file whose latest entry has the ID last.
func NewRing(last int64) *Ring { return &Ring{first: 1, next: 1, ahead: last} }

// Add keeps an entry, all but its ID, in the place of the oldest if there is no room. It
// tells whether nothing had waited before.
func (r *Ring) Add(e *Entry) (first bool) {
	if r == nil {
		return false
	}
	sql, sqlMark := Cut(e.SQL, SQLBytesMax)
	why, whyMark := Cut(e.Error, ErrorBytesMax)
	client, clientMark := Cut(e.Client, clientBytesMax)
	r.mu.Lock()
	first = r.first == r.next
	if r.next-r.first == EntriesMax {
		r.first++
	}
	r.makeRoom(len(sql) + len(sqlMark) + len(why) + len(whyMark) + len(client) + len(clientMark))
	s := r.slot(r.next)
	s.start = r.base + int64(len(r.texts))
	s.sql = r.append(sql, sqlMark)
	s.sqlError = r.append(why, whyMark)
	s.client = r.append(client, clientMark)
	s.success, s.statement, s.source = e.Success, e.Statement, e.Source
	s.at, s.took, s.rows = e.At, e.Took, e.Rows
	r.next++
	r.mu.Unlock()
	return first
}

func (r *Ring) slot(place int64) *slot { return &r.slots[place&int64(len(r.slots)-1)] }

func (r *Ring) append(text, mark string) (size uint16) {
	r.texts = append(append(r.texts, text...), mark...)
	return uint16(len(text) + len(mark))
}

// makeRoom makes room for one more slot and for so many bytes of texts, of which the dead
// ones give theirs first. The caller holds mu.
func (r *Ring) makeRoom(bytes int) {
	if int(r.next-r.first) >= len(r.slots) {
		was := r.slots
		r.slots = make([]slot, min(max(slotsMin, 2*len(was)), slotsMax))
		for place := r.first; place < r.next; place++ {
			*r.slot(place) = was[place&int64(len(was)-1)]
		}
	}
	if len(r.texts)+bytes <= cap(r.texts) {
		return
	}
	dead := len(r.texts)
	if r.first < r.next {
		dead = int(r.slot(r.first).start - r.base)
	}
	if 2*dead >= len(r.texts) { // else it would be copied again and again
		r.texts = r.texts[:copy(r.texts, r.texts[dead:])]
		r.base += int64(dead)
	}
}

// Len is how many entries wait.
func (r *Ring) Len() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return int(r.next - r.first)
}

// Batch is a copy of entries that wait, the oldest first.
type Batch struct {
	Entries []Entry
	// End is the place after the last of them.
	End int64
}

// Read copies the entries from a place on, 0 for all. They stay in the ring until they are
// dropped.
func (r *Ring) Read(from int64) Batch {
	if r == nil {
		return Batch{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	from = max(from, r.first)
	if from >= r.next {
		return Batch{End: r.next}
	}
	start := r.slot(from).start
	texts := string(r.texts[start-r.base:])
	entries := make([]Entry, 0, r.next-from)
	for place := from; place < r.next; place++ {
		s := r.slot(place)
		text := texts[s.start-start:]
		why := s.sql + s.sqlError
		entries = append(entries, Entry{
			ID: r.ahead + place, SQL: text[:s.sql], Error: text[s.sql:why], Client: text[why : why+s.client],
			At: s.at, Took: s.took, Rows: s.rows, Success: s.success, Statement: s.statement, Source: s.source,
		})
	}
	return Batch{entries, r.next}
}

// Drop lets go of the entries before a place: they are written, or nobody wants them.
// further is how much larger their IDs have become there than they were here; those that
// come are moved as far.
func (r *Ring) Drop(end, further int64) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead += further
	r.first = min(max(r.first, end), r.next)
	if r.first < r.next {
		return
	}
	r.base += int64(len(r.texts))
	if r.texts = r.texts[:0]; cap(r.texts) > textsKeptMax {
		r.texts = nil
	}
}
