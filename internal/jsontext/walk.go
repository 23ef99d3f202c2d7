package jsontext

import (
	"bytes"
	"encoding/base64"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// The walk reads a document that encoding/json.Valid has already accepted, so
// it has no errors to report. On anything else it yields nonsense, but it ends
// and does not panic. All that it yields are slices of the document.

// Fields yields the fields of a JSON object in their order: the name still
// quoted, and the value. A name that is repeated is yielded again.
func Fields(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := inside(object, '{', '}')
		for len(rest) > 0 {
			var name, value []byte
			name, rest = split(rest)
			value, rest = split(skipMark(rest, ':'))
			if !yield(name, value) {
				return
			}
			rest = skipMark(rest, ',')
		}
	}
}

// Elements yields the elements of a JSON array in their order.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		rest := inside(array, '[', ']')
		for len(rest) > 0 {
			var value []byte
			value, rest = split(rest)
			if !yield(value) {
				return
			}
			rest = skipMark(rest, ',')
		}
	}
}

// Trim drops the white space around a value, so that its first byte tells its
// type. What Fields and Elements yield is trimmed.
func Trim(value []byte) []byte { return bytes.Trim(value, " \t\r\n") }

// Unquote returns the text of a JSON string: a slice of it when nothing is
// escaped, else new memory. Half of a surrogate pair becomes U+FFFD.
func Unquote(quoted []byte) []byte {
	text := inside(quoted, '"', '"')
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	return appendUnescaped(make([]byte, 0, len(text)), text)
}

// UnquoteInto is Unquote that takes the memory it may need from the end of room, and
// answers what room there is after it.
func UnquoteInto(room, quoted []byte) (text, rest []byte) {
	text = inside(quoted, '"', '"')
	if bytes.IndexByte(text, '\\') < 0 {
		return text, room
	}
	start := len(room)
	room = appendUnescaped(room, text)
	return room[start:], room
}

// DecodeBase64 appends the bytes that text stands for, which is in either alphabet, with or
// without padding; false if it is in none.
func DecodeBase64(dst, text []byte) (decoded []byte, ok bool) {
	alphabet := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		alphabet = base64.RawURLEncoding
	}
	decoded, err := alphabet.AppendDecode(dst, bytes.TrimRight(text, "="))
	return decoded, err == nil
}

// inside drops the two marks that a value begins and ends with; of a value with
// other marks nothing is left.
func inside(value []byte, open, close byte) []byte {
	value = Trim(value)
	n := len(value)
	if n < 2 || value[0] != open || value[n-1] != close {
		return nil
	}
	if open == '"' {
		return value[1 : n-1]
	}
	return Trim(value[1 : n-1])
}

// split cuts the first value off text.
func split(text []byte) (value, rest []byte) {
	end := valueEnd(text)
	return Trim(text[:end]), text[end:]
}

// skipMark drops white space, one mark if it is there, and white space again.
func skipMark(text []byte, mark byte) []byte {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) > 0 && text[0] == mark {
		text = bytes.TrimLeft(text[1:], " \t\r\n")
	}
	return text
}

// valueEnd is where the value that text begins with ends. It is at least 1 for
// a text that is not empty, so that a walk always gets on.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth <= 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return max(i, 1)
			}
		}
	}
	return len(text)
}

// stringEnd is the index of the quote that ends the string starting at start,
// or the last index if there is none.
func stringEnd(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(text) - 1
}

func appendUnescaped(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		escape := text[i+1]
		text = text[i+2:]
		switch escape {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hexRune(text)
			text = text[min(4, len(text)):]
			if pair := utf16.DecodeRune(r, escapedRune(text)); pair != utf8.RuneError {
				r = pair
				text = text[6:]
			}
			dst = utf8.AppendRune(dst, r)
		default: // quote, backslash, slash
			dst = append(dst, escape)
		}
	}
}

// escapedRune is the rune of the \uXXXX that text begins with, or U+FFFD.
func escapedRune(text []byte) rune {
	if !bytes.HasPrefix(text, []byte(`\u`)) {
		return utf8.RuneError
	}
	return hexRune(text[2:])
}

// hexRune reads the four hexadecimal digits that text begins with.
func hexRune(text []byte) rune {
	if len(text) < 4 {
		return utf8.RuneError
	}
	var r rune
	for _, c := range text[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return utf8.RuneError
		}
	}
	return r
}

// IsText tells whether a JSON string is text: it is not if an escape writes half of a
// surrogate pair, which Unquote can only replace.
func IsText(quoted []byte) bool {
	text := inside(quoted, '"', '"')
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return true
		}
		escape := text[i+1]
		text = text[i+2:]
		if escape != 'u' {
			continue
		}
		r := hexRune(text)
		text = text[min(4, len(text)):]
		if !utf16.IsSurrogate(r) {
			continue
		}
		if utf16.DecodeRune(r, escapedRune(text)) == utf8.RuneError {
			return false
		}
		text = text[6:]
	}
}
