package ratelimit

import (
	"bytes"
	"strconv"
)

// A state is text, so that whoever gets the key can read it: a line for each rule,
// with newlines between them. The first number is the window in seconds, the second
// a time in Unix milliseconds.
//
//	fixed   60 <window start> <used>
//	sliding 60 <window start> <used before> <used>
//	gcra    60 <time> <used> <part> <until>
//
// There is one space between words and none to align them. Only what could have been
// written here is read.

func appendState(dst []byte, lines []line) []byte {
	for i := range lines {
		if i > 0 {
			dst = append(dst, '\n')
		}
		dst = appendLine(dst, &lines[i])
	}
	return dst
}

func appendLine(dst []byte, l *line) []byte {
	dst = append(dst, names[l.algorithm]...)
	dst = appendNumber(dst, l.windowMillis/1000)
	dst = appendNumber(dst, l.at)
	switch l.algorithm {
	case Fixed:
		return appendNumber(dst, l.used)
	case Sliding:
		dst = appendNumber(dst, l.before)
		return appendNumber(dst, l.used)
	}
	dst = appendNumber(dst, l.used)
	dst = appendNumber(dst, l.part)
	return appendNumber(dst, l.until)
}

func appendNumber(dst []byte, n int64) []byte {
	return strconv.AppendInt(append(dst, ' '), n, 10)
}

// parse reads the lines of a state into the capacity of lines, which is LinesMax. No
// bytes are no lines.
func parse(lines []line, state []byte) (_ []line, ok bool) {
	for len(state) > 0 {
		text := state
		if end := bytes.IndexByte(state, '\n'); end >= 0 {
			text, state = state[:end], state[end+1:]
			if len(state) == 0 {
				return nil, false
			}
		} else {
			state = nil
		}
		if len(lines) == cap(lines) {
			return nil, false
		}
		lines = lines[:len(lines)+1]
		l := &lines[len(lines)-1]
		if !parseLine(l, text) || find(lines[:len(lines)-1], l.algorithm, l.windowMillis) >= 0 {
			return nil, false
		}
	}
	return lines, true
}

func parseLine(l *line, text []byte) bool {
	name, rest, _ := bytes.Cut(text, space)
	var numbers [5]int64
	count := 0
	for rest != nil {
		if count == len(numbers) {
			return false
		}
		var word []byte
		var ok bool
		word, rest, _ = bytes.Cut(rest, space)
		if numbers[count], ok = parseNumber(word); !ok {
			return false
		}
		count++
	}
	if windowSeconds := numbers[0]; windowSeconds < 1 || windowSeconds > WindowSecondsMax {
		return false
	}
	*l = line{windowMillis: numbers[0] * 1000, at: numbers[1]}
	switch string(name) {
	case "fixed":
		l.algorithm, l.used = Fixed, numbers[2]
		l.until = l.at + l.windowMillis
		return count == 3 && l.aligned() && l.spent()
	case "sliding":
		l.algorithm, l.before, l.used = Sliding, numbers[2], numbers[3]
		l.until = l.at + 2*l.windowMillis
		return count == 4 && l.aligned() && l.spent() && l.before <= LimitMax
	case "gcra":
		l.algorithm, l.used, l.part, l.until = GCRA, numbers[2], numbers[3], numbers[4]
		return count == 5 && l.spent() && l.part < l.windowMillis &&
			l.until > l.at && l.until <= l.at+RefillSecondsMax*1000
	}
	return false
}

func (l *line) aligned() bool { return l.at%l.windowMillis == 0 }

// spent tells whether what was used is what a request may have left.
func (l *line) spent() bool { return l.used >= 1 && l.used <= LimitMax }

var space = []byte{' '}

// parseNumber reads an integer as it is written here: digits, and no zeros before
// them.
func parseNumber(word []byte) (n int64, ok bool) {
	if len(word) == 0 || len(word) > numberDigitsMax || (word[0] == '0' && len(word) > 1) {
		return 0, false
	}
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
