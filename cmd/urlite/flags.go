package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/server"
)

// settings is what the operator decides.
type settings struct {
	dir           string
	listen        string
	synchronous   string
	createMissing bool
	anyPath       bool
	bodyBytesMax  int
	bodiesMax     int
	importMax     int64
	limits        server.Limits
	sqlLimits     server.SQLLimits
	readers       int
	openMax       int
	idleAfter     time.Duration
	busyWait      time.Duration
	pprof         string
	writer        catalog.WriterLimits
	keep          catalog.KeepLimits
	queryHistory  bool

	queriesGiveWay bool
	sqlMemory      int64
	sqlFiles       int64

	uploadBytesMax int64
}

// environmentPrefix turns the flag --group-ops-max into URLITE_GROUP_OPS_MAX.
const environmentPrefix = "URLITE_"

func environmentName(flagName string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// errHelp says that the flags were explained, as asked.
var errHelp = flag.ErrHelp

// defaultSettings are those that the flags take their defaults from.
func defaultSettings() settings {
	return settings{writer: catalog.DefaultWriterLimits(), limits: server.DefaultLimits(), sqlLimits: server.DefaultSQLLimits()}
}

// readSettings takes the settings from the flags, and what they don't say from the
// environment. The error is for the operator.
func readSettings(args, environ []string, help io.Writer) (settings, error) {
	s := defaultSettings()
	flags := flag.NewFlagSet("urlite serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	s.define(flags)
	if err := readEnvironment(flags, environ); err != nil {
		return s, err
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			printFlags(flags, help)
		}
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return s, s.check()
}

func (s *settings) define(flags *flag.FlagSet) {
	flags.StringVar(&s.dir, "dir", ".", "folder of the databases")
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "address to serve on; \":8080\" serves the network, and nothing checks who calls")
	flags.StringVar(&s.synchronous, "synchronous", "full", "what an answer to a write means: full = on disk; normal = safe from a crash of the server, but a power cut may take back the latest writes. normal is faster")
	flags.BoolVar(&s.createMissing, "create-missing", true, "let a write to a new name make the database, where the request does not say")
	flags.BoolVar(&s.anyPath, "allow-any-absolute-db-path", false, "let requests open databases outside of --dir by their absolute path; only where every client is trusted with the machine")
	flags.IntVar(&s.bodyBytesMax, "max-body-bytes", 32<<20, "largest request body")
	flags.Int64Var(&s.uploadBytesMax, "max-upload-bytes", 4<<30, "largest database that may be uploaded, unpacked")
	flags.IntVar(&s.bodiesMax, "max-bodies-bytes", server.BodiesBytesDefault, "most memory for request bodies that are arriving or at work, all together; past it the answer is 503")
	flags.Int64Var(&s.importMax, "max-import-bytes", server.ImportBytesDefault, "largest file of an import; as much disk may be needed beside the database until it is in")
	flags.IntVar(&s.limits.ValueBytesMax, "max-value-bytes", s.limits.ValueBytesMax, "largest stored value")
	flags.IntVar(&s.limits.KeyBytesMax, "max-key-bytes", s.limits.KeyBytesMax, "longest key")
	flags.IntVar(&s.limits.BatchItemsMax, "max-batch-items", s.limits.BatchItemsMax, "most items of a batch; a batch is never cut, so a large one holds up everybody behind it")
	flags.IntVar(&s.limits.ListItemsMax, "max-list-items", s.limits.ListItemsMax, "most items in a page of a list")
	flags.IntVar(&s.sqlLimits.ItemsMax, "max-transaction-items", s.sqlLimits.ItemsMax, "most items of a SQL transaction")
	flags.IntVar(&s.sqlLimits.BatchRowsMax, "max-batch-rows", s.sqlLimits.BatchRowsMax, "most rows of values for one statement of a SQL transaction")
	flags.IntVar(&s.sqlLimits.RowsAllMax, "max-transaction-rows", s.sqlLimits.RowsAllMax, "most rows of values in a SQL transaction; it is never cut, so a large one holds up everybody behind it")
	flags.Int64Var(&s.sqlMemory, "sql-memory-bytes", catalog.SQLMemoryDefault, "most memory that SQLite may take for the SQL of one request")
	flags.BoolVar(&s.queriesGiveWay, "queries-give-way", true, "let queries that run for longer than 20 ms sleep while the rest of the server is busy, so that nobody waits long for them; they then take up to fifty times longer")
	flags.Int64Var(&s.sqlFiles, "sql-files-bytes", catalog.SQLFilesDefault, "most bytes that the SQL of one request may write to temporary files: sorts, and indexes that are made")
	flags.IntVar(&s.sqlLimits.RowsMax, "max-result-rows", s.sqlLimits.RowsMax, "most rows of one result; what is beyond is cut off, and the answer says so")
	flags.IntVar(&s.sqlLimits.BytesMax, "max-response-bytes", s.sqlLimits.BytesMax, "largest answer")
	flags.IntVar(&s.readers, "readers", max(4, 2*runtime.NumCPU()), "read-only connections per database; more than twice the cores only helps against slow queries")
	flags.IntVar(&s.openMax, "open-databases-max", 256, "databases open at once; each takes some memory and ten file descriptors")
	flags.DurationVar(&s.idleAfter, "idle-close", 5*time.Minute, "close a database that nobody used for this long; 0 = never")
	flags.DurationVar(&s.busyWait, "busy-wait", 5*time.Second, "wait for a lock that another process holds on a file, then answer 503")
	flags.StringVar(&s.pprof, "pprof", "", "address that serves profiles of the program, such as 127.0.0.1:6060; never one that the network reaches")
	flags.BoolVar(&s.queryHistory, "query-history", true, "keep the latest 1,000 requests of each database in it: SQL and keys, never values; see /history")
	flags.Int64Var(&s.keep.Entries, "keep-entries", 0, "entries of history kept of each key, where its table does not say; 0 = all")
	flags.Int64Var(&s.keep.Seconds, "keep-seconds", 0, "age in seconds at which history is forgotten, where its table does not say; 0 = never")
	flags.IntVar(&s.writer.GroupOpsMax, "group-ops-max", s.writer.GroupOpsMax, "most key-value operations committed together")
	flags.IntVar(&s.writer.GroupBytesMax, "group-bytes-max", s.writer.GroupBytesMax, "most bytes of requests committed together")
	flags.DurationVar(&s.writer.HoldMax, "group-hold-max", s.writer.HoldMax, "longest work on a group before it is committed")
	flags.IntVar(&s.writer.InboxCallsMax, "inbox-calls-max", s.writer.InboxCallsMax, "most requests that may wait for one database; past it the answer is 503")
	flags.IntVar(&s.writer.InboxBytesMax, "inbox-bytes-max", s.writer.InboxBytesMax, "most bytes that may wait for one database")
	flags.IntVar(&s.writer.CheckpointFrames, "checkpoint-pages", s.writer.CheckpointFrames, "pages in the write-ahead log at which it is copied into the file; more is faster, and takes more disk")
}

// readEnvironment sets each flag that has a variable. A variable that no flag has is
// a mistake worth telling.
func readEnvironment(flags *flag.FlagSet, environ []string) error {
	known := map[string]string{}
	flags.VisitAll(func(f *flag.Flag) { known[environmentName(f.Name)] = f.Name })
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, environmentPrefix) {
			continue
		}
		flagName, ok := known[name]
		if !ok {
			return fmt.Errorf("unknown environment variable %s", name)
		}
		if err := flags.Set(flagName, value); err != nil {
			return fmt.Errorf("environment variable %s: invalid value %q: %w", name, value, err)
		}
	}
	return nil
}

