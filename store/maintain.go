package store

import (
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/refusal"
)

// Task is what may be done to a file as a whole, outside of a transaction.
type Task uint8

const (
	// NoTask is none.
	NoTask Task = iota
	// EmptyLog copies the log into the file and cuts it to nothing.
	EmptyLog
	// Vacuum writes the file anew, without the room that is free in it.
	Vacuum
	// Optimize looks how the tables are filled, for SQLite to choose its ways by.
	Optimize
)

const (
	taskDone = "ok"
	// taskBusy tells that readers, or another process, need the log.
	taskBusy = "busy"
)

// Maintain carries a task out within limit, and answers how that went, "ok" or "busy". What
// is not done in time, or does not fit on the disk, leaves the database as it was.
func (w *WriteConn) Maintain(task Task, limit time.Duration) (result string, err error) {
	switch task {
	case Vacuum:
		if err := w.alone("VACUUM main", limit); err != nil {
			return "", err
		}
		w.Checkpoint(Truncate) // it is what makes the file smaller; later will do
		return taskDone, nil
	case Optimize:
		return taskDone, w.alone("PRAGMA main.optimize", limit)
	}
	whole, err := w.Checkpoint(Truncate)
	switch {
	case primary(err) == sqlite.SQLITE_BUSY, err == nil && !whole:
		return taskBusy, nil
	case err != nil:
		return "", err
	}
	return taskDone, nil
}

// alone runs a statement of ours that is no part of a transaction.
func (w *WriteConn) alone(sql string, limit time.Duration) error {
	if hasMoved(w.conn) {
		return errMoved
	}
	return refuse(w.conn, within(&w.foreign.stopper, limit, func() error {
		return attaching(w.conn, func() error { return run(w.conn, sql) })
	}))
}

// taskTimeMin is how long a statement has to be given: less is over before it has begun.
const taskTimeMin = time.Millisecond

var errNoTime = refusal.New(refusal.RequestTimeout, "the request ran out of time")

// within has one statement of ours run for limit at most.
func within(s *stopper, limit time.Duration, do func() error) error {
	if limit < taskTimeMin {
		return errNoTime
	}
	s.arm(limit)
	defer s.disarm()
	return do()
}

// CheckPages looks whether the file is sound, within limit: all that SQLite can tell, or
// less, quickly. It answers "ok" or the first thing that is wrong.
func (r *ReadConn) CheckPages(quickly bool, limit time.Duration) (found string, err error) {
	sql := "PRAGMA main.integrity_check(1)"
	if quickly {
		sql = "PRAGMA main.quick_check(1)"
	}
	err = within(&r.foreign.stopper, limit, func() (err error) {
		found, err = queryText(r.conn, sql)
		return err
	})
	if isDamage(err) {
		return message(r.conn), nil // so damaged that it can't be looked at
	}
	return found, refuse(r.conn, err)
}
