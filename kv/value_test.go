package kv

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestOnlyJSONAndTextThatSQLCanReadWholeIsStoredAsText(t *testing.T) {
	f := func(body, contentType string, want ValueKind) {
		t.Helper()
		value := BytesValue([]byte(body), contentType)
		if value.Kind != want || string(value.Append(nil)) != body {
			t.Errorf("BytesValue(%q, %q) = %+v, want kind %d", body, contentType, value, want)
		}
	}
	f("hello", "text/plain", Text)
	f("", "text/plain", Text)
	f("{}", "application/json", Text)
	f("{}", "application/ld+json", Text)
	f("žluť 漢字", "text/plain; charset=utf-8", Text)
	f("a\x00b", "text/plain", Blob)
	f("\xff", "text/plain", Blob)
	f("\xed\xa0\x80", "application/json", Blob)
	f("hello", "application/octet-stream", Blob)
	f("hello", "", Blob)
	f("", "image/png", Blob)
}

func TestAValuesSizeIsThatOfItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := IntegerValue(rapid.Int64().Draw(t, "n"))
		want := strconv.FormatInt(value.Int, 10)
		if rapid.Bool().Draw(t, "body") {
			want = rapid.String().Draw(t, "bytes")
			value = BytesValue([]byte(want), anyType.Draw(t, "type"))
		}
		if got := string(value.Append([]byte("x"))); got != "x"+want || value.Size() != len(want) {
			t.Fatalf("%q of %d bytes, want %q", got, value.Size(), want)
		}
	})
}

func TestACounterIsReadAsTheIntegerItIs(t *testing.T) {
	for _, n := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		if got, ok := IntegerValue(n).integer(); got != n || !ok {
			t.Errorf("%d reads as %d, %v", n, got, ok)
		}
		text := BytesValue(strconv.AppendInt(nil, n, 10), "text/plain")
		if got, ok := text.integer(); got != n || !ok {
			t.Errorf("%d as text reads as %d, %v", n, got, ok)
		}
	}
}