// valueBytesLimit is what a row has room for beside its other columns.
const valueBytesLimit = 63 << 20

// keepSecondsLimit is what the API takes, some 3,000 years.
const keepSecondsLimit = 100_000_000_000

// check refuses what parses and can't be meant.
func (s *settings) check() error {
	if s.synchronous != "full" && s.synchronous != "normal" {
		return fmt.Errorf("invalid value %q for --synchronous: it is full or normal", s.synchronous)
	}
	positive := []struct {
		name  string
		value int64
	}{
		{"max-upload-bytes", s.uploadBytesMax},
		{"max-body-bytes", int64(s.bodyBytesMax)}, {"max-bodies-bytes", int64(s.bodiesMax)},
		{"max-import-bytes", s.importMax}, {"max-value-bytes", int64(s.limits.ValueBytesMax)},
		{"max-key-bytes", int64(s.limits.KeyBytesMax)}, {"max-batch-items", int64(s.limits.BatchItemsMax)},
		{"max-list-items", int64(s.limits.ListItemsMax)}, {"max-transaction-items", int64(s.sqlLimits.ItemsMax)},
		{"max-batch-rows", int64(s.sqlLimits.BatchRowsMax)}, {"max-transaction-rows", int64(s.sqlLimits.RowsAllMax)},
		{"sql-memory-bytes", s.sqlMemory}, {"sql-files-bytes", s.sqlFiles},
		{"max-result-rows", int64(s.sqlLimits.RowsMax)}, {"max-response-bytes", int64(s.sqlLimits.BytesMax)},
		{"readers", int64(s.readers)}, {"open-databases-max", int64(s.openMax)},
		{"busy-wait", int64(s.busyWait)}, {"group-ops-max", int64(s.writer.GroupOpsMax)},
		{"group-bytes-max", int64(s.writer.GroupBytesMax)}, {"group-hold-max", int64(s.writer.HoldMax)},
		{"inbox-calls-max", int64(s.writer.InboxCallsMax)}, {"inbox-bytes-max", int64(s.writer.InboxBytesMax)},
		{"checkpoint-pages", int64(s.writer.CheckpointFrames)},
	}
	for _, flag := range positive {
		if flag.value <= 0 {
			return fmt.Errorf("--%s must be positive", flag.name)
		}
	}
	if s.limits.ValueBytesMax > valueBytesLimit {
		return fmt.Errorf("--max-value-bytes must be at most %d", valueBytesLimit)
	}
	if s.keep.Entries < 0 || s.keep.Seconds < 0 || s.keep.Seconds > keepSecondsLimit {
		return fmt.Errorf("--keep-entries and --keep-seconds must not be negative, and --keep-seconds at most %d", keepSecondsLimit)
	}
	if s.idleAfter < 0 {
		return errors.New("--idle-close must not be negative")
	}
	return nil
}

// printFlags explains every flag with its variable.
func printFlags(flags *flag.FlagSet, out io.Writer) {
	fmt.Fprintln(out, "Usage: urlite serve [flags]\n\nEvery flag can also be set in the environment.")
	flags.VisitAll(func(f *flag.Flag) {
		fmt.Fprintf(out, "\n  --%s (%s", f.Name, environmentName(f.Name))
		if f.DefValue != "" {
			fmt.Fprintf(out, ", default %s", f.DefValue)
		}
		fmt.Fprintf(out, ")\n      %s\n", f.Usage)
	})
}
