package main

import (
	"context"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

// undoCount is what a rollback of a table did, and cost.
type undoCount struct {
	keys   int
	took   time.Duration
	longer int64 // bytes of memory more than before, at the worst
}

// patience is what a request may take that a rollback is in the way of.
var patience = fmt.Sprintf("&timeout=%d", int(rollbackWait.Seconds()))

// rolledShare of the keys of a large table are those of the table that is rolled back.
const rolledShare = 10

// incrementPatiently increments the hot key, which is of another table than the one
// that is rolled back.
func incrementPatiently() shape {
	s := incrementHot()
	s.query = patience
	return s
}

// prepareRollback fills a table, and a second later changes all of it.
func prepareRollback(ctx context.Context, t *trial) error {
	names := numbered(tablePrefix, t.settings.tableKeys/rolledShare)
	if err := t.fillTable(ctx, rolledTable, names, valueThen); err != nil {
		return err
	}
	second, err := nextSecond(ctx)
	if err != nil {
		return err
	}
	t.rollbackTo = second
	return t.fillTable(ctx, rolledTable, names, valueNow)
}

// undo rolls the table back while others write elsewhere, and looks at their latency
// and the server's memory. Before, the others have the server for themselves.
func (t *trial) undo(ctx context.Context) (*measurement, error) {
	load, err := t.load(t.server.address, t.scenario.traffic)
	if err != nil {
		return nil, err
	}
	defer load.close()
	load.client.ReadTimeout = rollbackWait
	m := &measurement{}
	t.counted += t.warmUp(ctx, load, &m.base)
	quiet := load.slice(ctx, t.settings.duration/rounds)
	before, err := memoryOf(t.server.pid())
	if err != nil {
		return nil, err
	}

	loaded, ended := context.WithCancel(ctx)
	watched := watchMemory(loaded, t.server.pid())
	failed := make(chan error, 1)
	go func() {
		defer ended()
		failed <- t.rollBack(loaded, m)
	}()
	busy := load.slice(loaded, rollbackWait)
	ended()
	if err := <-failed; err != nil {
		return nil, err
	}
	t.count(m, round{base: quiet, server: busy})
	m.undo.longer = max(<-watched-before.residentBytes, 0)
	return m, t.checkRollback()
}

// rollBack lets the others get under way and has the table rolled back.
func (t *trial) rollBack(ctx context.Context, m *measurement) error {
	if err := waitUntil(ctx, time.Now().Add(undoRunUp)); err != nil {
		return err
	}
	var answer struct {
		RolledBack int `json:"rolled_back"`
		Deleted    int
		Restored   int
	}
	path := pathOf("/kv/rollback", tableQuery(rolledTable)+patience+fmt.Sprintf("&to_timestamp=%d&confirm=yes", t.rollbackTo))
	sent := time.Now()
	err := askPatiently(rollbackWait, fasthttp.MethodPost, t.server.address, path, struct{}{}, &answer)
	m.undo.keys, m.undo.took = answer.RolledBack, time.Since(sent)
	if err == nil && answer.Deleted+answer.Restored != 0 {
		return fmt.Errorf("the rollback deleted %d keys and restored %d, where all were there", answer.Deleted, answer.Restored)
	}
	return err
}

// checkRollback looks whether all keys hold what they held.
func (t *trial) checkRollback() error {
	var rows []struct{ N int }
	sql := fmt.Sprintf("SELECT count(*) AS n FROM %s WHERE value = '%s'", rolledTable, valueThen)
	if err := t.query(sql, &rows); err != nil {
		return err
	}
	if want := t.settings.tableKeys / rolledShare; len(rows) != 1 || rows[0].N != want {
		return fmt.Errorf("%+v keys hold what they held, and %d should", rows, want)
	}
	return nil
}

// watchMemory answers, when ctx is done, the most memory of a process that was resident.
func watchMemory(ctx context.Context, pid int) <-chan int64 {
	most := make(chan int64, 1)
	go func() {
		peak := int64(0)
		for done := false; !done; {
			select {
			case <-ctx.Done():
				done = true
			case <-time.After(memoryEvery):
			}
			if now, err := memoryOf(pid); err == nil {
				peak = max(peak, now.residentBytes)
			}
		}
		most <- peak
	}()
	return most
}

// undoWithin judges a rollback: by its duration, by how much longer than that others
// waited, and by the memory that it took.
func undoWithin(most, longer time.Duration, bytes int64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		u, waited := &m.undo, m.server.latency.max
		return verdict{
			measured: fmt.Sprintf("%s, others waited %s, +%.1f MB", brief(u.took), brief(waited), float64(u.longer)/1e6),
			target:   fmt.Sprintf("<= %v", most),
			missed:   u.keys == 0 || u.took > most || waited > u.took+longer || u.longer > bytes,
			note: fmt.Sprintf("%d keys; the others may wait %v longer than it takes, and it may take %.0f MB",
				u.keys, longer, float64(bytes)/1e6),
		}
	}
}
