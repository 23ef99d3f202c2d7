package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// exported is the table as CSV, as urlite writes it.
func exported(rows int) string {
	var b strings.Builder
	b.WriteString("id,name,price\r\n")
	for id := firstID; id < firstID+rows; id++ {
		fmt.Fprintf(&b, "%d,the name of %d,%d.5\r\n", id, id, id)
	}
	return b.String()
}

func TestAnExportIsLookedThroughRowByRow(t *testing.T) {
	f := func(right bool, text string) {
		t.Helper()
		if err := checkRows(3)(strings.NewReader(text)); (err == nil) != right {
			t.Errorf("%q: %v", text, err)
		}
	}
	whole := exported(3)
	f(true, whole)
	f(true, strings.ReplaceAll(whole, "\r\n", "\n"))
	f(true, strings.Replace(whole, "1000001,", `"1000001",`, 1))
	f(true, strings.Replace(whole, "1000001.5", "1.0000015e6", 1))
	f(false, "")
	f(false, exported(2))
	f(false, exported(4))
	f(false, whole[strings.Index(whole, "\n")+1:])
	f(false, whole[:len(whole)-5])
	f(false, strings.Replace(whole, "1000001,", "1000002,", 1))
	f(false, strings.Replace(whole, "of 1000001", "of 1000003", 1))
	f(false, strings.Replace(whole, "1000001.5", "1000001", 1))
	f(false, strings.Replace(whole, "1000001.5", "", 1))
	f(false, strings.Replace(whole, ",1000001.5", "", 1))
	f(false, whole+"truncated\r\n")
}

func TestLinesAreCountedHoweverTheyCome(t *testing.T) {
	broken := errors.New("broken")
	f := func(from io.Reader, wantLines int, wantBytes int64, wantErr error) {
		t.Helper()
		lines, size, err := countLines(from)
		if lines != wantLines || size != wantBytes || !errors.Is(err, wantErr) {
			t.Errorf("%d lines of %d bytes, %v", lines, size, err)
		}
	}
	f(strings.NewReader(""), 0, 0, nil)
	f(strings.NewReader("a\nb\n\nc"), 3, 6, nil)
	f(io.MultiReader(strings.NewReader("a\n"), strings.NewReader("\nb\n")), 3, 5, nil)
	f(bytes.NewReader(bytes.Repeat([]byte("12345\n"), exportBufferBytes)), exportBufferBytes, 6*exportBufferBytes, nil)
	f(io.MultiReader(strings.NewReader("a\n"), &brokenReader{broken}), 1, 2, broken)
}

type brokenReader struct{ err error }

func (b *brokenReader) Read([]byte) (int, error) { return 0, b.err }

// exportTrial is a trial with a table, and a server before it that answers exports with
// what it is given.
func exportTrial(t *testing.T, export fasthttp.RequestHandler) *trial {
	t.Helper()
	if _, err := exec.LookPath(sqliteCommand); err != nil {
		t.Skip("exports are measured against a command that is not installed: ", err)
	}
	trial := trialOf(t, 0)
	if err := prepareExport(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trial.server.kill)
	behind := &fasthttp.HostClient{Addr: trial.server.address}
	before := *trial.server
	before.address = serveHere(t, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == apiPrefix+"/db/export" {
			export(ctx)
			return
		}
		if err := behind.Do(&ctx.Request, &ctx.Response); err != nil {
			t.Error(err)
		}
	})
	trial.server = &before
	return trial
}

func TestAnExportIsMeasuredAgainstTheCommand(t *testing.T) {
	whole := exported(tableKeysMin)
	trial := exportTrial(t, func(ctx *fasthttp.RequestCtx) {
		query := ctx.QueryArgs()
		if string(query.Peek("table")) != rowsTable || string(query.Peek("format")) != "csv" || len(ctx.Request.Header.Peek("Accept-Encoding")) > 0 {
			t.Errorf("asked for %s with\n%s", ctx.RequestURI(), &ctx.Request.Header)
		}
		ctx.SetBodyString(whole)
	})
	m, err := trial.export(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.export.rows != tableKeysMin || m.export.bytes != int64(len(whole)) || len(m.rounds) != exportTurns {
		t.Errorf("%d rows, %d bytes, %d rounds", m.export.rows, m.export.bytes, len(m.rounds))
	}
	if m.server.latency.total != exportTurns || m.base.latency.total != exportTurns || m.server.elapsed <= 0 || m.base.elapsed <= 0 {
		t.Errorf("%d and %d exports", m.server.latency.total, m.base.latency.total)
	}
}

func TestAnExportThatEndsTooEarlyIsNotMeasured(t *testing.T) {
	asked := 0
	trial := exportTrial(t, func(ctx *fasthttp.RequestCtx) {
		rows := tableKeysMin
		if asked++; asked > 1 { // the first is looked through
			rows--
		}
		ctx.SetBodyString(exported(rows))
	})
	if _, err := trial.export(context.Background()); err == nil || !strings.Contains(err.Error(), "1000 lines, and should have 1001") {
		t.Errorf("it ended with %v", err)
	}
	trial = exportTrial(t, func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusNotFound) })
	if _, err := trial.export(context.Background()); err == nil || !strings.Contains(err.Error(), "status 404") {
		t.Errorf("it ended with %v", err)
	}
}

func TestWhatTheCommandSaysIsTold(t *testing.T) {
	trial := exportTrial(t, func(*fasthttp.RequestCtx) {})
	trial.folder = t.TempDir() // another database, without the table
	err := trial.readBySQLite(context.Background(), func(rows io.Reader) error {
		_, _, err := countLines(rows)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "no such table: "+rowsTable) {
		t.Errorf("it ended with %v", err)
	}
}
