package ratelimit

import "github.com/urlite/urlite/refusal"

// Algorithm is how a rule counts.
type Algorithm uint8

// The algorithms. Their names are in stored states: they never change.
const (
	// Sliding weighs the window before with the part of it that is still near.
	Sliding Algorithm = iota
	// Fixed counts anew in every window.
	Fixed
	// GCRA is a bucket that leaks steadily.
	GCRA

	algorithmEnd
)

var names = [algorithmEnd]string{Sliding: "sliding", Fixed: "fixed", GCRA: "gcra"}

var algorithmUnknown = refusal.New(refusal.InvalidParameters, "algorithm must be sliding, fixed or gcra")

// ParseAlgorithm reads an algorithm's name; none means sliding.
func ParseAlgorithm(text string) (Algorithm, *refusal.Refusal) {
	if text == "" {
		return Sliding, nil
	}
	for a, name := range names {
		if text == name {
			return Algorithm(a), nil
		}
	}
	return Sliding, algorithmUnknown
}

// String is the algorithm's name as clients write it.
func (a Algorithm) String() string {
	if a >= algorithmEnd {
		return "unknown"
	}
	return names[a]
}
