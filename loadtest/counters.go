package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

const (
	counterPrefix    = "key-"
	unrecordedPrefix = "raw-" // of counters without history, as long
	unrecordedQuery  = "&history=false"
)

// counters is the set of keys that a traffic increments, and the means to set
// them up and to add them up again: a server that answers fast but loses or
// invents increments must not pass.
type counters struct {
	address    string
	names      []string
	unrecorded []string // those that have no history
}

func countersOf(address string, keys int) *counters {
	return &counters{address: address, names: numbered(counterPrefix, keys)}
}

// numbered are the names that a shape with so many keys asks for.
func numbered(prefix string, keys int) (names []string) {
	for number := range keys {
		names = append(names, fmt.Sprintf("%s%0*d", prefix, keyDigits, number))
	}
	return names
}

// preload creates every counter as the text 0, recorded in history like any other
// write, so that the measured increments meet rows and history of size; and those
// without history, which must never have had any.
func (c *counters) preload() error {
	create := func(names []string, query string) error {
		return inBatches(names, batchItemsMax, func(names []string) error {
			items := make([]batchItem, len(names))
			for i, name := range names {
				items[i] = batchItem{Key: name, Value: "0", ContentType: "text/plain"}
			}
			return setBatch(c.address, query, items)
		})
	}
	if err := create(c.names, ""); err != nil {
		return err
	}
	return create(c.unrecorded, unrecordedQuery)
}

// sum adds up the values of the counters, the hot one included. Keys that are
// not there count as zero.
func (c *counters) sum() (uint64, error) {
	sum := uint64(0)
	err := inBatches(slices.Concat([]string{hotKey}, c.names, c.unrecorded), batchItemsMax, func(names []string) error {
		var answer struct {
			Results map[string]*struct {
				Value json.RawMessage `json:"value"`
			} `json:"results"`
		}
		if err := ask(fasthttp.MethodPost, c.address, pathOf("/kv/batch/get", ""), map[string]any{"keys": names}, &answer); err != nil {
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
