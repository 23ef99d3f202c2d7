package jsonpath

import (
	"bytes"
	"cmp"
	"unicode/utf16"
	"unicode/utf8"
)

// A body is what stands between the quotes of a JSON string, escapes and all.

// unescape reads the escape that text begins with: a code point and how many
// bytes wrote it. Half of a surrogate pair is its own number, which is no valid
// rune. What is no escape is its backslash, so that the reader gets on.
func unescape[T string | []byte](text T) (r rune, size int, ok bool) {
	if len(text) < 2 || text[0] != '\\' {
		return '\\', 1, false
	}
	switch text[1] {
	case '"', '\\', '/':
		return rune(text[1]), 2, true
	case 'b':
		return '\b', 2, true
	case 'f':
		return '\f', 2, true
	case 'n':
		return '\n', 2, true
	case 'r':
		return '\r', 2, true
	case 't':
		return '\t', 2, true
	case 'u':
		r, ok = hexadecimal(text[2:])
		if !ok {
			break
		}
		if utf16.IsSurrogate(r) && len(text) >= 8 && text[6] == '\\' && text[7] == 'u' {
			low, _ := hexadecimal(text[8:])
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12, true
			}
		}
		return r, 6, true
	}
	return '\\', 1, false
}

// hexadecimal reads the four digits that text begins with.
func hexadecimal[T string | []byte](text T) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for i := range 4 {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// nextRune reads the first code point of a body that is not empty.
func nextRune(body []byte) (r rune, size int) {
	switch c := body[0]; {
	case c == '\\':
		r, size, _ = unescape(body)
		return r, size
	case c < utf8.RuneSelf:
		return rune(c), 1
	}
	return utf8.DecodeRune(body)
}

// isName compares a body with an unescaped name.
func isName(body []byte, name string) bool {
	// An escape is always longer than what it stands for.
	if len(body) <= len(name) {
		return string(body) == name
	}
	if name != "" && body[0] != name[0] && body[0] != '\\' || bytes.IndexByte(body, '\\') < 0 {
		return false
	}
	for len(body) > 0 && name != "" {
		r, size := nextRune(body)
		wanted, wantedSize := utf8.DecodeRuneInString(name)
		if r != wanted {
			return false
		}
		body, name = body[size:], name[wantedSize:]
	}
	return len(body) == 0 && name == ""
}

// compareBodies orders bodies by the code points of their texts. It reads neither
// further than to where they differ: one may be very long, and compared often.
func compareBodies(a, b []byte) int {
	i, shorter := 0, min(len(a), len(b))
	for i < shorter && a[i] == b[i] && a[i] != '\\' {
		i++
	}
	if i < shorter && a[i] != '\\' && b[i] != '\\' {
		return cmp.Compare(a[i], b[i]) // UTF-8 has the order of its code points
	}
	a, b = a[i:], b[i:]
	for len(a) > 0 && len(b) > 0 {
		r, size := nextRune(a)
		other, otherSize := nextRune(b)
		if r != other {
			return cmp.Compare(r, other)
		}
		a, b = a[size:], b[otherSize:]
	}
	return cmp.Compare(len(a), len(b))
}
