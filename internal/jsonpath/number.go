package jsonpath

import "bytes"

// number is a JSON number taken apart, without rounding: its value is
//
//	0.DIGITS × 10^(power + shift)
//
// No power is computed that the text does not write, so a huge one costs nothing.
type number struct {
	negative bool
	// digits runs from the first to the last that is not zero, and may hold the
	// dot. It is empty for zero.
	digits []byte
	// count is how many digits there are, without the dot.
	count int
	// power is what stands behind the e, of any length, without leading zeros.
	power         []byte
	powerNegative bool
	shift         int
}

func parseNumber(text []byte) (n number) {
	if text, n.negative = bytes.CutPrefix(text, []byte("-")); len(text) == 0 {
		return n
	}
	if e := bytes.IndexAny(text, "eE"); e >= 0 {
		text, n.power = text[:e], text[e+1:]
		if len(n.power) > 0 && (n.power[0] == '-' || n.power[0] == '+') {
			n.powerNegative = n.power[0] == '-'
			n.power = n.power[1:]
		}
		n.power = bytes.TrimLeft(n.power, "0")
	}
	dot := bytes.IndexByte(text, '.')
	if dot < 0 {
		dot = len(text)
	}
	n.digits = bytes.TrimLeft(text, "0.")
	start := len(text) - len(n.digits)
	n.digits = bytes.TrimRight(n.digits, "0.")
	n.count = len(n.digits)
	n.shift = dot - start
	switch {
	case start > dot:
		n.shift++ // the dot is no digit
	case dot < start+len(n.digits):
		n.count--
	}
	return n
}

// equal compares by exact decimal value: 1, 1.0 and 10e-1 are equal, as are 0 and -0.
func (n *number) equal(other *number) bool {
	if n.count == 0 || other.count == 0 {
		return n.count == other.count
	}
	return n.negative == other.negative && n.count == other.count &&
		equalDigits(n.digits, other.digits) && n.equalMagnitude(other)
}

// equalDigits compares two runs of as many digits, either with a dot in it.
func equalDigits(a, b []byte) bool {
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == '.':
			i++
		case b[j] == '.':
			j++
		case a[i] != b[j]:
			return false
		default:
			i++
			j++
		}
	}
	return true
}

// powerDigitsMax is how many digits of a power fit into 64 bits, with room for the
// shift, which is never more than the length of a document.
const powerDigitsMax = 18

// equalMagnitude compares power + shift.
func (n *number) equalMagnitude(other *number) bool {
	high, low := n.splitPower()
	otherHigh, otherLow := other.splitPower()
	// The sums are equal if the powers differ by this much, and that is little.
	apart := int64(other.shift - n.shift)
	if len(high) == 0 && len(otherHigh) == 0 {
		return low-otherLow == apart
	}
	if n.powerNegative != other.powerNegative {
		// The one that has a high part is further from zero than any shift.
		return false
	}
	if n.powerNegative {
		low, otherLow, apart = -low, -otherLow, -apart
	}
	const carry = 1_000_000_000_000_000_000 // 10^powerDigitsMax
	switch low - otherLow {
	case apart:
		return bytes.Equal(high, otherHigh)
	case apart - carry:
		return isSuccessor(high, otherHigh)
	case apart + carry:
		return isSuccessor(otherHigh, high)
	}
	return false
}

// splitPower returns the last digits of the power as a number with its sign, and
// the text of those before them.
func (n *number) splitPower() (high []byte, low int64) {
	cut := max(len(n.power)-powerDigitsMax, 0)
	for _, digit := range n.power[cut:] {
		low = low*10 + int64(digit-'0')
	}
	if n.powerNegative {
		low = -low
	}
	return n.power[:cut], low
}

// isSuccessor tells whether the decimal number next is number + 1. Neither has
// leading zeros; the empty one is 0.
func isSuccessor(next, number []byte) bool {
	for len(number) > 0 && number[len(number)-1] == '9' {
		if len(next) == 0 || next[len(next)-1] != '0' {
			return false
		}
		next, number = next[:len(next)-1], number[:len(number)-1]
	}
	if len(number) == 0 {
		return string(next) == "1"
	}
	last := len(number) - 1
	return len(next) == len(number) && next[last] == number[last]+1 && bytes.Equal(next[:last], number[:last])
}
