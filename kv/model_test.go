package kv

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

// The model does on decoded trees what the operations do on bytes. Objects are maps,
// arrays slices, and numbers the text that they were written with.

// decoded is the tree of a valid document; nil is also null.
func decoded(document []byte) (tree any) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		panic(err)
	}
	return tree
}

// encoded is one text for each tree.
func encoded(tree any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(text.Bytes())
}

// modelStep is a step of a path: a name, an index, or digits that are either.
type modelStep struct {
	name       string
	index      int
	named, nth bool
}

// modelPath is a path with one of the ways to write it. Many lead into the tree, to a
// place that suits.
func modelPath(t *rapid.T, tree any, suits func(any) bool) (steps []modelStep, path string) {
	if !seldom(t, 2, "leads somewhere") {
		steps = leadInto(t, tree, suits)
	}
	if steps == nil || seldom(t, 3, "and further") {
		steps = append(steps, rapid.SliceOfN(rapid.Custom(anyModelStep), 0, 3).Draw(t, "steps")...)
	}
	return steps, written(t, steps)
}

func anyModelStep(t *rapid.T) modelStep {
	switch rapid.IntRange(0, 2).Draw(t, "step") {
	case 0:
		return modelStep{nth: true, index: rapid.IntRange(-2, 3).Draw(t, "index")}
	case 1:
		index := rapid.IntRange(0, 2).Draw(t, "digits")
		return modelStep{nth: true, named: true, index: index, name: strconv.Itoa(index)}
	}
	return modelStep{named: true, name: anyOf([]string{"a", "b", "n", "list", "a.b", "new", "0x"}).Draw(t, "name")}
}

// leadInto is the way to one of the places of the tree that suit, nil without one.
func leadInto(t *rapid.T, tree any, suits func(any) bool) []modelStep {
	var all [][]modelStep
	var walk func(tree any, steps []modelStep)
	walk = func(tree any, steps []modelStep) {
		steps = slices.Clip(steps)
		if suits(tree) {
			all = append(all, steps)
		}
		switch tree := tree.(type) {
		case map[string]any:
			for _, name := range sortedNames(tree) {
				step := modelStep{named: true, name: name}
				if _, err := strconv.Atoi(name); err == nil {
					step.index, _ = strconv.Atoi(name)
					step.nth = true
				}
				walk(tree[name], append(steps, step))
			}
		case []any:
			for i, element := range tree {
				index := i
				if seldom(t, 2, "from the end") {
					index -= len(tree)
				}
				walk(element, append(steps, modelStep{nth: true, index: index}))
			}
		}
	}
	walk(tree, []modelStep{})
	if len(all) == 0 {
		return nil
	}
	return anyOf(all).Draw(t, "way")
}

