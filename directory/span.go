package directory

import "strings"

// span is a part of the keys of a folder, and the direction to go through it: those
// that begin with prefix and, if it is edged, come after edge.
type span struct {
	prefix  string
	edge    string
	edged   bool
	reverse bool
}

// compare orders as the span goes.
func (s *span) compare(a, b string) int {
	if s.reverse {
		a, b = b, a
	}
	return strings.Compare(a, b)
}

// admits reports whether a file of this name is in the span, or whether keys in a
// folder may be, all of which begin with order.
func (s *span) admits(order string, folder bool) bool {
	if !strings.HasPrefix(order, s.prefix) && !(folder && strings.HasPrefix(s.prefix, order)) {
		return false
	}
	if !s.edged || s.compare(order, s.edge) > 0 {
		return true
	}
	// Backwards, the folder's keys are as far behind the edge as its order is.
	return folder && !s.reverse && strings.HasPrefix(s.edge, order)
}

// within is the part of the span that lies in a folder it admits, whose keys are then
// known without their beginning, order.
func (s *span) within(order string) span {
	inner := span{reverse: s.reverse}
	if rest, ok := strings.CutPrefix(s.prefix, order); ok {
		inner.prefix = rest
	}
	if rest, ok := strings.CutPrefix(s.edge, order); ok && s.edged {
		inner.edge, inner.edged = rest, true
	}
	return inner
}

// window is the entries of one folder that are in a span, after last and not after
// bound, each of which may be "" for none.
type window struct {
	span
	last, bound string
}

func (w *window) has(order string, folder bool) bool {
	return (w.last == "" || w.compare(order, w.last) > 0) &&
		(w.bound == "" || w.compare(order, w.bound) <= 0) &&
		w.admits(order, folder)
}
