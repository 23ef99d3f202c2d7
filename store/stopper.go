package store

import (
	"sync"
	"time"

	"crawshaw.io/sqlite"
)

// stopper interrupts what runs on a connection when its time is up. It costs a
// timer per use and no goroutine, unless it fires.
type stopper struct {
	conn  *sqlite.Conn
	timer *time.Timer

	mu    sync.Mutex
	armed bool
	fired bool
	// run counts the runs: a timer that comes late must not stop the next one.
	run uint64
	// overdue says that interruptOverdue has seen this run before.
	overdue bool
}

// arm lets what runs from now on run for limit.
func (s *stopper) arm(limit time.Duration) {
	s.mu.Lock()
	s.armed, s.fired, s.overdue = true, false, false
	s.run++
	run := s.run
	s.mu.Unlock()
	s.timer = time.AfterFunc(limit, func() { s.fire(run) })
}

// disarm: after it returns, nothing is interrupted any more.
func (s *stopper) disarm() {
	if s.timer == nil {
		return
	}
	s.timer.Stop()
	s.mu.Lock()
	s.armed = false
	s.mu.Unlock()
}

func (s *stopper) fire(run uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run == s.run {
		s.stop()
	}
}

// stop interrupts what runs, if anything does. The caller holds mu.
func (s *stopper) stop() {
	if s.armed {
		s.fired = true
		interrupt(s.conn)
	}
}

// interruptOverdue stops what was running already when it was last called.
func (s *stopper) interruptOverdue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overdue {
		s.stop()
	}
	s.overdue = s.armed
}

// late tells whether time is up. An interrupt between two statements stops
// neither of them, so whoever runs several asks.
func (s *stopper) late() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}
