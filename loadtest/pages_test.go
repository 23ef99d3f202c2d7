package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// Each page of a file is of one tree, or free.
func TestThePagesOfAllTreesAndTheFreeOnesAreTheFile(t *testing.T) {
	trial := trialOf(t, 1_000)
	const seed = 11
	random := rand.New(rand.NewPCG(seed, 0))
	for number := range 300 {
		key := fmt.Sprintf("%0*d", 1+random.IntN(300), number)
		path := pathOf("/kv/"+key, "")
		var answer struct{}
		if err := ask(fasthttp.MethodPut, trial.server.address, path, strings.Repeat("x", random.IntN(20_000)), &answer); err != nil {
			t.Fatal(err)
		}
		if number%3 == 0 {
			if err := ask(fasthttp.MethodDelete, trial.server.address, pathOf("/kv/"+key, "&history=false"), nil, &answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := trial.waitForEmptyLog(context.Background()); err != nil {
		t.Fatal(err)
	}
	var trees []struct{ RootPage uint32 }
	if err := trial.query("SELECT 1 AS rootpage UNION ALL SELECT rootpage FROM sqlite_master WHERE rootpage > 0", &trees); err != nil {
		t.Fatal(err)
	}
	file, err := openPages(trial.databaseFile())
	if err != nil {
		t.Fatal(err)
	}
	defer file.close()
	for _, tree := range trees {
		if err := file.addTree(tree.RootPage); err != nil {
			t.Fatal(err)
		}
	}
	var free []struct {
		N int64 `json:"freelist_count"`
	}
	if err := trial.query("PRAGMA freelist_count", &free); err != nil {
		t.Fatal(err)
	}
	if file.counted+free[0].N != file.inFile {
		t.Errorf("seed %d: %d trees have %d pages and %d are free, of %d", seed, len(trees), file.counted, free[0].N, file.inFile)
	}
	if size, err := os.Stat(trial.databaseFile()); err != nil || size.Size() != file.inFile*file.pageBytes {
		t.Errorf("a file of %d pages has %d bytes, %v", file.inFile, size.Size(), err)
	}
}

func TestADamagedTreeIsToldAndNotFollowedForEver(t *testing.T) {
	f := func(what string, root uint32, damage func(file []byte)) {
		t.Helper()
		const pageBytes = 512
		file := make([]byte, 4*pageBytes)
		file[16], file[17] = pageBytes>>8, pageBytes&0xff
		file[31] = 4 // pages
		damage(file)
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := openPages(path)
		if err == nil {
			err = p.addTree(root)
			p.close()
		}
		if err == nil {
			t.Errorf("%s was taken for a tree", what)
		}
	}
	f("an empty page", 2, func([]byte) {})
	f("page 0", 0, func([]byte) {})
	f("a page beyond the end", 9, func([]byte) {})
	f("a page below itself", 2, func(file []byte) { file[512], file[512+11] = innerTable, 2 })
	f("a page with too many cells", 2, func(file []byte) { file[512], file[512+3] = leafTable, 0xff })
	f("a cell beyond its page", 2, func(file []byte) {
		file[512], file[512+4] = leafTable, 1
		file[512+8], file[512+9] = 0xff, 0xff
	})
	f("a file without a page size", 2, func(file []byte) { clear(file[:32]) })
	f("a file of a few bytes", 2, func(file []byte) { file[31] = 0 })
}

func TestNumbersOfUpToNineBytesAreRead(t *testing.T) {
	f := func(want int64, from ...byte) {
		t.Helper()
		if got := varint(append(from, make([]byte, varintMax)...)); got != want {
			t.Errorf("% x is %d, want %d", from, got, want)
		}
	}
	f(0, 0)
	f(127, 0x7f)
	f(128, 0x81, 0)
	f(16_384, 0x81, 0x80, 0)
	f(-1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
}
