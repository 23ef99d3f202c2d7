package jsonpath

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

// parsed is Parse for a path that is known to be right.
func parsed(t testing.TB, text string) Path {
	t.Helper()
	p, why := Parse(text)
	if why != nil {
		t.Fatal(why)
	}
	return p
}

func TestAPathIsReadInEveryWayOfWritingIt(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		p, why := Parse(text)
		if why != nil || p.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", text, p, why, want)
		}
	}
	f("$", "$")
	f("prefs.theme", "$.prefs.theme")
	f(".prefs.theme", "$.prefs.theme")
	f("$.prefs.theme", "$.prefs.theme")
	f("items[0].name", "$.items[0].name")
	f("items.0.name", "$.items.0.name")
	f(`["a.b"].c`, `$["a.b"].c`)
	f(`$["a b"]`, "$.a b")
	f("['a']", "$.a")
	f("a['b']['c'][0][-1]", "$.a.b.c[0][-1]")
	f("[0]", "$[0]")
	f("$[-12]", "$[-12]")
	f("0", "$.0")
	f(`["0"]`, `$["0"]`)
	f(`["-1"]`, `$["-1"]`)
	f(`[""]`, `$[""]`)
	f("['[']", `$["["]`)

	// What JSON and a shell give no meaning to has none here.
	f("*.#.?.@", "$.*.#.?.@")
	f("$ref.$", "$.$ref.$")
	f(".$", "$.$")
	f("$$", "$.$$")
	f(" a . b ", "$. a . b ")
	f(`a\b."c".'d'`, `$.a\b."c".'d'`)
	f("a-b_c:d/e,f(g)", "$.a-b_c:d/e,f(g)")
	f("ключ.鍵.🔑", "$.ключ.鍵.🔑")
	f("a\tb", `$["a\tb"]`)
	f("01.-1.1e3.+1", `$.01["-1"].1e3.+1`)
	f("99999999999999999999", "$.99999999999999999999")

	f(`["\"\\\/\b\f\n\r\tA\u00e9\u00E9"]`, `$["\"\\/\b\f\n\r\tAéé"]`)
	f(`['it\'s "so"']`, `$.it's "so"`)
	f(`["it's"]`, "$.it's")
	f(`['\"']`, `$."`)
	f(`["\ud83d\ude00"]`, "$.😀")
	f(`["\uD83D\uDE00\ud83d\ude00x"]`, "$.😀😀x")
	f(`["\u0000"]`, `$["\u0000"]`)
	f(`["]"]`, `$["]"]`)
}

func TestWhatADigitsStepMeansIsToldByHowItIsWritten(t *testing.T) {
	f := func(text string, want step) {
		t.Helper()
		if p := parsed(t, text); len(p.steps) != 1 || p.steps[0] != want {
			t.Errorf("Parse(%q) = %+v, want %+v", text, p.steps, want)
		}
	}
	f("7", step{name: "7", index: 7, kind: byEither})
	f("0", step{name: "0", kind: byEither})
	f("[7]", step{index: 7, kind: byIndex})
	f("[-7]", step{index: -7, kind: byIndex})
	f("['7']", step{name: "7", kind: byName})
	f("07", step{name: "07", kind: byName})
	f("-7", step{name: "-7", kind: byName})
	f("9223372036854775807", step{name: "9223372036854775807", index: 1<<63 - 1, kind: byEither})
	f("9223372036854775808", step{name: "9223372036854775808", kind: byName})
	f("[-9223372036854775808]", step{index: -1 << 63, kind: byIndex})
}

