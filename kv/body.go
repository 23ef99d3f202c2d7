package kv

import (
	"unicode/utf8"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// BodyOf is what a request's body is as the value of op, and the type to store it
// under: the sender's, or else what the body looks like.
//
// Where op has a path, the body is a leaf of a document: JSON whatever its type says,
// since browsers label any string text/plain. What nobody gave a type may also be a
// plain text, which then stands in the document as a string.
func BodyOf(op *Op, sent string, body []byte) (Value, string) {
	if op.Path != "" {
		return leafOf(sent, body), contentTypeJSON
	}
	if chosen(sent) {
		return BytesValue(body, sent), sent
	}
	switch {
	case validJSON(body):
		return documentValue(body, contentTypeJSON), contentTypeJSON
	case utf8.Valid(body):
		return BytesValue(body, contentTypeText), contentTypeText
	}
	return BytesValue(body, contentTypeBinary), contentTypeBinary
}

func leafOf(sent string, body []byte) Value {
	switch {
	case validJSON(body):
		return documentValue(body, contentTypeJSON)
	case !chosen(sent) && utf8.Valid(body):
		return documentValue(jsontext.AppendBytes(nil, body), contentTypeJSON)
	}
	return Value{Kind: Blob, Bytes: body} // Check refuses it
}

// ElementOf is the element that a body pushes. An object whose only field is value is
// a wrapper: its content is the element.
func ElementOf(body []byte) Value {
	if !validJSON(body) {
		return Value{Kind: Blob, Bytes: body} // Check refuses it
	}
	fields, content := 0, []byte(nil)
	for name, value := range jsontext.Fields(body) {
		if fields++; string(jsontext.Unquote(name)) == "value" {
			content = value
		}
	}
	if fields == 1 && content != nil {
		body = content
	}
	return Value{Kind: Text, Document: true, Bytes: jsontext.Trim(body)}
}

var targetNotAnObject = refusal.New(refusal.InvalidParameters, "Invalid JSON body")

// TargetOf is the field value of a body, which may be absent: then the value is empty.
func TargetOf(body []byte) (target Value, why *refusal.Refusal) {
	body = jsontext.Trim(body)
	if len(body) == 0 {
		return Value{}, nil
	}
	if !validJSON(body) || body[0] != '{' {
		return Value{}, targetNotAnObject
	}
	for name, value := range jsontext.Fields(body) {
		if string(jsontext.Unquote(name)) == "value" {
			target = Value{Kind: Text, Document: true, Bytes: value}
		}
	}
	return target, nil
}

// ItemValue is the value of a batch's item, and the type to store it under: the text
// of a string, or the JSON of anything else; raw is nil where there is none, which
// stores an empty value.
func ItemValue(raw []byte, sent string) (Value, string, *refusal.Refusal) {
	if len(raw) > 0 && raw[0] != '"' {
		if !IsJSON(sent) {
			sent = contentTypeJSON
		}
		return documentValue(raw, sent), sent, nil
	}
	var text []byte
	if len(raw) > 0 {
		if !jsontext.IsText(raw) {
			return Value{}, "", valueNotText
		}
		text = jsontext.Unquote(raw)
	}
	value, contentType := BodyOf(&Op{}, sent, text)
	return value, contentType, nil
}

var valueNotText = refusal.New(refusal.InvalidParameters, "value is not text: it has half of a surrogate pair")
