package store

import (
	"cmp"
	"time"

	"github.com/urlite/urlite/refusal"
)

// Synchronous is what a commit waits for.
type Synchronous uint8

const (
	// Full waits until the commit is on disk: it survives a power cut.
	Full Synchronous = iota
	// Normal waits until the kernel has it: it survives a crash of the server,
	// and a power cut may take the latest commits back, never the file.
	Normal
)

// ParseSynchronous reads "full" or "normal".
func ParseSynchronous(text string) (Synchronous, error) {
	switch text {
	case "full":
		return Full, nil
	case "normal":
		return Normal, nil
	}
	return Full, refusal.Newf(refusal.InvalidParameters, "synchronous must be full or normal, not %q", text)
}

func (s Synchronous) String() string {
	if s == Normal {
		return "normal"
	}
	return "full"
}

// Options are how a database file is run. The zero value is safe.
type Options struct {
	Synchronous Synchronous
	// BusyWait is how long to wait for a lock that another process holds; 0 is
	// busyWaitDefault.
	BusyWait time.Duration
	// SQLMemoryBytes and SQLFilesBytes bound what the SQL of one request of a client may
	// take: memory at a time, and temporary files (sorts, intermediate results, what a
	// savepoint would bring back) in all. 0 is SQLMemoryDefault and SQLFilesDefault.
	SQLMemoryBytes, SQLFilesBytes int64
	// Way, if not nil, has the long queries of clients on readers give way to all else. A
	// writer's don't: others wait for them to end.
	Way *Way
	// Versions, which the readers of a database share, lets them tell its versions.
	Versions *Versions
}

const (
	// SQLMemoryDefault is room for several of the largest values at once, and leaves room
	// for many requests on a small machine. Sorts spill to files long before.
	SQLMemoryDefault = 256 << 20
	// SQLFilesDefault lets somebody sort, or build an index over, some five million rows of
	// a hundred bytes: what is sorted is written about twice.
	SQLFilesDefault = 1 << 30
)

func (o Options) sqlMemory() int64 { return cmp.Or(o.SQLMemoryBytes, SQLMemoryDefault) }
func (o Options) sqlFiles() int64  { return cmp.Or(o.SQLFilesBytes, SQLFilesDefault) }

// busyWaitDefault outlasts a checkpoint of another process.
const busyWaitDefault = 5 * time.Second

func (o Options) busyWait() time.Duration {
	if o.BusyWait == 0 {
		return busyWaitDefault
	}
	return o.BusyWait
}

// busyWaitMin still asks once.
const busyWaitMin = time.Millisecond
