package jsonpath

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Fuzzing rarely makes a valid document with a path that leads somewhere in it.
// Here both are made of so few pieces that names meet, and repeat.

func smallDocument(dst []byte, random *rand.Rand, depth int) []byte {
	space := func() { dst = append(dst, " \n"[:random.IntN(3)]...) }
	space()
	kind := random.IntN(6)
	if depth == 0 {
		kind = 5
	}
	switch kind {
	case 0, 1, 2:
		dst = append(dst, '{')
		space()
		for i := range random.IntN(4) {
			if i > 0 {
				dst = append(dst, ',')
			}
			space()
			dst = append(dst, pick(random, `"a"`, `"b"`, `"0"`, `"1"`, `"\u0061"`, `"é"`, `"\u00e9"`, `""`)...)
			space()
			dst = append(dst, ':')
			dst = smallDocument(dst, random, depth-1)
		}
		dst = append(dst, '}')
	case 3, 4:
		dst = append(dst, '[')
		space()
		for i := range random.IntN(4) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = smallDocument(dst, random, depth-1)
		}
		dst = append(dst, ']')
	default:
		dst = append(dst, pick(random, "1", "1.0", "10e-1", "0", "-0", "2", `"a"`, `"\u0061"`, `"]}\""`, "null", "true", "false")...)
	}
	space()
	return dst
}

func smallPath(random *rand.Rand) string {
	var path strings.Builder
	path.WriteByte('$')
	for range random.IntN(6) {
		path.WriteString(pick(random, ".a", ".b", ".é", ".0", ".1", "[0]", "[1]", "[2]", "[-1]", "[-2]", `["0"]`, `[""]`))
	}
	return path.String()
}

func pick(random *rand.Rand, choices ...string) string { return choices[random.IntN(len(choices))] }

func TestRandomDocumentsAreFoundAndSetAsInTheModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	wasFound, wasSet := 0, 0
	const rounds = 30_000
	for range rounds {
		document, leaf := smallDocument(nil, random, 5), smallDocument(nil, random, 1)
		p := parsed(t, smallPath(random))
		got, ok := Find(document, p)
		checkFind(t, document, p, decoded(t, document), got, ok)
		changed, why := Set(nil, document, p, leaf)
		newTree, err := modelSet(decoded(t, document), p.steps, decoded(t, leaf))
		if (err == nil) != (why == nil) {
			t.Fatalf("Set(%q, %s, %q) = %q, %v; want %v", document, p, leaf, changed, why, err)
		}
		if err == nil {
			checkSet(t, document, p, leaf, changed, newTree)
			wasSet++
		}
		if ok {
			wasFound++
		}
	}
	if wasFound < rounds/20 || wasSet < wasFound {
		t.Errorf("found %d and set %d of %d: too few to prove much", wasFound, wasSet, rounds)
	}
}

func TestRandomDocumentsAreEqualAsInTheModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	equal, at := 0, 0
	const rounds = 30_000
	for range rounds {
		a, b := smallDocument(nil, random, 2), smallDocument(nil, random, 2)
		treeA, treeB := decoded(t, a), decoded(t, b)
		want, _ := modelEqual(treeA, treeB)
		if got := Equal(a, b); got != want {
			t.Fatalf("Equal(%q, %q) = %v, want %v", a, b, got, want)
		}
		index := IndexOf(a, b)
		if elements, isArray := treeA.([]any); isArray {
			checkIndexOf(t, a, b, elements, treeB, index)
		}
		if want {
			equal++
		}
		if index >= 0 {
			at++
		}
	}
	if equal < rounds/100 || at < rounds/100 {
		t.Errorf("%d equal and %d found of %d: too few to prove much", equal, at, rounds)
	}
}
