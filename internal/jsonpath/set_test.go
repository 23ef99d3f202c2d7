package jsonpath

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestSetChangesTheLeafAlone(t *testing.T) {
	f := func(document, path, leaf, want string) {
		t.Helper()
		got, why := Set([]byte("dst:"), []byte(document), parsed(t, path), []byte(leaf))
		if why != nil || string(got) != "dst:"+want {
			t.Errorf("%s of %s to %s: %s, %v; want %s", path, document, leaf, got, why, want)
		}
	}
	f(`{"a":1}`, "a", "2", `{"a":2}`)
	f(" { \"b\" : 1.50e+0 ,\n\"a\":\t1 } ", "a", "[]", " { \"b\" : 1.50e+0 ,\n\"a\":\t[] } ")
	f(`{"a":{"b":1,"c":2}}`, "a.b", ` {"x": 1} `, `{"a":{"b":{"x": 1},"c":2}}`)
	f(`{"a":[1,2,3]}`, "a[1]", `"x"`, `{"a":[1,"x",3]}`)
	f(`[1,[2,{"a":3}]]`, "[-1][-1].a", "4", `[1,[2,{"a":4}]]`)
	f(`{"\u0061":1}`, "a", "2", `{"\u0061":2}`)
	f(`{"\ud83d":1,"a":1}`, "a", "2", `{"\ud83d":1,"a":2}`)
	f(`{"a":1e400,"b":1e-400,"c":100000000000000000000000001}`, "b", "0", `{"a":1e400,"b":0,"c":100000000000000000000000001}`)
	f(`{"a":1}`, "$", " 2 ", "2")
	f(` [1] `, "$", `{}`, `{}`)

	// Of a repeated name the last one is set.
	f(`{"a":1,"a":2}`, "a", "3", `{"a":1,"a":3}`)
	f(`{"a":{"b":1},"a":{"b":2},"c":{"b":3}}`, "a.b", "9", `{"a":{"b":1},"a":{"b":9},"c":{"b":3}}`)
	f(`{"a":{"b":1},"\u0061":{}}`, "a.b", "9", `{"a":{"b":1},"\u0061":{"b":9}}`)
}

func TestSetCreatesWhatIsMissing(t *testing.T) {
	f := func(document, path, leaf, want string) {
		t.Helper()
		got, why := Set(nil, []byte(document), parsed(t, path), []byte(leaf))
		if why != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("%s of %s to %s: %s, %v; want %s", path, document, leaf, got, why, want)
		}
	}
	f(`{}`, "a", "1", `{"a":1}`)
	f(` { } `, "a", "1", ` {"a":1 } `)
	f(`{"a":1}`, "b", "2", `{"a":1,"b":2}`)
	f("{\n  \"a\": 1\n}\n", "b", "2", "{\n  \"a\": 1,\"b\":2\n}\n")
	f(`{}`, "a.b.c", "1", `{"a":{"b":{"c":1}}}`)
	f(`{"a":{"x":[]},"z":0}`, "a.b.c", "1", `{"a":{"x":[],"b":{"c":1}},"z":0}`)
	f(`{}`, `["say \"hi\"\u0000\u2028"].é`, "1", `{"say \"hi\"\u0000\u2028":{"é":1}}`)

	// An index in brackets makes an array; digits after a dot a name.
	f(`{}`, "a[0]", "1", `{"a":[1]}`)
	f(`{}`, "a[0][0].b[0]", "1", `{"a":[[{"b":[1]}]]}`)
	f(`{}`, "a.0", "1", `{"a":{"0":1}}`)
	f(`{}`, "0", "1", `{"0":1}`)

	f(`[]`, "[0]", "1", `[1]`)
	f(`[ ]`, "0", "1", `[1 ]`)
	f(`[1, 2 ]`, "[2]", "3", `[1, 2,3 ]`)
	f(`[1]`, "1.a", "2", `[1,{"a":2}]`)
	f(`[1]`, "[1][0]", "2", `[1,[2]]`)
	f(`{"items":[{"n":1}]}`, "items.1.n", "2", `{"items":[{"n":1},{"n":2}]}`)
	f(`[[],[]]`, "[-1][0]", "2", `[[],[2]]`)
}

