package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
)

// Two values that a table of so many keys goes back to in turn.
const (
	returningKeys = 2_000
	returnsMax    = 12 // in one life of a server: each leaves an entry of each key
	undoers       = 8
	probesMax     = 400 // answers that are remembered
)

var returningTo = [2]string{"before", "after"}

// do sends a body and tells what is answered.
func (c *apiClient) do(method, address, path, body string) (string, error) {
	request, err := http.NewRequest(method, "http://"+address+apiPrefix+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	told, err := io.ReadAll(io.LimitReader(answer.Body, answerBytesMax))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = newStatusError(answer.StatusCode, told)
	}
	return string(told), err
}

// mustDo is do for what has to be done.
func (c *apiClient) mustDo(t *testing.T, method, address, path, body string) string {
	t.Helper()
	told, err := c.do(method, address, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return told
}

// travellers change the past in loops until their server is gone. What they were told
// is theirs to know; of what they last asked for, either may be.
type travellers struct {
	client  *apiClient
	seconds [2]int64 // in which the table had each of the two values
	working sync.WaitGroup
	stop    atomic.Bool

	counts   ledger                // of a counter with history
	undone   [undoers]undoneLedger // by the one who counts there and takes it back
	returned atomic.Int64          // returns of the table that were acknowledged
	asked    atomic.Int64          // and that were asked for

	mutex  sync.Mutex
	probes map[string]string // what was answered about seconds that are over, by path
}

// undoneLedger is a counter that goes up by two and back by one.
type undoneLedger struct{ value, mayBe int64 }

const (
	countPath = "/kv/counted?db=" + crashDatabase
	tablePath = "db=" + crashDatabase + "&table=returning"
)

func undonePath(n int, operation string) string {
	return fmt.Sprintf("/kv/undone-%d%s?db=%s", n, operation, crashDatabase)
}

// prepare writes the table with one value and then with the other, each in a second of
// its own.
func (v *travellers) prepare(t *testing.T, address string) {
	t.Helper()
	for turn, value := range returningTo {
		for first := 0; first < returningKeys; first += batchItemsMax {
			var items []string
			for n := first; n < first+batchItemsMax; n++ {
				items = append(items, fmt.Sprintf(`{"key":"row/%04d","value":%q}`, n, value))
			}
			v.client.mustDo(t, "POST", address, "/kv/batch/set?"+tablePath, `{"items":[`+strings.Join(items, ",")+`]}`)
		}
		v.seconds[turn] = time.Now().Unix()
		time.Sleep(time.Until(time.Unix(v.seconds[turn]+1, 0).Add(10 * time.Millisecond)))
	}
}

func (v *travellers) start(address string) {
	v.stop.Store(false)
	loop := func(turn func() error) {
		v.working.Go(func() {
			for !v.stop.Load() && turn() == nil {
			}
		})
	}
	loop(func() error { return v.count(address) })
	loop(func() error { return v.goBack(address) })
	loop(func() error { return v.probe(address) })
	for n := range v.undone {
		loop(func() error { return v.undo(address, n) })
	}
}

func (v *travellers) count(address string) error {
	v.counts.sent.Add(1)
	_, err := v.client.increment(address, crashDatabase, "counted")
	if err == nil {
		v.counts.acknowledged.Add(1)
	}
	return err
}

// undo counts up twice and takes the last of it back.
func (v *travellers) undo(address string, n int) error {
	l := &v.undone[n]
	for _, step := range []struct {
		operation string
		change    int64
	}{{"/incr", 1}, {"/incr", 1}, {"/rollback", -1}} {
		l.mayBe = l.value + step.change
		if _, err := v.client.do("POST", address, undonePath(n, step.operation), ""); err != nil {
			return err
		}
		l.value = l.mayBe
	}
	return nil
}

// goBack makes the table what it is not.
func (v *travellers) goBack(address string) error {
	if v.asked.Load()-v.returned.Load() > 0 || v.asked.Load()%(returnsMax+1) == returnsMax {
		return io.EOF
	}
	turn := v.asked.Add(1)
	_, err := v.client.do("POST", address, fmt.Sprintf("/kv/rollback?%s&confirm=yes&to_timestamp=%d", tablePath, v.seconds[1-turn%2]), "")
	if err == nil {
		v.returned.Add(1)
	}
	return err
}

// probe asks what was in a second that is over, and remembers the answer.
func (v *travellers) probe(address string) error {
	over := time.Now().Unix() - 2
	for n, path := range []string{
		countPath + fmt.Sprintf("&at_timestamp=%d", over),
		fmt.Sprintf("/kv/row%%2F%04d?%s&at_timestamp=%d", over%returningKeys, tablePath, over),
		fmt.Sprintf("/kv/snapshot?%s&limit=7&prefix=row/1&timestamp=%d", tablePath, over),
		fmt.Sprintf("/kv/diff?%s&from=%d&to=%d&keys=row/0001,row/1999,none", tablePath, v.seconds[0], max(over, v.seconds[1])),
	} {
		if n == 3 && over < v.seconds[1] {
			continue
		}
		told, err := v.client.do("GET", address, path, "")
		if told == "" {
			return err
		}
		if _, asked := v.probes[path]; !asked && len(v.probes) < probesMax {
			v.probes[path] = told
		}
	}
	time.Sleep(20 * time.Millisecond)
	return nil
}
