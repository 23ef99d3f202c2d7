package kv

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
)

// AppendEntry appends all that there is to know of a live row, as a JSON object.
func AppendEntry(dst []byte, key string, row *Row) []byte {
	a := answer{jsontext.AppendString(append(dst, `{"key":`...), key)}
	a = a.text("content_type", row.ContentType).
		number("created_at", row.CreatedAt/1000).number("updated_at", row.UpdatedAt/1000).moment("expire_at", row.ExpireAt)
	a = answer{append(AppendETagText(a.name("etag").bytes, row.Version), ',')}
	return append(AppendValue(a.bytes, row), '}')
}

// ValueLen is about how long a value is as AppendValue writes it: a text of control
// characters grows six times.
func ValueLen(row *Row) int {
	if IsText(row.ContentType) {
		return jsontext.QuotedLen(row.Value.Bytes)
	}
	return base64.StdEncoding.EncodedLen(len(row.Value.Bytes))
}

// AppendValue appends a value as it stands in a JSON envelope: "value" parsed for
// a JSON type and as a string for text, "value_base64" for all that is neither,
// or claims to be and is not.
func AppendValue(dst []byte, row *Row) []byte {
	return AppendValueAs(dst, "value", "value_base64", row)
}

// AppendValueAs is AppendValue with other names.
func AppendValueAs(dst []byte, name, base64Name string, row *Row) []byte {
	var digits [20]byte
	bytes := row.Value.Bytes
	if row.Value.Kind == Integer {
		bytes = row.Value.Append(digits[:0])
	}
	dst = slices.Grow(dst, ValueLen(row)+len(base64Name)+len(`"":""`))
	asJSON := IsJSON(row.ContentType) && utf8.Valid(bytes) && json.Valid(bytes)
	asText := !asJSON && IsText(row.ContentType) && utf8.Valid(bytes)
	if !asJSON && !asText {
		name = base64Name
	}
	dst = append(append(append(dst, '"'), name...), `":`...)
	switch {
	case asJSON:
		return append(dst, bytes...)
	case asText:
		return jsontext.AppendBytes(dst, bytes)
	}
	return jsontext.AppendBase64(dst, bytes)
}
