package server

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/refusal"
)

// Where a body ends is told by its length or by its chunks. This file refuses what is told
// in two ways, and what is too long before any of it is read.

var errBothFramed = refusal.New(refusal.InvalidParameters, "a request has either a Content-Length or a Transfer-Encoding, not both")

// admit refuses a request whose body can't be taken, before its handler is asked.
func (q *request) admit() error {
	header := &q.ctx.Request.Header
	switch {
	case tooLong(header):
		q.bodyRead.broken = true // its length is forgotten
		return bodyTooLarge(int64(q.server.config.BodyBytesMax))
	case header.ContentLength() == chunked && hasLength(header.RawHeaders()):
		q.bodyRead.broken = true
		return errBothFramed
	}
	return nil
}

// chunked is what fasthttp calls the length of a body that comes in chunks.
const chunked = -1

// hasLength tells whether the header has a Content-Length, which fasthttp forgets when there
// is a Transfer-Encoding as well. A proxy may believe the one that we don't, and take
// the end of a body for a request.
func hasLength(raw []byte) bool {
	name := []byte("content-length:")
	start := true
	for i := range raw {
		if start && len(raw)-i >= len(name) && bytes.EqualFold(raw[i:i+len(name)], name) {
			return true
		}
		start = raw[i] == '\n'
	}
	return false
}

// tooLongMark is a header that no client can send: it begins with what ends a name.
var tooLongMark = []byte(":too-long")

// headerReceived is called before fasthttp waits for the beginning of a body. One that is
// announced too long is refused without.
func (s *Server) headerReceived(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if header.ContentLength() > s.config.BodyBytesMax && !takesLargeBody(header.RequestURI()) {
		header.SetContentLength(0)
		header.SetConnectionClose()
		header.SetCanonical(tooLongMark, tooLongMark)
	}
	return fasthttp.RequestConfig{}
}

// tooLong tells whether headerReceived has refused the body.
func tooLong(header *fasthttp.RequestHeader) bool {
	return header.ConnectionClose() && len(header.PeekCanonical(tooLongMark)) > 0
}

// largeBodies are the paths whose handlers stream their body and bound it themselves.
var largeBodies = [...]string{prefix + "/db/import", prefix + "/db/backup"}

func takesLargeBody(uri []byte) bool {
	for i, c := range uri {
		if c == '?' {
			uri = uri[:i]
			break
		}
	}
	for _, path := range largeBodies {
		if string(uri) == path {
			return true
		}
	}
	return false
}

// expect answers a client that asks before it sends its body: what is too long need not
// be sent.
func (s *Server) expect() func(ctx *fasthttp.RequestCtx) int {
	numbers := s.metrics.route("malformed")
	return func(ctx *fasthttp.RequestCtx) int {
		if !tooLong(&ctx.Request.Header) {
			return fasthttp.StatusContinue
		}
		s.serve(ctx, time.Now(), numbers, func(*request) error { return nil }, nil) // admit refuses it
		return ctx.Response.StatusCode()
	}
}
