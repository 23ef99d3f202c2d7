package jsonpath

import (
	"strings"
	"testing"
)

func TestLengthCountsElements(t *testing.T) {
	f := func(array string, want int) {
		t.Helper()
		if got := Length([]byte(array)); got != want {
			t.Errorf("Length(%s) = %d, want %d", array, got, want)
		}
	}
	f("[]", 0)
	f(" [ ] ", 0)
	f("[null]", 1)
	f(` [1, "a,b", [2,3], {"x":[4,5]} ] `, 4)
	f(`["]","\"]"]`, 2)
	f(`{"a":[1]}`, 0)
	f("null", 0)
	f(strings.Repeat("[", DepthMax)+strings.Repeat("]", DepthMax), 1)
}

func TestElementCountsFromBothEnds(t *testing.T) {
	f := func(array string, index int, want string) {
		t.Helper()
		element, ok := Element([]byte(array), index)
		if got := string(element); ok != (want != nothing) || ok && got != want {
			t.Errorf("element %d of %s is %q, %v; want %q", index, array, got, ok, want)
		}
	}
	f(` [ 1 , "a" , [ 2 ] ] `, 0, "1")
	f(` [ 1 , "a" , [ 2 ] ] `, 2, "[ 2 ]")
	f(` [ 1 , "a" , [ 2 ] ] `, 3, nothing)
	f(` [ 1 , "a" , [ 2 ] ] `, -1, "[ 2 ]")
	f(` [ 1 , "a" , [ 2 ] ] `, -3, "1")
	f(` [ 1 , "a" , [ 2 ] ] `, -4, nothing)
	f("[0,1,2,3,4,5,6,7,8,9]", -9, "1")
	f("[]", 0, nothing)
	f("[]", -1, nothing)
	f("[1]", -1<<63, nothing)
	f("[1]", 1<<63-1, nothing)
	f(`{"a":1}`, 0, nothing)
}

func TestPushKeepsTheRest(t *testing.T) {
	f := func(array, element, want string) {
		t.Helper()
		if got := string(Push([]byte("dst:"), []byte(array), []byte(element))); got != "dst:"+want {
			t.Errorf("%s to %s: %s, want %s", element, array, got, want)
		}
	}
	f("[]", "1", "[1]")
	f(" [ ] ", " 1 ", " [1 ] ")
	f("[1]", "2", "[1,2]")
	f("\n[ 1 ,  2\t]\n", `{"a": 1}`, "\n[ 1 ,  2,{\"a\": 1}\t]\n")
	f(`["]"]`, `"["`, `["]","["]`)
	f("[[]]", "[]", "[[],[]]")
	f("{}", "1", "{}")
}

func TestDropTakesTheFirstElements(t *testing.T) {
	f := func(array string, n int, want string) {
		t.Helper()
		if got := string(Drop([]byte("dst:"), []byte(array), n)); got != "dst:"+want {
			t.Errorf("%s without %d: %s, want %s", array, n, got, want)
		}
	}
	f(" [ 1 , 2 ,  3 ] ", 0, " [ 1 , 2 ,  3 ] ")
	f(" [ 1 , 2 ,  3 ] ", -1, " [ 1 , 2 ,  3 ] ")
	f(" [ 1 , 2 ,  3 ] ", 1, " [ 2 ,  3 ] ")
	f(" [ 1 , 2 ,  3 ] ", 2, " [ 3 ] ")
	f(" [ 1 , 2 ,  3 ] ", 3, " [  ] ")
	f(" [ 1 , 2 ,  3 ] ", 4, " [  ] ")
	f("[1,2]", 1<<63-1, "[]")
	f("[]", 1, "[]")
	f(`"a"`, 1, `"a"`)
}

