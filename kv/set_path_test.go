package kv

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func patch(path, leaf string) Op {
	op := Op{Code: Set, Path: path}
	op.Value, op.ContentType = BodyOf(&op, contentTypeJSON, []byte(leaf))
	return op
}

func TestAPatchChangesTheBytesOfItsLeafAlone(t *testing.T) {
	f := func(row Row, path, leaf, want string) {
		t.Helper()
		tr := try(t, patch(path, leaf), row)
		if tr.why != nil || tr.value() != want || tr.reply.Size != len(want) {
			t.Errorf("%s = %s in %q: %v, %q, size %d; want %q", path, leaf, row.Value.Bytes, tr.why, tr.value(), tr.reply.Size, want)
		}
	}
	const spaced = "\t{ \"z\" : 1.50 ,\n  \"a\":[ 1,2 , {\"b\" :\"\\u0061\"} ] }\r\n"
	f(document(spaced), "z", `2`, "\t{ \"z\" : 2 ,\n  \"a\":[ 1,2 , {\"b\" :\"\\u0061\"} ] }\r\n")
	f(document(spaced), "a[2].b", `null`, "\t{ \"z\" : 1.50 ,\n  \"a\":[ 1,2 , {\"b\" :null} ] }\r\n")
	f(document(spaced), "a[-1]", ` "x" `, "\t{ \"z\" : 1.50 ,\n  \"a\":[ 1,2 , \"x\" ] }\r\n")
	f(document(spaced), "$", ` [ 1 ] `, "[ 1 ]")
	f(document(`{}`), "prefs.theme", `"dark"`, `{"prefs":{"theme":"dark"}}`)
	f(document(`{}`), ".prefs.theme", `"dark"`, `{"prefs":{"theme":"dark"}}`)
	f(document(`{}`), "$.prefs.theme", `"dark"`, `{"prefs":{"theme":"dark"}}`)
	f(document(`{"items":[]}`), "items[0].name", `1`, `{"items":[{"name":1}]}`)
	f(document(`{"items":[]}`), "items.0.name", `1`, `{"items":[{"name":1}]}`)
	f(document(`{"a.b":{}}`), `["a.b"].c`, `1`, `{"a.b":{"c":1}}`)
	f(document(`{"a":1,"a":2}`), "a", `3`, `{"a":1,"a":3}`) // the last one counts
	f(document(`{"n":12345678901234567890.10}`), "m", `1e5`, `{"n":12345678901234567890.10,"m":1e5}`)
	f(missing, "a[0]", `1`, `{"a":[1]}`)
	f(missing, "$", `[1]`, `[1]`)
	f(number(5), "$", `[6]`, `[6]`)
	f(stored("image/svg", `{"a":1}`), "a", `2`, `{"a":2}`)
}

func TestAPatchKeepsTypeAndBirthAndItsLifetimeUnlessOneIsSent(t *testing.T) {
	f := func(row Row, sent bool, ttl, want int64, wantType string) {
		t.Helper()
		op := patch("a", "1")
		op.TTLSent, op.TTLSeconds = sent, ttl
		tr := try(t, op, row)
		if tr.why != nil || tr.row.ExpireAt != want || tr.row.ContentType != wantType || (row.Live(birth) && tr.row.CreatedAt != row.CreatedAt) {
			t.Errorf("%v, %+v", tr.why, tr.row)
		}
	}
	row := stored("text/plain", `{}`)
	row.ExpireAt = birth + 1
	f(row, false, 0, birth+1, "text/plain")
	f(row, true, 0, 0, "text/plain")
	f(row, true, 3, birth+3000, "text/plain")
	f(missing, false, 0, 0, contentTypeJSON)
	f(missing, true, 3, birth+3000, contentTypeJSON)
	row.ExpireAt = birth // gone
	f(row, false, 0, 0, contentTypeJSON)
	f(document(`{}`), true, 3, birth+3000, contentTypeJSON)
}

