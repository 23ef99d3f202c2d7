package jsonpath

import "github.com/urlite/urlite/internal/jsontext"

// The functions below take an array. Any other value has no elements, and is
// appended as it is.

// Length is how many elements an array has.
func Length(array []byte) int {
	open, ok := opened(array)
	if !ok {
		return 0
	}
	length := 0
	for at := firstIn(array, open); more(array, at, ']'); at = nextIn(array, valueEnd(array, at)) {
		length++
	}
	return length
}

// Element returns the element at an index as a slice of the array. A negative
// index counts from the end: -1 is the last element.
func Element(array []byte, index int) (element []byte, ok bool) {
	start, ok := elementStart(array, index)
	if !ok {
		return nil, false
	}
	end := valueEnd(array, start)
	return array[start:end:end], true
}

// Push appends the array with one more element at its end. It does not walk the
// array, so its cost is that of a copy.
func Push(dst, array, element []byte) []byte {
	open, ok := opened(array)
	if !ok {
		return append(dst, array...)
	}
	end := spaceStart(array, len(array)) - 1 // of the closing bracket
	end = spaceStart(array, max(end, open+1))
	dst = append(dst, array[:end]...)
	if end > open+1 {
		dst = append(dst, ',')
	}
	dst = append(dst, jsontext.Trim(element)...)
	return append(dst, array[end:]...)
}

// Drop appends the array without its first n elements; it may have fewer.
func Drop(dst, array []byte, n int) []byte {
	open, ok := opened(array)
	if !ok {
		return append(dst, array...)
	}
	start := firstIn(array, open)
	end, at := start, start
	for ; n > 0 && more(array, at, ']'); n-- {
		end = valueEnd(array, at)
		at = nextIn(array, end)
	}
	if more(array, at, ']') {
		end = at
	}
	dst = append(dst, array[:start]...)
	return append(dst, array[end:]...)
}

// Remove appends the array without the element at an index, which may be negative
// as in Element. With an index out of range that is the whole array.
func Remove(dst, array []byte, index int) []byte {
	start, ok := elementStart(array, index)
	if !ok {
		return append(dst, array...)
	}
	end := valueEnd(array, start)
	if next := nextIn(array, end); more(array, next, ']') {
		end = next
	} else if before := spaceStart(array, start); before > 0 && array[before-1] == ',' {
		start = spaceStart(array, before-1)
	}
	dst = append(dst, array[:start]...)
	return append(dst, array[end:]...)
}

// opened returns the offset of the bracket that opens an array.
func opened(array []byte) (open int, ok bool) {
	open = skipSpace(array, 0)
	return open, open < len(array) && array[open] == '['
}

// elementStart returns where the element at an index starts. The last elements are
// found from the end, so that to pop one costs no walk.
func elementStart(array []byte, index int) (start int, ok bool) {
	open, ok := opened(array)
	if !ok {
		return 0, false
	}
	if index < 0 {
		return fromEnd(array, open, spaceStart(array, len(array)), index)
	}
	start = firstIn(array, open)
	for ; index > 0 && more(array, start, ']'); index-- {
		start = nextIn(array, valueEnd(array, start))
	}
	return start, more(array, start, ']')
}

// fromEnd returns where the element starts that a negative index counts, in the
// array that lies between open and end.
func fromEnd(text []byte, open, end, index int) (start int, ok bool) {
	at := end - 1 // of the closing bracket, then of the comma after an element
	for at > open {
		start = valueStart(text, spaceStart(text, at))
		if index++; index == 0 {
			return start, start > open
		}
		at = spaceStart(text, start) - 1
	}
	return 0, false
}
