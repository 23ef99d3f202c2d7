package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// profiling is a CPU profile being taken from a server's debug listener.
type profiling struct {
	done chan error
}

// startProfiling asks the listener on address for a profile of the given time,
// and has it written to path. The caller owes it a wait.
func startProfiling(ctx context.Context, address, path string, duration time.Duration) *profiling {
	p := &profiling{done: make(chan error, 1)}
	go func() { p.done <- fetchProfile(ctx, address, path, duration) }()
	return p
}

func (p *profiling) wait() error { return <-p.done }

func fetchProfile(ctx context.Context, address, path string, duration time.Duration) error {
	seconds := max(int(duration.Seconds()), 1)
	ctx, cancel := context.WithTimeout(ctx, duration+answerWait)
	defer cancel()
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, seconds)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: status %d", answer.StatusCode)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, io.LimitReader(answer.Body, profileBytes))
	return errors.Join(err, file.Close())
}
