package server

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
)

// jsonBody is a JSON object being written. Names are ours and need no escaping.
type jsonBody struct{ out []byte }

// begin starts a JSON body: {"success":true
func (b *jsonBody) begin() { b.out = append(b.out[:0], `{"success":true`...) }

// text appends ,"name":"value".
func (b *jsonBody) text(name, value string) {
	b.name(name)
	b.out = jsontext.AppendString(b.out, value)
}

// textOrNull appends a text, or null for an empty one.
func (b *jsonBody) textOrNull(name, value string) {
	if value == "" {
		b.null(name)
		return
	}
	b.text(name, value)
}

// number appends ,"name":n.
func (b *jsonBody) number(name string, n int64) {
	b.name(name)
	b.out = appendInt(b.out, n)
}

// boolean appends ,"name":true or false.
func (b *jsonBody) boolean(name string, is bool) {
	b.name(name)
	b.out = strconv.AppendBool(b.out, is)
}

func (b *jsonBody) null(name string) {
	b.name(name)
	b.out = append(b.out, "null"...)
}

func (b *jsonBody) name(name string) {
	b.out = append(b.out, `,"`...)
	b.out = append(b.out, name...)
	b.out = append(b.out, `":`...)
}

// open goes on with a list that has n items: the first one opens it.
func (b *jsonBody) open(n int64) { b.out = append(b.out, "[,"[min(n, 1)]) }

// close ends a list of n items, which is null if there is none.
func (b *jsonBody) close(n int64) {
	if n == 0 {
		b.out = append(b.out, "null"...)
	} else {
		b.out = append(b.out, ']')
	}
}

// etagText appends ,"etag":"…", the quotes of the header's text included.
func (b *jsonBody) etagText(version int64) {
	b.name("etag")
	b.out = kv.AppendETagText(b.out, version)
}

func (q *request) etagHeader(version int64) {
	q.nameBytes = kv.AppendETag(q.nameBytes[:0], version)
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
	headerJSONPath  = []byte("X-Json-Path")
	headerReplayed  = []byte("Idempotent-Replayed")
	headerTruncated = []byte("X-Truncated")

	headerRetryAfter    = []byte("Retry-After")
	headerRatePolicy    = []byte("Ratelimit-Policy")
	headerRate          = []byte("Ratelimit")
	headerRateLimit     = []byte("Ratelimit-Limit")
	headerRateRemaining = []byte("Ratelimit-Remaining")
	headerRateReset     = []byte("Ratelimit-Reset")
)

// The headers of requests that change what they mean.
const (
	headerIfMatch        = "If-Match"
	headerIfNoneMatch    = "If-None-Match"
	headerIdempotencyKey = "Idempotency-Key"
)

// header is a header of the request, nil if it was not sent.
func (q *request) header(name string) []byte { return q.ctx.Request.Header.Peek(name) }

// numberHeader sends a header that is a number.
func (q *request) numberHeader(name []byte, n int64) {
	q.nameBytes = appendInt(q.nameBytes[:0], n)
	q.ctx.Response.Header.SetCanonical(name, q.nameBytes)
}

// appendHeaderText appends a client's text as a header may have it: with a space for
// each control character, at which clients would give up the whole answer.
func appendHeaderText(dst, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// end closes the JSON body and sends it.
func (q *request) end() {
	q.out = append(q.out, '}')
	q.json()
}

// json sends the body as it is.
func (q *request) json() { q.whole("application/json") }

// whole sends the body, which is all of the answer.
func (q *request) whole(contentType string) {
	q.ctx.Response.Header.SetContentType(contentType)
	q.out = q.ctx.Response.SwapBody(q.out) // from now on it is the response's
}

// Shown seconds: a moment that is past is rounded down, one to come up.
func secondsDown(millis int64) int64 { return millis / 1000 }
func secondsUp(millis int64) int64   { return (millis-1)/1000 + 1 } // SQL may write the last of them all
