package kv

import (
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestABodyIsALeafWhereThereIsAPathAndElseWhatItsTypeSays(t *testing.T) {
	f := func(path, sent, body, wantType string, kind ValueKind, want string) {
		t.Helper()
		value, contentType := BodyOf(&Op{Path: path}, sent, []byte(body))
		if contentType != wantType || value.Kind != kind || string(value.Bytes) != want {
			t.Errorf("%q as %q at %q: %q, %+v", body, sent, path, contentType, value)
		}
	}
	const nobody = "application/x-www-form-urlencoded"
	f("", "image/png", "{}", "image/png", Blob, "{}")
	f("", "text/plain", "{}", "text/plain", Text, "{}")
	f("", "application/json", "hello", "application/json", Text, "hello") // Check refuses it
	f("", "", ` {"a":1} `, "application/json", Text, ` {"a":1} `)
	f("", nobody, `5`, "application/json", Text, `5`)
	f("", "", "hello", "text/plain; charset=utf-8", Text, "hello")
	f("", "", "", "text/plain; charset=utf-8", Text, "")
	f("", nobody, "\xff", "application/octet-stream", Blob, "\xff")

	// Browsers label any string text/plain: it is JSON all the same.
	f("a", "text/plain;charset=UTF-8", `"dark"`, "application/json", Text, `"dark"`)
	f("a", "image/png", `[1]`, "application/json", Text, `[1]`)
	f("a", "", `dark`, "application/json", Text, `"dark"`)
	f("a", nobody, "say \"x\"\n", "application/json", Text, `"say \"x\"\n"`)
	f("a", "", ``, "application/json", Text, `""`)
	f("a", "", `5`, "application/json", Text, `5`)
	for _, sent := range []string{"text/plain", "application/json"} {
		f("a", sent, "dark", "application/json", Blob, "dark")
		f("a", sent, "", "application/json", Blob, "")
	}
	f("a", "", "\xff", "application/json", Blob, "\xff")
}

func TestABatchItemsValueIsTheTextOfAStringOrTheJSONOfAnythingElse(t *testing.T) {
	f := func(raw, sent, want, wantType string, kind ValueKind) {
		t.Helper()
		var bytes []byte
		if raw != "absent" {
			bytes = []byte(raw)
		}
		value, contentType, why := ItemValue(bytes, sent)
		if why != nil || string(value.Bytes) != want || contentType != wantType || value.Kind != kind {
			t.Errorf("%s as %q: %v, %+v, %q", raw, sent, why, value, contentType)
		}
	}
	const text = "text/plain; charset=utf-8"
	f(`"hello"`, "", "hello", text, Text)
	f(`"a\nb\u00e9"`, "", "a\nbé", text, Text)
	f(`"{\"a\":1}"`, "", `{"a":1}`, contentTypeJSON, Text)
	f(`"5"`, "", `5`, contentTypeJSON, Text)
	f(`"5"`, "text/plain", `5`, "text/plain", Text)
	f(`"5"`, "image/png", `5`, "image/png", Blob)
	f(`"a\u0000b"`, "text/plain", "a\x00b", "text/plain", Blob)
	f(`""`, "", ``, text, Text)
	f(`absent`, "", ``, text, Text)
	f(`absent`, "image/png", ``, "image/png", Blob)
	f(`5`, "", `5`, contentTypeJSON, Text)
	f(`null`, "", `null`, contentTypeJSON, Text)
	f(`{"a": 1}`, "", `{"a": 1}`, contentTypeJSON, Text)
	f(`{"a": 1}`, "text/plain", `{"a": 1}`, contentTypeJSON, Text)
	f(`[1]`, "application/vnd.x+json", `[1]`, "application/vnd.x+json", Text)

	for _, raw := range []string{`"\ud800"`, `"\udc00\ud800"`, `"x\uD83Dy"`} {
		if _, _, why := ItemValue([]byte(raw), ""); why == nil || why.Kind != refusal.InvalidParameters {
			t.Errorf("%s: %v", raw, why)
		}
	}
}

func TestALeafIsReadAsItIsWritten(t *testing.T) {
	f := func(row Row, path, want string) {
		t.Helper()
		if leaf, why := Leaf("k", path, &row); why != nil || string(leaf) != want {
			t.Errorf("%s of %q: %v, %q", path, row.Value.Append(nil), why, leaf)
		}
	}
	refused := func(row Row, path string, kind refusal.Kind, want string) {
		t.Helper()
		if _, why := Leaf("k", path, &row); why == nil || why.Kind != kind || why.Text != want {
			t.Errorf("%s of %q: %v", path, row.Value.Append(nil), why)
		}
	}
	f(document(` {"a" : "d\u0061rk" , "l":[ 1.0 ,{"b":2} ] } `), "a", `"d\u0061rk"`)
	f(document(` {"a" : "d\u0061rk" , "l":[ 1.0 ,{"b":2} ] } `), "l[-1]", `{"b":2}`)
	f(document(` {"l" : [ 1 , 2 ] } `), "l", `[ 1 , 2 ]`)
	f(document(` [1] `), "$", `[1]`)
	f(document(`{"a":1,"a":null}`), "a", `null`)
	f(number(-5), "$", `-5`)
	f(stored("text/plain", `{"a":1}`), "a", `1`)
	refused(document(`{}`), "a", refusal.KeyNotFound, "Path not found")
	refused(document(`[1]`), "[1]", refusal.KeyNotFound, "Path not found")
	refused(document(`{"a":"text"}`), "a[0]", refusal.KeyNotFound, "Path not found")
	refused(document(`{}`), "a.", refusal.InvalidParameters, `malformed path "a.": a name is empty`)
	refused(stored("text/plain", `hello`), "a", refusal.InvalidParameters, "Value at key 'k' is not a JSON document")
}
