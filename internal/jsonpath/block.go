package jsonpath

import (
	"encoding/binary"
	"math/bits"
)

// Most of a walk passes over what nobody asked for. It does so 64 bytes at a time:
// a block becomes words with one bit for each byte, and there is no branch for
// each quote and bracket, which no processor could foresee.

const blockBytes = 64

// nearBytes is how much of a container is read byte by byte: most are small, and a
// block would cost more than they do.
const nearBytes = 32

// The constants hold one character eight times.
const (
	ones        = 0x0101010101010101
	lows        = 0x7f * ones
	highs       = 0x80 * ones
	quotes      = '"' * ones
	backslashes = '\\' * ones
	// The four brackets differ in these bits alone. So do Y, y, _ and DEL, which no
	// document has outside of its strings.
	bracketMask = 0xd9 * ones
	brackets    = ('[' & 0xd9) * ones
	// closingShift brings the bit that only a closing bracket has to the top of
	// its byte.
	closingShift = 5
)

// firstZero has the high bit set in the first byte of word that is zero, and in
// none before it. Those after it may be wrong.
func firstZero(word uint64) uint64 { return (word - ones) &^ word & highs }

// zeros has the high bit set in every byte of word that is zero, and no other bit.
func zeros(word uint64) uint64 { return ^(word&lows + lows | word | lows) }

// gather packs the high bits of eight bytes, of which no other bit is set.
func gather(word uint64) uint64 { return word >> 7 * 0x0102040810204080 >> 56 }

// blocks reads a text from a place outside of its strings.
type blocks struct {
	text []byte
	at   int // of the next block
	// What the last block ended in: all bits within a string, else none; and 1
	// after a backslash that escapes what follows.
	inString, escaped uint64
}

// next returns the brackets outside of strings in the next block, and which of
// them are closing. Past the end of the text there are none.
func (b *blocks) next() (all, closing uint64) {
	var last [blockBytes]byte
	block := &last
	if len(b.text)-b.at >= blockBytes {
		block = (*[blockBytes]byte)(b.text[b.at:])
	} else {
		copy(last[:], b.text[b.at:])
	}
	b.at = min(b.at+blockBytes, len(b.text))
	var quote, anyBackslash uint64
	for i := 0; i < blockBytes; i += 8 {
		word := binary.LittleEndian.Uint64(block[i : i+8])
		bracket := zeros(word&bracketMask ^ brackets)
		all |= gather(bracket) << i
		closing |= gather(bracket&(word<<closingShift)) << i
		quote |= gather(zeros(word^quotes)) << i
		anyBackslash |= firstZero(word ^ backslashes)
	}
	if anyBackslash|b.escaped != 0 {
		quote &^= b.escapedIn(block)
	}
	strings := quote // becomes all bits from an opening quote to before the closing one
	strings ^= strings << 1
	strings ^= strings << 2
	strings ^= strings << 4
	strings ^= strings << 8
	strings ^= strings << 16
	strings ^= strings << 32
	strings ^= b.inString
	b.inString = uint64(int64(strings) >> 63)
	return all &^ strings, closing &^ strings
}

// escapedIn returns which bytes of a block follow a backslash that escapes them.
func (b *blocks) escapedIn(block *[blockBytes]byte) (escaped uint64) {
	var rest uint64 // the backslashes not yet looked at
	for i := 0; i < blockBytes; i += 8 {
		rest |= gather(zeros(binary.LittleEndian.Uint64(block[i:i+8])^backslashes)) << i
	}
	escaped, b.escaped = b.escaped, 0
	for rest &^= escaped; rest != 0; {
		i := bits.TrailingZeros64(rest)
		if i == blockBytes-1 {
			b.escaped = 1
		}
		escaped |= 2 << i
		rest &^= 3 << i
	}
	return escaped
}

// containerEnd returns where a container ends that an offset lies directly in, and
// in no string of it.
func containerEnd(text []byte, at int) int {
	depth := 1
	for near := min(at+nearBytes, len(text)); at < near; {
		switch text[at] {
		case '"':
			at = stringEnd(text, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if at++; depth == 0 {
			return at
		}
	}
	for b := (blocks{text: text, at: at}); b.at < len(text); {
		start := b.at
		all, closing := b.next()
		if n := bits.OnesCount64(closing); n < depth {
			depth += bits.OnesCount64(all) - 2*n
			continue
		}
		for ; all != 0; all &= all - 1 {
			i := bits.TrailingZeros64(all)
			if closing>>i&1 == 0 {
				depth++
				continue
			}
			if depth--; depth == 0 {
				return start + i + 1
			}
		}
	}
	return len(text)
}

// Depth is how deep a document is nested: 0 for a string, 1 for [1].
func Depth(document []byte) int {
	depth, deepest := 0, 0
	for b := (blocks{text: document}); b.at < len(document); {
		all, closing := b.next()
		if depth+bits.OnesCount64(all) <= deepest {
			depth += bits.OnesCount64(all) - 2*bits.OnesCount64(closing)
			continue
		}
		for ; all != 0; all &= all - 1 {
			if closing>>bits.TrailingZeros64(all)&1 == 0 {
				depth++
				deepest = max(deepest, depth)
			} else {
				depth--
			}
		}
	}
	return deepest
}
