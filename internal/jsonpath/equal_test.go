package jsonpath

import (
	"strings"
	"testing"
)

// checkEqual looks from both sides.
func checkEqual(t *testing.T, a, b string, want bool) {
	t.Helper()
	if got := Equal([]byte(a), []byte(b)); got != want {
		t.Errorf("Equal(%.100s, %.100s) = %v", a, b, got)
	}
	if got := Equal([]byte(b), []byte(a)); got != want {
		t.Errorf("Equal(%.100s, %.100s) = %v", b, a, got)
	}
	if got := Equal([]byte(`[0,{"x":`+a+`}]`), []byte(`[0.0,{"x":`+b+`}]`)); got != want {
		t.Errorf("%.100s and %.100s inside of others: %v", a, b, got)
	}
}

func TestEqualComparesWhatJSONMeans(t *testing.T) {
	f := func(a, b string, want bool) { t.Helper(); checkEqual(t, a, b, want) }
	f("null", " null ", true)
	f("true", "true", true)
	f("true", "false", false)
	f("null", "false", false)
	f("0", "null", false)
	f(`"1"`, "1", false)
	f("[]", "{}", false)
	f("[]", "null", false)

	f("[1,2]", "[ 1 ,\n2 ]", true)
	f("[1,2]", "[2,1]", false)
	f("[1,2]", "[1]", false)
	f("[[],[[]]]", "[ [ ] , [ [ ] ] ]", true)
	f("[[],[[]]]", "[[],[]]", false)
	f(`["a,b"]`, `["a","b"]`, false)

	f(`{"a":1,"b":2}`, `{ "b" : 2 , "a" : 1 }`, true)
	f(`{"a":1,"b":2}`, `{"a":1}`, false)
	f(`{"a":1,"b":2}`, `{"a":1,"c":2}`, false)
	f(`{"a":1,"b":2}`, `{"a":2,"b":1}`, false)
	f(`{"a":{"b":{"c":[1,{"d":2,"e":3}]}}}`, `{"a":{"b":{"c":[1,{"e":3,"d":2}]}}}`, true)
	f(`{"a":{"b":{"c":[1,{"d":2,"e":3}]}}}`, `{"a":{"b":{"c":[1,{"e":3,"d":4}]}}}`, false)
	f(`{}`, `{}`, true)
	f(`{"":1}`, `{}`, false)
	f(`{"b":1,"B":2,"ab":3,"a":4,"é":5}`, `{"é":5,"a":4,"ab":3,"B":2,"b":1}`, true)
}

func TestOfEqualNamesTheLastOneIsCompared(t *testing.T) {
	f := func(a, b string, want bool) { t.Helper(); checkEqual(t, a, b, want) }
	f(`{"a":1,"a":2}`, `{"a":2}`, true)
	f(`{"a":1,"a":2}`, `{"a":1}`, false)
	f(`{"a":1,"a":2}`, `{"a":2,"a":1}`, false)
	f(`{"a":1,"a":2}`, `{"a":3,"\u0061":2}`, true)
	f(`{"a":2,"b":1,"a":1,"a":2}`, `{"b":1,"a":2}`, true)
	f(`{"a":{"x":1},"a":{"y":1}}`, `{"a":{"y":1}}`, true)
	f(`{"a":{"x":1},"a":{"y":1}}`, `{"a":{"x":1}}`, false)
	f(`{"a":[{"x":1,"x":2}],"a":[{"x":2}]}`, `{"a":[{"x":1,"x":2}]}`, true)
}

func TestTextsAreEqualUnescaped(t *testing.T) {
	texts := func(a, b string, want bool) {
		t.Helper()
		checkEqual(t, `"`+a+`"`, `"`+b+`"`, want)
		checkEqual(t, `{"`+a+`":1}`, `{"`+b+`":1}`, want)
	}
	texts("", "", true)
	texts("a", `\u0061`, true)
	texts("ab", `\u0061`, false)
	texts("ab", `\u0061\u0062`, true)
	texts("a", `\u0062`, false)
	texts("/", `\/`, true)
	texts(`\"`, `\u0022`, true)
	texts(`\\`, `\u005c`, true)
	texts(`\\u0061`, `\u0061`, false)
	texts("é", `\u00e9`, true)
	texts("é", `\u00E9`, true)
	texts("é", `e\u0301`, false)
	texts("😀", `\ud83d\ude00`, true)
	texts(`\ud83d\ude00`, `\uD83D\uDE00`, true)
	texts(`\ud83d\ude00`, `\ud83d\ude01`, false)
	texts(`\ud83d`, `\uD83D`, true)
	texts(`\ud83d`, `\ud83e`, false)
	texts(`\ud83d`, `\ufffd`, false)
	texts(`\ud83d`, "\ufffd", false)
	texts(`\ud83dx`, `\ud83d`, false)
	texts(`\ud83d\ud83d\ude00`, `\ud83d😀`, true)
	texts(`\ufffd`, "\ufffd", true)
	texts(`\u0000`, `\u0001`, false)
	texts(`a\nb`, `a\u000ab`, true)
}

