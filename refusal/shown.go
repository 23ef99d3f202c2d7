package refusal

import "unicode/utf8"

// Shown is a text of a client's as the text of a refusal may have it: if it is longer than
// bytesMax its beginning, no rune halved, and a mark after it.
func Shown(text string, bytesMax int) string {
	if len(text) <= bytesMax {
		return text
	}
	end := bytesMax
	for end > max(bytesMax-utf8.UTFMax, 0) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
