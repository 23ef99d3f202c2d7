package server

import (
	"bytes"
	"strconv"
	"time"
	"unsafe"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// lent views bytes as a string without copying. The bytes belong to the request:
// they stay as they are until its handler returns, and a handler never returns
// while the writer has its call.
func lent(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// argument is a query parameter, decoded; empty when it is absent.
func (q *request) argument(name string) []byte { return q.ctx.QueryArgs().Peek(name) }

// has tells whether a query parameter was sent, bare or with a value.
func (q *request) has(name string) bool { return q.ctx.QueryArgs().Has(name) }

// flag is a boolean parameter. Sent without a value it is true.
func (q *request) flag(name string, absent bool) (bool, error) {
	if !q.has(name) {
		return absent, nil
	}
	switch string(q.argument(name)) {
	case "true", "1", "":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, refusal.Newf(refusal.InvalidParameters, "%s must be true, false, 1 or 0, not %.64q", name, q.argument(name))
}

// integer is a decimal parameter.
func (q *request) integer(name string, absent int64) (int64, error) {
	text := q.argument(name)
	if len(text) == 0 && !q.has(name) {
		return absent, nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, refusal.Newf(refusal.InvalidParameters, "%s must be an integer, not %.64q", name, text)
	}
	return n, nil
}

// The bounds of the timeout parameter, in seconds.
const (
	timeoutDefault = 30
	timeoutMin     = 1
	timeoutMax     = 300
)

// timeout is how long the client wants to wait. What is no integer is ignored.
func (q *request) timeout() time.Duration { return q.timeoutOr(timeoutDefault) }

// timeoutOr is timeout where a client that says nothing waits for so many seconds.
func (q *request) timeoutOr(absent int64) time.Duration {
	sent := q.argument("timeout")
	if len(sent) == 0 {
		return time.Duration(absent) * time.Second
	}
	seconds, err := strconv.ParseInt(string(sent), 10, 64)
	if err != nil {
		seconds = absent
	}
	return time.Duration(min(max(seconds, timeoutMin), timeoutMax)) * time.Second
}

// table is the KV table, in the lower case that SQLite compares names in.
func (q *request) table() (string, error) {
	name := q.argument("table")
	if len(name) == 0 {
		return kv.DefaultTable, nil
	}
	if why := kv.CheckTable(lent(name)); why != nil {
		return "", why
	}
	// A name that passed is ASCII; there are other letters whose lower case is too.
	q.tableBytes = append(q.tableBytes[:0], bytes.ToLower(name)...)
	return lent(q.tableBytes), nil
}

// actor is who makes the request.
func (q *request) actor() string {
	q.actorBytes = q.appendActor(q.actorBytes[:0])
	return lent(q.actorBytes)
}

var (
	errNoDatabase    = refusal.New(refusal.InvalidDatabasePath, "db is required: the name of a database")
	errCreateClashes = refusal.New(refusal.InvalidParameters, "conflicting flags: create_db_if_missing and auto_create must match")
)

// create tells whether a missing database is to be made.
func (q *request) create() (bool, error) {
	create, err := q.flag("create_db_if_missing", q.server.config.CreateMissing)
	if err != nil || !q.has("auto_create") {
		return create, err
	}
	alias, err := q.flag("auto_create", false)
	if err != nil {
		return false, err
	}
	if q.has("create_db_if_missing") && alias != create {
		return false, errCreateClashes
	}
	return alias, nil
}

// database acquires the request's database, which is released with the request.
func (q *request) database(create bool) (*catalog.DB, error) {
	name := q.argument("db")
	if len(name) == 0 {
		return nil, errNoDatabase
	}
	return q.acquire(lent(name), create)
}

// acquire acquires the database that name means, which is released with the request. A
// request has one.
func (q *request) acquire(name string, create bool) (db *catalog.DB, err error) {
	q.db, err = q.server.catalog.Acquire(name, create)
	q.notedIn = q.db
	return q.db, err
}

// letGo releases the database before the request ends.
func (q *request) letGo() {
	if q.db != nil {
		q.db.Release()
		q.db = nil
	}
}

// takeDatabase is for an answer that goes on after the handler has returned: whoever takes
// the database releases it.
func (q *request) takeDatabase() *catalog.DB {
	db := q.db
	q.db = nil
	return db
}

// contentType is what the client says the body is.
func (q *request) contentType() (string, error) {
	sent := lent(q.ctx.Request.Header.ContentType())
	if why := checkContentType(sent); why != nil {
		return "", why
	}
	return sent, nil
}

var errContentType = refusal.New(refusal.InvalidParameters, "the content type has control characters")

// checkContentType refuses what could not be sent back as a header.
func checkContentType(sent string) *refusal.Refusal {
	if len(sent) > kv.ContentTypeBytesMax {
		return refusal.Newf(refusal.InvalidParameters, "content type of %d bytes exceeds the limit of %d bytes", len(sent), kv.ContentTypeBytesMax)
	}
	for i := 0; i < len(sent); i++ {
		if sent[i] < ' ' || sent[i] == 0x7f {
			return errContentType
		}
	}
	return nil
}

// headerType is a stored type as a header may have it: SQL can write what no client
// could have sent, and none could read.
func headerType(stored string) string {
	if checkContentType(stored) != nil {
		return "application/octet-stream"
	}
	return stored
}
