package server

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

var invalidParams = refusal.New(refusal.InvalidParameters, "params is not valid JSON")

// decodeSQL reads the sql of GET /query: base64, standard or URL-safe, padded
// or not, or else the SQL itself. A space counts as the + it was before a link
// made with a plain btoa was decoded.
//
// What begins like a query is taken as it is, although it may happen to decode:
// no query's base64 begins so (a test tries all spellings). Anything else is
// base64 if it decodes to text.
func decodeSQL(arg []byte) (string, error) {
	sql := string(arg)
	if !beginsLikeQuery(sql) {
		decoded, ok := jsontext.DecodeBase64(nil, bytes.ReplaceAll(arg, []byte(" "), []byte("+")))
		if ok && isPlainText(decoded) {
			sql = string(decoded)
		}
	}
	return sql, sqltx.CheckSQL(sql)
}

// parseParams reads the params of GET /query into item, which then lends from
// arg. No params at all are no values.
func parseParams(arg []byte, item *sqltx.Item) error {
	arg = jsontext.Trim(arg)
	if len(arg) == 0 {
		return nil
	}
	if !isJSON(arg) {
		return invalidParams
	}
	return bindValues(arg, item)
}

// isJSON is whether body is one JSON document in UTF-8, which json.Valid alone
// does not ask for.
func isJSON(body []byte) bool { return utf8.Valid(body) && json.Valid(body) }

func beginsLikeQuery(sql string) bool {
	switch strings.ToUpper(sqltx.FirstWord(sql)) {
	case "SELECT", "VALUES", "WITH", "EXPLAIN", "PRAGMA":
		return true
	}
	return false
}

// isPlainText is whether b reads as a text that somebody wrote: not empty,
// UTF-8, and without control characters but tabs and line ends.
func isPlainText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return len(b) > 0 && utf8.Valid(b)
}
