package server

import "strconv"

const (
	requestIDHeader   = "X-Request-Id"
	requestIDBytesMax = 128
)

// nameRequest gives the request its id, the client's own if that is a sane one,
// and sends it back.
func (q *request) nameRequest() {
	sent := q.ctx.Request.Header.Peek(requestIDHeader)
	if isSaneID(sent) {
		q.ctx.Response.Header.SetCanonical(headerRequestID, sent)
		return
	}
	q.idBytes = append(q.idBytes[:0], q.server.idPrefix...)
	q.idBytes = strconv.AppendUint(q.idBytes, q.server.lastID.Add(1), 36)
	q.ctx.Response.Header.SetCanonical(headerRequestID, q.idBytes)
}

func (q *request) id() []byte { return q.ctx.Response.Header.Peek(requestIDHeader) }

// isSaneID takes what can't break a log line or a header.
func isSaneID(id []byte) bool {
	if len(id) == 0 || len(id) > requestIDBytesMax {
		return false
	}
	for _, c := range id {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
