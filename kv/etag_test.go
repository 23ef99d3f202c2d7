package kv

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestAnETagIsTheVersionInQuotes(t *testing.T) {
	f := func(version int64, want string) {
		t.Helper()
		if got := string(AppendETag([]byte("x"), version)); got != "x"+want {
			t.Errorf("%s, want %s", got, want)
		}
		var text string
		if err := json.Unmarshal(AppendETagText(nil, version), &text); err != nil || text != want {
			t.Errorf("as JSON %s: %v, want %s", AppendETagText(nil, version), err, want)
		}
	}
	f(0, `"0"`)
	f(17, `"17"`)
	f(most, `"9223372036854775807"`)
}

func TestETagListsAreReadAsTheRFCHasThem(t *testing.T) {
	// strong is what an If-Match means, weak what an If-None-Match does.
	f := func(list string, strong, weak []int64) {
		t.Helper()
		versions, any, why := ParseETags(list)
		if why != nil || any || !slices.Equal(versions, strong) {
			t.Errorf("%q: %v, %v, %v; want %v", list, versions, any, why, strong)
		}
		versions, any, why = ParseWeakETags(list)
		if why != nil || any || !slices.Equal(versions, weak) {
			t.Errorf("%q, weak: %v, %v, %v; want %v", list, versions, any, why, weak)
		}
	}
	both := func(list string, want ...int64) {
		t.Helper()
		f(list, want, want)
	}
	both(`"7"`, 7)
	both("\t \"7\" ", 7)
	both(`"7","8"`, 7, 8)
	both("\"7\" ,\t \"8\",\"7\"", 7, 8, 7)
	both(`"-1"`, -1)
	both(`"9223372036854775807"`, most)

	// Elements of a list may be empty.
	both(`"7",`, 7)
	both(`,"7"`, 7)
	both(`"7",, ,"8",`, 7, 8)

	// Tags that no row has are tags all the same.
	both(`"abc"`)
	both(`""`)
	both(`"07"`)
	both(`"+7"`)
	both(`" 7"`)
	both(`"7 "`)
	both(`"9223372036854775808"`)
	both(`"a,b","7"`, 7)
	both(`"*"`)
	both(`"é", "7"`, 7)

	f(`W/"7"`, nil, []int64{7})
	f(`W/"7", "8"`, []int64{8}, []int64{7, 8})
	f(`"7",W/"abc"`, []int64{7}, []int64{7})
	both(`"W/7"`)

	for _, list := range []string{"*", " * ", "\t*"} {
		if versions, any, why := ParseETags(list); why != nil || !any || versions != nil {
			t.Errorf("%q: %v, %v, %v", list, versions, any, why)
		}
	}
	for _, list := range []string{
		"", " ", ",", " , ,", "7", `"7`, `7"`, `"`, `'7'`, `"7" "8"`, `"7"8`, `"7";`, `"7",x`, `w/"7"`, `W/7`, `W/`, `W /"7"`, `W/ "7"`,
		`*, "7"`, `"7", *`, `**`, `*,`, "\"7\"\n", "\u00a0\"7\"",
	} {
		for _, parse := range []func(string) ([]int64, bool, *refusal.Refusal){ParseETags, ParseWeakETags} {
			versions, any, why := parse(list)
			if why == nil || why.Kind != refusal.InvalidParameters || why.Text != "an ETag list is * or quoted tags with commas between them" || any || versions != nil {
				t.Errorf("%q: %v, %v, %v", list, versions, any, why)
			}
		}
	}
}

// etagList is what FuzzParseETags holds the parser to.
var etagList = regexp.MustCompile(`^[ \t,]*(W/)?"[^"]*"([ \t]*,[ \t,]*(W/)?"[^"]*")*([ \t]*(,[ \t,]*)?)?$`)

func FuzzParseETags(f *testing.F) {
	for _, seed := range []string{
		"", "*", " * ", `"7"`, `W/"7"`, `"7", "8"`, `"7",,`, `,"1"`, `"a,b"`, `""`, `"-9223372036854775808"`, `"07"`, `"7`, `*,"7"`, "\"\xff\"", `W/"1" , W/"2"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		strong, any, why := ParseETags(list)
		weak, anyWeak, whyWeak := ParseWeakETags(list)
		if any != anyWeak || why != whyWeak || len(strong) > len(weak) {
			t.Fatalf("%q is %v %v %v, and weakly %v %v %v", list, strong, any, why, weak, anyWeak, whyWeak)
		}
		if any != (strings.Trim(list, " \t") == "*") || (why == nil) != (any || etagList.MatchString(list)) {
			t.Fatalf("%q: %v, %v", list, any, why)
		}
		var own []string
		for _, version := range weak {
			own = append(own, string(AppendETag(nil, version)))
			if !strings.Contains(list, own[len(own)-1]) {
				t.Fatalf("%q has no tag of version %d", list, version)
			}
		}
		if len(own) == 0 {
			return
		}
		for _, between := range []string{",", ", ", "\t, ,"} {
			if again, _, why := ParseETags(strings.Join(own, between)); why != nil || !slices.Equal(again, weak) {
				t.Fatalf("%q has %v, written again %v, %v", list, weak, again, why)
			}
		}
	})
}
