package server

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/catalog"
)

func TestAListOfETagsIsRead(t *testing.T) {
	const etag = `"abc-_9"`
	f := func(list string, want bool) {
		t.Helper()
		if listsETag([]byte(list), etag) != want {
			t.Errorf("%s: want %v", list, want)
		}
	}
	f(``, false)
	f(`*`, true)
	f(` * `, true)
	f(etag, true)
	f(`W/`+etag, true)
	f(`"a", `+etag, true)
	f(`"a,b",W/"c" , `+etag+` `, true)
	f(`"a" "b"`, false)
	f(`"abc-_9`, false)
	f(`abc-_9`, false)
	f(`"x`+etag+`"`, false)
	f(`nonsense, `+etag, false)
	f(`""`, false)
	f(`,,"",`+etag, true)
	f(`W/`, false)
}

func TestAnETagDependsOnEachPart(t *testing.T) {
	seen := map[string]bool{}
	for _, version := range []catalog.Version{{}, {1}, {23: 1}} {
		for _, parts := range []string{"query json a b", "query json a c", "query list a b", "export json a b", "queryjson  a b", "query json ab ", "query json  ab"} {
			etag := rowsETag(version, strings.Split(parts, " ")...)
			if seen[etag] || !rowsTag.MatchString(etag) || etag != rowsETag(version, strings.Split(parts, " ")...) {
				t.Errorf("%v %s: %s", version, parts, etag)
			}
			seen[etag] = true
		}
	}
}

func TestAFileIsNamedSafely(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := disposition(name); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
	f("t.csv", `attachment; filename="t.csv"`)
	f("A_1-b.ndjson", `attachment; filename="A_1-b.ndjson"`)
	f("a\"b\r\nX: y.csv", `attachment; filename="a_b__X__y.csv"; filename*=UTF-8''a%22b%0D%0AX%3A%20y.csv`)
	f("../ž.csv", `attachment; filename="..__.csv"; filename*=UTF-8''..%2F%C5%BE.csv`)
}
