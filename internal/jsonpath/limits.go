package jsonpath

const (
	// pathBytesMax bounds the text of a path, which is kept with every recorded patch.
	pathBytesMax = 1024
	// stepsMax bounds the steps of a path, and so how deep the walk calls itself.
	stepsMax = 128
	// stepsFromEndMax bounds the negative indexes of a path: each costs one more
	// pass over what is inside its array.
	stepsFromEndMax = 16
	// shownBytesMax is how much of a path a refusal repeats.
	shownBytesMax = 64
)

// DepthMax is how deep a document may be nested: beyond it encoding/json refuses
// to read what we stored.
const DepthMax = 10_000
