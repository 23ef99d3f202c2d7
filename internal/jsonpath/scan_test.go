package jsonpath

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// plainScan reads a text byte by byte, to compare the scan by blocks with: where
// the value ends that the text begins with, and how deep it goes.
func plainScan(text []byte) (end, deepest int) {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !inString {
			return min(i+1, len(text)), deepest
		}
	}
	return len(text), deepest
}

// randomValue appends a string or a container full of what could mislead a scan.
func randomValue(dst []byte, random *rand.Rand, depth int) []byte {
	separate := func(i int) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, strings.Repeat(" ", random.IntN(4))...)
	}
	switch kind := random.IntN(4); {
	case kind == 0 && depth > 0:
		dst = append(dst, '[')
		for i := range random.IntN(4) {
			separate(i)
			dst = randomValue(dst, random, depth-1)
		}
		return append(dst, ']')
	case kind == 1 && depth > 0:
		dst = append(dst, '{')
		for i := range random.IntN(4) {
			separate(i)
			dst = append(randomString(dst, random), ':')
			dst = randomValue(dst, random, depth-1)
		}
		return append(dst, '}')
	case kind == 2:
		return append(dst, "-12.5e+7"...)
	}
	return randomString(dst, random)
}

func randomString(dst []byte, random *rand.Rand) []byte {
	pieces := []string{`\\`, `\"`, `[`, `]`, `{`, `}`, `Y_y`, "\x7f", `é`, `,`, `:`, `\u005c`, ` `, strings.Repeat(`\\`, 33), strings.Repeat("a", 60)}
	dst = append(dst, '"')
	for range random.IntN(6) {
		dst = append(dst, pieces[random.IntN(len(pieces))]...)
	}
	return append(dst, '"')
}

func TestTheScanByBlocksSeesWhatAScanByBytesSees(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		value := randomValue(nil, random, 6)
		text := append(value[:len(value):len(value)], randomValue([]byte{','}, random, 3)...)
		wantEnd, wantDepth := plainScan(value)
		if value[0] == '-' {
			wantEnd = len(value)
		}
		if got := valueEnd(text, 0); got != wantEnd || got != len(value) {
			t.Fatalf("seed %d: valueEnd(%q) = %d, want %d", seed, text, got, wantEnd)
		}
		if got := Depth(value); got != wantDepth {
			t.Fatalf("seed %d: Depth(%q) = %d, want %d", seed, value, got, wantDepth)
		}
		before := append(randomValue([]byte{'['}, random, 3), ',')
		if got := valueStart(append(before, value...), len(before)+len(value)); got != len(before) {
			t.Fatalf("seed %d: valueStart(%q) = %d after %q", seed, value, got, before)
		}
	}
}

func TestMarksCountWhereverABlockEnds(t *testing.T) {
	f := func(text string) {
		t.Helper()
		array := []byte("[[" + text + "],1]")
		if got, ok := Element(array, 0); !ok || string(got) != "["+text+"]" {
			t.Fatalf("the first element of %s is %s", array, got)
		}
		if got, ok := Element(array, -2); !ok || string(got) != "["+text+"]" {
			t.Fatalf("the last element but one of %s is %s", array, got)
		}
	}
	for n := range 3 * blockBytes {
		spaces := strings.Repeat(" ", n)
		f(spaces)
		f(spaces + `"]"`)
		f(spaces + `"\"]"`)
		f(spaces + `"\\","]"`)
		f(`"` + strings.Repeat(`\\`, n) + `]"`)
		f(`"` + strings.Repeat(`\\`, n) + `\"]"`)
		f(spaces + `"` + strings.Repeat(`\\`, 40) + `\"]"`)
		f(strings.Repeat("[", n) + strings.Repeat("]", n))
	}
}

func TestNothingPanicsOnWhatIsNoDocument(t *testing.T) {
	paths := []Path{parsed(t, "$"), parsed(t, "a.b"), parsed(t, "[0][0]"), parsed(t, "[-1].a"), parsed(t, "0.0")}
	f := func(text []byte) {
		for _, p := range paths {
			Find(text, p)
			_, _ = Set(nil, text, p, text)
		}
		Length(text)
		Depth(text)
		Push(nil, text, text)
		for _, n := range []int{-2, -1, 0, 1, 2} {
			Drop(nil, text, n)
			Remove(nil, text, n)
			Element(text, n)
		}
		for _, other := range []string{`{"a":[1,{"b":"\u0061"}]}`, `["ab\"c",-1.5e7]`, "[[[[]]]]"} {
			Equal(text, []byte(other))
			Equal([]byte(other), text)
			IndexOf(text, []byte(other))
			IndexOf([]byte(other), text)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{`"`, `\`, `[`, `]`, `{`, `}`, `,`, `:`, ` `, `1`, `-`, `e9`, `.`, `a`, `"a"`, `"a":`, `\u`, `\ud83d`, "\xff", "\x00", `true`}
	for range 5_000 {
		var text []byte
		for range random.IntN(12) {
			text = append(text, pieces[random.IntN(len(pieces))]...)
		}
		f(text)
	}
	for _, piece := range pieces {
		f([]byte(strings.Repeat(piece, 100_000)))
	}
	// Whole documents, cut off.
	for range 100 {
		text := randomValue(nil, random, 4)
		for i := range min(len(text), 300) {
			f(text[:i])
			f(text[i:])
		}
	}
}
