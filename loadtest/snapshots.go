package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/valyala/fasthttp"
)

// What the keys of a table hold before and after the moment that is asked for.
const valueThen, valueNow = "as it was then", "as it is now"

func tableQuery(table string) string { return "&table=" + table }

// snapshotPage asks for the first page of the table as it was in a second.
func snapshotPage(second int64) shape {
	return shape{
		method: fasthttp.MethodGet, prefix: "snapshot",
		query: tableQuery(snapshotTable) + fmt.Sprintf("&timestamp=%d&limit=%d", second, pageItems),
	}
}

// listThen asks for the same page, without values and without how many keys there were.
func listThen(second int64) shape {
	s := listPage("")
	s.query += tableQuery(snapshotTable) + fmt.Sprintf("&at_timestamp=%d", second)
	return s
}

func tableDiff(from, to int64) shape {
	return shape{
		method: fasthttp.MethodGet, prefix: "diff",
		query: tableQuery(snapshotTable) + fmt.Sprintf("&from=%d&to=%d", from, to),
	}
}

// readNow reads the keys as they are now, and the first page of the list.
func readNow(keys []string) (requests []shape, err error) {
	err = inBatches(keys, batchItemsMax, func(names []string) error {
		body, err := json.Marshal(map[string]any{"keys": names})
		requests = append(requests, shape{
			method: fasthttp.MethodPost, prefix: "batch/get", query: tableQuery(snapshotTable),
			body: string(body), contentType: jsonType,
		})
		return err
	})
	first := listPage("")
	first.query += tableQuery(snapshotTable)
	return append(requests, first), err
}

// prepareSnapshots fills a table, changes some keys of it a second later, and has the
// scenario ask for what it was before.
func prepareSnapshots(ctx context.Context, t *trial) error {
	names := numbered(tablePrefix, t.settings.tableKeys)
	if err := t.fillTable(ctx, snapshotTable, names, valueThen); err != nil {
		return err
	}
	then, err := nextSecond(ctx)
	if err != nil {
		return err
	}
	changed := someOf(names, min(changedMax, len(names)/2), t.settings.seed)
	if err := t.fillTable(ctx, snapshotTable, changed, valueNow); err != nil {
		return err
	}
	now := time.Now().Unix()
	t.scenario.against = baseline{name: "now", asOne: true}
	if t.scenario.against.traffic, err = readNow(changed); err != nil {
		return err
	}
	t.scenario.traffic = []shape{snapshotPage(then)}
	t.scenario.shown = []aside{
		{name: "a page of its keys, and no total", traffic: []shape{listThen(then)}},
		{name: "the difference of then and now", traffic: []shape{tableDiff(then, now)}},
	}
	return t.checkSnapshots(then, now, len(names), changed)
}

// checkSnapshots asks for what is measured once and looks at the answers.
func (t *trial) checkSnapshots(then, now int64, keys int, changed []string) error {
	var page struct {
		Keys  []struct{ Value string }
		Count int
		Total int  `json:"total_keys_at_snapshot"`
		Gaps  bool `json:"has_gaps"`
	}
	if err := ask(fasthttp.MethodGet, t.server.address, snapshotPage(then).path(), nil, &page); err != nil {
		return err
	}
	if page.Count != pageItems || len(page.Keys) != pageItems || page.Total != keys || page.Gaps {
		return fmt.Errorf("the snapshot is of %d keys, and its page of %d; gaps are %v", page.Total, page.Count, page.Gaps)
	}
	for _, key := range page.Keys {
		if key.Value != valueThen {
			return fmt.Errorf("the snapshot has a key %q", key.Value)
		}
	}
	var difference struct {
		Stats struct{ Created, Modified, Deleted int }
	}
	if err := ask(fasthttp.MethodGet, t.server.address, tableDiff(then, now).path(), nil, &difference); err != nil {
		return err
	}
	if s := difference.Stats; s.Modified != len(changed) || s.Created+s.Deleted != 0 {
		return fmt.Errorf("the difference is %+v of %d changed keys", s, len(changed))
	}
	var one struct{ Value string }
	path := pathOf("/kv/"+changed[0], tableQuery(snapshotTable)+fmt.Sprintf("&at_timestamp=%d", then))
	if err := ask(fasthttp.MethodGet, t.server.address, path, nil, &one); err != nil {
		return err
	}
	if one.Value != valueThen {
		return fmt.Errorf("%s was %q, told later", changed[0], one.Value)
	}
	return nil
}

// fillTable sets keys of a table to one value.
func (t *trial) fillTable(ctx context.Context, table string, names []string, value string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, fillMax, errFillSlow)
	defer cancel()
	batches := (len(names) + batchItemsMax - 1) / batchItemsMax
	return inParallel(ctx, batches, func(batch int) error {
		first := batch * batchItemsMax
		items := make([]batchItem, min(batchItemsMax, len(names)-first))
		for i := range items {
			items[i] = batchItem{Key: names[first+i], Value: value, ContentType: "text/plain"}
		}
		return setBatch(t.server.address, tableQuery(table), items)
	})
}

// someOf picks so many of the names, each once. The same seed picks the same.
func someOf(names []string, count int, seed uint64) []string {
	random := rand.New(rand.NewPCG(seed, uint64(len(names))))
	picked, seen := make([]string, 0, count), make(map[int]bool, count)
	for len(picked) < count {
		if n := random.IntN(len(names)); !seen[n] {
			seen[n] = true
			picked = append(picked, names[n])
		}
	}
	return picked
}
