package main

import (
	"errors"
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

	probes  map[string]string // what was answered about seconds that are over, by path
	changed error             // an answer that was another before
}

// undoneLedger is a counter that goes up by two and back by one.
type undoneLedger struct{ value, mayBe int64 }

const (
	tablePath  = "db=" + crashDatabase + "&table=travelled"
	probeEvery = 20 * time.Millisecond
	pause      = 10 * time.Millisecond // between two returns, for others
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

// goBack makes the table what it is not, a few times.
func (v *travellers) goBack(address string) error {
	for range returnsMax {
		turn := v.asked.Add(1) % 2
		path := fmt.Sprintf("/kv/rollback?%s&confirm=yes&to_timestamp=%d", tablePath, v.seconds[1-turn])
		if _, err := v.client.do("POST", address, path, ""); err != nil {
			return err
		}
		v.returned.Store(v.asked.Load())
		time.Sleep(pause)
	}
	return io.EOF // enough of it
}

// probe asks what was in seconds that are over, and remembers the answers.
func (v *travellers) probe(address string) error {
	for _, second := range []int64{v.seconds[0], v.seconds[1], max(v.seconds[1], time.Now().Unix()-2)} {
		for _, path := range []string{
			fmt.Sprintf("/kv/counted?db=%s&at_timestamp=%d", crashDatabase, second),
			fmt.Sprintf("/kv/row%%2F%04d?%s&at_timestamp=%d", second%returningKeys, tablePath, second),
			fmt.Sprintf("/kv/snapshot?%s&limit=7&prefix=row/1&timestamp=%d", tablePath, second),
			fmt.Sprintf("/kv/diff?%s&from=%d&to=%d&keys=row/0001,row/1999,none", tablePath, v.seconds[0], max(second, v.seconds[1])),
		} {
			told, err := v.client.do("GET", address, path, "")
			if err != nil && !isAnswer(err) {
				return err
			}
			if was, asked := v.probes[path]; asked && was != told {
				v.changed = fmt.Errorf("%s is answered %.300s, and was %.300s", path, told, was)
				return v.changed
			}
			if len(v.probes) < probesMax {
				v.probes[path] = told
			}
		}
	}
	time.Sleep(probeEvery)
	return nil
}

// isAnswer tells a refusal, which was told whole, from an answer that did not come.
func isAnswer(err error) bool {
	var answered *statusError
	return errors.As(err, &answered)
}

// holds checks that all that was acknowledged is there, and what was not, whole or not
// at all.
func (v *travellers) holds(t *testing.T, address string) {
	t.Helper()
	sent, acknowledged := v.counts.sent.Load(), v.counts.acknowledged.Load()
	counted := v.client.value(t, address, crashDatabase, "counted")
	if counted < acknowledged || counted > sent {
		t.Errorf("the counter is %d; %d were acknowledged of %d sent", counted, acknowledged, sent)
	}
	historyIsWhole(t, v.client, address, crashDatabase, "counted", counted)
	for n := range v.undone {
		l := &v.undone[n]
		row := v.client.queryRow(t, address, crashDatabase, fmt.Sprintf(
			"SELECT coalesce((SELECT value FROM kv_store WHERE key = 'undone-%d'), 0) AS value, "+
				"(SELECT count(*) FROM kv_store_history WHERE key = 'undone-%d') AS entries", n, n))
		value := int64(row["value"].(float64))
		if value != l.value && value != l.mayBe {
			t.Errorf("counter %d is %d, and should be %d or %d", n, value, l.value, l.mayBe)
		}
		if row["entries"] != row["value"] {
			t.Errorf("counter %d is %v with a history of %v", n, row["value"], row["entries"])
		}
		l.value, l.mayBe = value, value
	}
	v.tableHolds(t, address)
	for path, was := range v.probes {
		if is, err := v.client.do("GET", address, path, ""); is != was {
			t.Errorf("%s is answered %.300s %v, and was %.300s", path, is, err, was)
		}
	}
}

// tableHolds checks that every return of the table is there whole or not at all.
func (v *travellers) tableHolds(t *testing.T, address string) {
	t.Helper()
	row := v.client.queryRow(t, address, crashDatabase, "SELECT count(*) AS keys, min(value) AS least, max(value) AS most, "+
		"(SELECT count(*) FROM travelled_history) AS entries FROM travelled")
	entries := int64(row["entries"].(float64))
	returns := entries/returningKeys - int64(len(returningTo))
	if row["keys"] != float64(returningKeys) || row["least"] != row["most"] || entries%returningKeys != 0 {
		t.Errorf("the table is %v", row)
	}
	if asked, returned := v.asked.Load(), v.returned.Load(); returns < returned || returns > asked {
		t.Errorf("there are %d returns; %d were acknowledged of %d", returns, returned, asked)
	}
	if want := returningTo[1-returns%2]; row["most"] != want {
		t.Errorf("after %d returns the table is %v, want %s", returns, row["most"], want)
	}
	v.asked.Store(returns)
	v.returned.Store(returns)
}

func TestNoWayBackInTimeIsLostOrHalfDoneWhenTheServerIsKilled(t *testing.T) {
	const killings = 4
	folder := t.TempDir()
	v := &travellers{client: newAPIClient(t, undoers+3), probes: map[string]string{}}
	server := serve(t, folder)
	v.prepare(t, server.address)
	for round := range killings {
		v.start(server.address)
		returned := v.returned.Load()
		for deadline := time.Now().Add(readyWait); v.returned.Load() == returned || v.counts.acknowledged.Load() == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("nothing was done")
			}
		}
		time.Sleep(time.Duration(40+130*round) * time.Millisecond) // somewhere else in the work each time
		server.kill()
		v.stop.Store(true)
		v.working.Wait()
		if v.changed != nil {
			t.Fatal(v.changed)
		}
		server = serve(t, folder)
		v.holds(t, server.address)
	}
	if len(v.probes) == 0 {
		t.Error("no second was over")
	}
	fileIsSound(t, v.client, server.address, crashDatabase)
	stopCleanly(t, server)
	testdb.Check(t, filepath.Join(folder, crashDatabase+".db"))
}
