package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFieldsKeepOrderAndRepeats(t *testing.T) {
	f := func(object string, want ...string) {
		t.Helper()
		var got []string
		for name, value := range Fields([]byte(object)) {
			got = append(got, string(name)+"="+string(value))
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: got %q, want %q", object, got, want)
		}
	}
	f(`{}`)
	f(` { } `)
	f(`{"b":1,"a":2,"b":3}`, `"b"=1`, `"a"=2`, `"b"=3`)
	f(" {\n\"a\" : \"x,}\\\"\" ,\t\"b\" : [ 1 , {\"c\":[]} ] } ", `"a"="x,}\""`, `"b"=[ 1 , {"c":[]} ]`)
	f(`{"\u0061":null,"":true}`, `"\u0061"=null`, `""=true`)
	f(`{"a":"\\"}`, `"a"="\\"`)
	f(`[1]`)
}

func TestElements(t *testing.T) {
	f := func(array string, want ...string) {
		t.Helper()
		var got []string
		for value := range Elements([]byte(array)) {
			got = append(got, string(value))
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: got %q, want %q", array, got, want)
		}
	}
	f(`[]`)
	f("[\n]")
	f(`[1, -2.5e3 ,"a,]", true,null , [ ], {"x":[1,2]}]`, `1`, `-2.5e3`, `"a,]"`, `true`, `null`, `[ ]`, `{"x":[1,2]}`)
	f(`{"a":1}`)
}

func TestWalkMayStopEarly(t *testing.T) {
	for range Elements([]byte(`[1,2]`)) {
		break
	}
	for range Fields([]byte(`{"a":1,"b":2}`)) {
		break
	}
}

func TestUnquote(t *testing.T) {
	f := func(quoted, want string) {
		t.Helper()
		if got := string(Unquote([]byte(quoted))); got != want {
			t.Errorf("Unquote(%s) = %q, want %q", quoted, got, want)
		}
	}
	f(`""`, "")
	f(`"a"`, "a")
	f(`" a "`, " a ")
	f(`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t")
	f(`"\u00e9\u00E9x"`, "ééx")
	f(`"\ud83d\ude00!"`, "😀!")
	f(`"\ud83dx"`, "\ufffdx")
	f(`"\ude00\ud83d"`, "\ufffd\ufffd")
	f(`"\ud83d\u0061"`, "\ufffda")
	f(`"\ud83d\ud83d\ude00"`, "\ufffd😀")
	f(`"\u0000"`, "\x00")
}

func TestUnquoteLendsPlainText(t *testing.T) {
	quoted := []byte(`"plain žluť"`)
	if allocs := testing.AllocsPerRun(100, func() { Unquote(quoted) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

func TestWalkAllocatesNothing(t *testing.T) {
	document := []byte(`{"a":[1,2,{"b":"c"}],"d":"e"}`)
	count := 0
	allocs := testing.AllocsPerRun(100, func() {
		for _, value := range Fields(document) {
			for range Elements(value) {
				count++
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// rebuild writes a document again from what the walk says about it.
func rebuild(dst, value []byte) []byte {
	switch value = Trim(value); value[0] {
	case '{':
		dst = append(dst, '{')
		separator := ""
		for name, field := range Fields(value) {
			dst = append(dst, separator...)
			dst = append(AppendBytes(dst, Unquote(name)), ':')
			dst = rebuild(dst, field)
			separator = ","
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		separator := ""
		for element := range Elements(value) {
			dst = append(dst, separator...)
			dst = rebuild(dst, element)
			separator = ","
		}
		return append(dst, ']')
	case '"':
		return AppendBytes(dst, Unquote(value))
	}
	return append(dst, value...)
}

// canonical is a document as encoding/json understands it.
func canonical(t *testing.T, document []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func FuzzWalkAgreesWithEncodingJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e3,"x,]}\"",{"b":null}],"\ud83d\ude00":"\ud83d","a":true}`))
	f.Add([]byte(" [ [ ] , { } , \"\" , 0 ] "))
	f.Add([]byte(`{"a":`))
	f.Add([]byte(`"\`))
	f.Add([]byte(`[1,]]{":`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if !json.Valid(document) || !utf8.Valid(document) {
			// The promise for the rest is only to end and not to panic.
			for name, value := range Fields(document) {
				Unquote(name)
				Unquote(value)
			}
			for value := range Elements(document) {
				Unquote(value)
			}
			return
		}
		if got, want := canonical(t, rebuild(nil, document)), canonical(t, document); !bytes.Equal(got, want) {
			t.Fatalf("walked %s, want %s", got, want)
		}
	})
}
