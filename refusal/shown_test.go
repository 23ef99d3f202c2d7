package refusal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWhatIsShownIsABeginningWithoutHalfARune(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, most := rapid.String().Draw(t, "text"), rapid.IntRange(0, 20).Draw(t, "most")
		got := Shown(text, most)
		kept, cut := strings.CutSuffix(got, "…")
		switch {
		case len(text) <= most:
			if got != text {
				t.Fatalf("%q is shown as %q", text, got)
			}
		case !cut || !strings.HasPrefix(text, kept) || len(kept) > most || len(kept) < most-utf8.UTFMax+1 || !utf8.ValidString(kept):
			t.Fatalf("%q is shown as %q", text, got)
		}
	})
	if got := Shown("\x80\x80\x80\x80\x80\x80\x80\x80", 6); len(got) < 2 {
		t.Errorf("what is no text is shown as %q", got)
	}
}
