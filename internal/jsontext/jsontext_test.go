package jsontext

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendString(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(AppendString([]byte("x"), in)); got != "x"+want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
		if got := string(AppendBytes(nil, []byte(in))); got != want {
			t.Errorf("AppendBytes(%q) = %s, want %s", in, got, want)
		}
	}
	f("", `""`)
	f("plain text", `"plain text"`)
	f(`say "yes" \ no`, `"say \"yes\" \\ no"`)
	f("\b\f\n\r\t", `"\b\f\n\r\t"`)
	f("\x00\x01\x1f\x7f", `"\u0000\u0001\u001f`+"\x7f"+`"`)
	f("<a href='x'>&</a>", `"<a href='x'>&</a>"`)
	f("žluť 漢字 😀", `"žluť 漢字 😀"`)
	f("a\u2028b\u2029c", `"a\u2028b\u2029c"`)
	f("\ufffd", "\"\ufffd\"")
	f("a\xffb", `"a\ufffdb"`)
	f("\xe6\xbc", `"\ufffd\ufffd"`)
	f("\xed\xa0\x80", `"\ufffd\ufffd\ufffd"`)
}

func TestAppendFloat(t *testing.T) {
	f := func(in float64, want string) {
		t.Helper()
		if got := string(AppendFloat(nil, in)); got != want {
			t.Errorf("AppendFloat(%g) = %s, want %s", in, got, want)
		}
	}
	f(3, "3")
	f(0.1, "0.1")
	f(math.Copysign(0, -1), "-0")
	f(1e21, "1e+21")
	f(1e20, "100000000000000000000")
	f(1e-6, "0.000001")
	f(1e-7, "1e-7")
	f(-2.5e-9, "-2.5e-9")
	f(1e-10, "1e-10")
	f(math.MaxFloat64, "1.7976931348623157e+308")
	f(math.SmallestNonzeroFloat64, "5e-324")
	f(math.Inf(1), "null")
	f(math.Inf(-1), "null")
	f(math.NaN(), "null")
}

func TestAppendBase64(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(AppendBase64(nil, []byte(in))); got != want {
			t.Errorf("AppendBase64(%q) = %s, want %s", in, got, want)
		}
	}
	f("", `""`)
	f("a", `"YQ=="`)
	f("\xfb\xff\xfe", `"+//+"`)
}

func TestAppendingAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	text := "plain, \"quoted\", žluť 😀, \xff and \u2028"
	blob := []byte(text)
	allocs := testing.AllocsPerRun(100, func() {
		dst = AppendString(dst[:0], text)
		dst = AppendBytes(dst, blob)
		dst = AppendBase64(dst, blob)
		dst = AppendFloat(dst, 1.5e-7)
		dst = AppendFloat(dst, 123.456)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "a\"b\\c", "\u2028", "\xff\xed\xa0\x80", "😀\x00\x1f", "ab\ufffd"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		encoded := AppendString(nil, in)
		if again := AppendBytes(nil, []byte(in)); string(again) != string(encoded) {
			t.Fatalf("as bytes %s, as string %s", again, encoded)
		}
		if !utf8.Valid(encoded) {
			t.Fatalf("%q is not UTF-8", encoded)
		}
		var back string
		if err := json.Unmarshal(encoded, &back); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		if want := strings.ToValidUTF8(in, "\ufffd"); utf8.ValidString(in) && back != want {
			t.Fatalf("%q came back as %q", in, back)
		}
		// Range turns each wrong byte into one U+FFFD, and so must we.
		if want := string([]rune(in)); back != want {
			t.Fatalf("%q came back as %q, want %q", in, back, want)
		}
	})
}

func FuzzAppendFloat(f *testing.F) {
	for _, seed := range []float64{0, 1, 1e21, 1e-6, 1e-7, 9.999999e-7, 1e-100, math.MaxFloat64} {
		f.Add(math.Float64bits(seed))
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		in := math.Float64frombits(bits)
		if math.IsInf(in, 0) || math.IsNaN(in) {
			t.Skip()
		}
		want, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendFloat(nil, in); string(got) != string(want) {
			t.Fatalf("AppendFloat(%g) = %s, encoding/json writes %s", in, got, want)
		}
	})
}

func BenchmarkAppendBytes(b *testing.B) {
	dst := make([]byte, 0, 4096)
	text := []byte(strings.Repeat("an ordinary line of text, quite clean; ", 25))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendBytes(dst[:0], text)
	}
}
