package server

import (
	"errors"
	"os"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// creation is a database to be made, as it was asked for.
type creation struct {
	name    string
	kvTable string // as sent
	made    string // the KV table to make, "" for none
}

// createDatabase makes a new database file, perhaps with a KV table.
func createDatabase(q *request) error {
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	wanted, err := q.creation()
	if err != nil {
		return err
	}
	call := catalog.NewCall()
	defer call.Release()
	if err := q.bindOnce(call); err != nil {
		return err
	}
	var kept *catalog.Kept
	if call.Once.Key != "" {
		kept = &catalog.Kept{Key: call.Once.Key, Body: func(size int64) []byte { return wanted.answer(nil, size) }}
		kept.Answer.At, kept.Answer.Request = q.server.config.Now(), call.Once.Request[:]
	}
	path, err := q.server.catalog.Create(wanted.name, wanted.made, kept)
	if r := refusal.Of(err); r != nil && r.Kind == refusal.DatabaseExists {
		return q.createdBefore(wanted.name, call)
	}
	if err != nil {
		return err
	}
	size := int64(0)
	if info, err := os.Stat(path); err == nil {
		size = info.Size()
	}
	q.ctx.SetStatusCode(fasthttp.StatusCreated)
	q.out = wanted.answer(q.out[:0], size)
	q.json()
	return nil
}

func (q *request) creation() (wanted creation, err error) {
	wanted = creation{name: string(q.argument("path")), kvTable: string(q.argument("kv_table"))}
	if wanted.name == "" {
		return wanted, refusal.New(refusal.InvalidDatabasePath, "path is required: the name of the database to create")
	}
	withTable, err := q.flag("init_kv", false)
	if err != nil {
		return wanted, err
	}
	if wanted.kvTable == "" {
		wanted.kvTable = kv.DefaultTable
	}
	if why := kv.CheckTable(wanted.kvTable); why != nil {
		return wanted, why
	}
	if withTable {
		wanted.made = strings.ToLower(wanted.kvTable)
	}
	return wanted, nil
}

// answer appends the answer to a creation that was done.
func (c *creation) answer(dst []byte, size int64) []byte {
	dst = jsontext.AppendString(append(dst, `{"success":true,"path":`...), c.name)
	dst = jsontext.AppendString(append(dst, `,"kv_table":`...), c.kvTable)
	dst = append(dst, `,"tables":["_query_history"`...)
	if c.made != "" {
		dst = jsontext.AppendString(append(dst, ','), c.made)
		dst = jsontext.AppendString(append(dst, ','), c.made+"_history")
	}
	dst = appendInt(append(dst, `],"size":`...), size)
	return append(dst, `,"message":"Database created"}`...)
}

// createdBefore answers a request whose database is there: perhaps it was this request
// that made it.
func (q *request) createdBefore(name string, call *catalog.Call) error {
	exists := databaseExists(name)
	if call.Once.Key == "" {
		return exists
	}
	db, err := q.acquire(name, false)
	if err != nil {
		return err
	}
	switch err := db.Do(call); {
	case errors.Is(err, catalog.ErrNotDone):
		return exists
	case err != nil:
		return err
	}
	q.ctx.SetStatusCode(fasthttp.StatusCreated)
	q.answerCall(call)
	return nil
}

// databaseExists is the refusal that tells which path it is about.
func databaseExists(name string) error {
	facts := append(jsontext.AppendString([]byte(`,"path":`), name), `,"exists":true`...)
	return refusal.New(refusal.DatabaseExists, "database already exists").With(string(facts))
}
