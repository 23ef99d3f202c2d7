package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// memory is what a process holds of the machine's memory, in bytes.
type memory struct {
	residentBytes int64
	peakBytes     int64
}

// diskSyncs appends a page and puts it on disk, count times, to a file in
// folder, and returns how long each took. It is the least that one durable
// commit can cost on this machine.
func diskSyncs(folder string, count int) ([]time.Duration, error) {
	path := filepath.Join(folder, "sync-measure")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(path)
	}()
	page := make([]byte, syncBytes)
	took := make([]time.Duration, count)
	for i := range took {
		start := time.Now()
		if _, err := file.Write(page); err != nil {
			return nil, err
		}
		if err := syncData(file); err != nil {
			return nil, err
		}
		took[i] = time.Since(start)
	}
	return took, nil
}

func median(durations []time.Duration) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[len(sorted)/2]
}
