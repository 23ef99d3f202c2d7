package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"
)

// prepareLimits asks every limit of a random traffic once, so that the measured
// requests meet rows that are there, as those of the counters are.
func prepareLimits(_ context.Context, t *trial) error {
	type limit struct {
		Key    string `json:"key"`
		Limit  int    `json:"limit"`
		Window int    `json:"window"`
	}
	return inBatches(numbered(limitPrefix, t.settings.keys), limitItemsMax, func(names []string) error {
		limits := make([]limit, len(names))
		for i, name := range names {
			limits[i] = limit{Key: name, Limit: limitWide, Window: limitWindow}
		}
		return ask(fasthttp.MethodPost, t.server.address, pathOf("/kv/"+limitPrefix+"/limit", ""), map[string]any{"limits": limits}, &struct{}{})
	})
}

// document is a JSON document of a megabyte, and the path of a leaf in the middle.
func document() (text, leaf string) {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	number := 0
	for ; b.Len() < documentBytesMin; number++ {
		if number > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"name %06d","tags":["red","green"],"score":%d.5,"seen":null}`, number, number, number%1000)
	}
	b.WriteString(`]}`)
	return b.String(), fmt.Sprintf("items.%d.name", number/2)
}

// preparePages walks the list and makes the scenario ask for pages of its second
// half: a cursor is the server's to know, so it can't be made up.
func preparePages(_ context.Context, t *trial) error {
	cursors, err := deepCursors(t.server.address, t.settings.keys/pageItems/2)
	if err != nil {
		return err
	}
	if len(cursors) == 0 {
		return fmt.Errorf("%d keys are too few: no page lies deep among them", t.settings.keys)
	}
	t.scenario.traffic = nil
	for i := range min(len(cursors), pagesMax) {
		cursor := cursors[i*len(cursors)/min(len(cursors), pagesMax)]
		t.scenario.traffic = append(t.scenario.traffic, listPage(cursor))
	}
	return nil
}

// deepCursors are the cursors of all full pages from page number deep on.
func deepCursors(address string, deep int) (cursors []string, err error) {
	cursor := ""
	for page := 0; ; page++ {
		var answer struct {
			Count     int    `json:"count"`
			NextAfter string `json:"next_after"`
		}
		if err := ask(fasthttp.MethodGet, address, listPage(cursor).path(), nil, &answer); err != nil {
			return nil, err
		}
		if page >= deep && cursor != "" && answer.Count == pageItems {
			cursors = append(cursors, cursor)
		}
		if answer.NextAfter == "" {
			return cursors, nil
		}
		cursor = answer.NextAfter
	}
}
