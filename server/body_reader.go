package server

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/urlite/urlite/refusal"
)

const (
	// bodySilence is how long a client may send nothing of a body that it has announced.
	bodySilence = 30 * time.Second
	// drainBodySilence is the same while the server drains.
	drainBodySilence = time.Second
)

var (
	errBodyEnded   = refusal.New(refusal.InvalidParameters, "the body ended before it was complete")
	errBodySlow    = refusal.New(refusal.RequestTimeout, "the request did not arrive in time")
	errBodyChunks  = refusal.New(refusal.InvalidParameters, "malformed HTTP request")
	errBodyDrained = refusal.New(refusal.Unavailable, "the server is shutting down")
)

// bodyReader reads a body as it arrives. It ends with io.EOF only if all of the body came;
// any other error is a refusal, and says what was wrong.
type bodyReader struct {
	q *request
	// from is nil when there is no body.
	from io.Reader
	// length is as it was announced, or chunked; max what is taken.
	length, max int64
	read        int64
	// until is when all of it must be there; zero if only fasthttp has a say in it.
	until time.Time
	// silence is how long the client may send nothing; unless exact, deadlineStep less.
	silence time.Duration
	exact   bool
	err     error
}

// bodyReader starts to read the request's body, of which at most max bytes are taken. There
// is one reader of a body, and q.body is another.
func (q *request) bodyReader(max int64) *bodyReader {
	r := &q.bodyIn
	*r = bodyReader{q: q, from: q.ctx.Request.BodyStream(), max: max, silence: bodySilence}
	r.length = int64(q.ctx.Request.Header.ContentLength())
	q.bodyRead.begun = true
	if r.from == nil {
		r.length = 0
	}
	if conn, ok := q.ctx.Conn().(*coarseConn); ok {
		r.until = conn.deadline // the whole request's
	}
	if r.length > max {
		r.err = r.tooLarge()
	}
	return r
}

// Read reads what has arrived, or waits for it.
func (r *bodyReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.from == nil || r.read == r.length {
		r.q.bodyRead.read = true
		r.err = io.EOF
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.receive(p)
	r.read += int64(n)
	switch {
	case r.read > r.max:
		r.err = r.tooLarge()
		return 0, r.err
	case r.read == r.length:
		r.q.bodyRead.read = true
		return n, nil
	case err != nil:
		r.err = r.why(err)
		if n > 0 {
			return n, nil // the next call tells
		}
		return 0, r.err
	}
	return n, nil
}

func (r *bodyReader) tooLarge() error {
	r.q.bodyRead.broken = true
	return bodyTooLarge(r.max)
}

// receive reads from the connection. A request that waits for its body with no database in
// hand has not begun: a server that drains does not wait for it.
func (r *bodyReader) receive(p []byte) (int, error) {
	s := r.q.server
	if r.read < r.length && r.read < min(prefetchedBytes, int64(s.config.BodyBytesMax)) {
		return r.from.Read(p) // it lies ready
	}
	if s.draining.Load() {
		if r.q.db != nil {
			return 0, errBodyDrained
		}
		r.silence = min(r.silence, drainBodySilence)
	}
	r.patience()
	if r.q.db == nil {
		s.inFlight.Add(-1)
		defer s.inFlight.Add(1)
	}
	return r.from.Read(p)
}

// patience sets how long the next bytes are waited for.
func (r *bodyReader) patience() {
	conn, ok := r.q.ctx.Conn().(*coarseConn)
	if !ok {
		return
	}
	by := time.Now().Add(r.silence)
	if !r.until.IsZero() {
		by = sooner(by, r.until)
	}
	if r.exact {
		conn.SetDeadline(by)
	} else {
		conn.SetReadDeadline(by)
	}
}

// why tells what an error of the stream means. The library's own don't always: it takes the
// end of a connection where a chunk should begin for the end of the body, and hides
// timeouts. What the connection said last tells.
func (r *bodyReader) why(err error) error {
	var fault error
	if conn, ok := r.q.ctx.Conn().(*coarseConn); ok {
		fault = conn.fault
	}
	if err == io.EOF && r.length == chunked && fault == nil {
		r.q.bodyRead.read = true
		return io.EOF
	}
	r.q.bodyRead.broken = true
	var known *refusal.Refusal
	var network net.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(fault, &network) && network.Timeout():
		return errBodySlow
	case fault != nil, err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return errBodyEnded
	}
	// What the library says about it holds what was sent.
	return refusal.Wrap(errBodyChunks.Kind, errBodyChunks.Text, err)
}
