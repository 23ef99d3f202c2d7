package server

import (
	"os"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// createDatabase makes a new database file, perhaps with a KV table.
func createDatabase(q *request) error {
	if err := q.takesNothing(); err != nil {
		return err
	}
	name := string(q.argument("path"))
	if name == "" {
		return refusal.New(refusal.InvalidDatabasePath, "path is required: the name of the database to create")
	}
	withTable, err := q.flag("init_kv", false)
	if err != nil {
		return err
	}
	table := string(q.argument("kv_table"))
	if table == "" {
		table = kv.DefaultTable
	}
	if why := kv.CheckTable(table); why != nil {
		return why
	}
	tables := []string{"_query_history"}
	made := ""
	if withTable {
		made = strings.ToLower(table)
		tables = append(tables, made, made+"_history")
	}
	path, err := q.server.catalog.Create(name, made)
	if refusal.Of(err) != nil && refusal.Of(err).Kind == refusal.DatabaseExists {
		return databaseExists(name)
	}
	if err != nil {
		return err
	}
	size := int64(0)
	if info, err := os.Stat(path); err == nil {
		size = info.Size()
	}
	q.ctx.SetStatusCode(fasthttp.StatusCreated)
	q.begin()
	q.text("path", name)
	q.text("kv_table", table)
	q.name("tables")
	for i, name := range tables {
		q.out = append(q.out, "[,"[min(i, 1)]) // the first opens the list
		q.out = jsontext.AppendString(q.out, name)
	}
	q.out = append(q.out, ']')
	q.number("size", size)
	q.text("message", "Database created")
	q.end()
	return nil
}

// databaseExists is the refusal that tells which path it is about.
func databaseExists(name string) error {
	facts := append(jsontext.AppendString([]byte(`,"path":`), name), `,"exists":true`...)
	return refusal.New(refusal.DatabaseExists, "database already exists").With(string(facts))
}
