package tidy

import (
	"fmt"
	"go/ast"
)

// sizeLaw limits what a reader must hold in mind at once. Tests may be longer:
// tables are read line by line.
type sizeLaw struct {
	fileLinesMax     int
	functionLinesMax int
}

func (law sizeLaw) check(files []goFile) []string {
	var findings []string
	for _, file := range files {
		if file.isTest() {
			continue
		}
		if lines := file.set.File(file.syntax.FileStart).LineCount(); lines > law.fileLinesMax {
			findings = append(findings, fmt.Sprintf("%s:%d: the file has %d lines, of %d at most",
				file.path, law.fileLinesMax+1, lines, law.fileLinesMax))
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			name := ""
			switch node := node.(type) {
			case *ast.FuncDecl:
				name = node.Name.Name
			case *ast.FuncLit:
				name = "a function literal"
			default:
				return true
			}
			lines := file.line(node.End()) - file.line(node.Pos()) + 1
			if lines <= law.functionLinesMax {
				return true
			}
			findings = append(findings, file.finding(node, "%s has %d lines, of %d at most", name, lines, law.functionLinesMax))
			return false // what is inside is counted already
		})
	}
	return findings
}
