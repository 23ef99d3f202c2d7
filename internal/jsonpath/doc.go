// Package jsonpath finds and changes one place of a JSON document, on its bytes:
// what a change does not mean to touch keeps its order, its spacing and the text
// of its numbers.
//
// It is pure, and it trusts its caller: a document, a leaf or an element is one
// JSON document as encoding/json.Valid accepts it, in UTF-8. On anything else the
// answers are nonsense, but all functions end and none panics.
//
// Three rules hold everywhere:
//
//  1. Texts are equal when they are equal unescaped. Half of a surrogate pair,
//     which only an escape can write, equals nothing but itself.
//  2. Of fields with the same name the last one counts, as in encoding/json and
//     JavaScript.
//  3. The work grows with the bytes handed in, not with their product: a path of
//     many steps, a deep document or a large value to look for can't hold up the
//     writer. This is why there is a walk of its own here, which does not go back
//     to the start of what it has passed.
//
// A function that appends to dst returns the longer slice. dst must not share
// memory with the other arguments.
package jsonpath
