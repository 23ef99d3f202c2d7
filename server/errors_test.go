package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// errorTable is the table of errors as docs/api.md has it for clients: a status,
// its default code, and the others that come with it.
var errorTable = []struct {
	status int
	codes  string
}{
	{400, "INVALID_PARAMETERS INVALID_DB_PATH DATABASE_NOT_FOUND INVALID_SQLITE_HEADER PATH_IS_DIRECTORY " +
		"INVALID_JSON_VALUE SQL_ERROR SQL_BIND_ERROR UNKNOWN_FIELD VALUES_CONFLICT"},
	{401, "UNAUTHORIZED"},
	{403, "FORBIDDEN"},
	{404, "NOT_FOUND KEY_NOT_FOUND KEY_EXPIRED HISTORY_ENTRY_NOT_FOUND DATABASE_NOT_FOUND"},
	{405, "METHOD_NOT_ALLOWED"},
	{409, "CONFLICT DATABASE_EXISTS SQL_CONSTRAINT DATABASE_READONLY TIME_TRAVEL_CHAIN_GAP"},
	{410, "CHANGE_CURSOR_EXPIRED CHANGE_CURSOR_INVALID"},
	{412, "PRECONDITION_FAILED"},
	{413, "PAYLOAD_TOO_LARGE RESPONSE_TOO_LARGE IDEMPOTENT_RESPONSE_TOO_LARGE"},
	{422, "IDEMPOTENCY_KEY_MISMATCH"},
	{429, "RATE_LIMITED"},
	{500, "INTERNAL_ERROR DATABASE_ERROR FILE_SYSTEM_ERROR DELETE_INCOMPLETE"},
	{503, "SERVICE_UNAVAILABLE REQUEST_TIMEOUT DATABASE_BUSY"},
}