func TestAPatchIsRefusedWhereNothingCanBePut(t *testing.T) {
	f := func(row Row, path string, kind refusal.Kind, want string) {
		t.Helper()
		refuses(t, patch(path, "1"), row, kind, want)
	}
	const bad = refusal.InvalidParameters
	f(document(`{"a":5}`), "a.b", bad, "path leads nowhere: $.a is a number, neither an object nor an array")
	f(document(`{"a":null}`), "a[0]", bad, "path leads nowhere: $.a is null, neither an object nor an array")
	f(document(`"text"`), "a", bad, "path leads nowhere: $ is a string, neither an object nor an array")
	f(document(`{"a":[1]}`), "a[2]", bad, "path leads nowhere: index 2 is out of range, $.a has 1 elements")
	f(document(`{"a":[1]}`), "a[-2]", bad, "path leads nowhere: index -2 is out of range, $.a has 1 elements")
	f(document(`{"a":[1]}`), "a.b", bad, `path leads nowhere: $.a is an array and has no field "b"`)
	f(document(`{"a":{}}`), "a[0]", bad, "path leads nowhere: $.a is an object and has no index 0")
	f(missing, "[0]", bad, "path leads nowhere: $ is an object and has no index 0")
	f(missing, "a[1]", bad, "path leads nowhere: index 1 is out of range, $.a has 0 elements")
	f(number(5), "a", bad, "path leads nowhere: $ is a number, neither an object nor an array")
	f(stored("text/plain", "hello"), "a", bad, "Value at key 'k' is not a JSON document")
	f(stored("text/plain", ""), "$", bad, "Value at key 'k' is not a JSON document")
	f(stored(contentTypeBinary, "\xff"), "$", bad, "Value at key 'k' is not a JSON document")
	f(document(`{}`), "a..b", bad, `malformed path "a..b": a name is empty`)
	f(document(`{}`), "a[", bad, `malformed path "a[": a bracket is not closed`)
	f(document(`{}`), "a[01]", bad, `malformed path "a[01]": in brackets stands neither a whole number nor a quoted name`)

	refuses(t, patch("a", "{"), missing, refusal.InvalidJSONValue, "the body is not one valid JSON document, and a path puts it into one")
	refuses(t, patch("a", "1 2"), missing, refusal.InvalidJSONValue, "the body is not one valid JSON document, and a path puts it into one")
	refuses(t, patch("a", ""), missing, refusal.InvalidJSONValue, "the body is not one valid JSON document, and a path puts it into one")

	const deep = 9_999
	nested := strings.Repeat("[", deep) + strings.Repeat("]", deep)
	if tr := try(t, patch("a", nested), missing); tr.why != nil {
		t.Error(tr.why)
	}
	refuses(t, patch("a.b", nested), missing, refusal.InvalidJSONValue, "the document would be nested deeper than 10000 levels")
}

// The limit is of what is stored, however little was sent.
func TestAValueMayNotGrowBeyondTheLimit(t *testing.T) {
	f := func(op Op, row Row, want bool) {
		t.Helper()
		limits := DefaultLimits()
		limits.ValueBytesMax = 10
		op.Key = "k"
		why := Check(&op, &limits)
		if why == nil {
			why = Decide(&op, &row, birth, &Outcome{})
		}
		if (why == nil) != want || (why != nil && why.Kind != refusal.PayloadTooLarge) {
			t.Errorf("%s of %s: %v", op.Code, row.Value.Bytes, why)
		}
		if why != nil && why.Text != "value of 11 bytes exceeds the limit of 10 bytes" {
			t.Error(why)
		}
	}
	f(patch("a", `"12"`), document(`{}`), true) // {"a":"12"}
	f(patch("a", `"123"`), document(`{}`), false)
	f(patch("$", `12345678901`), missing, false)
	f(Op{Code: Push, Value: ElementOf([]byte("7"))}, document(`[12345,6]`), false)
	f(Op{Code: Push, Value: ElementOf([]byte("7"))}, document(`[1234,6]`), true)
	f(Op{Code: Push, Value: ElementOf([]byte("7")), LengthMax: 2}, document(`[12345,6]`), true)
	f(Op{Code: Incr, Delta: 1, Path: "a"}, document(`{"a":9999}`), false)
	f(Op{Code: Incr, Delta: 1, Path: "a"}, document(`{"a":999}`), true)
	f(Op{Code: Incr, Delta: 1}, number(99_999_999_999), true) // eight bytes in the file
}

func TestSettingTheWholeValueNeedsJSONOnlyWhereTheTypeSaysSo(t *testing.T) {
	f := func(contentType, body string, want *refusal.Refusal) {
		t.Helper()
		op := Op{Code: Set}
		op.Value, op.ContentType = BodyOf(&op, contentType, []byte(body))
		if tr := try(t, op, missing); tr.why != want || (want == nil && tr.value() != body) {
			t.Errorf("%q as %q: %v, %q", body, contentType, tr.why, tr.value())
		}
	}
	f("application/json", ` {"a" : 1} `, nil)
	f("application/json", `hello`, invalidJSON)
	f("application/json", ``, invalidJSON)
	f("application/json", `{} {}`, invalidJSON)
	f("application/json", "\"\xff\"", invalidJSON)
	f("application/vnd.x+json; charset=utf-8", `{`, invalidJSON)
	f("text/plain", `{`, nil)
	f("image/png", "\x00\xff", nil)
	f("", `{`, nil)
}

// A large document that many operations of a group change is validated by the first.
func TestWhatAnOperationMadeIsKnownToBeADocument(t *testing.T) {
	f := func(op Op, row Row) {
		t.Helper()
		if tr := try(t, op, row); tr.why != nil || !tr.row.Value.Document {
			t.Errorf("%s: %v, %+v", op.Code, tr.why, tr.row.Value)
		}
	}
	f(patch("a", "1"), document(`{}`))
	f(push("", "1"), document(`[]`))
	f(Op{Code: Pop}, document(`[1]`))
	f(Op{Code: Remove, HasIndex: true}, document(`[1]`))
	f(Op{Code: Incr, Delta: 1, Path: "n"}, document(`{}`))
	f(Op{Code: Set, ContentType: contentTypeJSON, Value: BytesValue([]byte(`{}`), contentTypeJSON)}, missing)
}
