package server

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// pastServer is a server whose table has a past: in its first second n keys were there,
// long ones each, ten seconds later they are others, and n more are without history.
func pastServer(t *testing.T, n int) *testServer {
	t.Helper()
	s := startServer(t, testOptions{})
	s.putMany(t, "key", n, "first", "")
	s.clock.Add(10_000)
	s.putMany(t, "key", n, "second", "")
	s.putMany(t, "shadow", n, "unrecorded", "&history=false")
	s.clock.Add(10_000)
	return s
}

// putMany stores n keys, each with the same long value.
func (s *testServer) putMany(t *testing.T, prefix string, n int, value, query string) {
	t.Helper()
	const batch = 100
	for from := 0; from < n; from += batch {
		items := make([]map[string]string, 0, batch)
		for i := from; i < min(from+batch, n); i++ {
			items = append(items, map[string]string{"key": longKey(prefix, i), "value": value + strings.Repeat("-", 100)})
		}
		body, err := json.Marshal(map[string]any{"items": items})
		if err != nil {
			t.Fatal(err)
		}
		s.request(t, "POST", "/kv/batch/set?db=app"+query, string(body)).wants(t, 200, `"success":true`)
	}
}

func longKey(prefix string, i int) string { return fmt.Sprintf("%s-%0100d", prefix, i) }

// told asks for what is told about the past, as JSON.
func (s *testServer) told(t *testing.T, method, path, body string, into any) *answer {
	t.Helper()
	got := s.request(t, method, path, body)
	if got.status != 200 {
		t.Fatalf("%s: %s %.300s", path, got.reason, got.body)
	}
	if err := json.Unmarshal(got.body, into); err != nil {
		t.Fatalf("%s: %v in %.300s", path, err, got.body)
	}
	return got
}

// severalPieces is a number of keys about which more is told than is sent whole.
const severalPieces = 3000

func TestATableIsToldInPieces(t *testing.T) {
	s := pastServer(t, severalPieces)
	f := func(method, path, body, list string, want int, first string) {
		t.Helper()
		var told map[string]json.RawMessage
		got := s.told(t, method, path, body, &told)
		if got.header.Get("Content-Length") != "" {
			t.Errorf("%s: an answer of %d bytes is sent whole", path, len(got.body))
		}
		var items []json.RawMessage
		if err := json.Unmarshal(told[list], &items); err != nil || len(items) != want {
			t.Fatalf("%s: %d of %d, %v", path, len(items), want, err)
		}
		if !strings.Contains(string(items[0]), first) {
			t.Errorf("%s begins with %s", path, items[0])
		}
	}
	f("GET", "/kv/snapshot?db=app&timestamp=1700000000&limit=0", "", "keys", severalPieces, "first-")
	f("GET", "/kv/snapshot?db=app&timestamp=1700000010&limit=0&prefix=key", "", "keys", severalPieces, "second-")
	f("GET", "/kv/diff?db=app&from=1700000000&to=1700000020", "", "changes", severalPieces, "modified")
	f("GET", "/kv/diff?db=app&from=1699999999&to=1700000020", "", "changes", severalPieces, "created")
	f("GET", "/kv/snapshot?db=app&timestamp=1700000000&limit=0", "", "gap_keys", gapKeysMax, "shadow")

	var last struct {
		Truncated bool `json:"candidate_truncated"`
	}
	s.told(t, "GET", "/kv/snapshot?db=app&timestamp=1700000000&limit=0", "", &last)
	if !last.Truncated {
		t.Error("more keys were left out than are named, and nothing says so")
	}
}

