package server

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// Rows that SQL wrote as no request could have: each is answered, and in a shape that
// clients can read.
func TestRowsThatSQLWroteOddlyAreAnswered(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "1", asJSON).wants(t, 200, "")
	c := s.connect(t)
	f := func(columns, values, want string) {
		t.Helper()
		item, err := json.Marshal("REPLACE INTO kv_store (key, " + columns + ") VALUES ('odd', " + values + ")")
		if err != nil {
			t.Fatal(err)
		}
		s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":`+string(item)+`}]}`).wants(t, 200, `"rowsUpdated":1`)
		if a := c.exchange(t, "GET", rawRequest("GET", prefix+"/kv/odd/entry?db=app", "")); !strings.Contains(string(a.body), want) || a.header.Get("Etag") == `"0"` {
			t.Errorf("%s %s: the entry is %s, want %s", columns, values, a.body, want)
		}
		for _, ask := range []string{"GET /kv/odd", "HEAD /kv/odd", "GET /kv", "POST /kv/odd/incr", "POST /kv/odd/push", "POST /kv/odd/pop", "POST /kv/odd/limit",
			"POST /kv/odd/persist", "GET /kv/odd", "POST /kv/odd/expire", "PUT /kv/odd", "GET /kv/odd", "POST /kv/odd/incr", "DELETE /kv/odd", "GET /kv/odd"} {
			method, path, _ := strings.Cut(ask, " ")
			a := c.exchange(t, method, rawRequest(method, prefix+path+"?db=app&ttl=60&limit=5&window=60", "7", "X-Sent: yes"))
			if a.status >= 500 || a.header.Get("X-Injected") != "" {
				t.Fatalf("%s %s: %s is answered %s %v %s", columns, values, ask, a.reason, a.header, a.body)
			}
		}
	}
	// Types.
	f("value, content_type", `'v', 'text/plain' || char(13, 10) || 'X-Injected: yes'`, `"content_type":"text/plain\r\nX-Injected: yes"`)
	f("value, content_type", `'v', char(1)`, `"value_base64":"dg=="`)
	f("value, content_type", `'v', char(127)`, `"value_base64":"dg=="`)
	f("value, content_type", `'v', ''`, `"value_base64":"dg=="`)
	f("value, content_type", `'v', 17`, `"content_type":"17"`)
	f("value, content_type", `'v', x'ff00'`, `"value_base64":"dg=="`)
	f("value, content_type", `'v', hex(zeroblob(50000))`, `"value_base64":"dg=="`)
	// Values.
	f("value", `NULL`, `"value":""`)
	f("value", `1.5`, `"value":"1.5"`)
	f("value", `9e999`, `"value":"Inf"`)
	f("value", `x'00ff'`, `"value_base64":"AP8="`)
	f("value", `'a' || char(0) || 'b'`, `"value":"a\u0000b"`)
	f("value, content_type", `CAST(x'22ff22' AS TEXT), 'application/json'`, `"value_base64":"Iv8i"`)
	f("value, content_type", `7, 'application/json'`, `"value":7`)
	f("value, content_type", `'fixed 60 0 1', 'text/vnd.urlite.ratelimit'`, `"value":"fixed 60 0 1"`)
	// A type that lies is told by the entry, which does not.
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"INSERT INTO kv_store (key, value, content_type) VALUES ('lies', '[1', 'application/json')"}]}`).wants(t, 200, "")
	s.request(t, "GET", "/kv/lies/entry?db=app", "").wants(t, 200, `"value_base64":"WzE="`)
	// Times.
	f("value, created_at, updated_at", `'v', 'yesterday', 'x'`, `"created_at":0,"updated_at":0`)
	f("value, created_at, updated_at", `'v', -5, 9223372036854775807`, `"updated_at":9223372036854775`)
	f("value, expire_at", `'v', 'soon'`, `"expire_at":null`)
	f("value, expire_at", `'v', 0`, `"expire_at":null`)
	f("value, expire_at", `'v', 9223372036854775807`, `"expire_at":9223372036854776`)
	f("value, expire_at", `'v', 1.8e12`, `"expire_at":1800000000`)
	f("value, expire_at", `'v', -1`, `KEY_NOT_FOUND`)
	f("value, expire_at", `'v', 1`, `KEY_NOT_FOUND`)
}

// Keys that no request can name lie beside the others and hurt nobody.
func TestKeysThatOnlySQLCanWriteAreListedAndLeftAlone(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "1", asJSON).wants(t, 200, "")
	insert := `{"transaction":[{"statement":"INSERT INTO kv_store (key, value) VALUES ('', 1), ('a' || char(0) || 'b', 2), (CAST(x'ff41' AS TEXT), 3), (x'00', 4), (1.5, 5), (' ', 6)"}]}`
	s.request(t, "POST", "/db?db=app", insert).wants(t, 200, `"rowsUpdated":6`)
	s.request(t, "GET", "/kv?db=app&keys_only&count", "").wants(t, 200, `"count":4,"total":4,`)
	page, seen := "/kv?db=app&keys_only&limit=1", 1
	for after := ""; seen < 10; seen++ {
		list := told[struct {
			Items []struct{ Key string }
			Next  *string `json:"next_after"`
		}](t, s.request(t, "GET", page+after, ""))
		if list.Next == nil {
			break
		}
		after = "&after=" + url.QueryEscape(*list.Next)
	}
	if seen != 4 { // all but the empty one, the BLOB, and what is no UTF-8
		t.Errorf("%d keys are listed page by page", seen)
	}
	s.request(t, "POST", "/kv/batch/delete?db=app", `{"keys":["k"]}`).wants(t, 200, `"deleted":1`)
	s.request(t, "GET", "/query?db=app&sql=SELECT+count(*)+AS+n+FROM+kv_store", "").wants(t, 200, `"n":6`)
}
