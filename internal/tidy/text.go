package tidy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// textLaw is what no text of the repository may contain.
type textLaw []struct{ pattern, why string }

// check reads the files, whose names are relative to root. Files with a NUL are
// no text and are passed over.
func (law textLaw) check(root string, names []string) ([]string, error) {
	patterns := make([]*regexp.Regexp, len(law))
	for i, rule := range law {
		patterns[i] = regexp.MustCompile(rule.pattern)
	}
	var findings []string
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not yet committed
		}
		if err != nil {
			return nil, err
		}
		if bytes.IndexByte(text, 0) >= 0 {
			continue
		}
		for i, pattern := range patterns {
			for _, at := range pattern.FindAllIndex(text, -1) {
				line := 1 + bytes.Count(text[:at[0]], []byte("\n"))
				findings = append(findings, fmt.Sprintf("%s:%d: %q: %s", name, line, text[at[0]:at[1]], law[i].why))
			}
		}
	}
	return findings, nil
}

// repositoryFiles lists what is committed or would be by `git add`.
func repositoryFiles(root string) ([]string, error) {
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", list, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// target is a rule for something by name: no variable, no pattern, and none of
// make's own targets, which begin with a dot.
var target = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./ -]*:([^=]|$)`)

// checkMakefile finds the targets that `make help` would not list.
func checkMakefile(makefile string) []string {
	var findings []string
	for i, line := range strings.Split(makefile, "\n") {
		if target.MatchString(line) && !strings.Contains(line, " ## ") {
			name, _, _ := strings.Cut(line, ":")
			findings = append(findings, fmt.Sprintf("Makefile:%d: target %s has no ## help", i+1, name))
		}
	}
	return findings
}
