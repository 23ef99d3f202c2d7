package server

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// keyOperation is an operation on a key, with the parameters that it reads.
type keyOperation struct {
	method, path, body, query string
	integers, booleans, words []string
}

// keyOperations are all of them, each as a request that would change the key k, or read
// it.
var keyOperations = []keyOperation{
	{method: "PUT", path: "/kv/k", body: `[9]`,
		integers: []string{"ttl"}, booleans: []string{"history", "create_db_if_missing", "auto_create"}},
	{method: "DELETE", path: "/kv/k", booleans: []string{"history", "create_db_if_missing"}},
	{method: "POST", path: "/kv/k/incr", query: "path=[0]", integers: []string{"min", "max", "ttl"},
		booleans: []string{"history", "auto_create"}, words: []string{"delta", "on_limit", "ttl_mode"}},
	{method: "POST", path: "/kv/k/decr", query: "path=[0]", integers: []string{"min", "max", "ttl"},
		booleans: []string{"history", "auto_create"}, words: []string{"delta", "on_limit", "ttl_mode"}},
	{method: "POST", path: "/kv/k/push", body: `9`, booleans: []string{"history"}, words: []string{"max_length"}},
	{method: "POST", path: "/kv/k/pop", booleans: []string{"history"}},
	{method: "POST", path: "/kv/k/remove", body: `{"value":1}`, integers: []string{"index"}, booleans: []string{"history"}},
	{method: "POST", path: "/kv/k/expire", integers: []string{"ttl"}, booleans: []string{"history"}},
	{method: "POST", path: "/kv/k/persist", booleans: []string{"history"}},
	{method: "POST", path: "/kv/k/limit", query: "limit=1&window=1", integers: []string{"cost", "burst"},
		booleans: []string{"history", "peek"}, words: []string{"algorithm"}},
	{method: "POST", path: "/kv/k/limit", query: "window=1", integers: []string{"limit"}},
	{method: "POST", path: "/kv/k/limit", query: "limit=1", integers: []string{"window"}},
	{method: "GET", path: "/kv", integers: []string{"limit", "offset"}, booleans: []string{"reverse", "keys_only", "count"}},
	{method: "POST", path: "/kv/batch/set", body: `{"items":[{"key":"k","value":"changed"}]}`,
		booleans: []string{"history", "create_db_if_missing"}},
	{method: "POST", path: "/kv/batch/delete", body: `{"keys":["k"]}`, booleans: []string{"history", "create_db_if_missing"}},
}

func TestEveryParameterOfEveryOperationIsHeldToItsType(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "[1]", asJSON).wants(t, 200, "")
	c := s.connect(t)
	huge := strings.Repeat("7", 1000)
	noIntegers := []string{"", "x", "1.5", "1e3", "0x1", "1_000", " 1", "1 ", "+", "-", "--1", "true", "null", "[1]", `"1"`, "٣", "\x00", "1\x00", "\xff",
		"9223372036854775808", "-9223372036854775809", huge, "-" + huge}
	noBooleans := []string{"yes", "no", "TRUE", "True", "2", "-1", "01", " true", "true ", "null", "\x00", "\xff", huge}
	noWords := []string{"x", "true", "9223372036854775808", " ", "0.5", "\x00", "\xff", huge}
	asked := 0
	refuse := func(o *keyOperation, name string, values []string) {
		t.Helper()
		for _, value := range values {
			query := "?db=app&" + name + "=" + url.QueryEscape(value) + "&" + o.query
			a := c.exchange(t, o.method, rawRequest(o.method, prefix+o.path+query, o.body, asJSON))
			asked++
			if a.status != 400 || !strings.Contains(string(a.body), name+" ") || len(a.body) > 400 {
				t.Errorf("%s %s?%s=%.40q is answered %s %.200q", o.method, o.path, name, value, a.reason, a.body)
			}
		}
	}
	for i := range keyOperations {
		o := &keyOperations[i]
		for _, name := range o.integers {
			refuse(o, name, noIntegers)
		}
		for _, name := range o.booleans {
			refuse(o, name, noBooleans)
		}
		for _, name := range o.words {
			refuse(o, name, noWords)
		}
	}
	if asked < 500 {
		t.Errorf("only %d requests: the table is not what it was", asked)
	}
	a := s.request(t, "GET", "/kv/k?db=app", "")
	if a.wants(t, 200, "[1]"); a.header.Get("Etag") != `"1"` || a.header.Get("X-Expire-At") != "" {
		t.Errorf("one of them changed the key: %v", a.header)
	}
	s.request(t, "GET", "/kv?db=app&count", "").wants(t, 200, `"total":1,`)
}

