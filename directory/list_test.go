package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urlite/urlite/refusal"
)

func TestKeysAreListedInTheOrderOfTheirBytes(t *testing.T) {
	f := newFolder(t)
	want := []string{"a", "a b", "a!/c", "a-b", "a.txt", "b/a", "b/a.txt", "b/aa/c", "b0", "b1/x", "ba", "É", "é/x", "é0"}
	for _, key := range want {
		f.mustPut(t, key, key)
	}
	slices.Sort(want)
	must(t, os.MkdirAll(f.path+"/empty/emptier", 0o755))
	f.wantsKeys(t, want...)
	if slices.Index(want, "a.txt") > slices.Index(want, "b/a") || slices.Index(want, "b/a") > slices.Index(want, "b0") {
		t.Error("the example does not show what it should")
	}
}

func TestAListedKeyTellsWhatItsFileIs(t *testing.T) {
	f := newFolder(t)
	file := f.mustPut(t, "a/notes.md", "# hello")
	var got []Listed
	more, err := f.List(context.Background(), &Page{Limit: 1}, func(l *Listed) { got = append(got, *l) })
	want := Listed{Key: "a/notes.md", ContentType: "text/markdown; charset=utf-8", Size: 7, ModifiedAt: file.ModifiedAt, Version: file.Version}
	if more || err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%+v, %v, %v; want %+v", got, more, err, want)
	}
	more, err = f.List(context.Background(), &Page{}, func(*Listed) { t.Error("a page without room has a key") })
	if more || err != nil {
		t.Error(more, err)
	}
}

// plainList is what List should answer, from all keys in order.
func plainList(keys []string, page Page) (found []string, more bool) {
	keys = slices.Clone(keys)
	if page.Reverse {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		passed := page.After == "" || key > page.After
		if page.Reverse {
			passed = page.After == "" || key < page.After
		}
		if !passed || !strings.HasPrefix(key, page.Prefix) {
			continue
		}
		if page.Offset > 0 {
			page.Offset--
			continue
		}
		if len(found) == page.Limit {
			return found, page.Limit > 0
		}
		found = append(found, key)
	}
	return found, false
}