func TestNamesAreOrderedByCodePoints(t *testing.T) {
	names := []string{``, `\u0000`, `a`, `a\u0000`, `ab`, `b`, `\ud7ff`, `\ud800`, `\ud800a`, `\udfff`, "\ue000", "\ufffd", "😀", `\ud83d\ude01`}
	for i, a := range names {
		for j, b := range names {
			if got := compareBodies([]byte(a), []byte(b)); got != min(max(i-j, -1), 1) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
}

func TestNumbersAreEqualByExactValue(t *testing.T) {
	f := func(a, b string, want bool) { t.Helper(); checkEqual(t, a, b, want) }
	f("1", "1.0", true)
	f("1", "1e0", true)
	f("1", "10e-1", true)
	f("1", "0.1E+1", true)
	f("1", "0.0001e4", true)
	f("1", "-1", false)
	f("1", "10", false)
	f("1", "2", false)
	f("100", "1e2", true)
	f("100", "1e+02", true)
	f("100", "1e-2", false)
	f("12.5", "1.25e1", true)
	f("12.5", "125e-1", true)
	f("12.5", "12.50", true)
	f("12.5", "12.05", false)
	f("1.05", "10.5e-1", true)
	f("1001", "1001.000", true)
	f("0", "-0", true)
	f("0", "0.000e999999999999999999999", true)
	f("0", "1e-999999999999999999999", false)

	// Beyond what a float can hold or tell apart.
	f("9007199254740993", "9007199254740992", false)
	f("9007199254740993", "9007199254740993.0", true)
	f("0.1", "0.10000000000000000555", false)
	f("1e400", "1e401", false)
	f("1e400", "10e399", true)
	f("1e400", "0.1e401", true)
	f("1e-400", "0", false)

	// Beyond what an exponent of 64 bits can hold.
	f("1e1000000000000000000", "10e999999999999999999", true)
	f("1e1000000000000000000", "1e999999999999999999", false)
	f("1e999999999999999999", "0.1e1000000000000000000", true)
	f("1e-1000000000000000000", "0.1e-999999999999999999", true)
	f("10e-1000000000000000000", "1e-999999999999999999", true)
	f("10e-1000000000000000000", "1e-1000000000000000001", false)
	f("1e99999999999999999999999999999999999999", "0.01e100000000000000000000000000000000000001", true)
	f("1e99999999999999999999999999999999999999", "0.01e100000000000000000000000000000000000002", false)
	f("1e1999999999999999999", "0.1e2000000000000000000", true)
	f("1e1999999999999999999", "0.1e3000000000000000000", false)
	f("1e9999999999999999999", "0.1e10000000000000000000", true)
	f("1e19999999999999999999", "0.1e21000000000000000000", false)
	f("1e9223372036854775807", "0.1e9223372036854775808", true)
	f("1e9223372036854775807", "1e-9223372036854775809", false)
	f("1e18446744073709551616", "1e0", false)
	f("1e1000000000000000000", "1e-0", false)
	f("1e1000000000000000000", "1e-1", false)
	f("1e0000000000000000000000000000000000000001", "10", true)
	f("1e-"+strings.Repeat("9", 100_000), "10e-1"+strings.Repeat("0", 100_000), true)

	long := strings.Repeat("123456789", 100_000)
	f(long, long+".000", true)
	f(long, long+"0e-1", true)
	f(long, long[:len(long)-1]+"8", false)
	f("1"+strings.Repeat("0", 100_000), "1e100000", true)
	f("0."+strings.Repeat("0", 99_999)+"1", "1e-100000", true)
	f("0."+strings.Repeat("0", 99_999)+"1", "1e-99999", false)
}

func TestEqualGoesAsDeepAsDocuments(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		if got := Equal([]byte(a), []byte(b)); got != want {
			t.Errorf("Equal is %v", got)
		}
	}
	nested := func(open, inside, end string) string {
		return strings.Repeat(open, DepthMax) + inside + strings.Repeat(end, DepthMax)
	}
	f(nested("[", "", "]"), nested("[ ", "", "]"), true)
	f(nested("[", "1", "]"), nested("[ ", "1.0", "]"), true)
	f(nested("[", "1", "]"), nested("[ ", "2", "]"), false)
	f(nested(`{"a":`, "1", "}"), nested(`{ "a":`, "1e0", "}"), true)
	f(nested(`{"a":`, "1", "}"), nested(`{ "a":`, "2", "}"), false)
	// Every level twice: going back at each would take for ever.
	twice := strings.Repeat(`{"a":0,"a":`, DepthMax) + "1" + strings.Repeat("}", DepthMax)
	f(twice, nested(`{"a":`, "1", "}"), true)
	f(twice, nested(`{"a":`, "2", "}"), false)
	// A large value under every level but the last must be passed over once.
	payload := strings.Repeat(" ", 1<<20) + "1"
	f(nested(`{"a":`, payload, "}"), nested(`{"a":`, "1", "}"), true)
	f(nested(`[`, "1", "]"), nested(`[`, payload, "]"), true)
	// What is deeper is no document, and equals nothing but itself.
	f("["+nested("[", "", "]")+"]", "[ "+nested("[", "", "]")+"]", false)
}