// Of a parameter that is sent twice the first one counts, and the second is not looked at.
func TestOfAParameterThatIsSentTwiceTheFirstCounts(t *testing.T) {
	s := startServer(t, testOptions{})
	f := func(method, path, body string, status int, text string) {
		t.Helper()
		s.request(t, method, path, body, asJSON).wants(t, status, text)
	}
	f("POST", "/kv/n/incr?db=app&db=other&delta=5&delta=x", "", 200, `"value":5`)
	f("POST", "/kv/n/incr?db=app&delta=x&delta=5", "", 400, "delta")
	f("POST", "/kv/n/incr?db=app&max=5&max=100", "", 409, `"value":5`)
	f("PUT", "/kv/doc?db=app&path=a&path=b", "1", 200, `"path":"a"`)
	f("PUT", "/kv/doc?db=app&if_match=%7B%22a%22:1%7D&if_match=x", "2", 200, "")
	f("POST", "/kv/l/push?db=app&max_length=1&max_length=", "1", 200, "")
	f("POST", "/kv/l/remove?db=app&index=0&index=7", "", 200, `"removed":1`)
	f("POST", "/kv/l/expire?db=app&ttl=60&ttl=0", "", 200, `"expire_at":1700000060`)
	f("POST", "/kv/q/limit?db=app&limit=1&limit=2&window=60&window=1", "", 200, `"limit":1,`)
	f("GET", "/kv?db=app&limit=1&limit=100&table=kv_store&table=other", "", 200, `"limit":1,`)
	f("GET", "/kv/n?db=other", "", 400, "DATABASE_NOT_FOUND")
}

// Headers that say something of a request, in every wrong way.
func TestHeadersOfConditionsAndKeysAreHeldToTheirForm(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "[1]", asJSON).wants(t, 200, "")
	tags := strings.TrimSuffix(strings.Repeat(`"0",`, 3000), ",")
	for _, o := range keyOperations {
		if o.method == "GET" {
			continue
		}
		query := "?db=app&ttl=60&index=0&" + o.query
		if o.query == "window=1" || o.query == "limit=1" {
			continue
		}
		f := func(header string, statuses ...int) {
			t.Helper()
			a := s.request(t, o.method, o.path+query, o.body, asJSON, header)
			if !slices.Contains(statuses, a.status) {
				t.Errorf("%s %s with %.60s is answered %s %s", o.method, o.path, header, a.reason, a.body)
			}
		}
		for _, list := range []string{"1", `"1`, `1"`, `"1"2"`, `"1" "1"`, `*, *`, `"1", *`, `W/1`, `w/"1"`, `'1'`, "\xff", `"1";`, `""""`} {
			f("If-Match: "+list, 400)
		}
		f(`If-Match: "0"`, 412, 400)
		f(`If-Match: W/"1"`, 412, 400)
		f("If-Match: "+tags, 412, 400)
		for _, list := range []string{"1", `"1"`, `W/"1"`, "**", `*, "1"`, "x"} {
			f("If-None-Match: "+list, 400)
		}
		f("If-None-Match: *", 412, 400)
		for _, key := range []string{"a b", "\x7f", "é", "a\tb", strings.Repeat("k", 201), "\xff"} {
			f("Idempotency-Key: "+key, 400)
		}
	}
	a := s.request(t, "GET", "/kv/k?db=app", "")
	if a.wants(t, 200, "[1]"); a.header.Get("Etag") != `"1"` {
		t.Errorf("one of them changed the key: %v", a.header)
	}
}

