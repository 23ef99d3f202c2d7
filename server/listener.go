package server

import (
	"net"
	"sync"
	"time"
)

// coarseListener accepts connections whose read deadline is only moved when it moves
// by deadlineStep or more. fasthttp sets it twice for each request, minutes ahead,
// and each setting costs a timer: about a thirtieth of a small request.
//
// It may be closed twice: by a drain, and by fasthttp after it.
type coarseListener struct {
	net.Listener
	closing sync.Once
	closed  error
}

func (l *coarseListener) Close() error {
	l.closing.Do(func() { l.closed = l.Listener.Close() })
	return l.closed
}

// deadlineStep is how much earlier than asked for a connection may time out.
const deadlineStep = 5 * time.Second

func (l *coarseListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &coarseConn{Conn: conn}, nil
}

// coarseConn is used by one goroutine at a time, as fasthttp does.
type coarseConn struct {
	net.Conn
	deadline time.Time // the read deadline in force, zero for none
	writeBy  time.Time // the write deadline
	fault    error     // of the latest Read
}

// Read remembers how it failed: of the layers above, not all say it.
func (c *coarseConn) Read(p []byte) (n int, err error) {
	n, err = c.Conn.Read(p)
	c.fault = err
	return n, err
}

func (c *coarseConn) SetWriteDeadline(t time.Time) error {
	if !moves(c.writeBy, t) {
		return nil
	}
	c.writeBy = t
	return c.Conn.SetWriteDeadline(t)
}

// moves tells whether a deadline goes back, or ahead by deadlineStep or more.
func moves(from, to time.Time) bool {
	ahead := to.Sub(from)
	return from.IsZero() || to.IsZero() || ahead < 0 || ahead >= deadlineStep
}

func (c *coarseConn) SetReadDeadline(t time.Time) error {
	if !moves(c.deadline, t) {
		return nil
	}
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

func (c *coarseConn) SetDeadline(t time.Time) error {
	c.deadline, c.writeBy = t, t
	return c.Conn.SetDeadline(t)
}
