package kv

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
)

// The answers are made here and not at the edge, because an answer may be part of
// the commit: it is stored with it, or stands within a transaction's.

// answer is a JSON object being written. Names are ours and need no escaping.
type answer struct{ bytes []byte }

// open starts {"success":true
func (a answer) open() answer { return answer{append(a.bytes, `{"success":true`...)} }

// answerStart starts the answer of most operations, with the key.
func answerStart(dst []byte, op *Op) answer { return answer{dst}.open().text("key", op.Key) }

func (a answer) name(name string) answer {
	b := append(a.bytes, `,"`...)
	b = append(b, name...)
	return answer{append(b, `":`...)}
}

func (a answer) text(name, value string) answer {
	return answer{jsontext.AppendString(a.name(name).bytes, value)}
}

func (a answer) number(name string, n int64) answer {
	return answer{strconv.AppendInt(a.name(name).bytes, n, 10)}
}

func (a answer) boolean(name string, b bool) answer { return a.name(name).bool(b) }

func (a answer) bool(b bool) answer { return answer{strconv.AppendBool(a.bytes, b)} }

// raw appends what is JSON already.
func (a answer) raw(name string, json []byte) answer {
	return answer{append(a.name(name).bytes, json...)}
}

// moment appends a time in seconds, rounded up; null for never.
func (a answer) moment(name string, millis int64) answer {
	a = a.name(name)
	if millis == 0 {
		return answer{append(a.bytes, "null"...)}
	}
	return answer{strconv.AppendInt(a.bytes, (millis-1)/1000+1, 10)}
}

func (a answer) etag(r *Reply) answer {
	return answer{AppendETagText(a.name("etag").bytes, r.Version)}
}

// path repeats the path that the request sent.
func (a answer) path(op *Op) answer {
	if op.Path == "" {
		return a
	}
	return a.text("path", op.Path)
}

func (a answer) end() []byte { return append(a.bytes, '}') }

// Shape is what the answer to a call of several operations looks like.
type Shape uint8

// The shapes of answers.
const (
	// One is a single operation's own answer.
	One Shape = iota
	// Items lists the keys and ETags of a batch that sets.
	Items
	// Deleted counts what a batch removed.
	Deleted
	// Limited is several rate limits, granted or refused together.
	Limited
)

// AppendAnswer appends the JSON object that answers ops, which were done or, of rate
// limits, refused.
func AppendAnswer(dst []byte, shape Shape, ops []Op, replies []Reply) []byte {
	switch shape {
	case Items:
		return appendItems(dst, ops, replies)
	case Deleted:
		return appendDeleted(dst, replies)
	case Limited:
		return appendLimits(dst, ops, replies)
	}
	return AppendReply(dst, &ops[0], &replies[0])
}

// AppendReply appends the JSON object that answers one operation.
func AppendReply(dst []byte, op *Op, r *Reply) []byte {
	return operations[op.Code].answer(dst, op, r)
}

func appendItems(dst []byte, ops []Op, replies []Reply) []byte {
	dst = append(answer{dst}.open().number("count", int64(len(ops))).bytes, `,"items":[`...)
	for i := range ops {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendString(append(dst, `{"key":`...), ops[i].Key)
		dst = append(answer{dst}.etag(&replies[i]).bytes, '}')
	}
	return append(dst, "]}"...)
}

func appendDeleted(dst []byte, replies []Reply) []byte {
	deleted := int64(0)
	for i := range replies {
		if replies[i].Deleted {
			deleted++
		}
	}
	return answer{dst}.open().number("deleted", deleted).end()
}