func TestSetRefusesWhereNothingCanBePut(t *testing.T) {
	f := func(document, path, want string) {
		t.Helper()
		got, why := Set([]byte("dst:"), []byte(document), parsed(t, path), []byte("1"))
		if why == nil || why.Kind != refusal.InvalidParameters || why.Text != "path leads nowhere: "+want || string(got) != "dst:" {
			t.Errorf("%s of %s: %s, %v; want %s", path, document, got, why, want)
		}
	}
	f(`{"a":null}`, "a.b", "$.a is null, neither an object nor an array")
	f(`{"a":{"b":"x"}}`, "a.b.c.d", "$.a.b is a string, neither an object nor an array")
	f(`{"a":true}`, "a[0]", "$.a is a boolean, neither an object nor an array")
	f(`{"a":false}`, "a.0", "$.a is a boolean, neither an object nor an array")
	f(`-1`, "a", "$ is a number, neither an object nor an array")
	f(`{"a":{}}`, "a[0]", "$.a is an object and has no index 0")
	f(`{"a":[]}`, "a.b", `$.a is an array and has no field "b"`)
	f(`{"a":[0]}`, "a['0']", `$.a is an array and has no field "0"`)
	f(`{"a":[0]}`, "a.00", `$.a is an array and has no field "00"`)

	f(`[1,2]`, "[3]", "index 3 is out of range, $ has 2 elements")
	f(`[1,2]`, "4", "index 4 is out of range, $ has 2 elements")
	f(`[1,2]`, "[-3]", "index -3 is out of range, $ has 2 elements")
	f(`{"a":[]}`, "a[-1]", "index -1 is out of range, $.a has 0 elements")
	f(`[]`, "[-9223372036854775808]", "index -9223372036854775808 is out of range, $ has 0 elements")
	f(`{}`, "a[1]", "index 1 is out of range, $.a has 0 elements")
	f(`{}`, "a.b[-1].c", "index -1 is out of range, $.a.b has 0 elements")
	f(`[]`, "[0].b[7]", "index 7 is out of range, $[0].b has 0 elements")

	f(`{"a":{"b":1},"a":2}`, "a.b", "$.a is a number, neither an object nor an array")

	long := strings.Repeat("n", 100)
	f(`{"`+long+`":1}`, long+".b", "$."+long[:62]+"… is a number, neither an object nor an array")
	f(`[]`, long, `$ is an array and has no field "`+long[:64]+`…"`)
}

func TestSetKeepsDocumentsReadable(t *testing.T) {
	nested := func(levels int) []byte {
		return []byte(strings.Repeat("[", levels) + strings.Repeat("]", levels))
	}
	f := func(document, path string, leaf []byte, want *refusal.Refusal) {
		t.Helper()
		got, why := Set(nil, []byte(document), parsed(t, path), leaf)
		if why != want || why == nil && !json.Valid(got) || why != nil && got != nil {
			t.Errorf("%s of %s: %d bytes, %v; want %v", path, document, len(got), why, want)
		}
	}
	f("{}", "$", nested(DepthMax), nil)
	f("{}", "$", nested(DepthMax+1), tooDeep)
	f("{}", "a", nested(DepthMax-1), nil)
	f("{}", "a", nested(DepthMax), tooDeep)
	f(`{"a":[0]}`, "a[0]", nested(DepthMax-2), nil)
	f(`{"a":[0]}`, "a[0]", nested(DepthMax-1), tooDeep)
	f("{}", strings.Repeat(".a", stepsMax), nested(DepthMax-stepsMax), nil)
	f("{}", strings.Repeat(".a", stepsMax), nested(DepthMax-stepsMax+1), tooDeep)
	f("{}", "a", append([]byte(`"`+strings.Repeat("[", DepthMax)), '"'), nil)

	// A way that leads nowhere is refused first.
	if _, why := Set(nil, []byte("1"), parsed(t, "a"), nested(DepthMax)); why == nil || why.Kind != refusal.InvalidParameters {
		t.Errorf("%v", why)
	}
}
