//go:build !race

package jsonpath

import "testing"

// These are on the way of every counter inside of a document.
func TestAllocationsOfFindAndSet(t *testing.T) {
	document := []byte(`{"name":"visits","pages":{"home":{"hits":41,"seen":[1,2,{"at":3}]},"\u0061":0}}`)
	dst := make([]byte, 0, 4096)
	f := func(path string) {
		t.Helper()
		p := parsed(t, path)
		if got := testing.AllocsPerRun(100, func() {
			if _, ok := Find(document, p); !ok {
				t.Fatal(path)
			}
		}); got != 0 {
			t.Errorf("Find of %s allocates %v objects", path, got)
		}
		if got := testing.AllocsPerRun(100, func() {
			if _, why := Set(dst, document, p, document); why != nil {
				t.Fatal(why)
			}
		}); got != 0 {
			t.Errorf("Set of %s allocates %v objects", path, got)
		}
	}
	f("$")
	f("name")
	f("pages.home.hits")
	f("pages.home.seen[2].at")
	f("pages.home.seen[-1].at")
	f("pages.a")

	missing := parsed(t, "pages.new[0].hits")
	if got := testing.AllocsPerRun(100, func() {
		if _, why := Set(dst, document, missing, document); why != nil {
			t.Fatal(why)
		}
	}); got != 0 {
		t.Errorf("Set of a missing field allocates %v objects", got)
	}
	if got := testing.AllocsPerRun(100, func() { _, _ = Parse("pages.home.hits") }); got > 1 {
		t.Errorf("Parse allocates %v objects", got)
	}
}

func TestAllocationsOfArrays(t *testing.T) {
	array, element := []byte(`[1,"two",{"three":3},[4]]`), []byte(`{"five":5}`)
	dst := make([]byte, 0, 4096)
	f := func(what string, want float64, do func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, do); got > want {
			t.Errorf("%s allocates %v objects, of %v at most", what, got, want)
		}
	}
	f("Length", 0, func() { Length(array) })
	f("Push", 0, func() { Push(dst, array, element) })
	f("Drop", 0, func() { Drop(dst, array, 2) })
	f("Remove", 0, func() { Remove(dst, array, -2) })
	f("Element", 0, func() { Element(array, -1) })
	// The wanted value is read once, however many elements there are.
	f("IndexOf of a number", 3, func() { IndexOf(array, []byte("4.0")) })
	f("Equal to the byte", 0, func() { Equal(array, array) })
}
