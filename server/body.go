package server

import (
	"io"
	"sync"

	"github.com/urlite/urlite/refusal"
)

// A body is read when its handler asks for it, as it arrives. fasthttp has by then read its
// beginning, up to prefetchedBytes of it; for a small one that is all.

const (
	// prefetchedBytes is how much of a body of known length fasthttp reads before the
	// handler runs.
	prefetchedBytes = 8 << 10
	// bodyKeptBytesMax is how large a body may be whose memory the request keeps for the
	// next one.
	bodyKeptBytesMax = keptBytesMax
	// bodyStepBytes is the least by which the memory of a larger body grows: a client that
	// announces megabytes and sends nothing takes no more than that.
	bodyStepBytes = 256 << 10
)

// bodyState is how far the body of a request has been read.
type bodyState struct {
	// whole is all of it, once body has read it; failed is why it can't be read.
	whole  []byte
	failed error
	// read says that its end was reached; begun, that somebody has read of it.
	read, begun bool
	// broken says that nobody knows where the next request would begin.
	broken bool
	// charged is what the request has taken of the server's budget.
	charged int
}

// body is all of the request's body, at most as long as the server takes. It is good until
// the handler returns: calls lend it.
func (q *request) body() ([]byte, error) {
	s := &q.bodyRead
	switch {
	case s.failed != nil || s.read:
		return s.whole, s.failed
	case q.ctx.Request.BodyStream() == nil:
		s.read = true
		s.whole = q.ctx.Request.Body()
		return s.whole, nil
	}
	limit := q.server.config.BodyBytesMax
	from := q.bodyReader(int64(limit))
	s.whole, s.failed = q.gather(from, limit)
	return s.whole, s.failed
}

// gather reads all of a body.
func (q *request) gather(from *bodyReader, limit int) ([]byte, error) {
	room := limit + 1 // one more tells a body that is too long
	if from.length >= 0 {
		room = min(room, int(from.length))
	}
	at := q.bodyBytes[:0]
	for {
		if len(at) == room {
			break
		}
		if len(at) == cap(at) {
			grown, err := q.growBody(at, room, from.length >= 0)
			if err != nil {
				return nil, err
			}
			at = grown
		}
		n, err := from.Read(at[len(at):min(cap(at), room)])
		at = at[:len(at)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if cap(at) <= bodyKeptBytesMax {
		q.bodyBytes = at[:0]
	}
	return at, nil
}

// growBody answers a larger buffer with the same bytes: as large as the body may become,
// but by no more than a half, or a step, at a time.
func (q *request) growBody(at []byte, room int, known bool) ([]byte, error) {
	had := cap(at)
	size := had + max(had/2, bodyStepBytes)
	if !known && had < bodyKeptBytesMax {
		size = max(2*had, prefetchedBytes)
	}
	size = min(size, max(room, prefetchedBytes))
	if size <= prefetchedBytes {
		return append(make([]byte, 0, size), at...), nil // no more than fasthttp has taken itself
	}
	pooled := size > bodyKeptBytesMax && size <= bodyStepBytes
	if pooled {
		size = bodyStepBytes
	}
	if !q.server.bodies.take(size) {
		return nil, errBodiesFull
	}
	var grown []byte
	if pooled {
		q.bodyStep = bodySteps.Get().(*[bodyStepBytes]byte)
		grown = append(q.bodyStep[:0], at...)
	} else {
		grown = append(make([]byte, 0, size), at...)
		q.giveStep() // nothing of it is in use any more
	}
	q.server.bodies.give(q.bodyRead.charged)
	q.bodyRead.charged = size
	return grown, nil
}

// bodySteps are buffers for the first step, which is the last for most large bodies.
var bodySteps = sync.Pool{New: func() any { return new([bodyStepBytes]byte) }}

func (q *request) giveStep() {
	if q.bodyStep != nil {
		bodySteps.Put(q.bodyStep)
		q.bodyStep = nil
	}
}

// releaseBody gives back what the body has taken.
func (q *request) releaseBody() {
	q.giveStep()
	if q.bodyRead.charged > 0 {
		q.server.bodies.give(q.bodyRead.charged)
	}
	q.bodyRead = bodyState{}
}

var errBodiesFull = refusal.New(refusal.Unavailable, "the server is taking in too many large bodies")

func bodyTooLarge(limit int64) error {
	return refusal.Newf(refusal.PayloadTooLarge, "the body exceeds the limit of %d bytes", limit)
}
