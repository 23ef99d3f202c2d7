package jsonpath

import (
	"bytes"

	"github.com/urlite/urlite/internal/jsontext"
)

// Equal compares two documents as JSON: the order of fields, spacing and escapes
// don't count, and numbers are equal by exact decimal value (1, 1.0 and 1e0).
func Equal(a, b []byte) bool {
	a, b = jsontext.Trim(a), jsontext.Trim(b)
	if bytes.Equal(a, b) {
		return true
	}
	var m matcher
	if len(a) == 0 || !m.wanted.read(b) {
		return false
	}
	m.text = a
	_, _, match := m.value(0, 0)
	return match == same
}

// IndexOf returns the index of the first element that is equal to wanted. If none
// is and wanted is an object with fields, it is that of the first object that has all
// of them with equal values. Else it is -1.
func IndexOf(array, wanted []byte) int {
	open, ok := opened(array)
	if !ok {
		return -1
	}
	m := matcher{text: array}
	if !m.wanted.read(wanted) {
		return -1
	}
	index, firstCovering := 0, -1
	for at := firstIn(array, open); more(array, at, ']'); index++ {
		end, _, match := m.value(at, 0)
		if match == same {
			return index
		}
		if match == covering && firstCovering < 0 {
			firstCovering = index
		}
		at = nextIn(array, end)
	}
	if firstCovering >= 0 && Equal(wanted, []byte("{}")) {
		return -1 // any object has all of no fields; nobody means that
	}
	return firstCovering
}

type verdict uint8

const (
	different verdict = iota
	covering          // an object with more fields than were wanted
	same
)

// matcher compares values of a text with a wanted value, each in one pass over the
// text. Only as much of the wanted value is read as agrees, so that many small
// elements can be compared with a large one.
type matcher struct {
	text   []byte
	wanted wanted
	visit  uint32 // numbers the objects of the text, from 1
}

// value compares the value at an offset of the text with the one at an offset of
// the wanted text. It returns where both end; wantedEnd only if they are the same.
func (m *matcher) value(at, wantedAt int) (end, wantedEnd int, match verdict) {
	kind := m.text[at]
	if kindOf(kind) != kindOf(m.wanted.text[wantedAt]) {
		return valueEnd(m.text, at), 0, different
	}
	switch kind {
	case '{':
		return m.object(at, wantedAt)
	case '[':
		return m.array(at, wantedAt)
	}
	end = valueEnd(m.text, at)
	if kind == '"' {
		wantedEnd = m.wanted.afterString(wantedAt, m.text[at+1:max(at+1, end-1)])
	} else {
		wantedEnd = m.wanted.afterScalar(wantedAt, m.text[at:end])
	}
	if wantedEnd == 0 {
		return end, 0, different
	}
	return end, wantedEnd, same
}

func (m *matcher) array(at, wantedAt int) (end, wantedEnd int, match verdict) {
	wantedAt = firstIn(m.wanted.text, wantedAt)
	for at = firstIn(m.text, at); more(m.text, at, ']'); at = nextIn(m.text, end) {
		if !more(m.wanted.text, wantedAt, ']') {
			return containerEnd(m.text, at), 0, different
		}
		end, wantedEnd, match = m.value(at, wantedAt)
		if match != same {
			return containerEnd(m.text, end), 0, different
		}
		wantedAt = nextIn(m.wanted.text, wantedEnd)
	}
	end = min(at+1, len(m.text))
	if more(m.wanted.text, wantedAt, ']') {
		return end, 0, different
	}
	return end, wantedAt + 1, same
}

// object can't stop at a field that differs: one of the same name may follow, and
// the last one counts. So every field of the wanted object remembers whether the
// latest of its name was equal.
func (m *matcher) object(at, wantedAt int) (end, wantedEnd int, match verdict) {
	object := m.wanted.objectAt(wantedAt)
	m.visit++
	visit, equal, extra := m.visit, 0, false
	for at = firstIn(m.text, at); more(m.text, at, '}'); at = nextIn(m.text, end) {
		body, value := field(m.text, at)
		wantedField := m.wanted.field(object, body)
		if wantedField == nil || value >= len(m.text) {
			extra = true
			end = valueEnd(m.text, value)
			continue
		}
		end, _, match = m.value(value, int(wantedField.value))
		switch wasEqual := wantedField.equalIn == visit; {
		case match == same && !wasEqual:
			wantedField.equalIn = visit
			equal++
		case match != same && wasEqual:
			wantedField.equalIn = 0
			equal--
		}
	}
	end = min(at+1, len(m.text))
	switch {
	case equal < int(object.length):
		return end, 0, different
	case extra:
		return end, 0, covering
	}
	return end, int(object.end), same
}

// kindOf tells the kind of a value from its first byte: the byte itself, or 0 for
// a number.
func kindOf(first byte) byte {
	switch first {
	case '{', '[', '"', 't', 'f', 'n':
		return first
	}
	return 0
}
