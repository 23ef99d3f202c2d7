package directory

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestAKeyIsThePathOfAPlainFile(t *testing.T) {
	folder := newFolder(t)
	f := func(key string) {
		t.Helper()
		folder.mustPut(t, key, "content of "+key)
		folder.wants(t, key, "content of "+key)
		folder.wantsKeys(t, key)
		if err := folder.Delete(key); err != nil {
			t.Errorf("Delete(%q): %v", key, err)
		}
		wantsTree(t, folder.path)
	}
	f("a")
	f("a.txt")
	f("a/b")
	f("a/b/c.json")
	f("a b/ c")
	f(" /x")
	f("-rf")
	f("~")
	f("a.")
	f("a..b")
	f("a/b..")
	f("CON")
	f("a:b*?\"<>|")
	f("%2e%2e/%2F") // decoded once by whoever had to, and then a name like others
	f("ключ/鍵/🔑.txt")
	f("e\u0301")
	f("\u202etxt") // format characters are letters of many a script
	f("app.db")
	f("app.db-wal")
	f("urlite")
	f(strings.Repeat("n", segmentBytesMax))
	f(strings.Repeat("é", segmentBytesMax/2))
	f(strings.Repeat("f/", foldersMax) + "k")
}

func TestKeysThatNoFileCanHaveAreRefusedInTheDeclaredOrder(t *testing.T) {
	folder := newFolder(t)
	f := func(key string, want *refusal.Refusal) {
		t.Helper()
		_, getErr := folder.Get(key)
		_, statErr := folder.Stat(key, false)
		_, putErr := folder.Put(key, nil)
		for _, err := range []error{getErr, statErr, putErr, folder.Delete(key)} {
			if err != want {
				t.Errorf("%.80q: %v, want %v", key, err, want)
			}
		}
	}
	f(`a\b`, errKeyBackslash)
	f(`..\b`, errKeyBackslash)
	f("a\n", errKeyControl)
	f("a\x7f", errKeyControl)
	f("a\u0085b", errKeyControl)
	f("\x1b[2J", errKeyControl)
	f(strings.Repeat("f/", foldersMax+1)+"k", errKeyDeep)
	f("/", errKeySlashes)
	f("/a", errKeySlashes)
	f("a/", errKeySlashes)
	f("a//b", errKeySlashes)
	f("//", errKeySlashes)
	f(".", errKeyDots)
	f("..", errKeyDots)
	f("../a", errKeyDots)
	f("a/..", errKeyDots)
	f("a/../b", errKeyDots)
	f("a/./b", errKeyDots)
	f("./a", errKeyDots)
	f("../../../../etc/passwd", errKeyDots)
	f(".hidden", errKeyHidden)
	f("...", errKeyHidden)
	f("a/.git/config", errKeyHidden)
	f(".urlite", errKeyHidden)
	f("a/.urlite-put-0123456789abcdef", errKeyHidden)
	f(strings.Repeat("n", segmentBytesMax+1), errKeySegment)
	f("a/"+strings.Repeat("é", segmentBytesMax/2+1)+"/b", errKeySegment)

	// What every key has to be comes first.
	g := func(key, want string) {
		t.Helper()
		if _, err := folder.Put(key, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", key, err, want)
		}
	}
	g("", "key is empty")
	g(" ", "white space")
	g("\t", "white space")
	g("a\x00b", "NUL")
	g("../\x00", "NUL")
	g("a\xff", "UTF-8")
	g("../\xc0\xae", "UTF-8") // a dot in a form that is no UTF-8
	g(strings.Repeat("k/", 600), "1024 bytes")

	// The order of precedence: each key has the fault named and all after it.
	long := strings.Repeat("n", segmentBytesMax+1)
	f(`\`+"\n"+strings.Repeat("/", foldersMax+1)+"/../.a/"+long, errKeyBackslash)
	f("\n"+strings.Repeat("/", foldersMax+1)+"/../.a/"+long, errKeyControl)
	f(strings.Repeat("/", foldersMax+1)+"/../.a/"+long, errKeyDeep)
	f("/../.a/"+long, errKeySlashes)
	f("../.a/"+long, errKeyDots)
	f("."+long, errKeyHidden)
	wantsTree(t, folder.path)
}

func FuzzAKeyThatIsAcceptedStaysBelow(f *testing.F) {
	for _, seed := range []string{"a", "..", "a/../b", "/", "a//b", `a\..\b`, ".x", "\x00", "é/\u0301", "%2e%2e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if checkKey(key, &testLimits) != nil {
			return
		}
		folder := Folder{path: "/srv/files"}
		if path := folder.Path(key); path != "/srv/files/"+key {
			t.Fatalf("%q lies at %q", key, path)
		}
		for segment := range strings.SplitSeq(key, "/") {
			if !canBeSegment(segment) || segment == "" || segment[0] == '.' {
				t.Fatalf("%q has the segment %q", key, segment)
			}
		}
	})
}

func TestTheTypeFollowsFromTheExtension(t *testing.T) {
	f := func(key, want string) {
		t.Helper()
		if got := ContentType(key); got != want {
			t.Errorf("ContentType(%q) = %q, want %q", key, got, want)
		}
	}
	f("a.json", "application/json")
	f("a/b.tar.gz", "application/gzip")
	f("A.JPG", "image/jpeg")
	f("index.html", "text/html; charset=utf-8")
	f("notes.md", "text/markdown; charset=utf-8")
	f("a.json/b", contentTypeUnknown)
	f("a", contentTypeUnknown)
	f("a.", contentTypeUnknown)
	f("json", contentTypeUnknown)
	f("a.unknown", contentTypeUnknown)
	for extension, contentType := range contentTypes {
		if text := strings.HasPrefix(contentType, "text/"); text != strings.HasSuffix(contentType, "; charset=utf-8") {
			t.Errorf("%s is %s: texts are UTF-8, and nothing else says so", extension, contentType)
		}
		if extension != strings.ToLower(extension) || extension[0] != '.' {
			t.Errorf("%s is never found", extension)
		}
	}
}