// A batch that is refused at its last item has done nothing: not a row, not a line of
// history, not a number of the sequence.
func TestARefusedBatchLeavesNothingBehind(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"a","value":"1"},{"key":"b","value":"2"},{"key":"short","value":"3","ttl":60}]}`).wants(t, 200, "")
	dump := func() string {
		return s.value(t, "/kv?db=app") + s.value(t, "/query?db=app&sql="+url.QueryEscape("SELECT *, hex(value) AS h FROM kv_store")) +
			s.value(t, "/query?db=app&sql="+url.QueryEscape("SELECT count(*) AS n, max(id) AS id FROM kv_store_history"))
	}
	before := dump()
	f := func(path, body string, status int, headers ...string) {
		t.Helper()
		s.request(t, "POST", path, body, headers...).wants(t, status, "")
		if after := dump(); after != before {
			t.Fatalf("%s %.200s: before %s, after %s", path, body, before, after)
		}
	}
	most := `{"key":"a","value":"changed"},{"key":"new","value":"x"},{"key":"short","value":"y"},`
	for _, last := range []string{`{"key":""}`, `{"key":" "}`, `{"key":"\ud800"}`, `{"key":"b","ttl":-1}`, `{"key":"b","ttl":"x"}`,
		`{"key":"b","value":"no JSON","content_type":"application/json"}`, `{"key":"b","content_type":"a\u0000b"}`, `{"key":"b","if_match":"x"}`,
		`{"key":"b","if_none_match":"x"}`, `7`, `null`, `{"key":"a","if_match":"*"}`} {
		f("/kv/batch/set?db=app", `{"items":[`+most+last+`]}`, 400)
	}
	f("/kv/batch/set?db=app", `{"items":[`+most+`{"key":"b","value":"3","if_match":"\"999\""}]}`, 412)
	f("/kv/batch/set?db=app", `{"items":[`+most+`{"key":"b","value":"3","if_none_match":"*"}]}`, 412)
	f("/kv/batch/set?db=app", `{"items":[`+most+`{"key":"c","value":"3","if_match":"*"}]}`, 412, "Idempotency-Key: one")
	f("/kv/batch/delete?db=app", `{"items":[{"key":"a"},{"key":"b","if_match":"\"999\""}]}`, 412)
	f("/kv/batch/delete?db=app", `{"items":[{"key":"a"},{"key":"missing","if_match":"*"}]}`, 412)
	f("/kv/batch/delete?db=app", `{"keys":["a","b","\u0000"]}`, 400)
	f("/kv/fresh/limit?db=app", `{"limits":[{"limit":1,"window":60},{"key":"a","limit":1,"window":60}]}`, 400)
	f("/kv/fresh/limit?db=app", `{"limits":[{"limit":1,"window":60},{"key":"other","limit":1,"window":0}]}`, 400)
	f("/db?db=app", `{"transaction":[{"statement":"UPDATE kv_store SET value = 'changed'"},{"statement":"DELETE FROM kv_store"},{"statement":"SELEC"}]}`, 400)
	f("/db?db=app", `{"transaction":[{"statement":"UPDATE kv_store SET key = 'moved' WHERE key = 'a'"},{"statement":"INSERT INTO kv_store (key) VALUES ('b')"}]}`, 409)
}

// Whatever is asked of whatever route: an answer of the API, never a fault of ours.
// exchange holds each to its shape.
func TestRandomRequestsAreAnsweredInTheShapeOfTheAPI(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	s := startServer(t, testOptions{})
	one := func(of []string) string { return of[random.IntN(len(of))] }
	routes := []string{"GET /kv", "GET /kv/a", "HEAD /kv/b", "GET /kv/a/b", "PUT /kv/a", "PUT /kv/b", "DELETE /kv/a", "POST /kv/a/incr", "POST /kv/n/incr", "POST /kv/n/decr",
		"POST /kv/a/push", "POST /kv/b/pop", "POST /kv/a/remove", "POST /kv/b/expire", "POST /kv/a/persist", "POST /kv/c/limit", "POST /kv/c/limit", "GET /kv/a/entry",
		"GET /kv/a/history", "POST /kv/a/rollback", "GET /kv/snapshot", "GET /kv/diff", "POST /kv/rollback", "POST /kv/batch/get", "POST /kv/batch/set",
		"POST /kv/batch/delete", "POST /db", "POST /db/create", "GET /query", "GET /health/cache", "GET /kv/", "PUT /kv/%2F", "GET /kv/%", "PUT /kv/%00",
		"POST /kv/%ff/incr", "GET /nowhere", "POST /kv/a/%69ncr", "PATCH /kv/a", "OPTIONS /kv",
		"GET /kv/a/snapshot", "HEAD /kv/n/snapshot", "GET /kv/n/history", "POST /kv/n/rollback", "GET /kv-settings", "PUT /kv-settings"}
	const moment = "timestamp=1700000000&from=1&to=1700000000&to_timestamp=1700000000&op_number=1"
	parameters := []string{"db=app", "db=app", "db=app", "db=app", "db=x", "db=", "table=t", "table=a-b", "path=a", "path=a.b[0]", "path=$", "path=[", "ttl=1", "ttl=-1",
		"delta=2", "delta=x", "min=0", "max=1", "on_limit=clamp", "ttl_mode=always", "index=0", "index=-9", "max_length=2", "limit=2", "limit=0", "window=9",
		"cost=2", "algorithm=gcra", "burst=1", "peek", "history=0", "history=x", "if_match=1", "if_match=", "prefix=a", "after=YQ", "after=!", "reverse",
		"keys_only=1", "count", "offset=1", "sql=SELECT+1", "sql=DELETE", "params=[1]", "timeout=1", "create_db_if_missing=0", "auto_create=1", "%", "&", "=", "at_timestamp=1",
		moment, moment, moment, "at_timestamp=1700000000", "op_number=3", "to_timestamp=1700000001", "confirm=yes", "confirm=yes", "dry_run", "steps=3", "steps=x",
		"keys=a,,b", "before=2", "keep_entries=2", "keep_seconds=1", "keep_seconds=0", "timestamp=99999999999"}
	bodies := []string{"", "", "1", `"a"`, "{}", "[]", "null", "{", `{"value":1}`, `{"keys":["a"]}`, `{"items":[{"key":"a","value":1}]}`, `{"items":[{"key":"a","if_match":"*"}]}`,
		`{"items":[{}]}`, `{"keys":[1]}`, `{"limits":[{"limit":1,"window":1}]}`, `{"limits":[{}]}`, `{"transaction":[{"query":"SELECT 1 AS one"}]}`,
		`{"transaction":[{"statement":"UPDATE kv_store SET value = value"}]}`, `{"transaction":[{}]}`, "\xff", "\x00", `{"a":[1,{"b":2}]}`,
		`{"keys":["a","n"],"exclude_keys":["b"]}`, `{"exclude_keys":[]}`}
	headers := []string{"X-Nothing: x", "Content-Type: application/json", "Content-Type: text/plain", "Content-Type: x/y", "If-Match: *", `If-Match: "1"`, "If-Match: x",
		"If-None-Match: *", `If-None-Match: "1"`, "Idempotency-Key: k1", "Idempotency-Key: k2", "Idempotency-Key: a b", "Accept: text/html", "X-Request-Id: mine"}
	c := s.connect(t)
	statuses := map[int]int{}
	for i := range 4000 {
		method, path, _ := strings.Cut(one(routes), " ")
		if random.IntN(10) == 0 {
			method, _, _ = strings.Cut(one(routes), " ")
		}
		target := prefix + path + "?db=app"
		if random.IntN(10) == 0 {
			target = strings.TrimSuffix(target, "db=app")
		}
		for range random.IntN(5) {
			target += "&" + one(parameters)
		}
		raw := rawRequest(method, target, one(bodies), one(headers), one(headers))
		a := c.exchange(t, method, raw)
		statuses[a.status]++
		if a.status >= 500 || t.Failed() {
			t.Fatalf("request %d: %q is answered %s %s", i, raw, a.reason, a.body)
		}
		if a.closes {
			c = s.connect(t)
		}
		if i%500 == 0 {
			s.clock.Add(1000)
		}
	}
	for _, status := range []int{200, 304, 400, 404, 405, 412, 422} {
		if statuses[status] == 0 {
			t.Errorf("no request was answered %d: %v", status, fmt.Sprint(statuses))
		}
	}
}
