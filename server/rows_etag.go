package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/urlite/urlite/catalog"
)

// rowsETag is the ETag of an answer: a hash of all that its bytes depend on, which are a
// version of the data and the parts of the request.
func rowsETag(version catalog.Version, parts ...string) string {
	text := make([]byte, 0, 512)
	text = append(text, version[:]...)
	for _, part := range parts {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// listsETag tells whether an If-None-Match names the ETag, weak or not, or is *. What is
// malformed names none: then the client gets the answer once more.
func listsETag(list []byte, etag string) bool {
	if string(bytes.TrimSpace(list)) == "*" {
		return true
	}
	for {
		list = bytes.TrimLeft(list, " \t,")
		list = bytes.TrimPrefix(list, []byte("W/"))
		if len(list) == 0 || list[0] != '"' {
			return false
		}
		end := bytes.IndexByte(list[1:], '"') + 2
		if end == 1 {
			return false
		}
		if string(list[:end]) == etag {
			return true
		}
		list = list[end:]
	}
}
