package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestALongPastHasTheEntriesThatWereAskedFor(t *testing.T) {
	trial := trialOf(t, 0)
	if err := prepareDeep(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	if want := uint64(fillers * (entriesMin/fillers + 1)); trial.counted != want {
		t.Errorf("%d increments were counted, want %d", trial.counted, want)
	}
	var rows []struct{ Key, N any }
	if err := trial.query("SELECT key, count(*) AS n FROM kv_store_history GROUP BY key ORDER BY key", &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].N != float64(trial.counted) || rows[1].N != float64(shortEntries) {
		t.Errorf("history has %v", rows)
	}
	if len(trial.scenario.shown) != 1 {
		t.Fatalf("%d things are shown beside it", len(trial.scenario.shown))
	}
	middle := trial.scenario.shown[0].traffic[0]
	if err := ask(middle.method, trial.server.address, middle.path(), nil, &struct{}{}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotAnsweredIsNoPreparation(t *testing.T) {
	trial := trialOf(t, 0)
	f := func(want string, ctx context.Context, traffic shape) {
		t.Helper()
		if _, err := trial.send(ctx, 2, 10, traffic); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", traffic.path(), err)
		}
	}
	if _, err := trial.send(context.Background(), 2, 1, incrementHot()); err != nil {
		t.Fatal(err)
	}
	f("status 404", context.Background(), stateOf("nobody"))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	f("context canceled", over, incrementHot())
}

func TestASnapshotIsHeldAgainstReadingWhatChanged(t *testing.T) {
	trial := trialOf(t, 0)
	if err := prepareSnapshots(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	const changed = tableKeysMin / 2
	requests := trial.scenario.against.traffic
	if len(requests) != changed/batchItemsMax+1 || !trial.scenario.against.asOne {
		t.Fatalf("%d requests, as one: %v", len(requests), trial.scenario.against.asOne)
	}
	read := 0
	for _, s := range requests[:len(requests)-1] {
		var answer struct {
			Results map[string]*struct{ Value string }
		}
		if err := ask(s.method, trial.server.address, s.path(), json.RawMessage(s.body), &answer); err != nil {
			t.Fatal(err)
		}
		for key, row := range answer.Results {
			if read++; row == nil || row.Value != valueNow {
				t.Errorf("%s is %v", key, row)
			}
		}
	}
	if read != changed {
		t.Errorf("%d keys were read", read)
	}
	var page struct{ Count int }
	last := requests[len(requests)-1]
	if err := ask(last.method, trial.server.address, last.path(), nil, &page); err != nil || page.Count != pageItems {
		t.Errorf("a page of %d, %v", page.Count, err)
	}
}

// A server that told the present for the past would be fast.
func TestAWrongSnapshotIsNotMeasured(t *testing.T) {
	trial := trialOf(t, 0)
	ctx := context.Background()
	names := numbered(tablePrefix, 200)
	if err := trial.fillTable(ctx, snapshotTable, names, valueNow); err != nil {
		t.Fatal(err)
	}
	then, err := nextSecond(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := trial.checkSnapshots(then, then+1, len(names), names[:2]); err == nil {
		t.Error("values of now passed for those of then")
	}
	if err := trial.checkSnapshots(then, then+1, len(names)+1, names[:2]); err == nil {
		t.Error("a snapshot passed that lacks a key")
	}
}

func TestASecondIsOverWhenItHasBeenWaitedFor(t *testing.T) {
	second, err := nextSecond(context.Background())
	if now := time.Now(); err != nil || now.Unix() != second+1 {
		t.Errorf("%d was waited for until %v, %v", second, now, err)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := nextSecond(over); err == nil {
		t.Error("a cancelled wait ended without an error")
	}
}

func TestEachKeyIsPickedOnce(t *testing.T) {
	names := numbered(tablePrefix, 100)
	f := func(count int) {
		t.Helper()
		picked := someOf(names, count, 7)
		if !slices.Equal(picked, someOf(names, count, 7)) {
			t.Error("the same seed picks others")
		}
		slices.Sort(picked)
		if got := len(slices.Compact(picked)); got != count {
			t.Errorf("%d of %d are different", got, count)
		}
	}
	f(0)
	f(1)
	f(50)
	f(100)
}

func TestCountersWithoutHistoryAreCountedAsWell(t *testing.T) {
	trial := trialOf(t, 0)
	c := countersOf(trial.server.address, 20)
	c.unrecorded = numbered(unrecordedPrefix, 20)
	if err := c.preload(); err != nil {
		t.Fatal(err)
	}
	sent, err := trial.send(context.Background(), 4, 100, incrementRandom(20), incrementUnrecorded(20))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := c.sum(); err != nil || sum != sent.counted || sum != 100 {
		t.Errorf("they add up to %d, %v; %d were counted", sum, err, sent.counted)
	}
	var rows []struct{ N int }
	if err := trial.query("SELECT count(*) AS n FROM kv_store_history WHERE key GLOB 'raw-*'", &rows); err != nil || rows[0].N != 0 {
		t.Errorf("%v entries tell of what is not recorded, %v", rows, err)
	}
}

func TestARollbackIsCheckedByWhatIsThere(t *testing.T) {
	trial := trialOf(t, 0)
	trial.scenario.traffic, trial.connections = []shape{incrementPatiently()}, 2
	if err := prepareRollback(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	if err := trial.checkRollback(); err == nil {
		t.Error("a table passed that was not rolled back")
	}
	m, err := trial.undo(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.undo.keys != tableKeysMin/rolledShare || m.undo.took <= 0 || m.server.counted == 0 || m.base.counted == 0 {
		t.Errorf("%+v, while others incremented %d times, and %d before", m.undo, m.server.counted, m.base.counted)
	}
	if hot := newAPIClient(t, 1).value(t, trial.server.address, database, hotKey); uint64(hot) != trial.counted {
		t.Errorf("%d increments were counted, %d are there", trial.counted, hot)
	}
}

func TestNoRollbackIsAnError(t *testing.T) {
	trial := trialOf(t, 0)
	trial.scenario.traffic, trial.rollbackTo = []shape{incrementPatiently()}, time.Now().Unix()+3_600
	if _, err := trial.undo(context.Background()); err == nil || !strings.Contains(err.Error(), "status 400") {
		t.Errorf("a rollback into the future: %v", err)
	}
}

func TestElementsAreOfOneLengthAndDifferent(t *testing.T) {
	all := elements(3)
	for _, element := range all {
		var text string
		if err := json.Unmarshal([]byte(element), &text); err != nil || len(element) != elementBytes {
			t.Errorf("%s: %v", element, err)
		}
	}
	slices.Sort(all)
	if got := len(slices.Compact(all)); got != elementKinds {
		t.Errorf("%d elements are different", got)
	}
}

func TestAnArrayKeepsItsLengthWhileItsHistoryGrows(t *testing.T) {
	trial := trialOf(t, 0)
	trial.connections = pushers
	if err := prepareGrowingArray(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	before, err := trial.historySize(context.Background())
	if err != nil || before.entries != arrayElements {
		t.Fatalf("%d entries, %v", before.entries, err)
	}
	trial.scenario.requestsMax = 50
	m, err := trial.grow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.growth.entries != 50*pushers || m.growth.bytes < m.growth.entries*elementBytes {
		t.Errorf("%d entries of %d bytes in all", m.growth.entries, m.growth.bytes)
	}
	_, stored, err := fasthttp.Get(nil, "http://"+trial.server.address+pathOf("/kv/"+arrayKey, ""))
	var array []string
	if err := json.Unmarshal(stored, &array); err != nil || len(array) != arrayElements {
		t.Errorf("an array of %d, %v", len(array), err)
	}
	if err != nil || len(stored) != arrayElements*(elementBytes+1)+1 {
		t.Errorf("%d bytes, %v", len(stored), err)
	}
}
