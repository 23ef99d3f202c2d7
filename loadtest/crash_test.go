package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const crashDatabase = "crash"

// ledger is what the callers know of a key: how often they asked, and how often
// they were told that it was done. What lies between is unknown to them.
type ledger struct {
	sent, acknowledged atomic.Int64
}

// callers increment in loops, each its own key and one that all share, until
// they are stopped or their server is gone.
type callers struct {
	client  *apiClient
	ledgers map[string]*ledger // by key; filled before the loops start
	working sync.WaitGroup
	stop    atomic.Bool
	mutex   sync.Mutex
	ended   []error // what each loop ended with, nil for a stop
}

const sharedKey = "shared"

func ownKey(caller int) string { return fmt.Sprintf("own-%d", caller) }

func newCallers(t *testing.T, count int) *callers {
	c := &callers{client: newAPIClient(t, count), ledgers: map[string]*ledger{sharedKey: {}}}
	for caller := range count {
		c.ledgers[ownKey(caller)] = &ledger{}
	}
	return c
}

// start sets the callers off against a server; wait ends the matter.
func (c *callers) start(server *process) {
	c.stop.Store(false)
	c.ended = nil
	for caller := range len(c.ledgers) - 1 {
		c.working.Go(func() {
			err := c.call(server.address, caller)
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.ended = append(c.ended, err)
		})
	}
}

func (c *callers) call(address string, caller int) error {
	for turn := 0; !c.stop.Load(); turn++ {
		key := sharedKey
		if turn%2 == 1 {
			key = ownKey(caller)
		}
		ledger := c.ledgers[key]
		ledger.sent.Add(1)
		if _, err := c.client.increment(address, crashDatabase, key); err != nil {
			return err
		}
		ledger.acknowledged.Add(1)
	}
	return nil
}

func (c *callers) wait() { c.working.Wait() }

// waitForProgress returns once the shared key was acknowledged so many more times.
func (c *callers) waitForProgress(t *testing.T, more int64) {
	t.Helper()
	shared := c.ledgers[sharedKey]
	goal := shared.acknowledged.Load() + more
	for deadline := time.Now().Add(readyWait); shared.acknowledged.Load() < goal; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d increments within %v", shared.acknowledged.Load(), goal, readyWait)
		}
	}
}

// A killed server may have committed what it could not say any more, but never
// have said what it did not commit.
func TestNoAcknowledgedIncrementIsLostWhenTheServerIsKilled(t *testing.T) {
	const killings, callerCount = 5, 24
	folder, callers := t.TempDir(), newCallers(t, callerCount)
	for round := range killings {
		server := serve(t, folder)
		callers.start(server)
		callers.waitForProgress(t, 50)
		time.Sleep(time.Duration(100+50*round) * time.Millisecond) // somewhere else in the work each time
		server.kill()
		callers.wait()

		server = serve(t, folder)
		for key, ledger := range callers.ledgers {
			sent, acknowledged := ledger.sent.Load(), ledger.acknowledged.Load()
			if sent == 0 {
				continue
			}
			value := int64(0)
			if acknowledged > 0 {
				value = callers.client.value(t, server.address, crashDatabase, key)
			}
			if value < acknowledged || value > sent {
				t.Fatalf("round %d: %s is %d; %d were acknowledged of %d sent", round, key, value, acknowledged, sent)
			}
		}
		shared := callers.client.value(t, server.address, crashDatabase, sharedKey)
		historyIsWhole(t, callers.client, server.address, crashDatabase, sharedKey, shared)
		fileIsSound(t, callers.client, server.address, crashDatabase)
		stopCleanly(t, server)
	}
}

// A server that is asked to go answers what comes in until its connections are
// closed, each after an answer that announces it. So no caller in the middle of
// its work is left to guess whether it counted.
func TestEveryIncrementIsAnsweredWhenTheServerDrains(t *testing.T) {
	const callerCount = 64
	folder, callers := t.TempDir(), newCallers(t, callerCount)
	server := serve(t, folder)
	callers.start(server)
	callers.waitForProgress(t, 200)
	stopCleanly(t, server)
	callers.stop.Store(true)
	callers.wait()
	for _, err := range callers.ended {
		if err != nil && !isRefusal(err) {
			t.Errorf("a caller was left with: %v", err)
		}
	}

	server = serve(t, folder)
	for key, ledger := range callers.ledgers {
		if acknowledged := ledger.acknowledged.Load(); acknowledged > 0 {
			if value := callers.client.value(t, server.address, crashDatabase, key); value != acknowledged {
				t.Errorf("%s is %d, acknowledged were %d", key, value, acknowledged)
			}
		}
	}
	historyIsWhole(t, callers.client, server.address, crashDatabase, sharedKey, callers.ledgers[sharedKey].acknowledged.Load())
	fileIsSound(t, callers.client, server.address, crashDatabase)
	stopCleanly(t, server)
}

// isRefusal tells a draining server's no: a 503, or a port that nobody listens on
// any more, be it from now on (refused) or since a moment ago (reset).
func isRefusal(err error) bool {
	var answered *statusError
	if errors.As(err, &answered) {
		return answered.status == http.StatusServiceUnavailable
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}

// Clients open connections ahead of need and keep them, and some never say a
// word on them. None of that may hold up a restart.
func TestADrainDoesNotWaitForSilentConnections(t *testing.T) {
	const drainMax = 10 * time.Second // orchestrators kill after 30 s or less
	server := serve(t, t.TempDir())
	silent := func() net.Conn {
		socket, err := net.Dial("tcp4", server.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		return socket
	}
	silent()                                // never asks anything
	_, _ = io.WriteString(silent(), "GET ") // never ends its question
	kept := silent()
	_, _ = io.WriteString(kept, "GET "+apiPrefix+"/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := kept.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	stopCleanly(t, server)
	if took := time.Since(start); took > drainMax {
		t.Errorf("the drain took %v", took)
	}
}
