package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// pathOf is a path of the API on the harness' database, with further parameters, each
// behind its &.
func pathOf(path, query string) string { return apiPrefix + path + "?db=" + database + query }

// ask sends one request of the harness' own, outside of all that is measured, and
// reads the answer, which must be a 200. A nil body is none.
func ask(method, address, path string, body, into any) error {
	return askPatiently(answerWait, method, address, path, body, into)
}

// askPatiently is ask for what may take long.
func askPatiently(wait time.Duration, method, address, path string, body, into any) error {
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)

	request.Header.SetMethod(method)
	request.SetRequestURI("http://" + address + path)
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		request.Header.SetContentType(jsonType)
		request.SetBodyRaw(encoded)
	}
	if err := fasthttp.DoTimeout(request, answer, wait); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if answer.StatusCode() != fasthttp.StatusOK {
		return fmt.Errorf("%s %s: status %d: %.200s", method, path, answer.StatusCode(), answer.Body())
	}
	return json.Unmarshal(answer.Body(), into)
}

// statusError is an answer that is not 200.
type statusError struct {
	status int
	code   string // of the API, such as DATABASE_BUSY
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

func newStatusError(status int, body []byte) *statusError {
	var told struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(body, &told) // an answer without a code is told by its body
	return &statusError{status: status, code: told.Code, body: string(body)}
}

// batchItem is one key of a batch/set.
type batchItem struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	ContentType string `json:"content_type,omitempty"`
	TTLSeconds  int    `json:"ttl,omitempty"`
}

func setBatch(address, query string, items []batchItem) error {
	return ask(fasthttp.MethodPost, address, pathOf("/kv/batch/set", query), map[string]any{"items": items}, &struct{}{})
}

// inBatches hands the names on in parts of so many.
func inBatches(names []string, size int, do func(names []string) error) error {
	for start := 0; start < len(names); start += size {
		if err := do(names[start:min(start+size, len(names))]); err != nil {
			return err
		}
	}
	return nil
}

// metricOf reads one of the numbers that the server keeps of the database.
func metricOf(address, name string) (float64, error) {
	_, text, err := fasthttp.GetTimeout(nil, "http://"+address+"/metrics", answerWait)
	if err != nil {
		return 0, err
	}
	return metricIn(string(text), fmt.Sprintf("%s{db=%q}", name, database+".db"))
}

// metricIn finds a number in Prometheus' text.
func metricIn(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if number, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(number), 64)
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}