func TestALongPreviewTellsWhatIsDone(t *testing.T) {
	s := pastServer(t, severalPieces)
	s.clock.Add(1000)
	var told struct {
		Preview struct {
			TotalKeys      int      `json:"total_keys"`
			KeysToRollback int      `json:"keys_to_rollback"`
			Untouched      []string `json:"untouched_keys"`
			Changes        []struct{ Key, Action, Reason string }
		}
	}
	f := func(body string, changes, untouched int) {
		t.Helper()
		s.told(t, "POST", "/kv/rollback?db=app&to_timestamp=1700000000", body, &told)
		p := &told.Preview
		if p.TotalKeys != changes+untouched || p.KeysToRollback != changes || len(p.Changes) != changes || len(p.Untouched) != untouched {
			t.Fatalf("%d keys, %d to roll back, %d changes, %d untouched", p.TotalKeys, p.KeysToRollback, len(p.Changes), len(p.Untouched))
		}
		for i, c := range p.Changes {
			if c.Key != longKey("key", i) || c.Action != "rollback" {
				t.Fatalf("change %d: %+v", i, c)
			}
		}
		for i, key := range p.Untouched {
			if key != longKey("shadow", i) {
				t.Fatalf("untouched key %d: %s", i, key)
			}
		}
		told.Preview.Untouched, told.Preview.Changes = nil, nil
	}
	keys := func(prefix string, n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = longKey(prefix, i)
		}
		text, _ := json.Marshal(list)
		return string(text)
	}
	f("", severalPieces, severalPieces)
	f(`{"exclude_keys":`+keys("key", severalPieces)+`}`, 0, severalPieces)
	f(`{"exclude_keys":`+keys("shadow", severalPieces)+`}`, severalPieces, 0)
	f(`{"keys":`+keys("key", 5)+`}`, 5, 0)

	var done struct {
		RolledBack int      `json:"rolled_back"`
		Untouched  []string `json:"untouched_keys"`
	}
	s.told(t, "POST", "/kv/rollback?db=app&to_timestamp=1700000000&confirm=yes", "", &done)
	if done.RolledBack != severalPieces || len(done.Untouched) != severalPieces {
		t.Errorf("%d rolled back, %d untouched", done.RolledBack, len(done.Untouched))
	}
}

// There are four readers: who does not give his back is soon missed.
func TestStreamsGiveTheirReadersBack(t *testing.T) {
	s := pastServer(t, severalPieces)
	for range 10 {
		c := s.connect(t)
		c.send(t, rawRequest("GET", prefix+"/kv/snapshot?db=app&timestamp=1700000000&limit=0", ""))
		if _, err := io.CopyN(io.Discard, c.in, 10_000); err != nil {
			t.Fatal(err)
		}
		c.Close()
		s.request(t, "HEAD", "/kv/snapshot?db=app&timestamp=1700000000&limit=0", "").wants(t, 200, "")
		s.request(t, "POST", "/kv/rollback?db=app&to_timestamp=1700000000&confirm=yes", `{"keys":["x"]}`).wants(t, 200, `"rolled_back":0`)
	}
	for end := time.Now().Add(answerWait); s.api.inFlight.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests in flight", s.api.inFlight.Load())
		}
	}
}

func TestAHistoryIsBounded(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.SQL.BytesMax = 100_000 }})
	value := strings.Repeat("v", 10_000)
	for range 20 {
		s.request(t, "PUT", "/kv/k?db=app", value, "Content-Type: text/plain").wants(t, 200, "")
	}
	s.request(t, "GET", "/kv/k/history?db=app", "").wants(t, 413, "ask for fewer entries")
	s.request(t, "GET", "/kv/k/history?db=app&limit=4", "").wants(t, 200, `"count":4`)
	s.request(t, "GET", "/kv/k/snapshot?db=app&op_number=1", "").wants(t, 200, value)

	s = startServer(t, testOptions{config: func(c *Config) { c.SQL.BytesMax = 9_000 }})
	s.request(t, "PUT", "/kv/k?db=app", value, "Content-Type: text/plain").wants(t, 200, "")
	s.request(t, "GET", "/kv/k/snapshot?db=app&op_number=1", "").wants(t, 413, "RESPONSE_TOO_LARGE")
	s.request(t, "GET", "/kv/k?db=app&at_timestamp=1700000000", "").wants(t, 413, "RESPONSE_TOO_LARGE")
}

func TestALongHistoryIsToldNewestFirst(t *testing.T) {
	const n = 700 // beyond a keyframe or two, and one piece
	s := startServer(t, testOptions{})
	for i := range n {
		s.request(t, "PUT", "/kv/k?db=app", fmt.Sprint(i, strings.Repeat("-", 300)), "Content-Type: text/plain").wants(t, 200, "")
	}
	var told struct {
		Count      int
		Operations []struct {
			OpNumber int `json:"op_number"`
		}
	}
	got := s.told(t, "GET", "/kv/k/history?db=app&limit=1000", "", &told)
	if got.header.Get("Content-Length") != "" || told.Count != n || len(told.Operations) != n {
		t.Fatalf("%d of %d entries, %v", len(told.Operations), told.Count, got.header)
	}
	for i, entry := range told.Operations {
		if entry.OpNumber != n-i {
			t.Fatalf("entry %d has number %d", i, entry.OpNumber)
		}
	}
}

