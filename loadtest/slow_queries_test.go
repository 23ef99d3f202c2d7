package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestIncrementsAreMeasuredWhileEveryReaderIsBusy(t *testing.T) {
	trial := trialOf(t, 0)
	trial.scenario.traffic = []shape{incrementHot()}
	m, err := trial.besideQueries(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if m.queries != slowReaders() || len(m.rounds) != 1 || m.server.counted == 0 || m.base.counted == 0 {
		t.Errorf("%d queries in %d rounds, %d increments with them and %d without", m.queries, len(m.rounds), m.server.counted, m.base.counted)
	}
	if len(m.asides) != 1 || m.asides[0].counted == 0 {
		t.Errorf("%d increments beside a process that burns cores", m.asides[0].counted)
	}
	if wrong := append(m.failures(), trial.audit(trial.server.address, trial.counted)...); len(wrong) > 0 {
		t.Error(wrong)
	}
}

func TestBurnersEndByThemselves(t *testing.T) {
	start := time.Now()
	if code := runBurn([]string{"-threads", "2", "-for", "20ms"}); code != 0 || time.Since(start) < 20*time.Millisecond {
		t.Errorf("exit code %d after %v", code, time.Since(start))
	}
	if code := runBurn([]string{"-threads", "many"}); code != 2 {
		t.Errorf("exit code %d for a wrong flag", code)
	}
}

// Queries that end before their time leave the readers idle, and measure nothing.
func TestQueriesThatEndEarlyAreTold(t *testing.T) {
	real := trialOf(t, 0)
	behind := &fasthttp.HostClient{Addr: real.server.address}
	f := func(status int, body, want string) {
		t.Helper()
		trial := *real
		trial.scenario.traffic = []shape{incrementHot()}
		trial.server = &process{address: serveHere(t, func(ctx *fasthttp.RequestCtx) {
			if strings.HasSuffix(string(ctx.Path()), "/query") {
				ctx.SetStatusCode(status)
				ctx.SetBodyString(body)
			} else if err := behind.Do(&ctx.Request, &ctx.Response); err != nil {
				t.Error(err)
			}
		})}
		trial.settings.duration = time.Millisecond
		if _, err := trial.besideQueries(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("status %d: ended with %v", status, err)
		}
	}
	f(200, `{"success":true}`, "does not end by itself: status 200")
	f(400, `{"error":"no","code":"SQL_ERROR"}`, "does not end by itself: status 400")
	f(503, `{"error":"too late","code":"REQUEST_TIMEOUT"}`, "before the turn did")
}
