package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// onceAnswer is what an increment with an Idempotency-Key was answered.
type onceAnswer struct {
	body     []byte
	etag     string
	replayed bool
}

// incrementOnce adds one, however often it is asked with the same key for once.
func (c *apiClient) incrementOnce(address, database, key, once string) (answer onceAnswer, err error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+address+apiPrefix+"/kv/"+key+"/incr?db="+database, nil)
	if err != nil {
		return answer, err
	}
	request.Header.Set("Idempotency-Key", once)
	response, err := c.http.Do(request)
	if err != nil {
		return answer, err
	}
	defer func() { _ = response.Body.Close() }()
	if answer.body, err = io.ReadAll(io.LimitReader(response.Body, answerBytesMax)); err != nil {
		return answer, err
	}
	if response.StatusCode != http.StatusOK {
		return answer, newStatusError(response.StatusCode, answer.body)
	}
	answer.etag, answer.replayed = response.Header.Get("ETag"), response.Header.Get("Idempotent-Replayed") == "true"
	return answer, nil
}

// insistent is a caller that asks with the same key until it is told that it was done,
// across all crashes of the server, and only then for the next.
type insistent struct {
	client *apiClient
	number int
	turn   int            // the one that is not answered yet
	done   map[string]int // by key: how often it was told that it was done
	told   map[int]bool   // the values of its own key that it was told
}

func (i *insistent) key() string {
	if i.turn%2 == 0 {
		return sharedKey
	}
	return ownKey(i.number)
}

// ask asks for the turn at hand, now and then twice at once, as callers do that have
// lost their patience. before says that it was done before it was asked this time.
func (i *insistent) ask(address string) (before bool, err error) {
	key, once := i.key(), fmt.Sprintf("caller-%d-turn-%d", i.number, i.turn)
	answers, errs := make([]onceAnswer, 1+i.turn%3/2), make([]error, 1+i.turn%3/2)
	var asking sync.WaitGroup
	for n := range answers {
		asking.Go(func() { answers[n], errs[n] = i.client.incrementOnce(address, crashDatabase, key, once) })
	}
	asking.Wait()
	if err := errors.Join(errs...); err != nil {
		return false, err
	}
	before = true
	for _, answer := range answers {
		before = before && answer.replayed
		if !bytes.Equal(answer.body, answers[0].body) || answer.etag != answers[0].etag {
			return before, fmt.Errorf("%w: %s and %s, %s and %s", errTwoAnswers, answers[0].etag, answers[0].body, answer.etag, answer.body)
		}
	}
	var told struct{ Value int }
	if err := json.Unmarshal(answers[0].body, &told); err != nil {
		return before, err
	}
	if key != sharedKey && i.told[told.Value] {
		return before, fmt.Errorf("%w: %s was %d twice", errTwoAnswers, key, told.Value)
	}
	i.told[told.Value] = i.told[told.Value] || key != sharedKey
	i.done[key]++
	i.turn++
	return before, nil
}

var errTwoAnswers = errors.New("one request, two answers")

// Whoever is not answered can't know whether it was done: the server may have died
// before the commit, or between the commit and the answer. With a key for once it may
// ask again, and is counted once.
func TestWhoAsksAgainWithTheSameKeyAfterACrashIsCountedOnce(t *testing.T) {
	const killings, callerCount = 5, 24
	folder, client := t.TempDir(), newAPIClient(t, 2*callerCount)
	callers := make([]*insistent, callerCount)
	for n := range callers {
		callers[n] = &insistent{client: client, number: n, done: map[string]int{}, told: map[int]bool{}}
	}
	var untold, answered atomic.Int64
	ask := func(caller *insistent, address string) error {
		before, err := caller.ask(address)
		if err == nil {
			answered.Add(1)
		}
		if before {
			untold.Add(1)
		}
		return err
	}
	round := func(server *process, stop *atomic.Bool) *sync.WaitGroup {
		var working sync.WaitGroup
		for _, caller := range callers {
			working.Go(func() {
				for !stop.Load() {
					err := ask(caller, server.address)
					if errors.Is(err, errTwoAnswers) {
						t.Error(err)
					}
					if err != nil {
						return
					}
				}
			})
		}
		return &working
	}
	for killing := range killings {
		server, stop := serve(t, folder), new(atomic.Bool)
		before := answered.Load()
		working := round(server, stop)
		for deadline := time.Now().Add(readyWait); answered.Load() < before+200; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d answers within %v", answered.Load()-before, readyWait)
			}
		}
		time.Sleep(time.Duration(50+37*killing) * time.Millisecond) // somewhere else in the work each time
		server.kill()
		stop.Store(true)
		working.Wait()
	}

	server := serve(t, folder)
	want := map[string]int{}
	for _, caller := range callers {
		if err := ask(caller, server.address); err != nil { // the last one that was not answered
			t.Fatal(err)
		}
		for key, n := range caller.done {
			want[key] += n
		}
	}
	for key, n := range want {
		if value := client.value(t, server.address, crashDatabase, key); value != int64(n) {
			t.Errorf("%s is %d, and was done %d times", key, value, n)
		}
		historyIsWhole(t, client, server.address, crashDatabase, key, int64(n))
	}
	fileIsSound(t, client, server.address, crashDatabase)
	t.Logf("%d requests were done, %d of them before a crash that kept the answer", answered.Load(), untold.Load())
	stopCleanly(t, server)
}
