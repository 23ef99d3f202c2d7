package server

import (
	"github.com/urlite/urlite/internal/jsontext"
)

// begin starts a JSON body: {"success":true
func (q *request) begin() { q.out = append(q.out[:0], `{"success":true`...) }

// text appends ,"name":"value". Names are ours and need no escaping.
func (q *request) text(name, value string) {
	q.name(name)
	q.out = jsontext.AppendString(q.out, value)
}

// number appends ,"name":n.
func (q *request) number(name string, n int64) {
	q.name(name)
	q.out = appendInt(q.out, n)
}

// boolean appends ,"name":true or false.
func (q *request) boolean(name string, b bool) {
	q.name(name)
	if b {
		q.out = append(q.out, "true"...)
	} else {
		q.out = append(q.out, "false"...)
	}
}

func (q *request) name(name string) {
	q.out = append(q.out, `,"`...)
	q.out = append(q.out, name...)
	q.out = append(q.out, `":`...)
}

// etag appends ,"etag":"…" and sends the header of the same text.
func (q *request) etag(version int64) {
	q.etagText(version)
	q.etagHeader(version)
}

// etagText appends ,"etag":"…", the quotes of the header's text included.
func (q *request) etagText(version int64) {
	q.out = append(q.out, `,"etag":"\"`...)
	q.out = appendInt(q.out, version)
	q.out = append(q.out, `\""`...)
}

func (q *request) etagHeader(version int64) {
	q.nameBytes = append(q.nameBytes[:0], '"')
	q.nameBytes = appendInt(q.nameBytes, version)
	q.nameBytes = append(q.nameBytes, '"')
	q.ctx.Response.Header.SetCanonical(headerETag, q.nameBytes)
}

// The headers of every answer, in the spelling that fasthttp would give them: said
// so, it need not look.
var (
	headerETag      = []byte("Etag")
	headerRequestID = []byte("X-Request-Id")
	headerCreatedAt = []byte("X-Created-At")
	headerUpdatedAt = []byte("X-Updated-At")
	headerExpireAt  = []byte("X-Expire-At")
)

// numberHeader sends a header that is a number.
func (q *request) numberHeader(name []byte, n int64) {
	q.nameBytes = appendInt(q.nameBytes[:0], n)
	q.ctx.Response.Header.SetCanonical(name, q.nameBytes)
}

// end closes the JSON body and sends it.
func (q *request) end() {
	q.out = append(q.out, '}')
	q.json()
}

// json sends the body as it is.
func (q *request) json() {
	q.ctx.Response.Header.SetContentType("application/json")
	q.ctx.SetBody(q.out) // copies
}

// Shown seconds: a moment that is past is rounded down, one to come up.
func secondsDown(millis int64) int64 { return millis / 1000 }
func secondsUp(millis int64) int64   { return (millis + 999) / 1000 }