func TestAMalformedPathIsRefusedWithWhatIsWrong(t *testing.T) {
	f := func(text, fault string) {
		t.Helper()
		p, why := Parse(text)
		want := fmt.Sprintf("malformed path %q: %s", text, fault)
		if why == nil || why.Kind != refusal.InvalidParameters || why.Text != want || !p.IsRoot() {
			t.Errorf("Parse(%q) = %v, %v; want %s", text, p, why, want)
		}
	}
	f("", pathEmpty)
	f("a\xff", pathNotUTF8)
	f("\xed\xa0\x80", pathNotUTF8)
	f("a\x00b", pathHasNUL)
	f("[\"\x00\"]", pathHasNUL)
	f(".", nameEmpty)
	f("..", nameEmpty)
	f("$.", nameEmpty)
	f("a.", nameEmpty)
	f("a..b", nameEmpty)
	f("..a", nameEmpty)
	f("$.[0]", nameEmpty)
	f("a.['b']", nameEmpty)
	f("a]", bracketStray)
	f("]", bracketStray)
	f("[0]]", bracketStray)
	f("a.]", nameEmpty)
	f("[0]a", bracketThenName)
	f("['a']b", bracketThenName)
	f("[", bracketOpen)
	f("a[", bracketOpen)
	f("a[0", bracketOpen)
	f(`["a"`, bracketOpen)
	f(`["a"x]`, bracketOpen)
	f(`["a`, quoteOpen)
	f(`["`, quoteOpen)
	f(`["a\"]`, quoteOpen)
	f(`["a']`, quoteOpen)
	f(`["\x"]`, escapeWrong)
	f(`["\'"]`, escapeWrong)
	f(`["\u12"]`, escapeWrong)
	f(`["\u12g4"]`, escapeWrong)
	f(`["\ud800"]`, surrogateHalf)
	f(`["\ude00\ud83d"]`, surrogateHalf)
	f(`["\ud83d\u0041"]`, surrogateHalf)
	f(`["\ud83d\n"]`, surrogateHalf)
	f("[]", indexWrong)
	f("[a]", indexWrong)
	f("[*]", indexWrong)
	f("[01]", indexWrong)
	f("[+1]", indexWrong)
	f("[-0]", indexWrong)
	f("[-]", indexWrong)
	f("[--1]", indexWrong)
	f("[ 0 ]", indexWrong)
	f("[1.0]", indexWrong)
	f("[1e1]", indexWrong)
	f("[0,1]", indexWrong)
	f("[9223372036854775808]", indexBeyondRange)
	f("[-9223372036854775809]", indexBeyondRange)
}

func TestAPathHasLimits(t *testing.T) {
	f := func(text, fault string) {
		t.Helper()
		_, why := Parse(text)
		if (why == nil) != (fault == "") || why != nil && (why.Kind != refusal.InvalidParameters || !strings.HasSuffix(why.Text, fault)) {
			t.Errorf("Parse of %d bytes: %v, want %q", len(text), why, fault)
		}
		if why != nil && len(why.Text) > 200 {
			t.Errorf("the refusal has %d bytes: %v", len(why.Text), why)
		}
	}
	f(strings.Repeat("k", pathBytesMax), "")
	f(strings.Repeat("k", pathBytesMax+1), "it has 1025 bytes, of 1024 at most")
	f(strings.Repeat(".a", stepsMax), "")
	f(strings.Repeat(".a", stepsMax+1), "it has more than 128 steps")
	f(strings.Repeat("[0]", stepsMax+1), "it has more than 128 steps")
	f(strings.Repeat("[-1]", stepsFromEndMax), "")
	f(strings.Repeat("[-1]", stepsFromEndMax+1), "it has more than 16 negative indexes")

	// A long path is cut between two characters.
	_, why := Parse(strings.Repeat("é", 100) + "x" + strings.Repeat("é", 100) + "..")
	if want := `malformed path "` + strings.Repeat("é", 32) + `…": ` + nameEmpty; why == nil || why.Text != want {
		t.Errorf("%v, want %s", why, want)
	}
	_, why = Parse("x" + strings.Repeat("é", 100) + "..")
	if want := `malformed path "x` + strings.Repeat("é", 31) + `…": ` + nameEmpty; why == nil || why.Text != want {
		t.Errorf("%v, want %s", why, want)
	}
	_, why = Parse(strings.Repeat("\x80", 100))
	if why == nil || !strings.HasSuffix(why.Text, pathNotUTF8) {
		t.Errorf("%v", why)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "$", "$.a", "a.b[0]", "items.0.name", `["a.b"].c`, `['\'']`, `["\ud83d\ude00"]`, `["\ud83d"]`, "[-1]",
		"[01]", "a..b", "[", "]", "a\x00", "\xff", `$["$"].$`, "[9223372036854775808]", "99999999999999999999", "é\u2028\x7f",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, why := Parse(text)
		if why != nil {
			if why.Kind != refusal.InvalidParameters || !p.IsRoot() {
				t.Fatalf("Parse(%q) = %v, %v", text, p, why)
			}
			return
		}
		if len(p.steps) > stepsMax || len(text) > pathBytesMax {
			t.Fatalf("Parse(%q) keeps no limit", text)
		}
		// Printed, a path may be longer than what Parse takes.
		again, fault := parse(p.String())
		if fault != "" || len(again) != len(p.steps) || len(again) > 0 && !reflect.DeepEqual(again, p.steps) {
			t.Fatalf("Parse(%q) prints as %q, which is %+v (%s)", text, p.String(), again, fault)
		}
	})
}
