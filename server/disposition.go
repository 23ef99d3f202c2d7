package server

import "unicode/utf8"

// disposition has an answer saved as a file: under its name where a client reads RFC 6266,
// and else under one of plain letters.
func disposition(name string) string {
	plain := []byte("attachment; filename=\"")
	escaped := []byte("\"; filename*=UTF-8''")
	same := true
	for _, letter := range name {
		if letter < utf8.RuneSelf && isFileLetter(byte(letter)) {
			plain = append(plain, byte(letter))
			escaped = append(escaped, byte(letter))
			continue
		}
		same = false
		plain = append(plain, '_')
		for _, c := range []byte(string(letter)) {
			escaped = append(escaped, '%', upperHex[c>>4], upperHex[c&0xf])
		}
	}
	if same {
		return string(append(plain, '"'))
	}
	return string(append(plain, escaped...))
}

const upperHex = "0123456789ABCDEF"

// isFileLetter is whether c means nothing but itself in a file's name.
func isFileLetter(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_'
}
