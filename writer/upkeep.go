package writer

import (
	"math"
	"time"

	"github.com/urlite/urlite/store"
)

// upkeep is what the writer knows of the work that nobody asked for.
type upkeep struct {
	// checkpointAt is the log's length in pages at which it is copied next.
	checkpointAt int
	// frames is its length after the latest group.
	frames int
	// sweepAt is when expired rows are to be removed next, in ms: at first at
	// once, since a file may come with expired rows.
	sweepAt int64
	// sweepNotBefore is when a sweep that failed, or got nowhere, is tried again.
	sweepNotBefore int64
	// retainAt is when the past is looked through next for what is not kept; retainedAt
	// is when it was last.
	retainAt, retainedAt int64
	// limited says that some table's past is not kept for ever.
	limited bool
	// recount says that there may be tables whose number of rows nobody knows.
	recount bool
	// lastWrite is when a group was last committed, in ms.
	lastWrite int64
	// emptied says that the log was emptied, or tried to be, since the last write, and
	// emptyAt is when it is to be, if not.
	emptied bool
	emptyAt int64
}

const never = math.MaxInt64

// idleMillisMax is how long the writer sleeps at a time: a row may live for longer
// than a time.Duration can say.
const idleMillisMax = 3_600_000

// expires notes that a row with this expiry was written, 0 for none.
func (u *upkeep) expires(at int64) {
	if at != 0 {
		u.sweepAt = min(u.sweepAt, at)
	}
}

// distrust: rows may have been written that the writer has not seen.
func (u *upkeep) distrust() { u.sweepAt = 0 }

// failed: what the writer saw was rolled back.
func (u *upkeep) failed() { u.sweepAt, u.retainAt = 0, 0 }

const (
	// sweepMillisMin keeps a trickle of expiring rows from costing every group. It is
	// short, so that what expires meanwhile is no burst.
	sweepMillisMin = 5
	// sweepRowsMin is what even a group of one removes.
	sweepRowsMin = 16
)

// moveClock takes the group's time: the machine's, by which requests have deadlines and keys
// lifetimes. If it was set back, what was to be done later is looked at anew.
func (w *Writer) moveClock() {
	now := w.config.Now()
	if now < w.now {
		w.upkeep.rewind(now)
		w.log.at, w.log.notBefore = min(w.log.at, now), 0
	}
	w.now = now
}

func (u *upkeep) rewind(now int64) {
	u.sweepAt, u.sweepNotBefore, u.retainAt, u.retainedAt = 0, 0, 0, 0
	u.lastWrite, u.emptyAt = min(u.lastWrite, now), min(u.emptyAt, now)
}

// sweepDue tells whether it is time to look for expired rows.
func (w *Writer) sweepDue() bool { return w.now >= w.upkeep.nextSweep() }

func (u *upkeep) nextSweep() int64 { return max(u.sweepAt, u.sweepNotBefore) }

// tidyDue tells whether it is time to remove anything, or, between calls, to count.
func (w *Writer) tidyDue(calls int) bool {
	return w.sweepDue() || w.now >= w.upkeep.retainAt || (calls == 0 && w.upkeep.recount)
}

// inPassing does what nobody asked for in the transaction of a group of so many calls, if
// it is time. The query history is the last: it may fire a client's triggers.
func (w *Writer) inPassing(calls int) error {
	if w.tidyDue(calls) {
		if err := w.tidy(calls); err != nil {
			return err
		}
	}
	w.log.called = w.log.called || calls > 0
	if w.log.end == 0 && w.logDue() { // else a call has seen to it
		w.log.passing = true
		return w.writeLog()
	}
	return nil
}

// tidy removes a little of what is over in the transaction of a group of so many calls.
func (w *Writer) tidy(calls int) error {
	if w.sweepDue() {
		if err := w.sweep(calls); err != nil {
			return err
		}
	}
	if w.now >= w.upkeep.retainAt {
		if err := w.retain(); err != nil {
			return err
		}
	}
	if calls == 0 && w.upkeep.recount {
		more, err := w.disk.Recount()
		w.upkeep.recount = more && err == nil
		return err
	}
	return nil
}

// postponeTidying is for what would fail now, or get nowhere.
func (w *Writer) postponeTidying() {
	w.postponeSweep()
	w.upkeep.retainAt = max(w.upkeep.retainAt, w.upkeep.sweepNotBefore)
}

// postponeSweep is for a sweep that would fail or get nowhere now: a trigger that
// somebody put on the table may be in its way.
func (w *Writer) postponeSweep() {
	w.moveClock()
	w.upkeep.sweepNotBefore = w.now + max(w.limits.IdleAfter.Milliseconds(), sweepMillisMin)
}

