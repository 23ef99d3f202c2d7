package tidy

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// importLaw says who may import whom. What it does not allow is forbidden. Lists
// are separated by spaces.
type importLaw struct {
	module string
	// everybody is the room that every room may import.
	everybody string
	// testsOnly is the room that the tests of every room may import, and nobody else.
	testsOnly string
	rooms     []room
	guests    []guest
}

// room is a folder of ours with all below it, and the rooms it may import.
type room struct{ name, mayImport string }

// guest is a module or package that is not ours, or that needs a reason to be
// used, and who may import it: rooms, patterns of file names, or the word tests.
type guest struct{ name, hosts string }

// check holds the imports of every file against the law.
func (law importLaw) check(files []goFile) []string {
	var findings []string
	for _, file := range files {
		from, known := law.roomOf(file.folder())
		if !known {
			findings = append(findings, file.finding(file.syntax, "folder %s is no room of the import law", file.folder()))
			continue
		}
		for _, spec := range file.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser has seen to it
			}
			if fault := law.fault(file, from, imported); fault != "" {
				findings = append(findings, file.finding(spec, "%s", fault))
			}
		}
	}
	return findings
}

// fault says what is wrong about a file of the room from importing a package.
func (law importLaw) fault(file goFile, from room, imported string) string {
	if ours, ok := strings.CutPrefix(imported, law.module+"/"); ok {
		return law.roomFault(file, from, ours)
	}
	for _, guest := range law.guests {
		if !covers(guest.name, imported) {
			continue
		}
		if guest.admits(file) {
			return ""
		}
		return imported + " may only be imported by " + guest.hosts
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return imported + " is no guest of the import law"
	}
	return ""
}

func (law importLaw) roomFault(file goFile, from room, folder string) string {
	to, known := law.roomOf(folder)
	switch {
	case !known:
		return folder + " is no room of the import law"
	case to.name == from.name, to.name == law.everybody:
		return ""
	case to.name == law.testsOnly:
		if file.isTest() {
			return ""
		}
		return to.name + " may only be imported by tests"
	case slices.Contains(strings.Fields(from.mayImport), to.name):
		return ""
	}
	return "room " + from.name + " may not import room " + to.name
}

// roomOf finds the innermost room that a folder lies in.
func (law importLaw) roomOf(folder string) (found room, known bool) {
	for _, room := range law.rooms {
		if covers(room.name, folder) && len(room.name) > len(found.name) {
			found, known = room, true
		}
	}
	return found, known
}

func (g guest) admits(file goFile) bool {
	return slices.ContainsFunc(strings.Fields(g.hosts), func(host string) bool {
		if host == "tests" {
			return file.isTest()
		}
		matched, err := path.Match(host, file.path)
		return err == nil && matched || covers(host, file.folder())
	})
}
