package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/urlite/urlite/refusal"
)

// plainBytesMax is how long an answer of unknown length may be that is sent whole: until
// then it may still turn out to be a refusal. A longer one is sent in pieces of about this
// length, as it is made.
const plainBytesMax = 256 << 10

// pieceMax is for a client to take a piece. One that is slower is not waited for: its
// answer holds a reader, and keeps the log of the database from being emptied.
const pieceMax = 10 * time.Second

// flowKeptMax is how large a piece may be whose memory is used for the next one.
const flowKeptMax = 1 << 20

// flow is an answer that is made and sent at the same time.
type flow struct {
	jsonBody
	// hand gives a piece to who sends it, and answers false when nobody wants more.
	hand func(piece []byte, err error) bool
	// wholeBytesMax, if not 0, bounds an answer that must be sent whole.
	wholeBytesMax int
	// gone says that nobody wants more; ended, that the last piece was handed on.
	gone, ended bool
}

var (
	errGone          = errors.New("the client is gone")
	errWholeTooLarge = refusal.New(refusal.ResponseTooLarge, "the response is too large for HTTP/1.0; ask for less, or by HTTP/1.1")
)

// more is called after each part of an answer. An error says that nobody wants the rest.
func (f *flow) more() error {
	switch {
	case f.gone:
		return errGone
	case len(f.out) < plainBytesMax:
		return nil
	case f.wholeBytesMax == 0:
		f.gone = !f.hand(f.out, nil)
		if f.out = f.out[:0]; cap(f.out) > flowKeptMax {
			f.out = nil
		}
	case len(f.out) > f.wholeBytesMax:
		return errWholeTooLarge
	}
	return nil
}

// finish hands on what is left, or what went wrong.
func (f *flow) finish(err error) {
	f.ended = true
	if !f.gone {
		f.hand(f.out, err)
	}
}

// send answers with the JSON that produce makes, as it makes it.
func (q *request) send(produce func(out *flow) error) error {
	return q.sendAs("application/json", produce)
}

// sendAs answers with what produce makes, as it makes it.
func (q *request) sendAs(contentType string, produce func(out *flow) error) error {
	return q.sendWithin(q.timeout(), contentType, produce)
}

// sendWithin is sendAs for an answer that its client may take so long to receive. When the
// answer is long, produce goes on after the handler has returned: it must not know the
// request, and it gives back what it holds when more tells it to end.
func (q *request) sendWithin(limit time.Duration, contentType string, produce func(out *flow) error) error {
	out := &flow{jsonBody: jsonBody{q.out[:0]}}
	if !q.ctx.Request.Header.IsHTTP11() {
		out.wholeBytesMax = q.server.config.SQL.BytesMax
	}
	q.out = nil // it is the flow's
	next, stop := iter.Pull2(func(yield func([]byte, error) bool) {
		out.hand = yield
		out.finish(produce(out))
	})
	piece, err, _ := next()
	switch {
	case out.ended:
		stop()
		q.out = piece
		if err == nil {
			q.whole(contentType)
		}
		return err
	case q.ctx.IsHead():
		stop()
		q.ctx.Response.Header.SetContentLength(-1) // as GET would say it
	default:
		q.stream(&stream{out: out, next: next, stop: stop, piece: piece, deadline: q.ctx.Time().Add(limit)})
	}
	q.ctx.Response.Header.SetContentType(contentType)
	return nil
}

// stream is the rest of an answer, for the HTTP library to send.
type stream struct {
	out   *flow
	next  func() ([]byte, error, bool)
	stop  func()
	piece []byte // still to be sent

	server   *Server
	conn     net.Conn
	deadline time.Time // after which nobody waits for the client
	id, path string
}

// stream has s sent when the handler has returned. Until then and to its end it counts as
// a request.
func (q *request) stream(s *stream) {
	s.server, s.conn = q.server, q.ctx.Conn()
	s.id, s.path = string(q.id()), string(q.ctx.Path())
	q.server.inFlight.Add(1)
	q.ctx.Response.SetBodyStream(s, -1)
}

// SupportsBodyWriteTo says that WriteTo does what Read does, in fewer pieces.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// WriteTo sends the pieces as they are made. A client that does not take them in time is
// not waited for: what makes them holds a reader of the database.
func (s *stream) WriteTo(w io.Writer) (written int64, err error) {
	for {
		s.conn.SetWriteDeadline(sooner(s.deadline, time.Now().Add(pieceMax)))
		n, err := w.Write(s.piece)
		written += int64(n)
		if err != nil {
			return written, err
		}
		switch err := s.pull(); {
		case err == io.EOF:
			return written, nil
		case err != nil:
			return written, err
		}
	}
}

// sooner is the earlier of two moments.
func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Read reads what is still to be sent.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.piece) == 0 {
		if err := s.pull(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.piece)
	s.piece = s.piece[n:]
	return n, nil
}

// pull has the next piece made. Any error but io.EOF breaks the connection off, so that
// the client does not take what it has for the whole.
func (s *stream) pull() (err error) {
	defer s.catch(&err)
	if s.out.ended {
		return io.EOF
	}
	s.piece, err, _ = s.next()
	return err
}

// Close ends what makes the pieces, wherever it is.
func (s *stream) Close() (err error) {
	if s.stop == nil {
		return nil
	}
	defer s.server.inFlight.Add(-1)
	defer s.catch(&err)
	stop := s.stop
	s.stop = nil
	stop()
	return nil
}

// catch logs what went wrong after the first piece was sent.
func (s *stream) catch(err *error) {
	if fault := recover(); fault != nil {
		*err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
	}
	if *err == nil || *err == io.EOF {
		return
	}
	level := slog.LevelError
	if r := refusal.Of(*err); statusOf(r.Kind) != statusOf(refusal.Internal) {
		level = slog.LevelWarn
	}
	s.server.log.Log(context.Background(), level, "answer broken off", "request_id", s.id, "path", s.path, "error", (*err).Error())
}
