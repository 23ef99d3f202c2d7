package server

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var metricLine = regexp.MustCompile(`^[a-z_]+(\{[^{}]*\})? [-+0-9.eEInfNa]+$`)

// A client must not be able to make metrics grow without end by what it sends.
func TestMetricsHaveNamesOfOursOnly(t *testing.T) {
	s := startServer(t, testOptions{})
	c := s.connect(t)
	ask := func(method, target string) string {
		t.Helper()
		return string(c.exchange(t, method, rawRequest(method, target, "")).body)
	}
	ask("POST", prefix+"/kv/visits/incr?db=app")
	ask("GET", prefix+"/kv/visits?db=app")
	for i := range 20 {
		mark := fmt.Sprintf("strange%d", i)
		ask("PUT", prefix+"/kv/"+mark+"?db=app&table="+mark)
		ask("GET", prefix+"/kv/"+mark+"?db="+mark)
		ask("GET", "/"+mark)
		ask("POST", prefix+"/kv/k/"+mark+"?db=app")
		ask(strings.ToUpper(mark), prefix+"/health")
	}
	for _, path := range []string{"/metrics", prefix + "/metrics"} {
		text := ask("GET", path)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.HasPrefix(line, "#") && !metricLine.MatchString(line) {
				t.Errorf("%s: not a metric: %q", path, line)
			}
		}
		if strings.Contains(strings.ToLower(text), "strange") {
			t.Errorf("%s has names of a client's", path)
		}
		for _, want := range []string{
			`urlite_responses_total{route="kv.incr",status="200"} 1`, `urlite_responses_total{route="kv.get",status="200"} 1`,
			`urlite_responses_total{route="not_found",status="404"} 20`, `urlite_responses_total{route="method_not_allowed",status="405"} 20`,
			`urlite_databases_open 1`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("%s lacks %s", path, want)
			}
		}
	}
}
