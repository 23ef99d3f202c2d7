package server

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

func TestDecodeSQL(t *testing.T) {
	f := func(arg, want string) {
		t.Helper()
		if got, err := decodeSQL([]byte(arg)); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", arg, got, err, want)
		}
	}
	sql := "SELECT '>>>???', 'ž' FROM t -- a"
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		arg := encoding.EncodeToString([]byte(sql))
		f(arg, sql)
		f(strings.ReplaceAll(arg, "+", " "), sql)
	}
	f(base64.StdEncoding.EncodeToString([]byte("DELETE FROM t")), "DELETE FROM t")
	for _, raw := range []string{
		"SELECT 1", "select 1", "SELECT", "With a AS (SELECT 1) SELECT * FROM a", "VALUES 1", "EXPLAIN a",
		"With+a AS", "WitH",
		"PRAGMA table_info(t)", "pragma user_version", "VACUUM", "DELETE FROM t", "DROP TABLE t;", "SELECT1",
		" -- a\nSELECT 1", "/* a */ SELECT 1", "(SELECT 1)", "x", "ž",
	} {
		f(raw, raw)
	}
	f(base64.StdEncoding.EncodeToString([]byte("a\x01")), "YQE=")
	f(base64.StdEncoding.EncodeToString([]byte("\xff\xfe")), "//4=")
}

func TestDecodeSQLRefuses(t *testing.T) {
	f := func(arg, text string) {
		t.Helper()
		_, err := decodeSQL([]byte(arg))
		if why := refusal.Of(err); why == nil || why.Kind != refusal.SQLError || !strings.Contains(why.Text, text) {
			t.Errorf("%q: got %v", arg, err)
		}
	}
	f("SELECT '\x00'", "NUL")
	f("SELECT '\xff'", "UTF-8")
	f("", "empty SQL statement")
	f(" ", "empty SQL statement")
	f(base64.StdEncoding.EncodeToString([]byte("-- a")), "empty SQL statement")
}

// TestNoBase64OfQueryBeginsLikeQuery is why decodeSQL may take what begins with
// a keyword as it is. The first two bytes tell: a query begins with a keyword,
// or with what may stand before one.
func TestNoBase64OfQueryBeginsLikeQuery(t *testing.T) {
	for _, keyword := range []string{"SELECT", "VALUES", "WITH", "EXPLAIN", "PRAGMA"} {
		if !beginsLikeQuery(keyword) {
			t.Errorf("%s is not known", keyword)
		}
		for spelling := range 16 {
			arg := []byte(keyword[:4])
			for i := range arg {
				if spelling>>i&1 == 1 {
					arg[i] += 'a' - 'A'
				}
			}
			decoded, ok := jsontext.DecodeBase64(nil, arg)
			if !ok || len(decoded) != 3 {
				t.Fatalf("%s: got %q", arg, decoded)
			}
			first, pair := decoded[:1], strings.ToUpper(string(decoded[:2]))
			if strings.ContainsAny(string(first), " \t\n\f\r;-/") || slices.Contains([]string{"SE", "VA", "WI", "EX", "PR"}, pair) {
				t.Errorf("%s begins the base64 of a query: %q", arg, decoded)
			}
		}
	}
}

func TestParseParams(t *testing.T) {
	f := func(arg, want string) {
		t.Helper()
		item := sqltx.Item{SQL: "a", IsQuery: true}
		if err := parseParams([]byte(arg), &item); err != nil {
			t.Errorf("%q: %v", arg, err)
		}
		if got := describe(&sqltx.Request{Items: []sqltx.Item{item}}); got != `query "a"`+want+";" {
			t.Errorf("%q: got %s, want %s", arg, got, want)
		}
	}
	f("", "")
	f(" ", "")
	f("[]", "")
	f(` [1,"x"] `, ` 1 "x"`)
	f(`{":a":1.5}`, ` a=1.5f`)

	g := func(arg string, kind refusal.Kind) {
		t.Helper()
		if why := refusal.Of(parseParams([]byte(arg), &sqltx.Item{})); why == nil || why.Kind != kind {
			t.Errorf("%q: got %v", arg, why)
		}
	}
	g("[1", refusal.InvalidParameters)
	g("[\"\xff\"]", refusal.InvalidParameters)
	g("1", refusal.SQLBindError)
	g("[[]]", refusal.SQLBindError)
}

func FuzzDecodeSQL(f *testing.F) {
	f.Add("SELECT 1")
	f.Add("U0VMRUNUIDE=")
	f.Fuzz(func(t *testing.T, sql string) {
		if got, err := decodeSQL([]byte(sql)); err == nil && !utf8.ValidString(got) {
			t.Fatalf("%q was taken as %q", sql, got)
		}
		if !isPlainText([]byte(sql)) || sqltx.CheckSQL(sql) != nil {
			return
		}
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			arg := encoding.EncodeToString([]byte(sql))
			if beginsLikeQuery(arg) && !beginsLikeQuery(sql) {
				continue // some "Z+a" is sent as "With"
			}
			if got, err := decodeSQL([]byte(arg)); err != nil || got != sql {
				t.Fatalf("%q, sent as %q, was taken as %q, %v", sql, arg, got, err)
			}
		}
	})
}
