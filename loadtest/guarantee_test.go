package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// The guarantee: of any number of increments at the same time none is lost,
// none counts twice, every caller is told a number of its own, and history
// tells them all. It is proved from outside: real processes, real sockets.

const guaranteeDatabase = "guarantee"

// incrementsAtOnce lets one goroutine per increment loose at the same moment,
// spread over the servers and keys in turn, and returns each key's answers.
func incrementsAtOnce(t *testing.T, client *apiClient, servers []*process, keys []string, increments int) map[string][]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	values := make([]int64, increments)
	failures := make([]error, increments)
	gate := make(chan struct{})
	var working sync.WaitGroup
	for i := range increments {
		working.Go(func() {
			<-gate
			server, key := servers[i%len(servers)], keys[i%len(keys)]
			values[i], failures[i] = client.patientIncrement(ctx, server.address, guaranteeDatabase, key)
		})
	}
	close(gate)
	working.Wait()

	answers := map[string][]int64{}
	for i := range increments {
		if failures[i] != nil {
			t.Fatalf("increment %d: %v", i, failures[i])
		}
		key := keys[i%len(keys)]
		answers[key] = append(answers[key], values[i])
	}
	return answers
}

// countedExactly checks one key: the answers are 1..increments, each once, the
// value is their number, and so is the history.
func countedExactly(t *testing.T, client *apiClient, server *process, key string, answers []int64, increments int) {
	t.Helper()
	slices.Sort(answers)
	if len(answers) != increments {
		t.Fatalf("%s: %d answers, want %d", key, len(answers), increments)
	}
	for i, answer := range answers {
		if answer != int64(i+1) {
			t.Fatalf("%s: the answers in order should be 1..%d; number %d is %d", key, increments, i+1, answer)
		}
	}
	if value := client.value(t, server.address, guaranteeDatabase, key); value != int64(increments) {
		t.Errorf("%s: the value is %d, want %d", key, value, increments)
	}
	historyIsWhole(t, client, server.address, guaranteeDatabase, key, int64(increments))
}

func TestAThousandIncrementsAtOnceOfOneKeyAreCountedExactly(t *testing.T) {
	const increments = 1_000
	server, client := serve(t, t.TempDir()), newAPIClient(t, increments)
	answers := incrementsAtOnce(t, client, []*process{server}, []string{"one"}, increments)
	countedExactly(t, client, server, "one", answers["one"], increments)
	stopCleanly(t, server)
}

func TestAThousandIncrementsAtOnceOfFiftyKeysAreCountedExactly(t *testing.T) {
	const increments, keyCount = 1_000, 50
	server, client := serve(t, t.TempDir()), newAPIClient(t, increments)
	keys := make([]string, keyCount)
	for i := range keys {
		keys[i] = fmt.Sprintf("key/%d", i) // a slash, as keys may have
	}
	answers := incrementsAtOnce(t, client, []*process{server}, keys, increments)
	for _, key := range keys {
		countedExactly(t, client, server, key, answers[key], increments/keyCount)
	}
	stopCleanly(t, server)
}

// Four servers share a file that none of them has created yet: even making the
// table is a race. One may find the file busy for longer than it waits and say
// so; the caller then tries again.
func TestAThousandIncrementsAtOnceThroughFourProcessesAreCountedExactly(t *testing.T) {
	const increments, processes = 1_000, 4
	folder, client := t.TempDir(), newAPIClient(t, increments)
	var servers []*process
	for range processes {
		servers = append(servers, serve(t, folder))
	}
	answers := incrementsAtOnce(t, client, servers, []string{"one"}, increments)
	for _, server := range servers {
		countedExactly(t, client, server, "one", slices.Clone(answers["one"]), increments)
	}
	fileIsSound(t, client, servers[0].address, guaranteeDatabase)
	for _, server := range servers {
		stopCleanly(t, server)
	}
}
