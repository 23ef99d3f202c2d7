package kv

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
)

func TestAnyTextIsAKeyButEmptyBlankAndUnreadable(t *testing.T) {
	limits := DefaultLimits()
	f := func(key string, want *refusal.Refusal) {
		t.Helper()
		if why := CheckKey(key, &limits); why != want {
			t.Errorf("CheckKey(%q) = %v, want %v", key, why, want)
		}
	}
	f("a", nil)
	f("a/b//c/", nil)
	f(" a ", nil)
	f("%2F?#&=+", nil)
	f("ключ 鍵 🔑", nil)
	f("\x01\x7f\u200b", nil)
	f(strings.Repeat("k", 1024), nil)
	f("", KeyEmpty)
	f(" ", keyBlank)
	f("\t\n\v\f\r\u0085\u00a0\u2003\u3000", keyBlank)
	f("a\x00b", keyHasNUL)
	f("\xc3", keyNotUTF8)
	f("\xed\xa0\x80", keyNotUTF8) // half of a surrogate pair
	f("\xff\x00", keyNotUTF8)
	if why := CheckKey(strings.Repeat("é", 513), &limits); why == nil || !strings.Contains(why.Text, "1026 bytes") {
		t.Errorf("a key is measured in bytes: %v", why)
	}
}

func TestTableNamesHaveOneAlphabetAndNoOwner(t *testing.T) {
	f := func(name string, want bool) {
		t.Helper()
		if why := CheckTable(name); (why == nil) != want {
			t.Errorf("CheckTable(%q) = %v", name, why)
		}
	}
	f("kv_store", true)
	f("_", true)
	f("A1", true)
	f("_private", true)
	f("history", true)
	f("history_of_things", true)
	f("_urlit", true)
	f("sqlite", true)
	f(strings.Repeat("t", 64), true)

	f("", false)
	f(strings.Repeat("t", 65), false)
	f("1a", false)
	f("a-b", false)
	f("a b", false)
	f("a.b", false)
	f(`a"b`, false)
	f("a;--", false)
	f("größe", false)
	f("a\x00", false)
	f("sqlite_master", false)
	f("SQLite_x", false)
	f("_urlite_meta", false)
	f("_URLite", false)
	f("_query_history", false)
	f("kv_store_history", false)
	f("KV_HISTORY", false)
	f("_history", false)
	// Letters whose lower case is a shorter, plain one.
	f("\u212av", false)
	f("a\u212a\u212a", false)
	f("\u0130", false)
}

func FuzzCheckKeyAcceptsExactlyWhatItSays(f *testing.F) {
	for _, seed := range []string{"", "a", " ", "a\x00", "\xff", "\u3000", "ключ", strings.Repeat("k", 1025)} {
		f.Add(seed)
	}
	limits := DefaultLimits()
	f.Fuzz(func(t *testing.T, key string) {
		want := key != "" && len(key) <= 1024 && utf8.ValidString(key) && !strings.Contains(key, "\x00") && strings.TrimSpace(key) != ""
		if why := CheckKey(key, &limits); (why == nil) != want {
			t.Fatalf("CheckKey(%q) = %v", key, why)
		}
	})
}

func FuzzCheckTableAcceptsNothingThatNeedsQuoting(f *testing.F) {
	for _, seed := range []string{"", "kv_store", "\u212av", "İ", "sqlite_a", "a_History", `"`, "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckTable(name) != nil {
			return
		}
		plain := strings.TrimFunc(strings.ToLower(name), func(r rune) bool {
			return r == '_' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
		})
		if plain != "" || name == "" || len(name) > 64 || name[0] >= '0' && name[0] <= '9' {
			t.Fatalf("CheckTable accepts %q", name)
		}
	})
}
