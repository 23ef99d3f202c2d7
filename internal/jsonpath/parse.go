package jsonpath

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
)

// What can be wrong with a path, for the end of a refusal's text.
const (
	pathEmpty        = "it is empty; $ is the whole document"
	pathNotUTF8      = "it is not valid UTF-8"
	pathHasNUL       = "it contains NUL"
	nameEmpty        = "a name is empty"
	bracketOpen      = "a bracket is not closed"
	bracketStray     = "a closing bracket has no opening one"
	bracketThenName  = "a bracket is followed by neither a dot nor a bracket"
	quoteOpen        = "a quoted name is not closed"
	escapeWrong      = "a quoted name has an escape that JSON does not know"
	surrogateHalf    = "a quoted name has half of a surrogate pair"
	indexWrong       = "in brackets stands neither a whole number nor a quoted name"
	indexBeyondRange = "an index is too large"
)

// Parse reads a path: prefs.theme, .prefs.theme, $.prefs.theme, items[0].name,
// items.0.name, ["a.b"].c, ['a'], [-1] for the last element, and $ for the whole
// document. There are no wildcards: *, #, ? and @ are characters of a name. What
// is malformed is refused as InvalidParameters.
func Parse(text string) (Path, *refusal.Refusal) {
	if len(text) > pathBytesMax {
		return malformed(text, "it has "+strconv.Itoa(len(text))+" bytes, of "+strconv.Itoa(pathBytesMax)+" at most")
	}
	steps, fault := parse(text)
	if fault != "" {
		return malformed(text, fault)
	}
	if len(steps) > stepsMax {
		return malformed(text, "it has more than "+strconv.Itoa(stepsMax)+" steps")
	}
	fromEnd := 0
	for i := range steps {
		if steps[i].index < 0 {
			fromEnd++
		}
	}
	if fromEnd > stepsFromEndMax {
		return malformed(text, "it has more than "+strconv.Itoa(stepsFromEndMax)+" negative indexes")
	}
	return Path{steps}, nil
}

func malformed(text, fault string) (Path, *refusal.Refusal) {
	return Path{}, refusal.Newf(refusal.InvalidParameters, "malformed path %q: %s", shown(text), fault)
}

// parse reads a path of any length. The fault is empty if there is none.
func parse(text string) (steps []step, fault string) {
	switch {
	case text == "":
		return nil, pathEmpty
	case !utf8.ValidString(text):
		return nil, pathNotUTF8
	case strings.IndexByte(text, 0) >= 0:
		return nil, pathHasNUL
	}
	rest := text
	// Before anything else a dollar is the first character of a name.
	if rest[0] == '$' && (len(rest) == 1 || rest[1] == '.' || rest[1] == '[') {
		rest = rest[1:]
	}
	if rest == "" {
		return nil, ""
	}
	steps = make([]step, 0, 1+strings.Count(rest, ".")+strings.Count(rest, "["))
	for fault == "" && rest != "" {
		var next step
		switch {
		case rest[0] == '[':
			next, rest, fault = parseBracket(rest[1:])
		case rest[0] == '.':
			next, rest, fault = parseName(rest[1:])
		case rest[0] == ']':
			fault = bracketStray
		case len(steps) == 0: // the first name needs no dot
			next, rest, fault = parseName(rest)
		default:
			fault = bracketThenName
		}
		steps = append(steps, next)
	}
	return steps, fault
}

// parseName reads the name that text begins with, up to a dot or a bracket.
func parseName(text string) (named step, rest, fault string) {
	end := strings.IndexAny(text, ".[]")
	if end < 0 {
		end = len(text)
	}
	name := text[:end]
	if name == "" {
		return named, "", nameEmpty
	}
	// What is no index as brackets would have it, as 007, can still be a name.
	if index, ok := parseIndex(name); ok && index >= 0 {
		return step{name: name, index: index, kind: byEither}, text[end:], ""
	}
	return step{name: name, kind: byName}, text[end:], ""
}

// parseBracket reads what follows an opening bracket.
func parseBracket(text string) (inside step, rest, fault string) {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		name, rest, fault := parseQuoted(text)
		if fault == "" && (rest == "" || rest[0] != ']') {
			fault = bracketOpen
		}
		if fault != "" {
			return inside, "", fault
		}
		return step{name: name, kind: byName}, rest[1:], ""
	}
	digits, rest, closed := strings.Cut(text, "]")
	if !closed {
		return inside, "", bracketOpen
	}
	if !isIndex(digits) {
		return inside, "", indexWrong
	}
	index, ok := parseIndex(digits)
	if !ok {
		return inside, "", indexBeyondRange
	}
	return step{index: index, kind: byIndex}, rest, ""
}

// parseQuoted reads a quoted name, in whichever of the two quotes text begins with.
func parseQuoted(text string) (name, rest, fault string) {
	quote := text[0]
	text = text[1:]
	stops := `"\`
	if quote == '\'' {
		stops = `'\`
	}
	unescaped := []byte(nil) // what stood before text, once there was an escape
	for {
		end := strings.IndexAny(text, stops)
		if end < 0 {
			return "", "", quoteOpen
		}
		if text[end] == quote {
			if unescaped == nil {
				return text[:end], text[end+1:], ""
			}
			return string(append(unescaped, text[:end]...)), text[end+1:], ""
		}
		unescaped = append(unescaped, text[:end]...)
		text = text[end:]
		if quote == '\'' && strings.HasPrefix(text, `\'`) {
			unescaped = append(unescaped, '\'')
			text = text[2:]
			continue
		}
		r, size, ok := unescape(text)
		switch {
		case !ok:
			return "", "", escapeWrong
		case !utf8.ValidRune(r):
			return "", "", surrogateHalf
		}
		unescaped = utf8.AppendRune(unescaped, r)
		text = text[size:]
	}
}

// isIndex tells of a whole number written without a dot or an exponent, but for -0.
// There is one such text for each number.
func isIndex[T string | []byte](text T) bool {
	digits := 0
	if len(text) > 0 && text[0] == '-' {
		digits = 1
	}
	if digits == len(text) || text[digits] == '0' {
		return digits == 0 && len(text) == 1
	}
	for i := digits; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// parseIndex reads an index; ok is false for what is none, and beyond int.
func parseIndex(text string) (index int, ok bool) {
	if !isIndex(text) {
		return 0, false
	}
	index, err := strconv.Atoi(text)
	if err != nil {
		return 0, false
	}
	return index, true
}