// sweep removes a few expired rows in the transaction of a group of so many calls: in
// passing, it costs no commit. Where nobody waits, there are no calls.
func (w *Writer) sweep(calls int) error {
	rows := w.limits.SweepRows
	if calls > 0 {
		rows = min(rows, max(calls/2, sweepRowsMin))
	}
	swept, err := w.disk.Sweep(w.now, w.now-answersKeptMillis, rows)
	if err != nil {
		return err
	}
	w.metrics.swept.Add(swept.Rows)
	if swept.More && swept.Rows+swept.Answers == 0 {
		w.postponeSweep()
	}
	switch {
	case swept.More:
		w.upkeep.sweepAt = w.now
	case swept.Next == 0:
		w.upkeep.sweepAt = never
	default:
		w.upkeep.sweepAt = max(swept.Next, w.now+sweepMillisMin)
	}
	return nil
}

const (
	// retainMillis is how often the past is looked through while there are writes, and
	// retainIdleMillis while there are none.
	retainMillis     = 1_000
	retainIdleMillis = 60_000
)

// retain takes away a little of the past that is not kept.
func (w *Writer) retain() error {
	done, err := w.disk.Retain(w.config.Keep, w.now, w.limits.RetainEntries)
	if err != nil {
		return err
	}
	w.metrics.folded.Add(done.Entries)
	u := &w.upkeep
	u.limited = done.Limited
	switch {
	case !done.Limited:
		u.retainAt = never
	case done.More:
		u.retainAt = w.now + sweepMillisMin
	case u.lastWrite >= u.retainedAt:
		u.retainAt = w.now + retainMillis
	default:
		u.retainAt = w.now + retainIdleMillis
	}
	u.retainedAt = w.now
	return nil
}

// maintain is between two groups: others may be waiting.
func (w *Writer) maintain() {
	w.upkeep.lastWrite, w.upkeep.emptied = w.now, false
	w.upkeep.emptyAt = w.now + w.limits.IdleAfter.Milliseconds()
	w.upkeep.recount = true
	if w.upkeep.limited {
		w.upkeep.retainAt = min(w.upkeep.retainAt, w.now+retainMillis)
	}
	frames := w.disk.Frames()
	if frames < w.upkeep.frames {
		w.upkeep.checkpointAt = w.limits.CheckpointFrames // the log began anew
	}
	w.upkeep.frames = frames
	if frames >= w.upkeep.checkpointAt {
		w.checkpoint(store.Passive)
	}
}

func (w *Writer) checkpoint(mode store.CheckpointMode) {
	started := time.Now()
	frames := w.disk.Frames()
	w.disk.Checkpoint(mode) // one that fails is tried again further on
	w.metrics.checkpoint.UpdateDuration(started)
	// The log begins anew with the next commit, unless a reader is in the way: trying
	// again at once would copy the same pages.
	w.upkeep.checkpointAt = frames + w.limits.CheckpointFrames
	if frames >= w.limits.LogFramesMax && w.config.Unblock != nil {
		w.config.Unblock()
		w.upkeep.checkpointAt = frames + w.limits.CheckpointFrames/16
	}
}

// idleFor is how long to wait before there is something to do; ok false when there
// is nothing.
func (w *Writer) idleFor() (wait time.Duration, ok bool) {
	w.moveClock()
	at := min(w.upkeep.nextSweep(), w.upkeep.retainAt, w.nextLog())
	if !w.upkeep.emptied {
		at = min(at, w.upkeep.emptyAt)
	}
	if at == never {
		return 0, false
	}
	return time.Duration(min(max(at-w.now, 0), idleMillisMax)) * time.Millisecond, true
}

// maintainIdle is when nobody waits.
func (w *Writer) maintainIdle() {
	w.moveClock()
	tidies, logs := w.sweepDue() || w.now >= w.upkeep.retainAt, w.logDue()
	if tidies || logs {
		if _, _, err := w.attempt(nil); err != nil {
			w.postponeTidying()
			if logs {
				w.postponeLog()
			}
		}
		if w.upkeep.emptied && w.disk.Frames() > 0 {
			w.upkeep.emptied, w.upkeep.emptyAt = false, w.now
			if !tidies {
				w.upkeep.emptyAt += logIdleMillis
			}
		}
	}
	if !w.upkeep.emptied && w.now >= w.upkeep.emptyAt {
		for w.upkeep.recount && w.inbox.len() == 0 {
			if _, _, err := w.attempt(nil); err != nil {
				w.upkeep.recount = false
			}
		}
		w.upkeep.emptied = true
		if w.disk.Frames() > 0 {
			w.checkpoint(store.Truncate)
		}
	}
}
