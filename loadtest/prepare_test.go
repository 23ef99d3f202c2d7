package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// trialOf starts a server with so many counters, as a trial finds it.
func trialOf(t *testing.T, keys int) *trial {
	t.Helper()
	folder := t.TempDir()
	server := serve(t, folder)
	if err := countersOf(server.address, keys).preload(); err != nil {
		t.Fatal(err)
	}
	return &trial{
		settings: settings{server: serverBinary(t), keys: keys, duration: time.Second, expiring: 400, entries: entriesMin, tableKeys: tableKeysMin},
		folder:   folder, server: server, connections: 1,
	}
}

func (t *trial) rows(test *testing.T, where string) float64 {
	test.Helper()
	return newAPIClient(test, 1).queryRow(test, t.server.address, database, "SELECT count(*) AS n FROM kv_store WHERE "+where)["n"].(float64)
}

func TestTheDocumentIsAMegabyteOfJSONWithItsLeaf(t *testing.T) {
	text, leaf := document()
	var whole struct{ Items []struct{ Name string } }
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatal(err)
	}
	index, err := strconv.Atoi(strings.Split(leaf, ".")[1])
	if err != nil || leaf != fmt.Sprintf("items.%d.name", index) || whole.Items[index].Name == "" {
		t.Errorf("there is no leaf %s: %v", leaf, err)
	}
	if len(text) < documentBytesMin || len(text) > documentBytesMin+1_000 {
		t.Errorf("it has %d bytes", len(text))
	}
}

func TestAPatchChangesTheLeafAndNoMore(t *testing.T) {
	trial := trialOf(t, 0)
	text, leaf := document()
	for _, s := range []shape{putDocument(text), patchDocument(leaf)} {
		g := startGenerator(t, trial.server.address, 1, s)
		g.requestsMax = 1
		if sum := g.slice(context.Background(), answerWait); sum.failures > 0 || sum.latency.total != 1 {
			t.Fatalf("%d requests, %s", sum.latency.total, sum.failure)
		}
	}
	_, stored, err := fasthttp.Get(nil, "http://"+trial.server.address+pathOf("/kv/"+documentKey, ""))
	if err != nil {
		t.Fatal(err)
	}
	index, _ := strconv.Atoi(strings.Split(leaf, ".")[1])
	want := strings.Replace(text, fmt.Sprintf(`"name %06d"`, index), `"a leaf written anew"`, 1)
	if string(stored) != want {
		t.Error("the stored document is another")
	}
}

func TestEveryLimitOfARandomTrafficIsThereBefore(t *testing.T) {
	trial := trialOf(t, 50)
	if err := prepareLimits(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	if got := trial.rows(t, "key GLOB '"+limitPrefix+"*'"); got != 50 {
		t.Errorf("%v limits are there", got)
	}
	sum := startGenerator(t, trial.server.address, 4, limitRandom(50, limitWide)).slice(context.Background(), 50*time.Millisecond)
	if sum.failures > 0 || sum.latency.total == 0 {
		t.Errorf("%d granted, %s", sum.latency.total, sum.failure)
	}
	if got := trial.rows(t, "key GLOB '"+limitPrefix+"*'"); got != 50 {
		t.Errorf("the traffic made %v limits of 50", got)
	}
}

func TestDeepPagesAreWholeAndInTheSecondHalfOfTheList(t *testing.T) {
	trial := trialOf(t, 1_050) // the last page is not whole
	if err := preparePages(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	if pages := len(trial.scenario.traffic); pages != 5 {
		t.Errorf("%d pages, of 11 five are deep and whole", pages)
	}
	for _, page := range trial.scenario.traffic {
		var answer struct {
			Count int
			Items []struct{ Key string }
		}
		if err := ask(page.method, trial.server.address, page.path(), nil, &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Count != pageItems || len(answer.Items) != pageItems || answer.Items[0].Key < counterPrefix+"000500" {
			t.Errorf("%s begins with %v of %d", page.path(), answer.Items[0], answer.Count)
		}
	}
	few := trialOf(t, 100)
	if err := preparePages(context.Background(), few); err == nil {
		t.Error("a single page has one that lies deep")
	}
}

func TestPlantedKeysAreAllThereUntilTheirTurn(t *testing.T) {
	trial := trialOf(t, 10)
	plan, err := trial.plantExpiring(context.Background(), newSweepPlan(time.Second, 400))
	if err != nil {
		t.Fatal(err)
	}
	first, last := plan.expiring(0).UnixMilli(), plan.expiring(0).Add(plan.turn()).UnixMilli()
	const late = 500 // ms between a key's sending and its writing, on a machine that is busy
	expiring := "key GLOB '" + expiringPrefix + "*'"
	if got := trial.rows(t, fmt.Sprintf("%s AND expire_at BETWEEN %d AND %d", expiring, first, last+late)); got != 400 {
		t.Errorf("%v of 400 keys expire in their turn, %v are there", got, trial.rows(t, expiring))
	}
}
