package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"time"
)

// exportCount is what was exported, and what it took.
type exportCount struct {
	rows   int
	bytes  int64 // of one export
	longer int64 // bytes of memory more than before, at the worst
}

// sqliteCommand is what exports are measured against.
const sqliteCommand = "sqlite3"

// exporter reads the rows as CSV and hands them on.
type exporter func(context.Context, func(io.Reader) error) error

// prepareExport fills the table and starts the server anew: memory that it took to
// write the rows must not hide what it takes to read them.
func prepareExport(_ context.Context, t *trial) error {
	if _, err := exec.LookPath(sqliteCommand); err != nil {
		return fmt.Errorf("what exports are measured against is not there: %w", err)
	}
	if err := t.fillRows(t.settings.tableKeys); err != nil {
		return err
	}
	if err := t.server.stop(); err != nil {
		return err
	}
	return t.start()
}

// export reads the table from the server and by SQLite's own command in turns.
func (t *trial) export(ctx context.Context) (*measurement, error) {
	// It also has the database opened, which is no part of an export.
	rows, err := rowsIn(t.server.address, rowsTable)
	if err != nil {
		return nil, err
	}
	before, err := memoryOf(t.server.pid())
	if err != nil {
		return nil, err
	}
	watching, ended := context.WithCancel(ctx)
	defer ended()
	watched := watchMemory(watching, t.server.pid())

	m := &measurement{}
	m.export.rows = int(rows)
	if err := t.download(ctx, checkRows(m.export.rows)); err != nil {
		return nil, fmt.Errorf("the export is not the table: %w", err)
	}
	for range exportTurns {
		// Only the server's begins with the names of the columns.
		base, err := timedExport(ctx, t.readBySQLite, m.export.rows, &m.export.bytes)
		if err != nil {
			return nil, err
		}
		server, err := timedExport(ctx, t.download, m.export.rows+1, &m.export.bytes)
		if err != nil {
			return nil, err
		}
		m.add(round{base: base, server: server})
	}
	ended()
	m.export.longer = max(<-watched-before.residentBytes, 0)
	return m, nil
}

// timedExport reads the rows once, to the end. Both sides' are read by the same code,
// which only counts the lines.
func timedExport(ctx context.Context, export exporter, lines int, size *int64) (*tally, error) {
	counted, start := 0, time.Now()
	err := export(ctx, func(rows io.Reader) (err error) {
		counted, *size, err = countLines(rows)
		return err
	})
	if err == nil && counted != lines {
		err = fmt.Errorf("an export has %d lines, and should have %d", counted, lines)
	}
	sum := &tally{elapsed: time.Since(start)}
	sum.latency.record(sum.elapsed)
	return sum, err
}

func countLines(from io.Reader) (lines int, size int64, err error) {
	buffer := make([]byte, exportBufferBytes)
	for {
		n, err := from.Read(buffer)
		lines += bytes.Count(buffer[:n], []byte("\n"))
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return lines, size, nil
		case err != nil:
			return lines, size, err
		}
	}
}

// download reads the table from the server.
func (t *trial) download(ctx context.Context, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, sqlWait)
	defer cancel()
	url := "http://" + t.server.address + pathOf("/db/export", tableQuery(rowsTable)+"&format=csv"+patience)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// A compressed answer would be another thing than what the command writes.
	client := http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, outputTailBytes))
		return newStatusError(answer.StatusCode, body)
	}
	return read(answer.Body)
}

// readBySQLite reads the table by SQLite's own command.
func (t *trial) readBySQLite(ctx context.Context, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, sqlWait)
	defer cancel()
	var told outputTail
	command := exec.CommandContext(ctx, sqliteCommand, "-csv", t.databaseFile(), "SELECT * FROM "+rowsTable)
	command.Stderr = &told
	rows, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	err = read(rows)
	if err != nil {
		cancel() // nobody reads what it still has to say
	}
	if ended := command.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("%s ended with %w: %s", sqliteCommand, ended, &told)
	}
	return err
}

// checkRows looks at every row: a server that exports something else is no match for one
// that exports the table.
func checkRows(count int) func(io.Reader) error {
	return func(from io.Reader) error {
		rows := csv.NewReader(from)
		rows.ReuseRecord = true
		for n := -1; ; n++ {
			row, err := rows.Read()
			switch {
			case errors.Is(err, io.EOF) && n == count:
				return nil
			case errors.Is(err, io.EOF):
				return fmt.Errorf("it has %d rows, and the table has %d", n, count)
			case err != nil:
				return err
			case n >= 0 && !isNumberedRow(row, firstID+n), n < 0 && fmt.Sprint(row) != "[id name price]":
				return fmt.Errorf("line %d is %q", n+2, row)
			}
		}
	}
}

func isNumberedRow(row []string, id int) bool {
	if len(row) != 3 || row[0] != strconv.Itoa(id) || row[1] != "the name of "+row[0] {
		return false
	}
	price, err := strconv.ParseFloat(row[2], 64)
	return err == nil && price == float64(id)+0.5
}

// exportWithin judges an export by the time that the command takes, and by the memory
// that the server takes.
func exportWithin(share float64, bytes int64) func(*measurement) verdict {
	return func(m *measurement) verdict {
		var server, base []time.Duration
		for _, r := range m.rounds {
			server, base = append(server, r.server.elapsed), append(base, r.base.elapsed)
		}
		ours, theirs := max(median(server), 1), max(median(base), 1)
		ratio := float64(theirs) / float64(ours)
		low, high := m.bounds(throughputRatio)
		e := &m.export
		return verdict{
			measured: fmt.Sprintf("%.2f of %s (%.2f-%.2f), +%.1f MB", ratio, m.baseName, low, high, float64(e.longer)/1e6),
			target:   fmt.Sprintf(">= %.2f", share),
			missed:   e.rows == 0 || ratio < share || e.longer > bytes,
			note: fmt.Sprintf("%d rows, %.1f MB: %.0f rows a second, and %.0f by %s; it may take %.0f MB",
				e.rows, float64(e.bytes)/1e6, float64(e.rows)/ours.Seconds(), float64(e.rows)/theirs.Seconds(), m.baseName, float64(bytes)/1e6),
		}
	}
}
