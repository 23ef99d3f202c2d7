package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// historyServer has no counters, and as many lines of query history.
func historyServer(t *testing.T, status, lines int) string {
	t.Helper()
	return serveHere(t, func(ctx *fasthttp.RequestCtx) {
		if strings.HasSuffix(string(ctx.Path()), "/history") {
			ctx.SetStatusCode(status)
			ctx.SetBodyString(fmt.Sprintf(`{"history":null,"count":0,"total":%d}`, lines))
			return
		}
		ctx.SetBodyString(`{"success":true,"results":{}}`)
	})
}

func TestOneServerKeepsAQueryHistoryAndTheOtherDoesNot(t *testing.T) {
	kept, none, refused := historyServer(t, 200, 5), historyServer(t, 200, 0), historyServer(t, 404, 0)
	f := func(server, audited string, counted uint64, want ...string) {
		t.Helper()
		wrong := auditQueryHistory(&trial{server: &process{address: server}}, audited, counted)
		if len(wrong) != len(want) {
			t.Fatalf("told %q, want %q", wrong, want)
		}
		for i := range want {
			if !strings.Contains(wrong[i], want[i]) {
				t.Errorf("told %q, want %q in it", wrong[i], want[i])
			}
		}
	}
	f(kept, kept, 0)
	f(none, none, 0, "keeps no query history")
	f(refused, refused, 0, "keeps no query history: GET")
	f(kept, none, 0)
	f(kept, refused, 0)
	f(none, kept, 0, "which it should not")
	f(kept, kept, 1, "add up to 0, but 1")
}
