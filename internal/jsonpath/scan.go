package jsonpath

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The scan moves an offset over text. An offset never passes the end of the text,
// and one that moves over a value moves by one byte at least.

// skipSpace returns the offset of the next byte that is no white space.
func skipSpace(text []byte, at int) int {
	for at < len(text) && text[at] <= ' ' {
		switch text[at] {
		case ' ', '\n', '\r', '\t':
			at++
		default:
			return at
		}
	}
	return at
}

// firstIn returns where the first field or element of the container at open
// begins, or where the container is closed if it is empty.
func firstIn(text []byte, open int) int { return skipSpace(text, open+1) }

// nextIn returns where the field or element begins that follows the value that
// ends at end, or where the container is closed.
func nextIn(text []byte, end int) int {
	at := skipSpace(text, end)
	if at < len(text) && text[at] == ',' {
		at = skipSpace(text, at+1)
	}
	return at
}

// more tells whether a field or an element begins at an offset that firstIn or
// nextIn returned.
func more(text []byte, at int, mark byte) bool { return at < len(text) && text[at] != mark }

// field returns the body of the field name that begins at an offset, and where
// its value begins.
func field(text []byte, at int) (body []byte, value int) {
	end := valueEnd(text, at)
	value = skipSpace(text, end)
	if value < len(text) && text[value] == ':' {
		value = skipSpace(text, value+1)
	}
	if end-at < 2 {
		return nil, value
	}
	return text[at+1 : end-1], value
}

// valueEnd returns where the value that begins at an offset ends.
func valueEnd(text []byte, at int) int {
	if at >= len(text) {
		return len(text)
	}
	switch text[at] {
	case '"':
		return stringEnd(text, at)
	case '{', '[':
		return containerEnd(text, at+1)
	}
	for at++; at < len(text) && !isMark(text[at]); {
		at++
	}
	return at
}

// stringEnd returns where the string ends whose opening quote is at an offset.
func stringEnd(text []byte, at int) int {
	for at++; ; {
		for ; len(text)-at >= 8; at += 8 {
			word := binary.LittleEndian.Uint64(text[at:])
			if hits := firstZero(word^quotes) | firstZero(word^backslashes); hits != 0 {
				at += bits.TrailingZeros64(hits) >> 3
				break
			}
		}
		switch {
		case at >= len(text):
			return len(text)
		case text[at] == '"':
			return at + 1
		case text[at] == '\\':
			at++
		}
		at++
	}
}

// valueStart returns where the value starts that ends at an offset.
func valueStart(text []byte, end int) int {
	depth := 0
	for at := end - 1; at > 0; at-- {
		switch text[at] {
		case '"':
			at = stringStart(text, at)
		case '}', ']':
			depth++
			continue
		case '{', '[':
			depth--
		default:
			if depth > 0 {
				continue
			}
			for at > 0 && !isMark(text[at-1]) {
				at--
			}
		}
		if depth <= 0 {
			return at
		}
	}
	return 0
}

// stringStart returns where the string starts whose closing quote is at an offset.
// What precedes the opening quote is no backslash, and what precedes a quote
// inside of the string is an odd number of them.
func stringStart(text []byte, at int) int {
	for {
		at = bytes.LastIndexByte(text[:at], '"')
		before := at
		for before > 0 && text[before-1] == '\\' {
			before--
		}
		if at < 0 || (at-before)%2 == 0 {
			return max(at, 0)
		}
	}
}

// isMark tells of a byte that ends a number, a boolean or null on either side.
func isMark(c byte) bool {
	switch c {
	case ',', ':', '[', ']', '{', '}', ' ', '\n', '\r', '\t':
		return true
	}
	return false
}

// spaceStart returns where the white space starts that ends at an offset.
func spaceStart(text []byte, end int) int { return len(bytes.TrimRight(text[:end], " \t\r\n")) }
