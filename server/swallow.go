package server

import (
	"io"
	"net"
	"time"
)

const (
	// swallowSilence is how long a client may pause that is still sending.
	swallowSilence = 200 * time.Millisecond
	// leftoverSilence is the same where the connection may go on: a client that was asked
	// for its body, far away, has not begun to send it.
	leftoverSilence = time.Second
	// swallowMax is for all of it.
	swallowMax = 30 * time.Second
	// swallowBytes are read at a time. Nobody counts them, and a crowd may be refused at once.
	swallowBytes = 64 << 10
	// swallowBytesMax is how much is read of a large body that turned out to be wanted no
	// longer.
	swallowBytesMax = 1 << 30
)

// endBody sees to what the handler has left of the body: the next request begins behind it,
// or on another connection.
func (q *request) endBody() {
	s, stream := &q.bodyRead, q.ctx.Request.BodyStream()
	length, limit := q.ctx.Request.Header.ContentLength(), q.server.config.BodyBytesMax
	if !s.broken && (stream == nil || s.read || (length >= 0 && length <= min(prefetchedBytes, limit))) {
		return
	}
	q.letGo() // nobody waits for this client with a database in hand
	bytesMax := 2 * limit
	if takesLargeBody(q.ctx.Request.RequestURI()) {
		bytesMax = max(bytesMax, swallowBytesMax)
	}
	if !s.broken && q.leftover(bytesMax) {
		return
	}
	q.ctx.SetConnectionClose()
	q.server.inFlight.Add(-1)
	defer q.server.inFlight.Add(1)
	swallow(q.ctx.Conn(), bytesMax)
}

// leftover reads the rest of a body that nobody wants, and answers whether it came to its
// end.
func (q *request) leftover(bytesMax int) bool {
	rest := &q.bodyIn
	if !q.bodyRead.begun {
		rest = q.bodyReader(int64(bytesMax))
	}
	rest.until, rest.silence, rest.exact = time.Now().Add(swallowMax), leftoverSilence, true
	defer q.ctx.Conn().SetDeadline(time.Time{})
	buffer := bodySteps.Get().(*[bodyStepBytes]byte)
	defer bodySteps.Put(buffer)
	for bytesMax > 0 {
		n, err := rest.Read(buffer[:])
		if err != nil {
			return err == io.EOF
		}
		bytesMax -= n
	}
	return false
}

// swallow reads what a refused client is still sending, up to bytesMax. Most clients
// look for an answer only after that, and a connection that is closed with bytes
// unread is reset, which takes the answer with it.
func swallow(conn net.Conn, bytesMax int) {
	buffer := make([]byte, swallowBytes)
	defer conn.SetDeadline(time.Time{})
	for end := time.Now().Add(swallowMax); bytesMax > 0 && time.Now().Before(end); {
		conn.SetDeadline(time.Now().Add(swallowSilence)) // of both sides: that one is exact
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		bytesMax -= n
	}
}
