package kv

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestWhichTypesAreJSONAndWhichAreText(t *testing.T) {
	f := func(contentType string, isJSON, isText bool) {
		t.Helper()
		if IsJSON(contentType) != isJSON || IsText(contentType) != isText {
			t.Errorf("%q: JSON %v, text %v", contentType, IsJSON(contentType), IsText(contentType))
		}
	}
	f("application/json", true, false)
	f("Application/JSON; charset=utf-8", true, false)
	f(" application/json ;x", true, false)
	f("application/problem+json", true, false)
	f("image/svg+JSON", true, false)
	f("text/x+json", true, true)
	f("text/plain", false, true)
	f("TEXT/html;charset=latin1", false, true)
	f("", false, false)
	f("+json", false, false)
	f("text/", false, false)
	f("text", false, false)
	f("application/jsonp", false, false)
	f("application/json-seq", false, false)
	f("application/x-ndjson", false, false)
	f(";application/json", false, false)
	f("application/octet-stream", false, false)
}

func TestABodyIsStoredUnderItsSendersTypeOrWhatItLooksLike(t *testing.T) {
	f := func(sent, body, want string) {
		t.Helper()
		if _, got := BodyOf(&Op{}, sent, []byte(body)); got != want {
			t.Errorf("the type of %q, %q is %q, want %q", sent, body, got, want)
		}
	}
	f("image/png", "{}", "image/png")
	f("application/json", "not JSON", "application/json") // the operation refuses it
	f("text/plain", "{}", "text/plain")
	for _, nobody := range []string{"", "application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded; charset=utf-8"} {
		f(nobody, `{"a":1}`, "application/json")
		f(nobody, " 5 ", "application/json")
		f(nobody, "null", "application/json")
		f(nobody, "hello", "text/plain; charset=utf-8")
		f(nobody, "", "text/plain; charset=utf-8")
		f(nobody, "{} {}", "text/plain; charset=utf-8")
		f(nobody, "\xff\x00", "application/octet-stream")
	}
}

func FuzzBodyOf(f *testing.F) {
	for _, seed := range []string{"", "application/json", "text/x;", "+json", "a/b+json", ";"} {
		f.Add(seed, []byte(`{"a":[1,2]}`))
	}
	f.Fuzz(func(t *testing.T, sent string, body []byte) {
		value, got := BodyOf(&Op{}, sent, body)
		if got == "" {
			t.Fatal("a body without a type")
		}
		if !chosen(sent) {
			if IsJSON(got) != json.Valid(body) || IsText(got) != (!json.Valid(body) && utf8.Valid(body)) {
				t.Fatalf("%q for %q", got, body)
			}
		}
		if whole := BytesValue(body, got); value.Kind != whole.Kind {
			t.Fatalf("kind %d, want %d", value.Kind, whole.Kind)
		}
		if string(value.Append(nil)) != string(body) || value.Size() != len(body) {
			t.Fatal("the bytes changed")
		}
	})
}
