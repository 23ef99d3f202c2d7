package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// batchServer answers batches and counts as urlite would, and keeps only their number. A
// forgetful one forgets one row in all.
func batchServer(t *testing.T, forgetful bool) *process {
	t.Helper()
	inserted := make(chan int, 1)
	inserted <- 0
	return &process{address: serveHere(t, func(ctx *fasthttp.RequestCtx) {
		var body struct{ Transaction []sentItem }
		if err := json.Unmarshal(ctx.PostBody(), &body); err != nil || len(body.Transaction) != 1 {
			ctx.SetStatusCode(fasthttp.StatusBadRequest)
			return
		}
		rows := <-inserted
		item := body.Transaction[0]
		if item.Query != "" {
			ctx.SetBodyString(fmt.Sprintf(`{"results":[{"success":true,"resultSet":[{"n":%d}]}]}`, rows))
		} else {
			if forgetful && rows == 0 {
				rows--
			}
			rows += len(item.ValuesBatch)
			ctx.SetBodyString(`{"results":[{"success":true,"rowsUpdatedBatch":[1]}]}`)
		}
		inserted <- rows
	})}
}

func TestBatchesAreComparedWithALoopAndCountedRowByRow(t *testing.T) {
	f := func(forgetful bool) {
		t.Helper()
		trial := &trial{
			settings: settings{duration: 90 * time.Millisecond}, folder: t.TempDir(),
			server: batchServer(t, forgetful), connections: batchers,
			scenario: scenario{traffic: []shape{insertBatch()}, audit: auditInserted(batchRows)},
		}
		m, err := trial.compareLoop(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if wrong := m.failures(); len(wrong) > 0 || len(m.rounds) != rounds {
			t.Errorf("%d rounds, %q", len(m.rounds), wrong)
		}
		if m.base.latency.total < rounds || trial.counted < m.server.latency.total || m.server.latency.total == 0 {
			t.Errorf("%d batches in the loop, %d over HTTP, %d counted", m.base.latency.total, m.server.latency.total, trial.counted)
		}
		if wrong := trial.audit(trial.server.address, trial.counted); (len(wrong) > 0) != forgetful {
			t.Errorf("a row was forgotten: %v, told %q", forgetful, wrong)
		}
	}
	f(false)
	f(true)
}

func TestTheLoopCommitsWholeBatches(t *testing.T) {
	loop, err := openStoreLoop(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := loop.close(); err != nil {
			t.Error(err)
		}
	}()
	for batch := range uint64(3) {
		if rows, err := loop.rows(); err != nil || rows != batch*batchRows {
			t.Fatalf("%d rows after %d batches, %v", rows, batch, err)
		}
		before := loop.conn.LogBytes()
		if err := loop.insertBatch(); err != nil {
			t.Fatal(err)
		}
		if loop.conn.LogBytes() == before {
			t.Error("nothing was written to the log")
		}
	}
}