// randomTree makes files and returns their keys in order. Names are few and much
// alike, so that prefixes, folders and files of the same beginning meet.
func randomTree(t *testing.T, random *rand.Rand, path string) []string {
	names := []string{"a", "a!", "a.b", "a0", "aa", "b", "b-", "é", "~", "0"}
	for range 1 + random.IntN(60) {
		key := path
		for range 1 + random.IntN(4) {
			key += "/" + names[random.IntN(len(names))]
		}
		if random.IntN(10) == 0 { // an empty folder, or one that a link leads to
			os.MkdirAll(key, 0o755)
			os.Symlink(path, key+"/link")
			continue
		}
		os.MkdirAll(key[:strings.LastIndexByte(key, '/')], 0o755)
		os.WriteFile(key, []byte("v"), 0o644) // or not, where a folder is
	}
	var keys []string
	for _, name := range tree(t, path) {
		if !strings.HasSuffix(name, "/") && !strings.HasSuffix(name, "link") {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}

func TestListsAgreeWithAPlainModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 25 {
		f := newFolder(t)
		keys := randomTree(t, random, f.path)
		some := func() string { // a key, or something like one
			s := ""
			if len(keys) > 0 {
				s = keys[random.IntN(len(keys))]
			}
			switch random.IntN(5) {
			case 0:
				s += string("/a!~."[random.IntN(5)])
			case 1, 2:
				s = s[:random.IntN(len(s)+1)] // within a letter, too
			}
			return s
		}
		for range 200 {
			page := Page{Limit: random.IntN(8), Reverse: random.IntN(2) == 0}
			if random.IntN(2) == 0 {
				page.Prefix = some()
			}
			if random.IntN(2) == 0 {
				page.After = some()
			}
			if random.IntN(3) == 0 {
				page.Offset = random.IntN(10)
			}
			f.entriesHeld = 1 + random.IntN(6)
			var got []string
			more, err := f.List(context.Background(), &page, func(l *Listed) { got = append(got, l.Key) })
			if want, wantMore := plainList(keys, page); err != nil || more != wantMore || !slices.Equal(got, want) {
				t.Fatalf("%+v, %d held: listed %q, %v, %v; want %q, %v\nof %q", page, f.entriesHeld, got, more, err, want, wantMore, keys)
			}
			all, _ := plainList(keys, Page{Prefix: page.Prefix, Limit: len(keys) + 1})
			most := random.IntN(len(keys) + 2)
			if n, err := f.Count(context.Background(), page.Prefix, most); err != nil || n != min(len(all), most) {
				t.Fatalf("Count(%q, %d) = %d, %v; want %d", page.Prefix, most, n, err, min(len(all), most))
			}
		}
	}
}

func TestPrefixesThatNoKeyCanHaveListNothing(t *testing.T) {
	f, outside := jailed(t)
	f.mustPut(t, "a/b", "v")
	for _, prefix := range []string{"/", "..", "../", "../outside/", outside, "a/../a/", "./", "a//", ".urlite", "\x00", "a/\x00", "\xff/", `a\`,
		strings.Repeat("n", 300) + "/", strings.Repeat("a/", 600)} {
		more, err := f.List(context.Background(), &Page{Prefix: prefix, Limit: 10}, func(l *Listed) { t.Errorf("%.80q lists %q", prefix, l.Key) })
		if n, countErr := f.Count(context.Background(), prefix, 10); more || err != nil || n != 0 || countErr != nil {
			t.Errorf("%.80q: %v, %v, %d, %v", prefix, more, err, n, countErr)
		}
	}
}

func TestALargeFolderIsListedInPages(t *testing.T) {
	f := newFolder(t)
	count := 2*entriesHeldMax + 501 // no multiple of 7
	for i := range count {
		if err := os.WriteFile(fmt.Sprintf("%s/%06d", f.path, i*7%count), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(page Page, first, last int) {
		t.Helper()
		next, step := first, 1
		if page.Reverse {
			step = -1
		}
		if _, err := f.List(context.Background(), &page, func(l *Listed) {
			if want := fmt.Sprintf("%06d", next); l.Key != want {
				t.Fatalf("%+v: %q, want %q", page, l.Key, want)
			}
			next += step
		}); err != nil || next != last+step {
			t.Errorf("%+v: %v, came to %d", page, err, next)
		}
	}
	check(Page{Limit: count}, 0, count-1)
	check(Page{Limit: count, Reverse: true}, count-1, 0)
	check(Page{Limit: 10, After: "010000"}, 10001, 10010)
	check(Page{Limit: 10, Offset: 16000, Reverse: true}, count-16001, count-16010)
	check(Page{Limit: 100, Prefix: "0001"}, 100, 199)
}

func TestAListEndsWithItsTime(t *testing.T) {
	f := newFolder(t)
	f.mustPut(t, "a/b/c", "v")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := f.List(ctx, &Page{Limit: 1}, func(*Listed) {})
	wantKind(t, err, refusal.RequestTimeout)
	_, err = f.Count(ctx, "a/b/", 1)
	wantKind(t, err, refusal.RequestTimeout)
}

// Keys that stay are in every list, whatever is written and removed around them.
func TestAListWhileOthersWrite(t *testing.T) {
	f := newFolder(t)
	f.entriesHeld = 3
	stay := []string{"a/b/1", "a/z", "b/k", "b/k2/x", "c"}
	for _, key := range stay {
		f.mustPut(t, key, "v")
	}
	i := 0
	s := startSwap(func() {
		key := []string{"a/b/2", "a/c/d/e", "b/k1", "aa", "z/z"}[i%5]
		i++
		_, putErr := f.Put(key, []byte("v"))
		if err := errors.Join(putErr, f.Delete(key)); err != nil {
			t.Error(err)
		}
	})
	s.during(t, func(int) {
		var got []string
		if _, err := f.List(context.Background(), &Page{Limit: 100}, func(l *Listed) { got = append(got, l.Key) }); err != nil {
			t.Error(err)
		}
		if !slices.IsSorted(got) {
			t.Errorf("out of order: %q", got)
		}
		for _, key := range stay {
			if !slices.Contains(got, key) {
				t.Errorf("%q is not in %q", key, got)
			}
		}
	})
}
