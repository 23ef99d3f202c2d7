package store

import (
	"sync"
	"time"

	"crawshaw.io/sqlite"
)

// stopper interrupts what runs on a connection when its time is up. It costs a
// timer's reset per use and no goroutine, unless it fires.
type stopper struct {
	conn  *sqlite.Conn
	timer *time.Timer

	mu    sync.Mutex
	armed bool
	fired bool
}

// arm lets what runs from now on run for limit.
func (s *stopper) arm(limit time.Duration) {
	s.mu.Lock()
	s.armed, s.fired = true, false
	s.mu.Unlock()
	if s.timer == nil {
		s.timer = time.AfterFunc(limit, s.fire)
		return
	}
	s.timer.Reset(limit)
}

// disarm: after it returns, nothing is interrupted any more.
func (s *stopper) disarm() {
	s.timer.Stop()
	s.mu.Lock()
	s.armed = false
	s.mu.Unlock()
}

func (s *stopper) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed {
		s.fired = true
		interrupt(s.conn)
	}
}

// late tells whether time is up. An interrupt between two statements stops
// neither of them, so whoever runs several asks.
func (s *stopper) late() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}

func (s *stopper) close() {
	if s.timer != nil {
		s.disarm()
	}
}
