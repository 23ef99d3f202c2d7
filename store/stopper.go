package store

import (
	"sync"
	"time"

	"crawshaw.io/sqlite"
)

// stopper interrupts what runs on a connection when its time is up, and again until it is
// disarmed: an interrupt that falls between two statements stops neither. It costs a timer's
// reset per run and no goroutine, unless it fires.
//
// arm, disarm and late belong to the connection's goroutine.
type stopper struct {
	conn  *sqlite.Conn
	timer *time.Timer
	armed bool
	// ended receives a token from a fire that comes with its disarm.
	ended chan struct{}

	mu sync.Mutex
	// running is armed, for other goroutines.
	running bool
	fired   bool
	// overdue says that interruptOverdue has seen this run before.
	overdue bool
}

// arm lets what runs from now on run for limit. It ends the run before, if one was.
func (s *stopper) arm(limit time.Duration) {
	s.disarm()
	s.mu.Lock()
	defer s.mu.Unlock() // it may fire at once
	s.running, s.fired, s.overdue = true, false, false
	s.armed = true
	if s.timer == nil {
		s.ended = make(chan struct{}, 1)
		s.timer = time.AfterFunc(limit, s.fire)
		return
	}
	s.timer.Reset(limit)
}

// disarm: after it returns, nothing is interrupted any more.
func (s *stopper) disarm() {
	if !s.armed {
		return
	}
	s.armed = false
	s.mu.Lock()
	s.running = false
	s.mu.Unlock()
	if !s.timer.Stop() {
		<-s.ended // it is about to fire: not in the next run
	}
}

// againAfter is the time from one interrupt to the next.
const againAfter = 20 * time.Millisecond

func (s *stopper) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	if s.running {
		s.timer.Reset(againAfter)
		return
	}
	s.ended <- struct{}{} // there is room for it
}

// stop interrupts what runs, if anything does. The caller holds mu.
func (s *stopper) stop() {
	if s.running {
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
	s.overdue = s.running
}

// late tells whether time is up. Whoever runs several statements asks, and need not wait for
// the next interrupt.
func (s *stopper) late() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}
