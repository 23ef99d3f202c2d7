//go:build amalgamation

package store

// This import is never compiled: nobody sets the tag. It keeps the module in
// go.mod, because its sqlite3-binding.c is the SQLite source that `make
// sqlite3.o` compiles, and so go.mod pins the engine like any dependency and
// go.sum vouches for it.
import _ "github.com/mattn/go-sqlite3"
