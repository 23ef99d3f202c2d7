package tidy

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// purityLaw names the rooms whose answers depend on their arguments alone. Tests
// are free to do as they like. Lists are separated by spaces.
type purityLaw struct {
	// clockless rooms are handed the time, so that tests, replays and replicas decide alike.
	clockless string
	// goroutineless rooms run in the caller's goroutine, wait for nothing and leave
	// no goroutine behind, a timer's included.
	goroutineless string
	// worldless rooms import none of the outside packages.
	worldless string
	outside   string
}

// What package time offers to those who read the clock, and to those who wait for it.
const (
	clock  = "Now Since Until"
	timers = "Sleep After AfterFunc Tick NewTicker NewTimer"
)

func (law purityLaw) check(files []goFile) []string {
	var findings []string
	for _, file := range files {
		if file.isTest() {
			continue
		}
		clockless, goroutineless := among(law.clockless, file.folder()), among(law.goroutineless, file.folder())
		timeName := importedAs(file, "time")
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.GoStmt:
				if goroutineless {
					findings = append(findings, file.finding(node, "a goroutine in a room that starts none"))
				}
			case *ast.SelectorExpr:
				if clockless && selects(node, timeName, clock) {
					findings = append(findings, file.finding(node, "time.%s in a room without a clock", node.Sel.Name))
				}
				if goroutineless && selects(node, timeName, timers) {
					findings = append(findings, file.finding(node, "time.%s in a room that waits for nothing", node.Sel.Name))
				}
			case *ast.ImportSpec:
				imported, _ := strconv.Unquote(node.Path.Value)
				if clockless && imported == "time" && timeName == "." {
					findings = append(findings, file.finding(node, "a dot import would hide the clock"))
				}
				if among(law.worldless, file.folder()) && among(law.outside, imported) {
					findings = append(findings, file.finding(node, "%s in a room that knows nothing of the world", imported))
				}
			}
			return true
		})
	}
	return findings
}

// selects tells of one of the names selected from the package that the file calls pkg.
func selects(selector *ast.SelectorExpr, pkg, names string) bool {
	of, ok := selector.X.(*ast.Ident)
	return ok && pkg != "" && of.Name == pkg && slices.Contains(strings.Fields(names), selector.Sel.Name)
}

// importedAs returns the name that a package of one word has in the file, "" if
// it is not imported.
func importedAs(file goFile, name string) string {
	for _, spec := range file.syntax.Imports {
		if spec.Path.Value != strconv.Quote(name) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return name
	}
	return ""
}
