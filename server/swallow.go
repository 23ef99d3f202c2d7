package server

import (
	"net"
	"time"
)

const (
	// swallowSilence is how long a client may pause that is still sending.
	swallowSilence = 200 * time.Millisecond
	// swallowMax is for all of it.
	swallowMax = 30 * time.Second
)

// swallow reads what a refused client is still sending, up to bytesMax. Most clients
// look for an answer only after that, and a connection that is closed with bytes
// unread is reset, which takes the answer with it.
func swallow(conn net.Conn, bytesMax int) {
	buffer := make([]byte, 64<<10)
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
