package jsonpath

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"sort"
)

// wanted is a value made ready to be compared with many others: there is no white
// space in it that each comparison would pass over, its objects know their fields
// by name, and its long numbers are taken apart. Offsets have 32 bits because
// SQLite holds no value of 2 GiB, and there may be millions of fields.
type wanted struct {
	text    []byte
	objects []wantedObject // by start
	fields  []wantedField
	numbers []wantedNumber // by start
}

type wantedObject struct {
	start, end    uint32
	first, length uint32 // its part of the fields, by name, no name twice
}

type wantedField struct {
	name, value uint32
	// equalIn is the visit in which the latest field of this name was equal.
	equalIn uint32
}

type wantedNumber struct {
	start, end uint32
	number     number
}

// numberBytesKept is the length from which a number is taken apart once and for
// all: a shorter one is read faster than it is looked up.
const numberBytesKept = 64

// read takes a value in; ok is false if it is no JSON document.
func (w *wanted) read(value []byte) (ok bool) {
	compact := bytes.NewBuffer(make([]byte, 0, len(value)))
	if json.Compact(compact, value) != nil {
		return false
	}
	w.text = compact.Bytes()
	w.readValue(0, nil)
	return true
}

// readValue takes in the value at an offset and all that is inside. The fields of
// the objects that are not yet read to their end are in open, above those of the
// objects around them; it returns open with the room it may have gained.
func (w *wanted) readValue(at int, open []wantedField) (end int, _ []wantedField) {
	switch w.text[at] {
	case '{':
		return w.readObject(at, open)
	case '[':
		for at++; w.text[at] != ']'; {
			at, open = w.readValue(at, open)
			if w.text[at] == ',' {
				at++
			}
		}
		return at + 1, open
	}
	end = valueEnd(w.text, at)
	if end-at >= numberBytesKept && w.text[at] != '"' {
		w.numbers = append(w.numbers, wantedNumber{uint32(at), uint32(end), parseNumber(w.text[at:end])})
	}
	return end, open
}

func (w *wanted) readObject(at int, open []wantedField) (end int, _ []wantedField) {
	number := len(w.objects)
	w.objects = append(w.objects, wantedObject{start: uint32(at)})
	around := len(open)
	for at++; w.text[at] != '}'; {
		value := stringEnd(w.text, at) + 1
		open = append(open, wantedField{name: uint32(at), value: uint32(value)})
		at, open = w.readValue(value, open)
		if w.text[at] == ',' {
			at++
		}
	}
	own := open[around:]
	slices.SortFunc(own, func(a, b wantedField) int {
		return cmp.Or(compareBodies(w.name(&a), w.name(&b)), cmp.Compare(a.name, b.name))
	})
	first := len(w.fields)
	for i := range own {
		if i+1 == len(own) || compareBodies(w.name(&own[i]), w.name(&own[i+1])) != 0 {
			w.fields = append(w.fields, own[i])
		}
	}
	object := &w.objects[number]
	object.end = uint32(at + 1)
	object.first, object.length = uint32(first), uint32(len(w.fields)-first)
	return at + 1, open[:around]
}

// name returns the body of a field's name.
func (w *wanted) name(f *wantedField) []byte {
	return w.text[f.name+1 : f.value-2]
}

func (w *wanted) objectAt(start int) *wantedObject {
	i := sort.Search(len(w.objects), func(i int) bool { return int(w.objects[i].start) >= start })
	return &w.objects[i]
}

// field finds the field of an object that has the name with a body, or nil.
func (w *wanted) field(object *wantedObject, body []byte) *wantedField {
	fields := w.fields[object.first:][:object.length]
	i := sort.Search(len(fields), func(i int) bool { return compareBodies(w.name(&fields[i]), body) >= 0 })
	if i == len(fields) || compareBodies(w.name(&fields[i]), body) != 0 {
		return nil
	}
	return &fields[i]
}

// afterString returns where the string at an offset ends if it has the text of a
// body, or 0. It reads no further than the two agree.
func (w *wanted) afterString(at int, body []byte) (end int) {
	text := w.text[at+1:]
	if bytes.HasPrefix(text, body) && text[len(body)] == '"' {
		return at + 1 + len(body) + 1
	}
	for len(body) > 0 && text[0] != '"' {
		r, size := nextRune(body)
		own, ownSize := nextRune(text)
		if r != own {
			return 0
		}
		body, text = body[size:], text[ownSize:]
	}
	if len(body) > 0 || text[0] != '"' {
		return 0
	}
	return len(w.text) - len(text) + 1
}

// afterScalar returns where the number, boolean or null at an offset ends if it
// equals another, or 0.
func (w *wanted) afterScalar(at int, other []byte) (end int) {
	i := sort.Search(len(w.numbers), func(i int) bool { return int(w.numbers[i].start) >= at })
	if i < len(w.numbers) && int(w.numbers[i].start) == at {
		n := parseNumber(other)
		if !w.numbers[i].number.equal(&n) {
			return 0
		}
		return int(w.numbers[i].end)
	}
	end = valueEnd(w.text, at)
	own := w.text[at:end]
	if bytes.Equal(own, other) {
		return end
	}
	if kindOf(own[0]) != 0 || isIndex(own) && isIndex(other) {
		return 0
	}
	a, b := parseNumber(own), parseNumber(other)
	if !a.equal(&b) {
		return 0
	}
	return end
}
