// Package tidy holds the house to its own laws: who may import whom, which rooms
// know no clock, how long a file may grow, what no text may contain. The laws are
// the tables in tidy_test.go; this package only reads the tree and compares.
//
// Every check returns findings of the form "path:line: what is wrong".
package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// goFile is one parsed file. Its path is relative to the root, with slashes.
type goFile struct {
	path   string
	set    *token.FileSet
	syntax *ast.File
}

// isTest tells whether only `go test` compiles the file.
func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// folder is where the file lies, "." for the root.
func (f goFile) folder() string { return path.Dir(f.path) }

// finding words what is wrong at a node of the file.
func (f goFile) finding(at ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.line(at.Pos()), fmt.Sprintf(format, args...))
}

func (f goFile) line(at token.Pos) int { return f.set.Position(at).Line }

// loadGo parses every Go file under root that belongs to its module.
func loadGo(root string) ([]goFile, error) {
	var files []goFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && foreign(name) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files = append(files, goFile{filepath.ToSlash(relative), set, syntax})
		return nil
	})
	return files, err
}

// foreign tells of a folder that the go command would skip as well: hidden, test
// data, or a module of its own.
func foreign(folder string) bool {
	base := filepath.Base(folder)
	if base == "testdata" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// covers tells whether inner is outer or lies below it.
func covers(outer, inner string) bool {
	return inner == outer || strings.HasPrefix(inner, outer+"/")
}

// among tells whether one of the folders, which are separated by spaces, covers inner.
func among(folders, inner string) bool {
	return slices.ContainsFunc(strings.Fields(folders), func(outer string) bool { return covers(outer, inner) })
}
