package main

import (
	"bufio"
	"fmt"
	"os"
	"syscall"
)

// syncData puts a file's content on disk, as SQLite does at a commit.
func syncData(file *os.File) error {
	return syscall.Fdatasync(int(file.Fd()))
}

// memoryOf tells how much memory of a process is resident, and was at its peak.
func memoryOf(pid int) (memory, error) {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	defer func() { _ = status.Close() }()

	var m memory
	for lines := bufio.NewScanner(status); lines.Scan(); {
		var name string
		var kibibytes int64
		if _, err := fmt.Sscanf(lines.Text(), "%s %d kB", &name, &kibibytes); err != nil {
			continue // most lines are about other things
		}
		switch name {
		case "VmRSS:":
			m.residentBytes = kibibytes << 10
		case "VmHWM:":
			m.peakBytes = kibibytes << 10
		}
	}
	if m.residentBytes == 0 {
		return memory{}, fmt.Errorf("process %d shows no resident memory", pid)
	}
	return m, nil
}
