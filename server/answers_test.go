package server

import (
	"strings"
	"testing"
)

// A text of control characters is six times as long in an envelope.
func TestAnAnswerBeyondTheLimitIsRefusedBeforeItIsMade(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.SQL.BytesMax = 10_000 }})
	s.request(t, "PUT", "/kv/k?db=app", strings.Repeat("\x01", 2000), "Content-Type: text/plain").wants(t, 200, "")
	s.request(t, "GET", "/kv/k/entry?db=app", "").wants(t, 413, "RESPONSE_TOO_LARGE")
	s.request(t, "POST", "/kv/batch/get?db=app", `{"keys":["k"]}`).wants(t, 413, "RESPONSE_TOO_LARGE")
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "\x01\x01")
	s.request(t, "PUT", "/kv/k?db=app", strings.Repeat("é", 2000), "Content-Type: text/plain").wants(t, 200, "")
	s.request(t, "GET", "/kv/k/entry?db=app", "").wants(t, 200, "éé")
}

// What an element is compared with is sorted while everybody waits.
func TestALargeElementToRemoveIsRefused(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", `["x"]`).wants(t, 200, "")
	large := `"` + strings.Repeat("x", 256<<10) + `"`
	s.request(t, "POST", "/kv/k/remove?db=app", `{"value":`+large+`}`).wants(t, 413, "PAYLOAD_TOO_LARGE")
	s.request(t, "POST", "/kv/k/remove?db=app&index=0", `{"value":`+large+`}`).wants(t, 200, `"removed":"x"`)
}

func TestTwoIdempotencyKeysAreRefused(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/kv/k/incr?db=app", "", "Idempotency-Key: a", "Idempotency-Key: b").wants(t, 400, "Idempotency-Key")
}