func sortedNames(object map[string]any) []string {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// written is one of the texts that the steps can have.
func written(t *rapid.T, steps []modelStep) string {
	path := anyOf([]string{"", "$"}).Draw(t, "root")
	if len(steps) == 0 {
		return "$"
	}
	for i, s := range steps {
		plain := s.name != "" && !strings.ContainsAny(s.name, ".[]")
		switch {
		case s.nth && !s.named:
			path += "[" + strconv.Itoa(s.index) + "]"
		case s.nth || (plain && rapid.Bool().Draw(t, "plain")):
			if i > 0 || path != "" || rapid.Bool().Draw(t, "dot") {
				path += "."
			}
			path += s.name
		default:
			path += "[" + string(encoded(s.name)) + "]"
		}
	}
	return path
}

// in is where a step leads in a value: the field's name, or the element's index,
// which may be one beyond the last.
func (s *modelStep) in(tree any) (name string, index int, ok bool) {
	switch tree := tree.(type) {
	case map[string]any:
		return s.name, 0, s.named
	case []any:
		index := s.index
		if index < 0 {
			index += len(tree)
			return "", index, s.nth && index >= 0
		}
		return "", index, s.nth && index <= len(tree)
	}
	return "", 0, false
}

func modelFind(tree any, steps []modelStep) (leaf any, found bool) {
	for _, s := range steps {
		name, index, ok := s.in(tree)
		if !ok {
			return nil, false
		}
		if object, is := tree.(map[string]any); is {
			if tree, ok = object[name]; !ok {
				return nil, false
			}
			continue
		}
		array := tree.([]any)
		if index == len(array) {
			return nil, false
		}
		tree = array[index]
	}
	return tree, true
}

// modelSet is the tree with leaf in its place; ok is false if a parent is neither an
// object nor an array, or has no such place.
func modelSet(tree any, steps []modelStep, leaf any) (_ any, ok bool) {
	if len(steps) == 0 {
		return leaf, true
	}
	name, index, ok := steps[0].in(tree)
	if !ok {
		return nil, false
	}
	var child any = map[string]any{}
	if len(steps) > 1 && steps[1].nth && !steps[1].named {
		child = []any{}
	}
	if object, is := tree.(map[string]any); is {
		if old, has := object[name]; has {
			child = old
		}
		object[name], ok = modelSet(child, steps[1:], leaf)
		return object, ok
	}
	array := tree.([]any)
	if index == len(array) {
		array = append(array, nil)
	} else {
		child = array[index]
	}
	array[index], ok = modelSet(child, steps[1:], leaf)
	return array, ok
}

// modelEqual is JSON's equality: numbers by value, objects by their fields.
func modelEqual(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		other, is := b.(json.Number)
		if !is {
			return false
		}
		x, _ := new(big.Rat).SetString(string(a))
		y, _ := new(big.Rat).SetString(string(other))
		return x.Cmp(y) == 0
	case []any:
		other, is := b.([]any)
		return is && slices.EqualFunc(a, other, modelEqual)
	case map[string]any:
		other, is := b.(map[string]any)
		return is && len(a) == len(other) && modelCovers(other, a)
	}
	switch b.(type) {
	case json.Number, []any, map[string]any:
		return false
	}
	return a == b
}

func modelCovers(object, wanted map[string]any) bool {
	for name, value := range wanted {
		if own, has := object[name]; !has || !modelEqual(own, value) {
			return false
		}
	}
	return true
}

// modelIndexOf is the first equal element, else the first object that has all fields;
// which says something only where there are some.
func modelIndexOf(array []any, wanted any) int {
	for i := range array {
		if modelEqual(array[i], wanted) {
			return i
		}
	}
	if wanted, is := wanted.(map[string]any); is && len(wanted) > 0 {
		for i := range array {
			if object, is := array[i].(map[string]any); is && modelCovers(object, wanted) {
				return i
			}
		}
	}
	return -1
}

// modelled is an operation on a document, with what the model begins from.
type modelled struct {
	row    Row
	exists bool
	tree   any // what the row holds, {} for a key that is missing
	steps  []modelStep
	op     Op
}

// anyModelled draws a row, and a path that often leads to what suits.
func anyModelled(t *rapid.T, suits func(any) bool) modelled {
	m := modelled{tree: map[string]any{}, op: Op{Key: "key"}}
	if m.exists = !seldom(t, 3, "exists"); m.exists {
		m.row = stored(anyType.Draw(t, "type"), anyDocument(t))
		m.tree = decoded(m.row.Value.Bytes)
	}
	m.steps, m.op.Path = modelPath(t, m.tree, suits)
	if len(m.steps) == 0 && rapid.Bool().Draw(t, "whole value") {
		m.op.Path = ""
	}
	return m
}

// expect runs the operation and holds it to the model: what tree there is after it,
// or the kind of its refusal.
func (m *modelled) expect(t *rapid.T, want any, kind refusal.Kind) trial {
	tr := try(&failing{T: t}, m.op, m.row)
	switch {
	case kind != 0 && (tr.why == nil || tr.why.Kind != kind):
		t.Fatalf("%s %s on %s: %v, want %s", m.op.Code, m.op.Path, m.row.Value.Bytes, tr.why, kind.Code())
	case kind != 0:
		return tr
	case tr.why != nil:
		t.Fatalf("%s %s on %s is refused: %v", m.op.Code, m.op.Path, m.row.Value.Bytes, tr.why)
	}
	got := []byte(tr.value())
	if !validJSON(got) || !bytes.Equal(encoded(decoded(got)), encoded(want)) {
		t.Fatalf("%s %s on %s: %s, want %s", m.op.Code, m.op.Path, m.row.Value.Bytes, got, encoded(want))
	}
	wantType := contentTypeJSON
	if m.exists {
		wantType = m.row.ContentType
	}
	if tr.row.ContentType != wantType {
		t.Fatalf("the type is %q, want %q", tr.row.ContentType, wantType)
	}
	return tr
}

