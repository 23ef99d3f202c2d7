package kv

import "strings"

// The types that are given to a body which came without one.
const (
	contentTypeJSON   = "application/json"
	contentTypeText   = "text/plain; charset=utf-8"
	contentTypeBinary = "application/octet-stream"
)

// ContentTypeBytesMax bounds a stored content type.
const ContentTypeBytesMax = 255

// mediaType is the type without its parameters.
func mediaType(contentType string) string {
	if i := strings.IndexByte(contentType, ';'); i >= 0 {
		contentType = contentType[:i]
	}
	return strings.TrimSpace(contentType)
}

// IsJSON tells whether the type says JSON: application/json or any +json
// (RFC 6839, 3.1).
func IsJSON(contentType string) bool {
	media := mediaType(contentType)
	if strings.EqualFold(media, contentTypeJSON) {
		return true
	}
	const suffix = "+json"
	return len(media) > len(suffix) && strings.EqualFold(media[len(media)-len(suffix):], suffix)
}

// IsText tells whether the type is text/*.
func IsText(contentType string) bool {
	const prefix = "text/"
	media := mediaType(contentType)
	return len(media) > len(prefix) && strings.EqualFold(media[:len(prefix)], prefix)
}

// chosen tells whether somebody chose the type. What curl sends when nobody did
// is a form, and no one stores forms.
func chosen(contentType string) bool {
	return contentType != "" && !strings.EqualFold(mediaType(contentType), "application/x-www-form-urlencoded")
}
