package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/valyala/fasthttp"
)

// growth is what became of a history: lines, and bytes in the file.
type growth struct{ entries, bytes int64 }

const (
	// growthShare of the entries of the long past is what growth is measured over.
	growthShare = 4
	// entriesPerKey is how often a counter is incremented, on average: a full state
	// comes every 64 entries, and belongs to what an entry costs in the long run.
	entriesPerKey = 128
	// growthPushShare of the increments are so many pushes: one has hundreds of bytes.
	growthPushShare = 50
)

// prepareGrowingCounters creates the counters whose history will grow.
func prepareGrowingCounters(_ context.Context, t *trial) error {
	count := t.settings.entries / growthShare
	keys := max(count/entriesPerKey, 1)
	t.scenario.traffic = []shape{{method: fasthttp.MethodPost, prefix: bytesPrefix, keys: keys, suffix: "/incr"}}
	t.scenario.requestsMax = max(count/t.connections, 1)
	return (&counters{address: t.server.address, names: numbered(bytesPrefix, keys)}).preload()
}

// prepareGrowingArray fills the array whose history will grow: from then on, every push
// drops the oldest element.
func prepareGrowingArray(ctx context.Context, t *trial) error {
	for _, element := range elements(t.settings.seed) {
		t.scenario.traffic = append(t.scenario.traffic, shape{
			method: fasthttp.MethodPost, prefix: arrayKey, suffix: "/push", body: element, contentType: jsonType,
			query: fmt.Sprintf("&max_length=%d", arrayElements),
		})
	}
	t.scenario.requestsMax = max(t.settings.entries/growthShare/growthPushShare/t.connections, 1)
	_, err := t.send(ctx, t.connections, arrayElements, t.scenario.traffic...)
	return err
}

// elements are strings in JSON, all different and of one length.
func elements(seed uint64) []string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	random := rand.New(rand.NewPCG(seed, elementKinds))
	all := make([]string, elementKinds)
	for i := range all {
		text := make([]byte, elementBytes-len(`""`))
		for place := range text {
			text[place] = letters[random.IntN(len(letters))]
		}
		all[i] = `"` + string(text) + `"`
	}
	return all
}

// grow sends what the scenario has prepared and compares the history before and after.
func (t *trial) grow(ctx context.Context) (*measurement, error) {
	before, err := t.historySize(ctx)
	if err != nil {
		return nil, err
	}
	sent, err := t.send(ctx, t.connections, t.scenario.requestsMax*t.connections, t.scenario.traffic...)
	if err != nil {
		return nil, err
	}
	after, err := t.historySize(ctx)
	if err != nil {
		return nil, err
	}
	m := &measurement{growth: growth{entries: after.entries - before.entries, bytes: after.bytes - before.bytes}}
	m.server.merge(sent)
	if uint64(m.growth.entries) != sent.latency.total {
		return nil, fmt.Errorf("%d writes were answered, and the history has %d entries more", sent.latency.total, m.growth.entries)
	}
	return m, nil
}

// historySize counts the entries of the table's history and the pages of all that
// belongs to it, its indexes and the states that it keeps apart included.
func (t *trial) historySize(ctx context.Context) (growth, error) {
	if err := t.waitForEmptyLog(ctx); err != nil {
		return growth{}, err
	}
	var count []struct{ N int64 }
	if err := t.query("SELECT count(*) AS n FROM kv_store_history", &count); err != nil {
		return growth{}, err
	}
	var trees []struct{ RootPage uint32 }
	err := t.query(`SELECT rootpage FROM sqlite_master WHERE rootpage > 0
		AND (tbl_name = 'kv_store_history' OR tbl_name GLOB '_urlite_kv_store_*')`, &trees)
	if err != nil {
		return growth{}, err
	}
	if len(count) != 1 || len(trees) == 0 {
		return growth{}, errors.New("there is no history to measure")
	}
	file, err := openPages(t.databaseFile())
	if err != nil {
		return growth{}, err
	}
	defer file.close()
	for _, tree := range trees {
		if err := file.addTree(tree.RootPage); err != nil {
			return growth{}, err
		}
	}
	return growth{entries: count[0].N, bytes: file.bytes()}, nil
}

func (t *trial) databaseFile() string { return filepath.Join(t.folder, database+".db") }

// waitForEmptyLog waits until all that was written is in the file itself.
func (t *trial) waitForEmptyLog(ctx context.Context) error {
	for deadline := time.Now().Add(settleMax); time.Now().Before(deadline); {
		log, err := os.Stat(t.databaseFile() + "-wal")
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && log.Size() == 0:
			return nil
		case err != nil:
			return err
		}
		if err := waitUntil(ctx, time.Now().Add(memoryEvery)); err != nil {
			return err
		}
	}
	return errSettleSlow
}

// query reads rows by SQL into a slice of structs with the columns' names.
func (t *trial) query(sql string, into any) error {
	var answer struct {
		Rows json.RawMessage `json:"resultSet"`
	}
	path := pathOf("/query", "&sql="+base64.RawURLEncoding.EncodeToString([]byte(sql)))
	if err := ask(fasthttp.MethodGet, t.server.address, path, nil, &answer); err != nil {
		return err
	}
	return json.Unmarshal(answer.Rows, into)
}

func bytesWithin(most float64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		each := float64(m.growth.bytes) / float64(max(m.growth.entries, 1))
		return verdict{
			measured: fmt.Sprintf("%.1f bytes an entry, of %d", each, m.growth.entries),
			target:   fmt.Sprintf("<= %.0f", most),
			missed:   each > most || m.growth.entries == 0,
		}
	}
}
