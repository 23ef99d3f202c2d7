package server

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// jsonText reads a field that is a string, which lies in the body.
func jsonText(name string, raw []byte) (string, *refusal.Refusal) {
	if raw[0] != '"' {
		return "", refusal.Newf(refusal.InvalidParameters, "%s must be a string", name)
	}
	if !jsontext.IsText(raw) {
		return "", refusal.Newf(refusal.InvalidParameters, "%s is not text: it has half of a surrogate pair", name)
	}
	return lent(jsontext.Unquote(raw)), nil
}

// jsonInteger reads a field that is an integer.
func jsonInteger(name string, raw []byte) (int64, *refusal.Refusal) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, refusal.Newf(refusal.InvalidParameters, "%s must be an integer, not %.64s", name, raw)
	}
	return n, nil
}

// jsonAbsent tells a null, which is the same as a field that was not sent.
func jsonAbsent(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }
