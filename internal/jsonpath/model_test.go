package jsonpath

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// The model does on decoded trees what the package does on bytes.

// isDocument tells whether the package promises anything about a text.
func isDocument(text []byte) bool { return utf8.Valid(text) && json.Valid(text) }

// decoded reads a document into a tree, numbers as their text.
func decoded(t *testing.T, document []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	return tree
}

// decodedElements is decoded for arrays; it returns nil for anything else.
func decodedElements(t *testing.T, document []byte) []any {
	elements, _ := decoded(t, document).([]any)
	return elements
}

var errNowhere = errors.New("the path leads nowhere")

func modelFind(tree any, steps []step) (leaf any, err error) {
	for _, step := range steps {
		switch parent := tree.(type) {
		case map[string]any:
			child, ok := parent[step.name]
			if !ok || step.kind == byIndex {
				return nil, errNowhere
			}
			tree = child
		case []any:
			index := step.index
			if index < 0 {
				index += len(parent)
			}
			if step.kind == byName || index < 0 || index >= len(parent) {
				return nil, errNowhere
			}
			tree = parent[index]
		default:
			return nil, errNowhere
		}
	}
	return tree, nil
}

// modelSet returns the tree with leaf in place. It may change the tree.
func modelSet(tree any, steps []step, leaf any) (any, error) {
	if len(steps) == 0 {
		return leaf, nil
	}
	step := steps[0]
	switch parent := tree.(type) {
	case map[string]any:
		if step.kind == byIndex {
			return nil, errNowhere
		}
		child, ok := parent[step.name]
		if !ok {
			child = modelMissing(steps[1:])
		}
		child, err := modelSet(child, steps[1:], leaf)
		parent[step.name] = child
		return parent, err
	case []any:
		index := step.index
		if index < 0 {
			index += len(parent)
		}
		if step.kind == byName || index < 0 || index > len(parent) {
			return nil, errNowhere
		}
		if index == len(parent) {
			parent = append(parent, modelMissing(steps[1:]))
		}
		child, err := modelSet(parent[index], steps[1:], leaf)
		parent[index] = child
		return parent, err
	}
	return nil, errNowhere
}

// modelMissing is what a missing value starts as.
func modelMissing(below []step) any {
	if len(below) > 0 && below[0].kind == byIndex {
		return []any{}
	}
	return map[string]any{}
}

// modelEqual compares trees; ok is false for numbers that would take too long.
func modelEqual(a, b any) (equal, ok bool) {
	switch a := a.(type) {
	case json.Number:
		other, isNumber := b.(json.Number)
		if !isNumber {
			return false, true
		}
		x, okX := rational(a)
		y, okY := rational(other)
		if !okX || !okY {
			return false, false
		}
		return x.Cmp(y) == 0, true
	case []any:
		other, isArray := b.([]any)
		if !isArray || len(a) != len(other) {
			return false, true
		}
		for i := range a {
			if equal, ok := modelEqual(a[i], other[i]); !equal || !ok {
				return false, ok
			}
		}
		return true, true
	case map[string]any:
		other, isObject := b.(map[string]any)
		if !isObject || len(a) != len(other) {
			return false, true
		}
		return modelCovers(other, a)
	}
	return reflect.DeepEqual(a, b), true
}

// modelCovers tells whether object has all the fields of wanted.
func modelCovers(object, wanted map[string]any) (covers, ok bool) {
	for name, value := range wanted {
		own, has := object[name]
		if !has {
			return false, true
		}
		if equal, ok := modelEqual(own, value); !equal || !ok {
			return false, ok
		}
	}
	return true, true
}

// rational is the exact value of a number whose exponent has three digits at most.
func rational(n json.Number) (*big.Rat, bool) {
	text := strings.ToLower(string(n))
	if _, exponent, _ := strings.Cut(text, "e"); len(strings.TrimLeft(exponent, "+-0")) > 3 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// hasLoneSurrogate tells of a tree that may have come from half of a surrogate
// pair: encoding/json makes all of them one character, and we don't.
func hasLoneSurrogate(tree any) bool {
	text, err := json.Marshal(tree)
	return err != nil || bytes.Contains(text, []byte("\ufffd")) || bytes.Contains(text, []byte(`\ufffd`))
}

// isOneCut tells whether cut is whole without one run of bytes.
func isOneCut(cut, whole []byte) bool {
	prefix := 0
	for prefix < len(cut) && prefix < len(whole) && cut[prefix] == whole[prefix] {
		prefix++
	}
	return len(cut) <= len(whole) && bytes.HasSuffix(whole, cut[prefix:])
}
