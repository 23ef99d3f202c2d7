package kv

import (
	"encoding/json"
	"testing"

	"github.com/urlite/urlite/internal/jsonpath"
	"github.com/urlite/urlite/internal/jsontext"
)

// Values that nobody checked come from plain SQL, and from types that are not JSON.
func FuzzDecideOnJSON(f *testing.F) {
	seed := func(code Code, path, row, body string, number int64) {
		f.Add(uint8(code), path, []byte(row), []byte(body), number)
	}
	seed(Set, "a.b[0]", `{"a":{"b":[1]}}`, `"x"`, 0)
	seed(Set, `["\u0061"].new`, " {\"a\" : {} }\n", ` {"value":[]} `, 1)
	seed(Set, "$", `7`, `{`, 2)
	seed(Set, "a[-1]", `{"a":[1,2],"a":[3]}`, `null`, 3)
	seed(Incr, "n", `{"n":9223372036854775806}`, ``, 1)
	seed(Incr, "[0]", `{"a":1}`, ``, 0) // clamped to nothing, where nothing can be
	seed(Incr, "", `-9223372036854775808`, ``, 5)
	seed(Decr, "[1]", `[1,-9223372036854775808]`, ``, -9)
	seed(Push, "", ` [ 1 , 2 ] `, `{"value":{"value":1}}`, 2)
	seed(Push, "l", `{"l":["\"]"]}`, `"\ud800"`, -1)
	seed(Push, "l.0", "{\"l\":[[],\"\xff\"]}", `1`, 1)
	seed(Pop, "", `["\\",{"a":"]"}]`, ``, 0)
	seed(Pop, "[0]", `[[]]`, ``, 0)
	seed(Remove, "", `[{"a":1,"b":2},{"a":1.0}]`, `{"value":{"a":1e0}}`, 1)
	seed(Remove, "a", `{"a":[null,null]}`, ``, -4)
	seed(Remove, "a", `{"a":[1]}`, `{"value":1E-0}`, 1)
	seed(Expire, "", `text`, ``, 60)
	seed(Persist, "", "\x00", ``, 0)
	seed(Limit, "", `sliding 60 1700000000000 0 1`, ``, 3)

	f.Fuzz(func(t *testing.T, code uint8, path string, body, asked []byte, number int64) {
		row := stored([]string{contentTypeJSON, "text/plain", contentTypeBinary, limitContentType}[code>>4%4], string(body))
		if n, ok := row.Value.integer(); ok && code>>6 != 0 {
			row.Value = IntegerValue(n)
		}
		op := fuzzedOp(Code(code%16), path, asked, number)
		if op == nil {
			return
		}
		tr := try(t, *op, row)
		switch {
		case tr.why != nil:
			if tr.why.Kind == 0 || tr.why.Text == "" {
				t.Fatalf("%+v", tr.why)
			}
			return
		case op.Code == Expire || op.Code == Persist || op.Code == Limit:
			return
		}
		made := tr.row.Value.Append(nil)
		if !validJSON(made) {
			t.Fatalf("%s at %q made %q of %q", op.Code, path, made, body)
		}
		if tr.reply.Element != nil && (!json.Valid(tr.reply.Element) || len(jsontext.Trim(tr.reply.Element)) != len(tr.reply.Element)) {
			t.Fatalf("%s took the element %q", op.Code, tr.reply.Element)
		}
		holdsThere(t, op, &tr, made)
	})
}

// fuzzedOp is an operation with the path, or nil for none.
func fuzzedOp(code Code, path string, asked []byte, number int64) *Op {
	if code >= codeEnd || code == Delete || code == Append || code == Get {
		return nil
	}
	op := &Op{Code: code, Key: "k", TTLSeconds: 1}
	if code.Takes(TakesPath) {
		op.Path = path
	}
	switch code {
	case Set:
		if path == "" {
			return nil
		}
		op.Value, op.ContentType = BodyOf(op, []string{"", "text/plain"}[number&1], asked)
	case Incr, Decr:
		op.Delta = max(number, -number, 1)
		op.Bounds = Bounds{Min: -number, Max: number, HasMin: number < 0, HasMax: number%2 == 0, Clamp: number%3 == 0}
	case Push:
		op.Value, op.LengthMax = ElementOf(asked), max(number, 0)
	case Remove:
		target, why := TargetOf(asked)
		if why != nil {
			return nil
		}
		op.Value = target
		op.HasIndex, op.Index = len(target.Bytes) == 0, number
	case Limit:
		op.Limit = perMinute(max(number, 1))
	}
	return op
}

// holdsThere finds what the operation put at its path.
func holdsThere(t *testing.T, op *Op, tr *trial, made []byte) {
	t.Helper()
	path := jsonpath.Path{}
	if op.Path != "" {
		path, _ = jsonpath.Parse(op.Path)
	}
	leaf, found := jsonpath.Find(made, path)
	if !found {
		t.Fatalf("%s at %q of %q: nothing is there", op.Code, op.Path, made)
	}
	switch op.Code {
	case Set:
		if string(leaf) != string(jsontext.Trim(op.Value.Bytes)) || tr.reply.Size != len(made) {
			t.Fatalf("put %q, found %q", op.Value.Bytes, leaf)
		}
	case Incr, Decr:
		if n, ok := integerOf(leaf); ok && n != tr.reply.Value {
			t.Fatalf("answered %d, found %q", tr.reply.Value, leaf)
		}
	case Push, Pop, Remove:
		if jsonpath.Length(leaf) != tr.reply.Length {
			t.Fatalf("answered a length of %d, found %q", tr.reply.Length, leaf)
		}
	}
	if op.Code == Push {
		if last, ok := jsonpath.Element(leaf, -1); !ok || string(last) != string(op.Value.Bytes) {
			t.Fatalf("pushed %q, found %q", op.Value.Bytes, last)
		}
	}
}
