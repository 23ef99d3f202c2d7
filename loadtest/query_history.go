package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/valyala/fasthttp"
)

var errNoQueryHistory = errors.New("it keeps no query history")

// startWithoutQueryHistory starts a second server like the first, on a folder of its own,
// that does not keep what it was asked.
func startWithoutQueryHistory(t *trial) (*process, error) {
	folder := filepath.Join(t.folder, "without")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	return startServer(t.settings.server, folder, slices.Concat(t.settings.serverArguments, []string{"--query-history=false"})...)
}

// auditQueryHistory looks, besides the counters, whether the server has kept what it was
// asked and the other has not: two servers that do the same would be equally fast.
func auditQueryHistory(t *trial, address string, counted uint64) []string {
	wrong := mismatch(t.countersAt(address), counted)
	err := waitForQueryHistory(address)
	switch kept := err == nil; {
	case address == t.server.address && !kept:
		wrong = append(wrong, err.Error())
	case address != t.server.address && kept:
		wrong = append(wrong, "it keeps a query history, which it should not")
	}
	return wrong
}

// waitForQueryHistory gives the server the time to write what it keeps.
func waitForQueryHistory(address string) error {
	for deadline := time.Now().Add(logWait); ; time.Sleep(memoryEvery) {
		var answer struct{ Total int }
		err := ask(fasthttp.MethodGet, address, pathOf("/history", ""), nil, &answer)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", errNoQueryHistory, err)
		case answer.Total > 0:
			return nil
		case time.Now().After(deadline):
			return errNoQueryHistory
		}
	}
}
