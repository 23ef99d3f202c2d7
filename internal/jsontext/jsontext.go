// Package jsontext writes and reads JSON as text: append-style encoders for the
// answers, and a walk over a document that is already known to be valid.
//
// Nothing here knows what a row or a request is, and nothing allocates on the
// way of ordinary data: answers of a million values are written through it.
package jsontext

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD,
// one for each wrong byte.
func AppendString(dst []byte, s string) []byte { return appendQuoted(dst, s) }

// AppendBytes appends the text b as a JSON string, as AppendString does.
func AppendBytes(dst, b []byte) []byte { return appendQuoted(dst, b) }

// QuotedLen is how many bytes AppendBytes appends, but for what it replaces beyond
// ASCII: then it is a few more.
func QuotedLen(b []byte) int {
	n := len(b) + 2
	for _, c := range b {
		switch {
		case verbatim[c], c >= utf8.RuneSelf:
		case c == '"', c == '\\', c == '\b', c == '\f', c == '\n', c == '\r', c == '\t':
			n++
		default:
			n += len(`u0000`)
		}
	}
	return n
}

// AppendBase64 appends b as a JSON string in standard base64 with padding.
func AppendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// AppendFloat appends f in the shortest form that reads back as f, laid out as
// encoding/json does it. JSON has no infinity and no NaN: both are null.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, "null"...)
	}
	if size := math.Abs(f); size == 0 || (size >= 1e-6 && size < 1e21) {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// strconv pads the exponent to two digits, JavaScript writes 1e-7.
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendQuoted copies the longest runs that need no change at once; most texts
// are a single run.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	run := 0
	for i := 0; i < len(s); {
		if verbatim[s[i]] {
			i++
			continue
		}
		if s[i] < utf8.RuneSelf {
			dst = append(dst, s[run:i]...)
			dst = appendEscape(dst, s[i])
			i++
			run = i
			continue
		}
		// A conversion this short stays on the stack.
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if escape := runeEscape(r, size); escape != "" {
			dst = append(dst, s[run:i]...)
			dst = append(dst, escape...)
			run = i + size
		}
		i += size
	}
	dst = append(dst, s[run:]...)
	return append(dst, '"')
}

// runeEscape is what stands for a rune beyond ASCII, or "" if it stands for
// itself. The two line separators are escaped because they end a line in older
// JavaScript.
func runeEscape(r rune, size int) string {
	switch {
	case r == utf8.RuneError && size == 1:
		return `\ufffd`
	case r == '\u2028':
		return `\u2028`
	case r == '\u2029':
		return `\u2029`
	}
	return ""
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// verbatim marks the bytes of ASCII that a JSON string holds unchanged.
var verbatim = func() (table [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()
