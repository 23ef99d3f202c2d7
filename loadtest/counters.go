package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

const counterPrefix = "key-"

// counters is the set of keys that a traffic increments, and the means to set
// them up and to add them up again: a server that answers fast but loses or
// invents increments must not pass.
type counters struct {
	address string
	names   []string
}

func countersOf(address string, keys int) *counters {
	c := &counters{address: address}
	for number := range keys {
		c.names = append(c.names, fmt.Sprintf("%s%0*d", counterPrefix, keyDigits, number))
	}
	return c
}

// preload creates every counter as the text 0, recorded in history like any
// other write, so that the measured increments meet rows and history of size.
func (c *counters) preload() error {
	type item struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		ContentType string `json:"content_type"`
	}
	return c.batches(c.names, func(names []string) error {
		items := make([]item, len(names))
		for i, name := range names {
			items[i] = item{Key: name, Value: "0", ContentType: "text/plain"}
		}
		return c.post("/kv/batch/set", map[string]any{"items": items}, &struct{}{})
	})
}

// sum adds up the values of the counters, the hot one included. Keys that are
// not there count as zero.
func (c *counters) sum() (uint64, error) {
	sum := uint64(0)
	err := c.batches(append([]string{hotKey}, c.names...), func(names []string) error {
		var answer struct {
			Results map[string]*struct {
				Value json.RawMessage `json:"value"`
			} `json:"results"`
		}
		if err := c.post("/kv/batch/get", map[string]any{"keys": names}, &answer); err != nil {
			return err
		}
		for name, row := range answer.Results {
			if row == nil {
				continue
			}
			// A counter is text, a string in JSON, or JSON itself, a bare number.
			value, err := strconv.ParseUint(strings.Trim(string(row.Value), `"`), 10, 63)
			if err != nil {
				return fmt.Errorf("counter %s holds %s", name, row.Value)
			}
			sum += value
		}
		return nil
	})
	return sum, err
}

func (c *counters) batches(names []string, do func(names []string) error) error {
	for start := 0; start < len(names); start += batchItemsMax {
		if err := do(names[start:min(start+batchItemsMax, len(names))]); err != nil {
			return err
		}
	}
	return nil
}

func (c *counters) post(path string, body, into any) error {
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)

	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetRequestURI("http://" + c.address + apiPrefix + path + "?db=" + database)
	request.Header.SetContentType("application/json")
	request.SetBodyRaw(encoded)
	if err := fasthttp.DoTimeout(request, answer, answerWait); err != nil {
		return fmt.Errorf("POST %s: %w", path, err)
	}
	if answer.StatusCode() != fasthttp.StatusOK {
		return fmt.Errorf("POST %s: status %d: %.200s", path, answer.StatusCode(), answer.Body())
	}
	return json.Unmarshal(answer.Body(), into)
}
