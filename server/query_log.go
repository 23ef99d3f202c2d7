package server

import (
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/sqltx"
)

// Requests are noted in the query history of their database when they are answered: those
// that ran SQL, which say so themselves, and those of the routes below /kv, which are told
// by the name of their operation and their key. Values are never noted.

// kvPrefix begins the names of the routes that are noted by their name.
const kvPrefix = "kv."

// kvWords are operations that are told by another word than their route's name, and
// kvReads those that write nothing.
var (
	kvWords = map[string]string{"put": "SET", "head": "GET", "settings.put": "SET SETTINGS"}
	kvReads = map[string]bool{"get": true, "head": true, "list": true, "entry": true, "history": true, "snapshot": true,
		"diff": true, "settings": true, "batch.get": true}
)

// noteWord is what the query history calls a route's operation, "" if it does not tell of
// the route.
func noteWord(route string) (word string, writes bool) {
	name, ok := strings.CutPrefix(route, kvPrefix)
	if !ok {
		return "", false
	}
	if word = kvWords[name]; word == "" {
		word = strings.ToUpper(strings.ReplaceAll(name, ".", " "))
	}
	return word, !kvReads[name]
}

// note is what a request tells of itself while it is worked, for the query history.
type note struct {
	sql    []byte // that was asked for, as much of it as is kept
	writes bool   // the SQL went to the writer
	rows   int64  // that were answered or changed, if that is known
	why    string // the public text of what went wrong
	text   []byte // memory for the text of a key-value operation
}

func (n *note) reset() {
	n.sql, n.text = n.sql[:0], n.text[:0]
	n.writes, n.rows, n.why = false, 0, ""
}

// noteSQL has the request noted as one that asked for this SQL.
func (q *request) noteSQL(sql string) {
	n := &q.note
	if len(n.sql) > 0 {
		n.sql = append(n.sql, "; "...)
	}
	if room := querylog.SQLBytesMax + 1 - len(n.sql); len(sql) > room { // one too many, so that it is seen to be cut
		sql = sql[:max(room, 0)]
	}
	n.sql = append(n.sql, sql...)
}

// noteItems is noteSQL for a transaction: its statements and operations one after the other.
func (q *request) noteItems(call *catalog.Call) {
	for i := range call.SQL.Items {
		item := &call.SQL.Items[i]
		switch {
		case len(q.note.sql) > querylog.SQLBytesMax:
			return
		case item.Kind == sqltx.KeyValue:
			op := &call.Ops[item.Op]
			q.noteSQL(strings.ToUpper(op.Code.String()))
			q.note.sql = append(append(q.note.sql, ' '), op.Key...)
		default:
			q.noteSQL(strings.TrimRight(item.SQL, "; \t\r\n"))
		}
	}
}

// noteIn notes the request in the query history of its database, if it came to one.
func (q *request) noteIn(route *routeMetrics, took time.Duration) {
	if q.notedIn == nil || (len(q.note.sql) == 0 && route.word == "") || !q.notedIn.Notes() {
		return
	}
	n := &q.note
	e := querylog.Entry{At: q.server.config.Now(), Took: took}
	if e.Success = q.ctx.Response.StatusCode() < fasthttp.StatusBadRequest; e.Success {
		e.Rows = n.rows
	} else {
		e.Error = n.why
	}
	if len(n.sql) > 0 {
		e.SQL, e.Source, e.Statement = lent(n.sql), querylog.SQL, n.writes
	} else {
		n.text = q.appendOperation(n.text[:0], route.word)
		e.SQL, e.Source, e.Statement = lent(n.text), querylog.KV, route.writes
	}
	if len(q.actorBytes) == 0 {
		q.actorBytes = q.appendActor(q.actorBytes)
	}
	e.Client = lent(q.actorBytes)
	q.notedIn.Note(&e)
}

// appendOperation appends an operation with what it was about: INCR visits
func (q *request) appendOperation(dst []byte, word string) []byte {
	dst = append(dst, word...)
	if q.key != "" {
		dst = append(append(dst, ' '), q.key...)
	} else if prefix := q.argument("prefix"); len(prefix) > 0 {
		dst = append(append(append(dst, ' '), prefix...), '*')
	}
	if table := q.tableBytes; len(table) > 0 && string(table) != kv.DefaultTable {
		dst = append(append(dst, " table="...), table...)
	}
	return dst
}
