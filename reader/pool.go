// Package reader is a database's pool of read-only connections. It runs no
// goroutine of its own: who reads borrows a connection and gives it back.
package reader

import (
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
	// places holds a token for each connection that may be lent now.
	places chan struct{}

	mu     sync.Mutex
	free   []*store.ReadConn
	all    []*store.ReadConn
	closed bool
}

var (
	errClosed = refusal.New(refusal.Unavailable, "the database is closing")
	errWaited = refusal.New(refusal.Unavailable, "too many reads are running")
)

// NewPool makes a pool of at most size connections to the database at path.
func NewPool(path string, size int, options store.Options) *Pool {
	p := &Pool{path: path, options: options, places: make(chan struct{}, size)}
	for range size {
		p.places <- struct{}{}
	}
	return p
}

// Borrow lends a connection, waiting up to waitMax for one to come back. Whoever
// gets one gives it back with Return.
func (p *Pool) Borrow(waitMax time.Duration) (*store.ReadConn, error) {
	select {
	case <-p.places:
	default:
		timer := time.NewTimer(waitMax)
		defer timer.Stop()
		select {
		case <-p.places:
		case <-timer.C:
			return nil, errWaited
		}
	}
	conn, err := p.take()
	if err != nil {
		p.places <- struct{}{}
	}
	return conn, err
}

func (p *Pool) take() (*store.ReadConn, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if n := len(p.free); n > 0 {
		conn := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return conn, nil
	}
	p.mu.Unlock()
	conn, err := store.OpenReader(p.path, p.options)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.all = append(p.all, conn)
	p.mu.Unlock()
	return conn, nil
}

// Return gives back a borrowed connection.
func (p *Pool) Return(conn *store.ReadConn) {
	p.mu.Lock()
	p.free = append(p.free, conn)
	p.mu.Unlock()
	p.places <- struct{}{}
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

// Close refuses to lend, waits for the lent connections and closes all.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for range cap(p.places) {
		<-p.places
	}
	var first error
	for _, conn := range p.all {
		if err := conn.Close(); err != nil && first == nil {
			first = err
		}
	}
	p.mu.Lock()
	p.free, p.all = nil, nil
	p.mu.Unlock()
	return first
}
