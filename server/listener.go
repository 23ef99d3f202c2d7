package server

import (
	"net"
	"time"
)

// coarseListener accepts connections whose read deadline is only moved when it moves
// by deadlineStep or more. fasthttp sets it twice for each request, minutes ahead,
// and each setting costs a timer: about a thirtieth of a small request.
type coarseListener struct{ net.Listener }

// deadlineStep is how much earlier than asked for a connection may time out.
const deadlineStep = 5 * time.Second

func (l coarseListener) Accept() (net.Conn, error) {
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
}

func (c *coarseConn) SetReadDeadline(t time.Time) error {
	if ahead := t.Sub(c.deadline); !t.IsZero() && !c.deadline.IsZero() && ahead >= 0 && ahead < deadlineStep {
		return nil
	}
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

func (c *coarseConn) SetDeadline(t time.Time) error {
	c.deadline = t
	return c.Conn.SetDeadline(t)
}
