package jsonpath

import (
	"strings"
	"testing"
)

// nothing is what the tests expect of a path that leads nowhere.
const nothing = "nothing"

func TestFindFollowsAPath(t *testing.T) {
	f := func(document, path, want string) {
		t.Helper()
		leaf, ok := Find([]byte(document), parsed(t, path))
		if got := string(leaf); ok != (want != nothing) || ok && got != want || !ok && leaf != nil {
			t.Errorf("%s of %s is %q, %v; want %q", path, document, got, ok, want)
		}
	}
	f(` {"a" : 1} `, "$", `{"a" : 1}`)
	f(" null\n", "$", "null")
	f(`{"a":1}`, "a", "1")
	f("{ \"a\"\n:\t 1 , \"b\" :[ 1, 2 ] }", "b", "[ 1, 2 ]")
	f("{ \"a\"\n:\t 1 , \"b\" :[ 1, 2 ] }", "b[1]", "2")
	f(`{"prefs":{"theme":"dark","x":{}}}`, "prefs.theme", `"dark"`)
	f(`{"a":{"b":{"c":[true,{"d":null}]}}}`, "a.b.c[1].d", "null")
	f(`{"":{"":1}}`, `[""][""]`, "1")
	f(`{"a.b":{"c":1}}`, `["a.b"].c`, "1")
	f(`{"a.b":{"c":1}}`, "a.b.c", nothing)
	f(`{"aa":1,"a":2,"aaa":3}`, "a", "2")
	f(`{"x":"}]\"","y":["\\"],"a":2}`, "a", "2")
	f(`{"x":"a","a":2}`, "x", `"a"`)

	f(`[10,20,30]`, "[0]", "10")
	f(`[10,20,30]`, "[2]", "30")
	f(`[10,20,30]`, "[3]", nothing)
	f(`[10,20,30]`, "[-1]", "30")
	f(`[10,20,30]`, "[-3]", "10")
	f(`[10,20,30]`, "[-4]", nothing)
	f(`[10,20,30]`, "[-9223372036854775808]", nothing)
	f(`[10,20,30]`, "[9223372036854775807]", nothing)
	f(`[10,20,30]`, "1", "20")
	f(`[10,20,30]`, "-1", nothing)
	f(`[10,20,30]`, "01", nothing)
	f(`[10,20,30]`, "99999999999999999999", nothing)
	f(`[0,1,2,3,4,5,6,7,8,9]`, "[-8]", "2")
	f(`[0,1,2,3,4,5,6,7,8,9]`, "[-9]", "1")
	f(`[0,1,2,3,4,5,6,7,8,9]`, "[-10]", "0")
	f(`[[1,[2,3]],[4,[5,6]]]`, "[-1][-1][-2]", "5")
	f(`[]`, "[0]", nothing)
	f(`[ ]`, "[-1]", nothing)

	// Digits after a dot are what the value has, in brackets an index, in quotes a name.
	f(`{"1":"name"}`, "1", `"name"`)
	f(`{"1":"name"}`, "[1]", nothing)
	f(`{"1":"name"}`, `["1"]`, `"name"`)
	f(`[0,"element"]`, "1", `"element"`)
	f(`[0,"element"]`, `["1"]`, nothing)
	f(`{"99999999999999999999":1,"01":2}`, "99999999999999999999", "1")
	f(`{"99999999999999999999":1,"01":2}`, "01", "2")

	f(`{"a":1}`, "b", nothing)
	f(`{}`, "a", nothing)
	f(`{"a":"b"}`, "a.b", nothing)
	f(`{"a":null}`, "a.b", nothing)
	f(`{"a":1}`, "a[0]", nothing)
	f(`["a"]`, "a", nothing)
	f(`"a"`, "a", nothing)
}