// SQL knows the time of the machine alone.
func TestRowsThatSQLWroteAreGaps(t *testing.T) {
	s := startServer(t, testOptions{realTime: true})
	s.request(t, "PUT", "/kv/k?db=app", "1").wants(t, 200, "")
	before := time.Now().Unix()
	for time.Now().Unix() == before {
		time.Sleep(10 * time.Millisecond)
	}
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"UPDATE kv_store SET value = 2"},
		{"statement":"INSERT INTO kv_store(key, content_type, value) VALUES ('claims', 'application/json', '{')"}]}`).wants(t, 200, "")
	s.request(t, "GET", fmt.Sprintf("/kv/k?db=app&at_timestamp=%d", before), "").wants(t, 200, `"value":1`)
	s.request(t, "GET", fmt.Sprintf("/kv/k?db=app&at_timestamp=%d", time.Now().Unix()), "").wants(t, 409, "TIME_TRAVEL_CHAIN_GAP: ")
	s.request(t, "GET", "/kv/k/history?db=app", "").wants(t, 200, `"has_gaps":true,"operations":[{"op_number":2,`)
	// What claims to be JSON and is not is raw.
	s.request(t, "DELETE", "/kv/claims?db=app", "").wants(t, 200, "")
	s.request(t, "GET", "/kv/claims/history?db=app", "").wants(t, 200, `"op":"DELETE","raw_old_value":"ew==","new_value":null`)
}

func TestWhatIsNoLongerKeptIsRefusedWithTheOldestTime(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "1").wants(t, 200, "")
	s.request(t, "PUT", "/kv/gone?db=app", "1").wants(t, 200, "")
	s.request(t, "DELETE", "/kv/gone?db=app", "").wants(t, 200, "")
	s.clock.Add(1000_000)
	s.request(t, "PUT", "/kv/k?db=app", "2").wants(t, 200, "")
	s.request(t, "PUT", "/kv-settings?db=app&keep_seconds=10", "").wants(t, 200, `"keep_entries":0,"keep_seconds":10}`)
	s.clock.Add(1000_000)
	s.request(t, "PUT", "/kv/k?db=app", "3").wants(t, 200, "")
	var settings struct {
		Oldest *int64 `json:"oldest_timestamp"`
	}
	for end := time.Now().Add(answerWait); settings.Oldest == nil || *settings.Oldest <= 1700000000; time.Sleep(10 * time.Millisecond) {
		s.clock.Add(1000)
		s.told(t, "GET", "/kv-settings?db=app", "", &settings)
		if time.Now().After(end) {
			t.Fatal("nothing was folded")
		}
	}
	f := func(method, path, message string) {
		t.Helper()
		got := s.request(t, method, path, "")
		got.wants(t, 409, "is no longer kept")
		got.wants(t, 409, `"oldest_timestamp":`)
		got.wants(t, 409, message)
	}
	for _, second := range []string{"1", "1700000000", "1700000500"} {
		f("GET", "/kv/k?db=app&at_timestamp="+second, `"error":"the past before`)
		f("GET", "/kv/gone?db=app&at_timestamp="+second, `"error":"the past before`)
		f("GET", "/kv?db=app&at_timestamp="+second, `"error":"the past before`)
		f("GET", "/kv/snapshot?db=app&timestamp="+second, `"error":"the past before`)
		f("GET", "/kv/diff?db=app&from="+second+"&to=1700002000", `"error":"the past before`)
		f("POST", "/kv/rollback?db=app&to_timestamp="+second, `"error":"TIME_TRAVEL_CHAIN_GAP","code":"TIME_TRAVEL_CHAIN_GAP","message":"the past before`)
		f("POST", "/kv/rollback?db=app&confirm=yes&to_timestamp="+second, `"error":"TIME_TRAVEL_CHAIN_GAP","code":"TIME_TRAVEL_CHAIN_GAP","message":"the past before`)
	}
	f("GET", "/kv/k/snapshot?db=app&op_number=1", `"error":"the past before`)
	s.request(t, "GET", "/kv/k?db=app&at_timestamp=1700002000", "").wants(t, 200, `"value":3`)
	oldest := fmt.Sprint(*settings.Oldest)
	s.request(t, "GET", "/kv/snapshot?db=app&timestamp="+oldest, "").wants(t, 200, `"count":1`)
	s.request(t, "GET", "/kv/gone?db=app&at_timestamp="+oldest, "").wants(t, 404, "KEY_NOT_FOUND")
}
