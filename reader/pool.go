// Package reader is a database's pool of read-only connections. It runs no
// goroutine of its own: who reads borrows a connection and gives it back.
package reader

import (
	"slices"
	"sync"
	"time"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

// Pool lends read-only connections of one database, the one used last first: its
// cache is warm. Connections are opened when they are first needed.
type Pool struct {
	path    string
	options store.Options
	size    int
	// long has a place for each connection that may be lent for a long answer.
	long chan struct{}

	mu sync.Mutex
	// lent counts the connections that are out, or being opened for somebody.
	lent int
	free []*store.ReadConn
	all  []*store.ReadConn
	// waiting are those who want a connection, first come first served. Each is told
	// once: it has a place among the lent then.
	waiting []chan struct{}
	closed  bool
	// idle is signalled when the last one came back after Close.
	idle sync.Cond
}

var (
	errClosed = refusal.New(refusal.Unavailable, "the database is closing")
	errWaited = refusal.New(refusal.RequestTimeout, "the request timed out while it waited for a reader")
)

// NewPool makes a pool of at most size connections to the database at path.
func NewPool(path string, size int, options store.Options) *Pool {
	options.Versions = store.NewVersions()
	p := &Pool{path: path, options: options, size: size, long: make(chan struct{}, max(size/2, 1))}
	p.idle.L = &p.mu
	return p
}

// Borrow lends a connection, waiting up to waitMax for one to come back. Whoever
// gets one gives it back with Return.
func (p *Pool) Borrow(waitMax time.Duration) (*store.ReadConn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if p.lent == p.size {
		if err := p.wait(waitMax); err != nil {
			return nil, err
		}
	} else {
		p.lent++
	}
	if n := len(p.free); n > 0 {
		conn := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return conn, nil
	}
	p.mu.Unlock()
	return p.open()
}

// BorrowLong is Borrow for an answer that may take as long as its client likes: half of
// the connections are never lent so. Whoever gets one gives it back with ReturnLong.
func (p *Pool) BorrowLong(waitMax time.Duration) (*store.ReadConn, error) {
	started := time.Now()
	timer := time.NewTimer(waitMax)
	defer timer.Stop()
	select {
	case p.long <- struct{}{}:
	case <-timer.C:
		return nil, errWaited
	}
	conn, err := p.Borrow(waitMax - time.Since(started))
	if err != nil {
		<-p.long
	}
	return conn, err
}

// ReturnLong gives back what BorrowLong has lent.
func (p *Pool) ReturnLong(conn *store.ReadConn) {
	p.Return(conn)
	<-p.long
}

// wait waits for a place. The caller holds mu before and, unless it is refused,
// after.
func (p *Pool) wait(waitMax time.Duration) error {
	turn := make(chan struct{}, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	timer := time.NewTimer(waitMax)
	defer timer.Stop()
	select {
	case <-turn:
		p.mu.Lock()
		return nil
	case <-timer.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, turn); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else {
		p.passOn() // the turn came with the time-out
	}
	return errWaited
}

// passOn gives a place that became free to who waits, or takes it back. The caller
// holds mu.
func (p *Pool) passOn() {
	if len(p.waiting) > 0 {
		p.waiting[0] <- struct{}{}
		p.waiting = slices.Delete(p.waiting, 0, 1)
		return
	}
	p.lent--
	if p.closed && p.lent == 0 {
		p.idle.Broadcast()
	}
}

// open opens a connection for a place that is the caller's.
func (p *Pool) open() (*store.ReadConn, error) {
	conn, err := store.OpenReader(p.path, p.options)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.passOn()
		return nil, err
	}
	p.all = append(p.all, conn)
	return conn, nil
}

// Return gives back a borrowed connection.
func (p *Pool) Return(conn *store.ReadConn) {
	p.mu.Lock()
	p.free = append(p.free, conn)
	p.passOn()
	p.mu.Unlock()
}

// InterruptOverdue stops the SQL of clients that has been running since the last
// call of InterruptOverdue or longer: it answers that it ran out of time.
func (p *Pool) InterruptOverdue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.all {
		conn.InterruptOverdue()
	}
}

// Open is the number of open connections.
func (p *Pool) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// Lent is the number of connections in use.
func (p *Pool) Lent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lent
}

// Close refuses to lend, waits for the lent connections and closes all.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.lent > 0 {
		p.idle.Wait()
	}
	var first error
	for _, conn := range p.all {
		if err := conn.Close(); err != nil && first == nil {
			first = err
		}
	}
	p.free, p.all = nil, nil
	return first
}
