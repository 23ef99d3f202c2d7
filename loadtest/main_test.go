package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scenarios run short here: what they count must add up, how fast they are
// is nobody's business in a test.
func TestEveryScenarioRunsAndItsIncrementsAddUp(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "cpu.pprof")
	var out, failures strings.Builder
	code := run(context.Background(), []string{
		"-server", serverBinary(t), "-dir", t.TempDir(), "-keys", "500", "-connections", "8",
		"-duration", "300ms", "-memory-duration", "500ms", "-expiring", "500", "-entries", "4000", "-table-keys", "2000", "-profile", profile,
	}, &out, &failures)
	t.Logf("\n%s", &out)
	if code != 0 || failures.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &failures)
	}
	for _, s := range scenarios(500) {
		_, line, found := strings.Cut(out.String(), "\n"+s.name+" ")
		if !found {
			t.Errorf("scenario %s is not in the table", s.name)
			continue
		}
		if line, _, _ = strings.Cut(line, "\n"); strings.HasSuffix(line, "FAILED") {
			t.Errorf("scenario %s failed", s.name)
		}
	}
	if taken, err := os.Stat(profile); err != nil || taken.Size() == 0 {
		t.Errorf("no CPU profile: %v", err)
	}
}

func TestWrongFlagsAreToldAndExitWithTwo(t *testing.T) {
	f := func(want string, arguments ...string) {
		t.Helper()
		var out, failures strings.Builder
		if code := run(context.Background(), arguments, &out, &failures); code != 2 {
			t.Errorf("%v: exit code %d", arguments, code)
		}
		if !strings.Contains(failures.String(), want) {
			t.Errorf("%v: told %q, want %q in it", arguments, &failures, want)
		}
	}
	f("-keys: 0", "-keys", "0")
	f("-connections: 0", "-connections", "256,0")
	f("-connections: 1000000", "-connections", "1000000")
	f("-duration: 1h0m0s", "-duration", "1h")
	f("-expiring: 0", "-expiring", "0")
	f("-expiring: 1000000", "-expiring", "1000000")
	f("-entries: 999", "-entries", "999")
	f("-entries: 2000001", "-entries", "2000001")
	f("-table-keys: 999", "-table-keys", "999")
	f("-table-keys: 1000001", "-table-keys", "1000001")
	f("-run: error parsing", "-run", "(")
	f("-profile needs", "-profile", "file", "-run", "hot")
	f("unexpected argument", "incr-hot")
}

func TestListNamesEveryScenario(t *testing.T) {
	var out strings.Builder
	if code := run(context.Background(), []string{"-list"}, &out, &out); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, s := range scenarios(1) {
		if line := fmt.Sprintf("%-20s %s\n", s.name, s.about); !strings.Contains(out.String(), line) {
			t.Errorf("no line %q in\n%s", line, &out)
		}
	}
}
