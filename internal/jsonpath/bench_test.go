package jsonpath

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// records is a document of about a megabyte as people store it, with a leaf at
// its very end.
func records() []byte {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for i := 0; b.Len() < 1<<20; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"Customer number %d","tags":["new","é\n","vip"],"price":%d.50,"address":{"street":"Long Street %d","city":"Springfield"},"active":true}`, i, i, i%100, i)
	}
	b.WriteString(`],"last":{"leaf":1}}`)
	return []byte(b.String())
}

// flat is an object of about a megabyte whose every name must be looked at.
func flat() []byte {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, `"setting_%d":%d, `, i, i)
	}
	b.WriteString(`"last":{"leaf":1}}`)
	return []byte(b.String())
}

func BenchmarkWalk(b *testing.B) {
	for _, document := range []struct {
		name string
		text []byte
	}{{"records", records()}, {"flat", flat()}} {
		p, _ := Parse("last.leaf")
		dst := make([]byte, 0, 2*len(document.text))
		f := func(what string, do func()) {
			b.Run(document.name+"/"+what, func(b *testing.B) {
				b.SetBytes(int64(len(document.text)))
				b.ReportAllocs()
				for b.Loop() {
					do()
				}
			})
		}
		f("Find", func() { Find(document.text, p) })
		f("Set", func() { Set(dst, document.text, p, []byte("2")) })
		f("Valid", func() { json.Valid(document.text) })
	}
}

func BenchmarkArray(b *testing.B) {
	array := []byte("[" + strings.Repeat(`{"id":12345,"name":"element"},`, 100_000/30) + "0]")
	element := []byte(`{"id":12346,"name":"element"}`)
	dst := make([]byte, 0, 2*len(array))
	f := func(what string, do func()) {
		b.Run(what, func(b *testing.B) {
			b.SetBytes(int64(len(array)))
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
	f("Push", func() { Push(dst, array, element) })
	tiny := []byte("[" + strings.Repeat("[],", len(array)/3) + "0]")
	f("LengthOfTiny", func() { Length(tiny) })
	f("Length", func() { Length(array) })
	f("Drop", func() { Drop(dst, array, 1) })
	f("RemoveLast", func() { Remove(dst, array, -1) })
	f("IndexOf", func() { IndexOf(array, element) })
	f("Valid", func() { json.Valid(array) })
}
