package writer

import (
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/querylog"
	"github.com/urlite/urlite/refusal"
)

// LogDisk is what the writer needs of a database file for its query history. Both are
// inside a transaction, and no row is loaded and unsaved.
type LogDisk interface {
	// Log appends entries, at least one and the oldest first, and takes away what is beyond
	// the latest. last is the ID that the last of them has now, or 0 if the file has no place
	// for them; make lets it make one.
	Log(entries []querylog.Entry, make bool) (last int64, err error)
	// ClearLog removes all entries, and gives none of their IDs again, nor those up to last.
	ClearLog(last int64) error
	// Unlog removes one.
	Unlog(id int64) (found bool, err error)
}

// Unlog is the wish to have an entry of the query history forgotten, or all of them.
type Unlog struct {
	ID  int64
	All bool
}

const (
	// logMillis is how long an entry of the query history waits for others. With the
	// commit it is in the file within a second.
	logMillis = 800
	// logRetryMillisMax is the longest wait after a writing that failed; the first is a
	// second.
	logRetryMillisMax = 60_000
	// logIdleMillis is how long pages of nothing but query history may stay in the
	// write-ahead log: emptying it each second would cost two syncs more.
	logIdleMillis = 10_000
)

// logUpkeep is what the writer knows of the query history that waits in the ring.
type logUpkeep struct {
	// at is when it is to be written, in ms: never, while none waits.
	at int64
	// notBefore is when a writing that failed is tried again, after so many failures.
	notBefore int64
	failures  int
	// called says that somebody has written to the file. Only then a place is made for the
	// query history if there is none, and until then it is homeless: who only reads a file of
	// another program's does not change it.
	called, homeless bool

	// end and further are of the transaction at hand: what the ring may drop when it is
	// committed, and how far the IDs have moved.
	end, further int64
	// passing says that the transaction at hand writes it in passing.
	passing bool
}

// Wake tells the writer that something waits in an empty ring.
func (w *Writer) Wake() { w.inbox.ring() }

// nextLog is when to write what waits in the ring.
func (w *Writer) nextLog() int64 {
	u := &w.log
	if w.config.Log.Len() == 0 {
		u.at = never
		return never
	}
	u.at = min(u.at, w.now+logMillis)
	if u.homeless && !u.called {
		return never
	}
	return max(u.at, u.notBefore)
}

// logDue tells whether to write it now.
func (w *Writer) logDue() bool { return w.now >= w.nextLog() }

// writeLog writes what waits in the ring into the transaction.
func (w *Writer) writeLog() error {
	u := &w.log
	batch := w.config.Log.Read(u.end)
	if len(batch.Entries) == 0 {
		return nil
	}
	last, err := w.disk.Log(batch.Entries, u.called)
	if err != nil {
		return err
	}
	if u.homeless = last == 0; u.homeless {
		if u.called { // something else is in its place
			w.postponeLog()
		}
		return nil
	}
	u.end, u.further = batch.End, last-batch.Entries[len(batch.Entries)-1].ID
	return nil
}

// begin begins a transaction.
func (u *logUpkeep) begin() { u.end, u.further, u.passing = 0, 0, false }

// logCommitted lets the ring drop what is in the file for good.
func (w *Writer) logCommitted() {
	if u := &w.log; u.end > 0 {
		w.config.Log.Drop(u.end, u.further)
		u.at, u.notBefore, u.failures = never, 0, 0
	}
}

// postponeLog is for what would fail now. The ring keeps it, up to its size.
func (w *Writer) postponeLog() {
	w.moveClock()
	u := &w.log
	u.notBefore = w.now + min(int64(1000)<<u.failures, logRetryMillisMax)
	u.failures = min(u.failures+1, 10)
}

// writeLast writes, before the writer ends, what waits in the ring. What can't be written
// is lost with the process.
func (w *Writer) writeLast() {
	if w.config.Log.Len() == 0 {
		return
	}
	if _, err := w.disk.Begin(); err != nil {
		return
	}
	w.log.begin()
	err := w.writeLog()
	if err == nil {
		err = w.disk.Commit()
	}
	if err != nil {
		w.disk.Rollback()
		return
	}
	w.logCommitted()
}

var errNotLogged = refusal.New(refusal.HistoryEntryNotFound, "History entry not found")

// workUnlog removes entries of the query history. One that was shown may still wait in
// the ring: it is written first, so that it can be found by its ID.
func (w *Writer) workUnlog(c *Call) error {
	w.log.called = true
	if err := w.flush(); err != nil {
		return err
	}
	if c.Unlog.All {
		batch := w.config.Log.Read(w.log.end)
		last := int64(0)
		if n := len(batch.Entries); n > 0 {
			last = batch.Entries[n-1].ID
		}
		if err := w.disk.ClearLog(last); err != nil {
			return err
		}
		w.log.end = batch.End
	} else {
		if w.now >= w.log.notBefore {
			if err := w.writeLog(); err != nil {
				w.postponeLog()
				return err
			}
		}
		found, err := w.disk.Unlog(c.Unlog.ID)
		if err != nil {
			return err
		}
		if !found {
			c.err = errNotLogged
		}
	}
	w.upkeep.distrust() // a client's trigger may have changed anything
	return w.catchUp()
}

const (
	clearedAnswer  = `{"success":true,"message":"Query history cleared"}`
	unloggedAnswer = `{"success":true,"message":"History entry deleted"}`
)

func (u *Unlog) appendAnswer(dst []byte) []byte {
	if u.All {
		return append(dst, clearedAnswer...)
	}
	return append(dst, unloggedAnswer...)
}

// Rows is how many rows a call that was done has written or taken away, 0 if nobody counts
// them.
func (c *Call) Rows() (rows int64) {
	if c.SQL != nil {
		if tally := c.SQL.Tally(); tally != nil {
			return tally.Rows
		}
		return c.Results.RowCount()
	}
	for i := range c.Replies {
		if c.Shape != kv.Deleted || c.Replies[i].Deleted {
			rows++
		}
	}
	if c.Return != nil {
		rows = c.Returned.RolledBack + c.Returned.Deleted + c.Returned.Restored
	}
	if c.Undone > 0 {
		rows = 1
	}
	return rows
}