func TestEveryKindHasAStatusAndACode(t *testing.T) {
	for kind := refusal.Kind(1); kind < refusal.KindEnd; kind++ {
		if statuses[kind] == 0 {
			t.Errorf("kind %d (%s) has no status", kind, kind.Code())
		}
		if !regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`).MatchString(kind.Code()) {
			t.Errorf("kind %d has the code %q", kind, kind.Code())
		}
	}
}

func TestOnlyA500HidesItsText(t *testing.T) {
	for kind := range refusal.KindEnd + 2 {
		shown := refusal.New(kind, "a text").Public() == "a text"
		if shown != (statusOf(kind) != fasthttp.StatusInternalServerError) {
			t.Errorf("kind %d (%s) is answered with %d, and its text is shown: %v", kind, kind.Code(), statusOf(kind), shown)
		}
	}
}

func TestStatusesAndCodesAreThoseOfTheTable(t *testing.T) {
	pairs := map[string]bool{}
	for kind := refusal.Kind(1); kind < refusal.KindEnd; kind++ {
		pair := fmt.Sprintf("%d %s", statusOf(kind), kind.Code())
		if pairs[pair] {
			t.Errorf("two kinds are answered with %s", pair)
		}
		pairs[pair] = true
	}
	for _, line := range errorTable {
		for code := range strings.FieldsSeq(line.codes) {
			pair := fmt.Sprintf("%d %s", line.status, code)
			if !pairs[pair] {
				t.Errorf("no kind is answered with %s", pair)
			}
			delete(pairs, pair)
		}
	}
	for pair := range pairs {
		t.Errorf("%s is not in the table", pair)
	}
}

// A kind that is none must be answered as a fault of ours, not crash.
func TestAnUnknownKindIsAFault(t *testing.T) {
	for _, kind := range []refusal.Kind{0, refusal.KindEnd, 255} {
		if statusOf(kind) != fasthttp.StatusInternalServerError {
			t.Errorf("kind %d has status %d", kind, statusOf(kind))
		}
	}
	if code := refusal.KindEnd.Code(); code != "INTERNAL_ERROR" {
		t.Errorf("the code past the end is %q", code)
	}
}

// failed is how a server answers err on a route of method.
func failed(t *testing.T, method string, err error) *fasthttp.Response {
	t.Helper()
	s := newServer(t, testOptions{config: func(c *Config) { c.Log = slog.New(slog.NewTextHandler(io.Discard, nil)) }})
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.Request.Header.SetMethod(method)
	s.api.answer("test", func(*request) error { return err })(&ctx)
	return &ctx.Response
}

func TestA5xxNeverTellsItsCause(t *testing.T) {
	const secret = "disk I/O error near table users"
	for kind := refusal.Kind(1); kind < refusal.KindEnd; kind++ {
		if statusOf(kind) != 500 {
			continue
		}
		plain := refusal.Wrap(kind, secret, errors.New(secret))
		for _, err := range []error{plain, fmt.Errorf("while %w", plain), &sqltx.ItemError{Index: 3, Refusal: plain}} {
			answered := failed(t, "POST", err)
			if body := string(answered.Body()); strings.Contains(body, "disk") || answered.StatusCode() != 500 {
				t.Errorf("%s is told as %s", kind.Code(), body)
			}
		}
	}
	for kind := refusal.Kind(1); kind < refusal.KindEnd; kind++ {
		if statusOf(kind) != 503 {
			continue
		}
		answered := failed(t, "POST", refusal.Wrap(kind, "in our words", errors.New(secret)))
		if body := string(answered.Body()); strings.Contains(body, "disk") || !strings.Contains(body, "in our words") {
			t.Errorf("%s is told as %s", kind.Code(), body)
		}
		if answered.StatusCode() != 503 || string(answered.Header.Peek("Retry-After")) != "1" {
			t.Errorf("%s: %d, Retry-After %q", kind.Code(), answered.StatusCode(), answered.Header.Peek("Retry-After"))
		}
	}
	// An error that nobody thought of.
	if body := string(failed(t, "GET", errors.New(secret)).Body()); body != `{"error":"internal error","code":"INTERNAL_ERROR"}` {
		t.Errorf("an error of ours is told as %s", body)
	}
	want := `{"error":"internal database error","code":"DATABASE_ERROR"}`
	if body := string(failed(t, "GET", refusal.New(refusal.DatabaseError, secret)).Body()); body != want {
		t.Errorf("a fault of the database is told as %s", body)
	}
}

func TestACauseIsInTheLogUnderTheRequestsID(t *testing.T) {
	s := newServer(t, testOptions{})
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.Request.Header.Set("X-Request-Id", "find-me")
	fault := refusal.Wrap(refusal.DatabaseError, "the file", errors.New("disk I/O error"))
	s.api.answer("test", func(*request) error { return fault })(&ctx)
	log := s.log.String()
	for _, want := range []string{"level=ERROR", "request_id=find-me", "disk I/O error", "status=500", "code=DATABASE_ERROR"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
}

func TestAHeadTellsItsCodeInAHeader(t *testing.T) {
	answered := failed(t, "HEAD", errKeyExpired)
	if code := string(answered.Header.Peek("X-Hoody-Error-Code")); code != "KEY_EXPIRED" || answered.StatusCode() != 404 {
		t.Errorf("HEAD answers %d, code %q", answered.StatusCode(), code)
	}
	if answered := failed(t, "GET", errKeyExpired); len(answered.Header.Peek("X-Hoody-Error-Code")) > 0 {
		t.Error("GET tells its code in a header")
	}
}

func TestARefusalDropsWhatTheHandlerHadBegun(t *testing.T) {
	s := newServer(t, testOptions{})
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	s.api.answer("test", func(q *request) error {
		q.begin()
		q.etagText(7)
		q.ctx.SetStatusCode(201)
		q.end()
		return refusal.New(refusal.Conflict, "no")
	})(&ctx)
	if got := string(ctx.Response.Body()); ctx.Response.StatusCode() != 409 || got != `{"error":"no","code":"CONFLICT"}` {
		t.Errorf("answered %d %s", ctx.Response.StatusCode(), got)
	}
	if etag := ctx.Response.Header.Peek("ETag"); len(etag) > 0 {
		t.Errorf("the ETag %s is left", etag)
	}
	if id := ctx.Response.Header.Peek("X-Request-Id"); !slices.Equal(id, []byte(s.api.idPrefix+"1")) {
		t.Errorf("the request id is %q", id)
	}
}
