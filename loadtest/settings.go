package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// profiledScenario is the one whose CPU profile stands for all: PGO wants every
// hot path in one profile, in proportion.
const profiledScenario = "mix"

// settings is what the flags say.
type settings struct {
	server          string
	serverArguments []string
	folder          string // temporary databases go below it
	connections     []int
	keys            int
	duration        time.Duration // measured, per side
	memoryDuration  time.Duration
	expiring        int // keys that expire a second in the scenario sweep
	entries         int // of the key with the long past
	tableKeys       int // of the tables whose past is asked for
	seed            uint64
	run             *regexp.Regexp
	profile         string // empty: none
	list            bool
}

func parseSettings(arguments []string, errorsTo io.Writer) (settings, error) {
	flags := flag.NewFlagSet("loadtest", flag.ContinueOnError)
	flags.SetOutput(errorsTo)
	var s settings
	flags.StringVar(&s.server, "server", "bin/urlite", "server `binary` to measure")
	serverArguments := flags.String("server-args", "", "further `flags` of the server, for instance \"--synchronous normal\"")
	flags.StringVar(&s.folder, "dir", os.TempDir(), "`folder` for the databases; choose one on a real disk, on a RAM disk a sync costs nothing")
	connections := flags.String("connections", "256", "connection `counts`, comma-separated; scenarios run once with each")
	flags.IntVar(&s.keys, "keys", 100_000, "`number` of keys in the random scenarios")
	flags.DurationVar(&s.duration, "duration", 5*time.Second, "measured `time` per scenario and side; under a second it is mostly noise")
	flags.DurationVar(&s.memoryDuration, "memory-duration", time.Minute, "`time` under load before memory is looked at")
	flags.IntVar(&s.expiring, "expiring", 16_700, "keys that expire a `second` in the scenario sweep; 16,700 are a million a minute")
	flags.IntVar(&s.entries, "entries", 1_000_000, "`number` of entries of the long past in history-deep; history-bytes writes a quarter of it")
	flags.IntVar(&s.tableKeys, "table-keys", 1_000_000, "`number` of keys of the table in snapshot-table and of rows in export-csv; rollback-100k has a tenth of it")
	flags.Uint64Var(&s.seed, "seed", 1, "`seed` of the random keys; the same seed sends the same requests")
	run := flags.String("run", "", "run only scenarios whose name matches the `regexp`")
	flags.StringVar(&s.profile, "profile", "", "write a CPU profile of the server in the scenario "+profiledScenario+" to `file`")
	flags.BoolVar(&s.list, "list", false, "list the scenarios and run none")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	s.serverArguments = strings.Fields(*serverArguments)
	var err error
	if s.run, err = regexp.Compile(*run); err != nil {
		return s, fmt.Errorf("-run: %w", err)
	}
	if s.connections, err = parseCounts(*connections); err != nil {
		return s, fmt.Errorf("-connections: %w", err)
	}
	return s, s.check()
}

func (s *settings) check() error {
	switch {
	case s.keys < 1 || s.keys > keysMax:
		return fmt.Errorf("-keys: %d is not within 1..%d", s.keys, keysMax)
	case s.duration <= 0 || s.duration > durationMax:
		return fmt.Errorf("-duration: %v is not within 0..%v", s.duration, durationMax)
	case s.memoryDuration <= 0 || s.memoryDuration > durationMax:
		return fmt.Errorf("-memory-duration: %v is not within 0..%v", s.memoryDuration, durationMax)
	case s.expiring < 1 || s.expiring > expiringMax:
		return fmt.Errorf("-expiring: %d is not within 1..%d", s.expiring, expiringMax)
	case s.entries < entriesMin || s.entries > entriesMax:
		return fmt.Errorf("-entries: %d is not within %d..%d", s.entries, entriesMin, entriesMax)
	case s.tableKeys < tableKeysMin || s.tableKeys > keysMax:
		return fmt.Errorf("-table-keys: %d is not within %d..%d", s.tableKeys, tableKeysMin, keysMax)
	case s.profile != "" && !s.run.MatchString(profiledScenario):
		return errors.New("-profile needs the scenario " + profiledScenario + ", which -run leaves out")
	}
	return nil
}

func parseCounts(list string) (counts []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		count, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		if count < 1 || count > connectionsMax {
			return nil, fmt.Errorf("%d is not within 1..%d", count, connectionsMax)
		}
		counts = append(counts, count)
	}
	return counts, nil
}