func TestRemoveTakesOneElement(t *testing.T) {
	f := func(array string, index int, want string) {
		t.Helper()
		if got := string(Remove([]byte("dst:"), []byte(array), index)); got != "dst:"+want {
			t.Errorf("%s without element %d: %s, want %s", array, index, got, want)
		}
	}
	f(" [ 1 , 2 ,  3 ] ", 0, " [ 2 ,  3 ] ")
	f(" [ 1 , 2 ,  3 ] ", 1, " [ 1 , 3 ] ")
	f(" [ 1 , 2 ,  3 ] ", 2, " [ 1 , 2 ] ")
	f(" [ 1 , 2 ,  3 ] ", -1, " [ 1 , 2 ] ")
	f(" [ 1 , 2 ,  3 ] ", -3, " [ 2 ,  3 ] ")
	f(" [ 1 , 2 ,  3 ] ", 3, " [ 1 , 2 ,  3 ] ")
	f(" [ 1 , 2 ,  3 ] ", -4, " [ 1 , 2 ,  3 ] ")
	f("[1]", 0, "[]")
	f("[1]", -1, "[]")
	f("[ 1 ]", 0, "[  ]")
	f(`["a,","b"]`, 1, `["a,"]`)
	f("{}", 0, "{}")
}

func TestIndexOfPrefersEqualElements(t *testing.T) {
	f := func(array, wanted string, want int) {
		t.Helper()
		if got := IndexOf([]byte(array), []byte(wanted)); got != want {
			t.Errorf("%s in %s: %d, want %d", wanted, array, got, want)
		}
	}
	f(`[1,2,2]`, "2", 1)
	f(`[1,2.0,2]`, "2", 1)
	f(`["1",1]`, " 1 ", 1)
	f(`[]`, "1", -1)
	f(`[1]`, "2", -1)
	f(`{"a":1}`, "1", -1)
	f(`[true,false,null]`, "null", 2)
	f(`["é","\u00e9"]`, `"\u00E9"`, 0)
	f(`[[1],[1,2],[]]`, "[]", 2)
	f(`[[1],[1,2],[]]`, "[1,2]", 1)

	// An object is found by its fields if none is equal to it.
	f(`[{"id":1,"n":"a"},{"id":2,"n":"b"}]`, `{"id":2}`, 1)
	f(`[{"id":2,"n":"b"},{"id":2}]`, `{"id":2}`, 1)
	f(`[{"id":2,"n":"b"},{"id":2,"n":"c"}]`, `{"n":"c","id":2.0}`, 1)
	f(`[{"id":{"x":1,"y":2}}]`, `{"id":{"x":1}}`, -1)
	f(`[{"id":2,"n":"b"}]`, `{"id":2,"m":1}`, -1)
	f(`[[{"id":2,"n":"b"}]]`, `[{"id":2}]`, -1)
	f(`[{"id":2,"id":3},{"id":2,"x":1}]`, `{"id":2}`, 1)
	f(`[1,{"a":1}]`, "{}", -1) // any object has all of no fields
	f(`[{"a":1},{}]`, "{}", 1)
}

func TestIndexOfDoesNotReadALargeValueForEachElement(t *testing.T) {
	// Each would be the square of these sizes, which takes minutes.
	const size = 1 << 20
	long := strings.Repeat("1", size)
	spaces := strings.Repeat(" ", size)
	var fields strings.Builder
	for i := range size / 16 {
		if i > 0 {
			fields.WriteByte(',')
		}
		fields.WriteString(`"` + strings.Repeat("n", i%7) + strings.Repeat("m", i%9) + `":0`)
	}
	f := func(element, wanted string) {
		t.Helper()
		array := "[" + strings.Repeat(element+",", size/8) + "0]"
		if got := IndexOf([]byte(array), []byte(wanted)); got != -1 {
			t.Errorf("%s is element %d", element, got)
		}
	}
	f("1", long)
	f("[1]", "["+long+"]")
	f(`"1"`, `"`+long+`"`)
	f(`"\u0031"`, `"`+long+`"`)
	f("[1]", "["+spaces+"2]")
	f("[1]", "[1"+spaces+",2]")
	f("[1]", "["+strings.Repeat("1,", size/2)+"1]")
	f(`{"a":1}`, `{"`+long+`":1,"b":1}`)
	f(`{"a":1}`, `{"a":`+long+`}`)
	f(`{"nm":1}`, "{"+fields.String()+"}")
}