// failing is a rapid.T as far as helpers of ordinary tests need one.
type failing struct {
	testing.TB
	T *rapid.T
}

func (f *failing) Helper()                           {}
func (f *failing) Errorf(format string, args ...any) { f.T.Fatalf(format, args...) }
func (f *failing) Fatal(args ...any)                 { f.T.Fatal(args...) }

func anything(any) bool { return true }

func aNumber(tree any) bool {
	_, is := tree.(json.Number)
	return is
}

func anArray(tree any) bool {
	_, is := tree.([]any)
	return is
}

func TestSettingAPathIsAssigningInTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModelled(t, anything)
		if m.op.Path == "" {
			m.op.Path = "$"
		}
		leaf := anyDocument(t)
		m.op.Value, m.op.ContentType = BodyOf(&m.op, "text/plain", []byte(leaf))
		before, found := modelFind(m.tree, m.steps)
		want, ok := modelSet(m.tree, m.steps, decoded([]byte(leaf)))
		if !ok {
			m.expect(t, nil, refusal.InvalidParameters)
			return
		}
		tr := m.expect(t, want, 0)
		if tr.reply.Size != len(tr.row.Value.Bytes) {
			t.Fatalf("size %d of %d bytes", tr.reply.Size, len(tr.row.Value.Bytes))
		}
		if found && m.exists && !differsInOnePlace(string(m.row.Value.Bytes), tr.value(), encoded(before), strings.TrimSpace(leaf)) {
			t.Fatalf("%s of %q became %q: more than the leaf has changed", m.op.Path, m.row.Value.Bytes, tr.value())
		}
	})
}

// differsInOnePlace tells whether after is before with leaf in the place of one value,
// which is equal to old.
func differsInOnePlace(before, after string, old []byte, leaf string) bool {
	for start := 0; start <= len(before) && start <= len(after) && before[:start] == after[:start]; start++ {
		rest, ok := strings.CutPrefix(after[start:], leaf)
		if !ok || !strings.HasSuffix(before[start:], rest) {
			continue
		}
		was := []byte(before[start : len(before)-len(rest)])
		if validJSON(was) && bytes.Equal(encoded(decoded(was)), old) {
			return true
		}
	}
	return false
}

func TestCountingAtAPathIsAddingInTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModelled(t, aNumber)
		if m.op.Path == "" {
			m.op.Path = "$"
		}
		m.op.Code, m.op.Delta = anyOf([]Code{Incr, Decr}).Draw(t, "op"), anyDelta.Draw(t, "delta")
		before := new(big.Int)
		if leaf, found := modelFind(m.tree, m.steps); found {
			n, _ := leaf.(json.Number)
			if _, err := strconv.ParseInt(string(n), 10, 64); err != nil {
				m.expect(t, nil, refusal.InvalidParameters)
				return
			}
			before.SetString(string(n), 10)
		}
		delta := big.NewInt(m.op.Delta)
		if m.op.Code == Decr {
			delta.Neg(delta)
		}
		after := new(big.Int).Add(before, delta)
		want, ok := modelSet(m.tree, m.steps, json.Number(after.String()))
		if !ok || !after.IsInt64() {
			m.expect(t, nil, refusal.InvalidParameters)
			return
		}
		if tr := m.expect(t, want, 0); tr.reply.Value != after.Int64() || tr.reply.Applied != delta.Int64() {
			t.Fatalf("%s: answered %d after %d", after, tr.reply.Value, tr.reply.Applied)
		}
	})
}

func TestPushingIsAppendingInTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModelled(t, anArray)
		element := anyDocument(t)
		m.op.Code, m.op.Value = Push, Value{Kind: Text, Bytes: []byte(element)}
		m.op.LengthMax = rapid.Int64Range(0, 4).Draw(t, "max length")
		leaf, found := modelFind(m.tree, m.steps)
		if !m.exists && len(m.steps) == 0 {
			found = false
		}
		array, isArray := leaf.([]any)
		if found && !isArray {
			m.expect(t, nil, refusal.InvalidParameters)
			return
		}
		array = append(slices.Clone(array), decoded([]byte(element)))
		if most := int(m.op.LengthMax); most > 0 && len(array) > most {
			array = array[len(array)-most:]
		}
		want, ok := modelSet(m.tree, m.steps, array)
		if !ok {
			m.expect(t, nil, refusal.InvalidParameters)
			return
		}
		if tr := m.expect(t, want, 0); tr.reply.Length != len(array) {
			t.Fatalf("answered a length of %d", tr.reply.Length)
		}
	})
}

// takes is what Pop and Remove have in common: find is the index that they take.
func takes(t *rapid.T, m *modelled, find func(array []any) int) {
	leaf, found := modelFind(m.tree, m.steps)
	array, isArray := leaf.([]any)
	switch {
	case !m.exists || !found:
		m.expect(t, nil, refusal.KeyNotFound)
		return
	case !isArray:
		m.expect(t, nil, refusal.InvalidParameters)
		return
	}
	index := find(array)
	if index < 0 {
		m.expect(t, nil, refusal.KeyNotFound)
		return
	}
	element := array[index]
	rest := slices.Delete(slices.Clone(array), index, index+1)
	want, _ := modelSet(m.tree, m.steps, rest)
	tr := m.expect(t, want, 0)
	if !bytes.Equal(encoded(decoded(tr.reply.Element)), encoded(element)) || tr.reply.Length != len(rest) {
		t.Fatalf("answered %s and a length of %d, want %s and %d", tr.reply.Element, tr.reply.Length, encoded(element), len(rest))
	}
}

func TestPoppingIsTakingTheLastElementOfTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModelled(t, anArray)
		m.op.Code = Pop
		takes(t, &m, func(array []any) int { return len(array) - 1 })
	})
}

func TestRemovingAnIndexIsTakingThatElementOfTheTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModelled(t, anArray)
		m.op.Code, m.op.HasIndex = Remove, true
		m.op.Index = rapid.Int64Range(-4, 4).Draw(t, "index")
		m.op.Value = Value{Kind: Text, Bytes: []byte("1")} // the index wins
		takes(t, &m, func(array []any) int {
			index := int(m.op.Index)
			if index < 0 {
				index += len(array)
			}
			if index >= len(array) {
				return -1
			}
			return index
		})
	})
}

func TestRemovingAValueIsTakingTheFirstOfTheTreeThatIsEqualOrHasItsFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModelled(t, func(tree any) bool {
			array, _ := tree.([]any)
			return len(array) > 0
		})
		wanted := anyDocument(t)
		leaf, _ := modelFind(m.tree, m.steps)
		if array, _ := leaf.([]any); len(array) > 0 && rapid.Bool().Draw(t, "one that is there") {
			wanted = string(encoded(somewhatLike(t, anyOf(array).Draw(t, "element"))))
		}
		m.op.Code = Remove
		m.op.Value, _ = TargetOf([]byte(`{"other":1, "value" : ` + wanted + ` }`))
		takes(t, &m, func(array []any) int { return modelIndexOf(array, decoded([]byte(wanted))) })
	})
}

// somewhatLike is the element, or an object with fewer fields.
func somewhatLike(t *rapid.T, element any) any {
	object, is := element.(map[string]any)
	if !is {
		return element
	}
	fewer := map[string]any{}
	for _, name := range sortedNames(object) {
		if rapid.Bool().Draw(t, "field") {
			fewer[name] = object[name]
		}
	}
	return fewer
}
