package server

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/goccy/go-json"
)

// healthBody is the answer of GET /health.
type healthBody struct {
	Status        string            `json:"status"`
	Service       string            `json:"service"`
	Version       string            `json:"version"`
	Built         string            `json:"built"`
	Started       string            `json:"started"`
	UptimeSeconds int64             `json:"uptime_seconds"`
	PID           int               `json:"pid"`
	Memory        healthMemory      `json:"memory"`
	FDs           int               `json:"fds"`
	IP            string            `json:"ip"`
	UserAgent     string            `json:"userAgent"`
	SQLiteVersion string            `json:"sqlite_version"`
	Synchronous   string            `json:"synchronous"`
	Warnings      []string          `json:"warnings"`
	Cache         healthCache       `json:"cache"`
	Counters      map[string]uint64 `json:"counters"`
	Limits        map[string]int    `json:"limits"`
	Features      []string          `json:"features"`
}

// healthMemory is in bytes.
type healthMemory struct {
	RSS  uint64 `json:"rss"`
	Heap uint64 `json:"heap"`
}

type healthCache struct {
	Size          int             `json:"size"`
	MaxSize       int             `json:"max_size"`
	DirectoryMode healthDirectory `json:"directory_mode"`
}

// healthDirectory is the files whose hashes are remembered, and the folders in use.
type healthDirectory struct {
	Size    int `json:"size"`
	MaxSize int `json:"max_size"`
	Held    int `json:"held"`
}

func (s *Server) cacheHealth() healthCache {
	return healthCache{
		Size: s.catalog.Open(), MaxSize: s.catalog.OpenMax(),
		DirectoryMode: healthDirectory{Size: s.files.Size(), MaxSize: s.files.Max(), Held: s.files.Held()},
	}
}

// features are what clients may count on beyond the common API.
var features = []string{
	"kv", "kv.batch", "kv.counters", "kv.paths", "kv.arrays", "kv.ttl", "kv.conditions", "kv.idempotency", "kv.limits",
	"kv.directory", "kv.history", "sql.transaction", "sql.batch", "sql.mixed", "sql.if", "sql.query", "db.schema", "db.export",
	"db.import", "db.backup", "db.maintenance", "query.history", "metrics",
}

func health(q *request) error {
	s := q.server
	limits := &s.config.Limits
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	body, err := json.Marshal(healthBody{
		Status:        "ok",
		Service:       "urlite",
		Version:       s.config.Version,
		Built:         s.config.Built,
		Started:       s.started.UTC().Format(timeFormat),
		UptimeSeconds: (s.config.Now() - s.started.UnixMilli()) / 1000,
		PID:           os.Getpid(),
		Memory:        healthMemory{RSS: residentBytes(), Heap: memory.HeapAlloc},
		FDs:           openFiles(),
		IP:            string(q.appendActor(nil)),
		UserAgent:     string(q.ctx.UserAgent()),
		SQLiteVersion: s.config.SQLiteVersion,
		Synchronous:   s.config.Synchronous,
		Warnings:      append([]string{}, s.config.Warnings...), // [] and not null
		Cache:         s.cacheHealth(),
		Counters:      map[string]uint64{"requests": s.metrics.requests.Get(), "in_flight": uint64(max(s.inFlight.Load(), 0))},
		Limits: map[string]int{
			"request_body_bytes": s.config.BodyBytesMax,
			"upload_bytes":       int(s.config.UploadBytesMax),
			"bodies_bytes":       int(s.bodies.max),
			"import_bytes":       int(s.config.ImportBytesMax),
			"key_bytes":          limits.KeyBytesMax,
			"value_bytes":        limits.ValueBytesMax,
			"batch_items":        limits.BatchItemsMax,
			"list_items":         limits.ListItemsMax,
			"transaction_items":  s.config.SQL.ItemsMax,
			"batch_rows":         s.config.SQL.BatchRowsMax,
			"transaction_rows":   s.config.SQL.RowsAllMax,
			"transaction_values": s.config.SQL.ValuesMax,
			"sql_memory_bytes":   int(s.config.SQLMemoryBytes),
			"sql_files_bytes":    int(s.config.SQLFilesBytes),
			"result_rows":        s.config.SQL.RowsMax,
			"response_bytes":     s.config.SQL.BytesMax,
		},
		Features: features,
	})
	if err != nil {
		return err
	}
	q.out = append(q.out[:0], body...)
	q.json()
	return nil
}

// healthCacheSize is GET /health/cache: the open databases.
func healthCacheSize(q *request) error {
	body, err := json.Marshal(q.server.cacheHealth())
	if err != nil {
		return err
	}
	q.out = append(q.out[:0], body...)
	q.json()
	return nil
}

const timeFormat = "2006-01-02T15:04:05Z07:00"

// residentBytes is the process's resident memory, 0 where the system has no /proc.
func residentBytes() uint64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// openFiles is the number of open file descriptors, 0 where the system has no /proc.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
