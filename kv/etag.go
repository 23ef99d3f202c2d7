package kv

import (
	"strconv"
	"strings"

	"github.com/urlite/urlite/refusal"
)

// An ETag is the row's version in quotes: opaque to clients, different after every
// write.

// AppendETag appends the ETag as a header has it.
func AppendETag(dst []byte, version int64) []byte {
	dst = append(dst, '"')
	dst = strconv.AppendInt(dst, version, 10)
	return append(dst, '"')
}

// AppendETagText appends it as a JSON string: the header's text, quotes included.
func AppendETagText(dst []byte, version int64) []byte {
	dst = append(dst, `"\"`...)
	dst = strconv.AppendInt(dst, version, 10)
	return append(dst, `\""`...)
}

var etagMalformed = refusal.New(refusal.InvalidParameters, `an ETag list is * or quoted tags with commas between them`)

// ParseETags reads the list of an If-Match (RFC 9110, 13.1.1). Tags that no row can
// have are left out: a weak one among them, since all of ours are strong and weak ones
// never match where it matters.
func ParseETags(list string) (versions []int64, any bool, why *refusal.Refusal) {
	return parseETags(list, false)
}

// ParseWeakETags reads that of an If-None-Match on a read, where a weak tag is as good
// as a strong one (RFC 9110, 13.1.2): a proxy may have weakened ours.
func ParseWeakETags(list string) (versions []int64, any bool, why *refusal.Refusal) {
	return parseETags(list, true)
}

func parseETags(list string, weak bool) (versions []int64, any bool, why *refusal.Refusal) {
	if strings.Trim(list, " \t") == "*" {
		return nil, true, nil
	}
	for rest, first := list, true; ; first = false {
		rest = strings.TrimLeft(rest, " \t,") // empty elements don't count (RFC 9110, 5.6.1.2)
		if rest == "" && !first {
			return versions, false, nil
		}
		tag, after, ok := cutETag(rest)
		rest = strings.TrimLeft(after, " \t")
		if !ok || (rest != "" && rest[0] != ',') {
			return nil, false, etagMalformed
		}
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if version, ok := versionOf(tag); ok {
			versions = append(versions, version)
		}
	}
}

// cutETag cuts the first tag off list, with its quotes.
func cutETag(list string) (tag, rest string, ok bool) {
	start := 0
	if strings.HasPrefix(list, "W/") {
		start = len("W/")
	}
	if len(list) <= start || list[start] != '"' {
		return "", "", false
	}
	end := strings.IndexByte(list[start+1:], '"')
	if end < 0 {
		return "", "", false
	}
	end += start + 2
	return list[:end], list[end:], true
}

// versionOf is the version that a tag stands for, in the one spelling that we send.
func versionOf(tag string) (int64, bool) {
	if tag[0] != '"' {
		return 0, false
	}
	version, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64)
	if err != nil || strconv.FormatInt(version, 10) != tag[1:len(tag)-1] {
		return 0, false
	}
	return version, true
}
