package server

import (
	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
)

// errand is what a request of POST /maintenance wants done.
type errand struct{ op, destination, source string }

// The refusals of an errand, in order of precedence.
var (
	errNoErrand      = refusal.New(refusal.InvalidParameters, "op is required: wal_checkpoint_truncate, vacuum, vacuum_into, quick_check, integrity_check, optimize or restore")
	errUnknownErrand = refusal.New(refusal.InvalidParameters, "unknown op; one of wal_checkpoint_truncate, vacuum, vacuum_into, quick_check, integrity_check, optimize, restore")
	errNoDestination = refusal.New(refusal.InvalidParameters, "vacuum_into needs dest_path: the name of the new database")
	errNoSource      = refusal.New(refusal.InvalidParameters, "restore needs src_path: the name of the database to restore from")
)

// errands are the operations of POST /maintenance. Each answers "ok" or what it found.
var errands = map[string]func(q *request, name string, e *errand) (found string, err error){
	"wal_checkpoint_truncate": onWriter(catalog.EmptyLog),
	"vacuum":                  onWriter(catalog.Vacuum),
	"optimize":                onWriter(catalog.Optimize),
	"quick_check":             checkPages(true),
	"integrity_check":         checkPages(false),
	"vacuum_into":             vacuumInto,
	"restore":                 restore,
}

// maintenance does something to a database as a whole. It never creates the database.
func maintenance(q *request) error {
	if err := q.takesNothing(); err != nil {
		return err
	}
	name, err := q.databaseName()
	if err != nil {
		return err
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	wanted, err := parseErrand(body)
	if err != nil {
		return err
	}
	do, known := errands[wanted.op]
	if !known {
		return errUnknownErrand
	}
	found, err := do(q, name, &wanted)
	if err != nil {
		return err
	}
	q.out = jsontext.AppendString(append(q.out[:0], `{"op":`...), wanted.op)
	q.text("result", found)
	q.end()
	return nil
}

func parseErrand(body []byte) (wanted errand, err error) {
	body = jsontext.Trim(body)
	if len(body) == 0 {
		return wanted, errNoErrand
	}
	if !isJSON(body) || body[0] != '{' {
		return wanted, invalidJSONBody
	}
	for name, value := range jsontext.Fields(body) {
		var into *string
		switch string(jsontext.Unquote(name)) {
		case "op":
			into = &wanted.op
		case "dest_path":
			into = &wanted.destination
		case "src_path":
			into = &wanted.source
		}
		if into == nil || jsonAbsent(value) {
			continue
		}
		text, why := jsonText(string(jsontext.Unquote(name)), value)
		if why != nil {
			return wanted, why
		}
		*into = string([]byte(text))
	}
	if wanted.op == "" {
		return wanted, errNoErrand
	}
	return wanted, nil
}

// onWriter has a task done by the writer of the database, alone between its groups.
func onWriter(task catalog.Task) func(*request, string, *errand) (string, error) {
	return func(q *request, name string, _ *errand) (string, error) {
		db, err := q.acquireExisting(name)
		if err != nil {
			return "", err
		}
		call := catalog.NewCall()
		defer call.Release()
		call.Task = task
		call.Deadline = q.server.config.Now() + q.timeout().Milliseconds()
		err = db.Do(call)
		return call.Found, err
	}
}

// checkPages looks at the file beside the writer.
func checkPages(quickly bool) func(*request, string, *errand) (string, error) {
	return func(q *request, name string, _ *errand) (string, error) {
		db, err := q.acquireExisting(name)
		if err != nil {
			return "", err
		}
		return db.CheckPages(quickly, q.timeout())
	}
}

const done = "ok"

func vacuumInto(q *request, name string, e *errand) (string, error) {
	if e.destination == "" {
		return "", errNoDestination
	}
	db, err := q.acquireExisting(name)
	if err != nil {
		return "", err
	}
	return done, db.VacuumInto(e.destination, q.timeout())
}

func restore(q *request, name string, e *errand) (string, error) {
	if e.source == "" {
		return "", errNoSource
	}
	return done, q.server.catalog.Restore(name, e.source, q.timeout())
}

// acquireExisting is acquire for what never creates.
func (q *request) acquireExisting(name string) (db *catalog.DB, err error) {
	q.db, err = q.server.catalog.AcquireExisting(name)
	return q.db, err
}
