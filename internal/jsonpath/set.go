package jsonpath

import (
	"slices"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

var tooDeep = refusal.Newf(refusal.InvalidJSONValue, "the document would be nested deeper than %d levels", DepthMax)

// Set appends the document with leaf in the place that a path leads to. Only the
// bytes of that place change. What is missing on the way is created: a field as
// the last of its object, an element right after the last of its array, and below
// it objects, or an array where the next step is [0]. Refused is, in this order:
// a way through a value that has no such fields or elements (null included), an
// index beyond the next one or before the first, and a result nested deeper than
// DepthMax. Nothing is appended then.
func Set(dst, document []byte, p Path, leaf []byte) ([]byte, *refusal.Refusal) {
	leaf = jsontext.Trim(leaf)
	if p.IsRoot() {
		if why := p.checkDepth(leaf); why != nil {
			return dst, why
		}
		return append(dst, leaf...), nil
	}
	at := locate(document, p)
	if why := p.checkPlace(&at); why != nil {
		return dst, why
	}
	if why := p.checkDepth(leaf); why != nil {
		return dst, why
	}
	room := len(document) + len(leaf)
	if at.outcome != found {
		room += pathBytesMax // for the names that are new
	}
	dst = slices.Grow(dst, room)
	dst = append(dst, document[:at.start]...)
	if at.outcome == found {
		dst = append(dst, leaf...)
	} else {
		dst = p.appendMissing(dst, &at, leaf)
	}
	return append(dst, document[at.end:]...), nil
}

// appendMissing appends a new field or element, with all below it down to leaf.
func (p Path) appendMissing(dst []byte, at *place, leaf []byte) []byte {
	if at.length > 0 {
		dst = append(dst, ',')
	}
	if at.outcome == noField {
		dst = jsontext.AppendString(dst, p.steps[at.step].name)
		dst = append(dst, ':')
	}
	below := p.steps[at.step+1:]
	for i := range below {
		if below[i].kind == byIndex {
			dst = append(dst, '[')
			continue
		}
		dst = append(dst, '{')
		dst = jsontext.AppendString(dst, below[i].name)
		dst = append(dst, ':')
	}
	dst = append(dst, leaf...)
	for i := range below {
		if below[len(below)-1-i].kind == byIndex {
			dst = append(dst, ']')
		} else {
			dst = append(dst, '}')
		}
	}
	return dst
}

// checkDepth refuses a leaf that would reach too deep below the path. Each level
// takes two bytes, so a short leaf need not be looked at.
func (p Path) checkDepth(leaf []byte) *refusal.Refusal {
	if levels := DepthMax - len(p.steps); len(leaf)/2 > levels && Depth(leaf) > levels {
		return tooDeep
	}
	return nil
}

// checkPlace refuses a place that nothing can be put into.
func (p Path) checkPlace(at *place) *refusal.Refusal {
	switch at.outcome {
	case found:
		return nil
	case wrongKind:
		return p.refuseKind(at)
	case noElement:
		if p.steps[at.step].index != at.length {
			return p.refuseIndex(at.step, at.length)
		}
	}
	for i := at.step + 1; i < len(p.steps); i++ {
		if p.steps[i].kind == byIndex && p.steps[i].index != 0 {
			return p.refuseIndex(i, 0)
		}
	}
	return nil
}

func (p Path) refuseKind(at *place) *refusal.Refusal {
	parent := shown(Path{p.steps[:at.step]}.String())
	switch at.kind {
	case '{':
		return refusal.Newf(refusal.InvalidParameters, "path leads nowhere: %s is an object and has no index %d", parent, p.steps[at.step].index)
	case '[':
		return refusal.Newf(refusal.InvalidParameters, "path leads nowhere: %s is an array and has no field %q", parent, shown(p.steps[at.step].name))
	}
	return refusal.Newf(refusal.InvalidParameters, "path leads nowhere: %s is %s, neither an object nor an array", parent, kindName(at.kind))
}

func (p Path) refuseIndex(number, length int) *refusal.Refusal {
	parent := shown(Path{p.steps[:number]}.String())
	return refusal.Newf(refusal.InvalidParameters, "path leads nowhere: index %d is out of range, %s has %d elements", p.steps[number].index, parent, length)
}

// kindName names the kind of a value that begins with a byte.
func kindName(first byte) string {
	switch first {
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