func TestNamesAreComparedUnescaped(t *testing.T) {
	f := func(document, path, want string) {
		t.Helper()
		leaf, ok := Find([]byte(document), parsed(t, path))
		if got := string(leaf); ok != (want != nothing) || ok && got != want {
			t.Errorf("%s of %s is %q, %v; want %q", path, document, got, ok, want)
		}
	}
	f(`{"\u0061":1}`, "a", "1")
	f(`{"\u0061b":1}`, "ab", "1")
	f(`{"a\u0062c":1}`, "ab", nothing)
	f(`{"a\u0062":1}`, "abc", nothing)
	f(`{"\u00E9":1}`, "é", "1")
	f(`{"é":1}`, `["\u00e9"]`, "1")
	f(`{"\ud83d\ude00":1}`, "😀", "1")
	f(`{"😀":1}`, `["\ud83d\ude00"]`, "1")
	f(`{"\uD83D\uDE00x":1}`, "😀x", "1")
	f(`{"a\"b\\c\/d":1}`, `a"b\c/d`, "1")
	f(`{"\n\t\r\b\f":1}`, `["\n\t\r\b\f"]`, "1")
	f(`{"\u0000":1}`, `["\u0000"]`, "1")
	f(`{"a\\":1,"b":2}`, "b", "2")
	f(`{"\\u0061":1}`, "a", nothing)
	f(`{"\\u0061":1}`, `\u0061`, "1")

	// Half of a pair is nobody's name but its own, and a path can't write it.
	f(`{"\ud83d":1}`, "\ufffd", nothing)
	f(`{"\ud83d":1,"\ufffd":2}`, "\ufffd", "2")
	f(`{"\ufffd":2,"\ud83d\ud83d\ude00":1}`, "\ufffd", "2")
	f(`{"\ude00\ud83d":1}`, "😀", nothing)
}

func TestTheLastFieldOfANameCounts(t *testing.T) {
	f := func(document, path, want string) {
		t.Helper()
		leaf, ok := Find([]byte(document), parsed(t, path))
		if got := string(leaf); ok != (want != nothing) || ok && got != want {
			t.Errorf("%s of %s is %q, %v; want %q", path, document, got, ok, want)
		}
	}
	f(`{"a":1,"a":2}`, "a", "2")
	f(`{"a":1,"\u0061":2,"b":3}`, "a", "2")
	f(`{"a":{"b":1},"a":{"b":2}}`, "a.b", "2")
	f(`{"a":{"b":1},"a":{"c":2}}`, "a.b", nothing)
	f(`{"a":{"b":1},"a":null}`, "a.b", nothing)
	f(`{"a":null,"a":{"b":1}}`, "a.b", "1")
	f(`{"a":[1,2],"a":[3]}`, "a[-1]", "3")
	f(`{"a":[1,2],"a":[3]}`, "a[1]", nothing)
	f(`{"a":[{"b":1}],"a":[{"b":2}]}`, "a[0].b", "2")
	f(`[{"a":1,"a":2},{"a":3}]`, "[0].a", "2")
}

func TestFindReachesAsDeepAsDocumentsGo(t *testing.T) {
	arrays := strings.Repeat("[", DepthMax) + strings.Repeat("]", DepthMax)
	objects := strings.Repeat(`{"a":`, DepthMax) + "1" + strings.Repeat("}", DepthMax)
	f := func(document, path string, wantDepth int) {
		t.Helper()
		leaf, ok := Find([]byte(document), parsed(t, path))
		if !ok || Depth(leaf) != wantDepth {
			t.Errorf("found %v, %d levels; want %d", ok, Depth(leaf), wantDepth)
		}
	}
	f(arrays, strings.Repeat("[0]", stepsMax), DepthMax-stepsMax)
	f(arrays, strings.Repeat("[-1]", stepsFromEndMax), DepthMax-stepsFromEndMax)
	f(objects, strings.Repeat(".a", stepsMax), DepthMax-stepsMax)
}

func TestWhatIsFoundCanNotGrowIntoTheDocument(t *testing.T) {
	document := []byte(`{"a":1,"b":2}`)
	for _, path := range []string{"a", "$"} {
		leaf, _ := Find(document[:7:13], parsed(t, path))
		_ = append(leaf, "xxxx"...)
	}
	if string(document) != `{"a":1,"b":2}` {
		t.Errorf("%s", document)
	}
}

func TestDepthCountsContainersOnly(t *testing.T) {
	f := func(document string, want int) {
		t.Helper()
		if got := Depth([]byte(document)); got != want {
			t.Errorf("Depth(%s) = %d, want %d", document, got, want)
		}
	}
	f("1", 0)
	f(`"[[{{"`, 0)
	f("[]", 1)
	f(`{"a":"\"[","b":[]}`, 2)
	f("[[],[[]],[]]", 3)
}
