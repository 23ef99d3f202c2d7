package sqltx

import (
	"strings"
	"testing"
)

func TestSkipBlank(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := SkipBlank(in); got != want {
			t.Errorf("SkipBlank(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f(" \t\r\n\f;;", "")
	f("\ufeff;\ufeffSELECT 1", "SELECT 1")
	f("\ufeff", "")
	f("SELECT 1", "SELECT 1")
	f("  ; -- a\n;/* b */ SELECT 1; ", "SELECT 1; ")
	f("-- never ends", "")
	f("--\nx", "x")
	f("/* never ends ; SELECT 1", "")
	f("/**/x", "x")
	f("/*/ still open */x", "x")
	f("/***/x", "x")
	f("- 1", "- 1")
	f("/ 2", "/ 2")
	f("\vx", "\vx")
}

func TestFirstWord(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := FirstWord(in); got != want {
			t.Errorf("FirstWord(%q) = %q, want %q", in, got, want)
		}
	}
	f("select*", "select")
	f(" /* a */ With_1 x", "With_1")
	f("VALUES(1)", "VALUES")
	f("(SELECT", "")
	f("", "")
	f("selectž x", "selectž")
}

func TestAfterStatement(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := AfterStatement(in); got != want {
			t.Errorf("AfterStatement(%q) = %q, want %q", in, got, want)
		}
	}
	f("a; b; c", " b; c")
	f(" ;; -- x;\n a;b", "b")
	f("a", "")
	f("'a;''b;' \"c;\" `d;` [e;] /* f; */ -- g;\n;h", "h")
	f("'a; b", "")
	f("[a; b", "")
	f("a - b / c; d", " d")
}

func FuzzScanEndsWithinTheText(f *testing.F) {
	f.Add("SELECT ';' /* ; */ -- ;\n; 'a''b' [c] `d`; x")
	f.Add("/*/")
	f.Add("'")
	f.Fuzz(func(t *testing.T, sql string) {
		rest := SkipBlank(sql)
		if !strings.HasSuffix(sql, rest) || SkipBlank(rest) != rest {
			t.Fatalf("SkipBlank(%q) = %q", sql, rest)
		}
		after := AfterStatement(sql)
		if !strings.HasSuffix(sql, after) {
			t.Fatalf("AfterStatement(%q) = %q", sql, after)
		}
		if !strings.HasPrefix(rest, FirstWord(sql)) {
			t.Fatalf("FirstWord(%q) = %q", sql, FirstWord(sql))
		}
	})
}
