package jsonpath

// place is where a path leads in a document.
type place struct {
	outcome outcome
	// step is the first step that leads nowhere.
	step int
	// start and end surround the leaf that was found. If a field or an element is
	// missing, both are where it would be added.
	start, end int
	// kind is the first byte of the value that the step started from.
	kind byte
	// length is how many fields or elements that value has.
	length int
}

type outcome uint8

const (
	found outcome = iota
	noField
	noElement // the index may be the one that would be next
	wrongKind // the value has no fields, or no elements
)

// locate follows a path in one pass over the document. Only a negative index needs
// the end of its array first.
func locate(document []byte, p Path) place {
	w := walk{text: document, steps: p.steps}
	w.value(skipSpace(document, 0), 0)
	return w.place
}

// walk descends into a field as soon as its name is the wanted one, and descends
// again where the name is repeated: each time the place is found anew, and the
// last one stays. To look for the last field first would mean to pass over the
// innermost values once for every step.
type walk struct {
	text  []byte
	steps []step
	// inObject is set below an object, where the walk has to go on to the end.
	inObject bool
	place    place
}

// value follows the steps from number on from the value that begins at an
// offset, and returns where the value ends.
func (w *walk) value(at, number int) (end int) {
	if number == len(w.steps) {
		end = valueEnd(w.text, at)
		w.place = place{outcome: found, step: number, start: at, end: end}
		return end
	}
	var kind byte
	if at < len(w.text) {
		kind = w.text[at]
	}
	step := &w.steps[number]
	switch {
	case kind == '{' && step.kind != byIndex:
		return w.object(at, number)
	case kind == '[' && step.kind != byName && step.index >= 0:
		return w.array(at, number)
	case kind == '[' && step.kind != byName:
		return w.arrayFromEnd(at, number)
	}
	w.place = place{outcome: wrongKind, step: number, kind: kind}
	return valueEnd(w.text, at)
}

func (w *walk) object(open, number int) (end int) {
	outside := w.inObject
	w.inObject = true
	name := w.steps[number].name
	reached, length, last := false, 0, open+1
	at := firstIn(w.text, open)
	for more(w.text, at, '}') {
		body, value := field(w.text, at)
		if isName(body, name) {
			last = w.value(value, number+1)
			reached = true
		} else {
			last = valueEnd(w.text, value)
		}
		length++
		at = nextIn(w.text, last)
	}
	if !reached {
		w.place = place{outcome: noField, step: number, start: last, end: last, kind: '{', length: length}
	}
	w.inObject = outside
	return min(at+1, len(w.text))
}

func (w *walk) array(open, number int) (end int) {
	index := w.steps[number].index
	length, last := 0, open+1
	at := firstIn(w.text, open)
	for more(w.text, at, ']') {
		if length == index {
			end = w.value(at, number+1)
			if w.inObject {
				end = containerEnd(w.text, end)
			}
			return end
		}
		last = valueEnd(w.text, at)
		length++
		at = nextIn(w.text, last)
	}
	w.place = place{outcome: noElement, step: number, start: last, end: last, kind: '[', length: length}
	return min(at+1, len(w.text))
}

func (w *walk) arrayFromEnd(open, number int) (end int) {
	end = containerEnd(w.text, open+1)
	start, ok := fromEnd(w.text, open, end, w.steps[number].index)
	if !ok {
		w.place = place{outcome: noElement, step: number, kind: '[', length: Length(w.text[open:end])}
		return end
	}
	w.value(start, number+1)
	return end
}
