package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// insertBatch inserts batchRows rows by one statement.
func insertBatch() shape {
	var b strings.Builder
	fmt.Fprintf(&b, `{"transaction":[{"statement":%q,"valuesBatch":[`, insertRowSQL)
	for row := range batchRows {
		if row > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `[%d,%q]`, firstID+row, insertText)
	}
	b.WriteString(`]}]}`)
	return shape{method: fasthttp.MethodPost, endpoint: dbPath, body: b.String(), contentType: jsonType, counts: true}
}

// compareLoop measures batches over HTTP and, in turns with them, a loop that does the
// same to a file of its own without a server.
func (t *trial) compareLoop(ctx context.Context) (*measurement, error) {
	loop, err := openStoreLoop(t.folder)
	if err != nil {
		return nil, err
	}
	defer loop.close()
	loaded, err := t.load(t.server.address, t.scenario.traffic)
	if err != nil {
		return nil, err
	}
	defer loaded.close()

	m := &measurement{}
	t.counted += t.warmUp(ctx, loaded, &m.server)
	turn, inLoop := t.settings.duration/rounds, uint64(0)
	for range rounds {
		base, err := insertInLoop(ctx, loop, turn)
		if err != nil {
			return nil, err
		}
		inLoop += base.latency.total
		server := loaded.slice(ctx, turn)
		t.counted += server.counted
		m.add(round{base: base, server: server})
	}
	rows, err := loop.rows()
	if err != nil {
		return nil, err
	}
	for _, wrong := range missingRows(rows, inLoop*batchRows) {
		m.wrong = append(m.wrong, "of the loop, "+wrong)
	}
	return m, nil
}

// insertInLoop commits one batch after the other for a while.
func insertInLoop(ctx context.Context, loop *storeLoop, duration time.Duration) (*tally, error) {
	sum, start := &tally{}, time.Now()
	for sent := start; ctx.Err() == nil && sent.Sub(start) < duration; {
		if err := loop.insertBatch(); err != nil {
			return nil, err
		}
		committed := time.Now()
		sum.latency.record(committed.Sub(sent))
		sent = committed
	}
	sum.elapsed = time.Since(start)
	return sum, nil
}
