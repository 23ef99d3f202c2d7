package server

import (
	"bytes"

	"github.com/urlite/urlite/refusal"
)

var (
	errBadEscape = refusal.New(refusal.InvalidParameters, "the path has a % that is not followed by two hexadecimal digits")
)

// splitOperation takes the last segment off the path below /kv/, empty when there
// is but one. The path is as it was sent: a slash may be part of a key, written
// plainly or as %2F, and only a plain last segment names an operation.
func splitOperation(raw []byte) (key []byte, operation string) {
	slash := bytes.LastIndexByte(raw, '/')
	if slash < 0 {
		return raw, ""
	}
	return raw[:slash], lent(raw[slash+1:])
}

// bindKey decodes the path's key, if the route has one.
func (q *request) bindKey(raw []byte) (err error) {
	if raw == nil {
		return nil
	}
	q.keyBytes, err = appendUnescaped(q.keyBytes[:0], raw)
	q.key = lent(q.keyBytes)
	return err
}

// appendUnescaped decodes percent escapes. A plus in a path is a plus.
func appendUnescaped(dst, path []byte) ([]byte, error) {
	for {
		percent := bytes.IndexByte(path, '%')
		if percent < 0 {
			return append(dst, path...), nil
		}
		dst = append(dst, path[:percent]...)
		if len(path) < percent+3 {
			return dst, errBadEscape
		}
		high, low := hexDigit(path[percent+1]), hexDigit(path[percent+2])
		if high < 0 || low < 0 {
			return dst, errBadEscape
		}
		dst = append(dst, byte(high<<4|low))
		path = path[percent+3:]
	}
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
