package writer

import (
	"errors"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

var errLate = refusal.New(refusal.RequestTimeout, "the request timed out while it waited to be written")

// commitNext commits as many of calls as make a group, at least one, acknowledges
// them and tells how many they were.
func (w *Writer) commitNext(calls []*Call) int {
	if calls[0].Task != store.NoTask {
		w.doTask(calls[0])
		return 1
	}
	n, begun, err := w.attempt(calls)
	switch {
	case err == nil:
		acknowledge(calls[:n])
	case !begun:
		// The file can't be written now, for none of them.
		n = len(calls)
		refuseAll(calls, err)
	case n == 1:
		refuseAll(calls[:1], err)
	default:
		// Nothing was acknowledged, so all may run again, each alone: only the
		// guilty one fails.
		w.metrics.retries.Inc()
		for i := range calls[:n] {
			one := calls[i : i+1]
			if _, _, err := w.attempt(one); err != nil {
				refuseAll(one, err)
			} else {
				acknowledge(one)
			}
		}
	}
	return n
}

// attempt commits a group from the head of calls. n is how many it took. After an
// error nothing of them was kept; begun false says that none was even tried.
func (w *Writer) attempt(calls []*Call) (n int, begun bool, err error) {
	return w.attemptWith(calls, true)
}

// attemptWith is attempt; mayTidy lets it remove what is over in passing.
func (w *Writer) attemptWith(calls []*Call, mayTidy bool) (n int, begun bool, err error) {
	started := time.Now()
	if len(calls) > 0 {
		w.sequence, err = w.disk.Begin()
	} else { // calls that come meanwhile stand behind it
		w.sequence, err = w.disk.BeginBriefly()
	}
	if err != nil {
		return len(calls), false, err
	}
	w.overlay.loaded, w.clock = 0, w.disk.Clock()
	w.log.begin()
	if w.disk.Disturbed() {
		w.upkeep.distrust() // rows may have come with a lifetime
	}
	w.moveClock() // now, not before: another process may have held the file for seconds
	n, reason, err := w.fill(calls, started)
	if err == nil {
		err = w.flush()
	}
	if err == nil && mayTidy {
		if fault := w.inPassing(n); fault != nil {
			return w.withoutPassing(calls, n, fault)
		}
	}
	worked := time.Now()
	if err == nil {
		if err = w.disk.Commit(); err != nil && w.log.passing { // what it added may be what there is no room for
			return w.withoutPassing(calls, n, err)
		}
	}
	w.overlay.reset() // before anyone is acknowledged: it holds what they lent
	if err != nil {
		w.upkeep.failed()
		if undo := w.disk.Rollback(); undo != nil {
			err = errors.Join(err, undo)
		}
		return max(n, 1), true, err
	}
	w.logCommitted()
	w.metrics.group(n, reason, started, worked)
	return n, true, nil
}

// withoutPassing does the group once more, without what failed in passing: nobody asked
// for it, so nobody is refused for it.
func (w *Writer) withoutPassing(calls []*Call, n int, fault error) (int, bool, error) {
	w.overlay.reset()
	w.upkeep.failed()
	if w.log.passing {
		w.postponeLog()
	} else {
		w.postponeTidying()
	}
	if undo := w.disk.Rollback(); undo != nil {
		return max(n, 1), true, errors.Join(fault, undo)
	}
	return w.attemptWith(calls, false)
}

// cutReason is why a group ended where it did.
type cutReason uint8

const (
	cutDrained cutReason = iota // nobody else waited
	cutOps
	cutBytes
	cutTime
	cutReasons
)

// heavyBytes is what a call may lend, load and make before it may take long.
const heavyBytes = 64 << 10

// fill works calls until a cap is reached. An error is a fault of the disk, and
// the call it came with is counted in n.
func (w *Writer) fill(calls []*Call, started time.Time) (n int, reason cutReason, err error) {
	ops, bytes, heavy := 0, 0, false
	for _, c := range calls {
		switch {
		case n == 0: // a group has at least one call
		case c.Task != store.NoTask:
			return n, cutDrained, nil
		case ops+len(c.Ops) > w.limits.GroupOpsMax:
			return n, cutOps, nil
		case bytes+c.bytes+w.overlay.bytes() > w.limits.GroupBytesMax:
			return n, cutBytes, nil
		case (n%16 == 0 || heavy) && time.Since(started) > w.limits.HoldMax:
			return n, cutTime, nil
		}
		n++
		ops += len(c.Ops)
		bytes += c.bytes
		held := w.overlay.bytes()
		if err := w.work(c); err != nil {
			return n, cutDrained, err
		}
		// Most calls take microseconds, so that only some look at the clock.
		heavy = c.SQL != nil || len(c.Ops) == 0 || c.bytes+w.overlay.bytes()-held > heavyBytes
	}
	return n, cutDrained, nil
}

// work decides one call on the overlay, or runs its SQL. A refusal is the call's;
// an error is the group's.
func (w *Writer) work(c *Call) error {
	c.begin()
	switch {
	case c.Deadline != 0 && c.Deadline <= w.now:
		c.err = errLate
		return nil
	case c.Once.Key != "":
		return w.workOnce(c)
	}
	return w.workAny(c)
}

func (w *Writer) workAny(c *Call) error {
	switch {
	case c.SQL != nil:
		return w.workSQL(c)
	case c.Unlog != nil:
		return w.workUnlog(c)
	case c.Undo != nil || c.Return != nil || c.Keep != nil:
		return w.workPast(c)
	case len(c.Ops) > 1 || c.Shape != kv.One: // a list of one is refused like any list
		return w.workAll(c)
	}
	why, err := w.workOp(c, &c.Ops[0])
	if why != nil {
		c.err = why
	}
	return err
}

// workAll decides operations of which all are done or none.
func (w *Writer) workAll(c *Call) error {
	if may, err := w.mayAll(c); err != nil || !may {
		return err
	}
	logged, sequence := w.overlay.mark(), w.sequence
	for i := range c.Ops {
		why, err := w.workOp(c, &c.Ops[i])
		if err != nil {
			return err
		}
		if why != nil {
			w.overlay.rewind(logged)
			w.sequence = sequence
			c.err = why
			return nil
		}
	}
	return nil
}

// workOp decides one operation and carries it out. A refusal has its reply, too.
func (w *Writer) workOp(c *Call, op *kv.Op) (*refusal.Refusal, error) {
	s, why, err := w.decide(c.Table, op)
	if s == nil || err != nil {
		return why, err
	}
	if why == nil {
		w.carryOut(c, s, op)
	}
	c.reply(&w.outcome.Reply)
	return why, nil
}

// carryOut does on the overlay what was decided.
func (w *Writer) carryOut(c *Call, s *slot, op *kv.Op) {
	if w.outcome.Changed {
		if c.mayRewind() {
			w.overlay.touch(s)
		}
		s.dirty = true
	}
	w.record(c, s, op, &w.outcome)
}

// decide brings the row of op into the overlay and decides; the outcome is the
// writer's. Without a slot there is none.
func (w *Writer) decide(table string, op *kv.Op) (*slot, *refusal.Refusal, error) {
	s := w.overlay.slot(table, op.Key)
	if why, err := w.load(s, op); why != nil || err != nil {
		return nil, why, err
	}
	return s, kv.Decide(op, &s.row, w.now, &w.outcome), nil
}

// load brings what op needs of its row into the slot.
func (w *Writer) load(s *slot, op *kv.Op) (*refusal.Refusal, error) {
	withValue := op.ReadsValue()
	if s.loaded && !kv.NeedsValue(op, &s.row, w.now) {
		return nil, nil
	}
	if !s.loaded {
		if err := w.disk.Load(s.table, s.key, withValue, &s.was); err != nil {
			return theCallers(err)
		}
		s.row, s.loaded = s.was, true
		w.overlay.loaded += len(s.was.Value.Bytes)
		if !kv.NeedsValue(op, &s.row, w.now) {
			return nil, nil
		}
	}
	// The rest of the row may have moved on; the value in the file has not.
	var stored kv.Row
	if err := w.disk.Load(s.table, s.key, true, &stored); err != nil {
		return theCallers(err)
	}
	s.row.Value = stored.Value
	w.overlay.loaded += len(stored.Value.Bytes)
	return nil, nil
}

// theCallers sorts an error of Load: a name that is no KV table is a refusal of
// the call, everything else a fault.
func theCallers(err error) (*refusal.Refusal, error) {
	if why := refusal.Of(err); why.Kind == refusal.InvalidParameters {
		return why, nil
	}
	return nil, err
}

// record applies an outcome and keeps the history lines it leaves.
func (w *Writer) record(c *Call, s *slot, op *kv.Op, outcome *kv.Outcome) {
	var entries [kv.EntriesMax]kv.Entry
	for _, entry := range outcome.Apply(op, &s.row, w.now, &w.sequence, entries[:0]) {
		w.stamp(&entry)
		w.overlay.log = append(w.overlay.log, logLine{table: s.table, key: s.key, actor: c.Actor, entry: entry})
	}
}

// stamp sees to it that no entry is older than the one before it, in whatever key, even
// if the machine's clock was set back since: a moment is found by its place in history.
func (w *Writer) stamp(entry *kv.Entry) {
	if !entry.Closes {
		w.clock = max(w.clock, entry.At)
		entry.At = w.clock
	}
}

// catchUp reads how far the file has come, after others may have moved it.
func (w *Writer) catchUp() (err error) {
	w.sequence, err = w.disk.Sequence()
	w.clock = max(w.clock, w.disk.Clock())
	return err
}

// flush writes the overlay into the transaction and empties it.
func (w *Writer) flush() error {
	if len(w.overlay.slots) == 0 {
		return nil
	}
	if err := w.disk.Reserve(w.sequence, w.clock); err != nil {
		return err
	}
	for i := range w.overlay.log {
		l := &w.overlay.log[i]
		if err := w.disk.Record(l.table, l.key, l.actor, &l.entry); err != nil {
			w.guilty = w.overlay.slot(l.table, l.key).item
			return err
		}
	}
	for i := range w.overlay.slots {
		s := &w.overlay.slots[i]
		if !s.dirty {
			continue
		}
		if err := w.disk.Save(s.table, s.key, &s.was, &s.row); err != nil {
			w.guilty = s.item
			return err
		}
		w.upkeep.expires(s.row.ExpireAt)
	}
	w.overlay.reset()
	return w.catchUp()
}

func acknowledge(calls []*Call) {
	for _, c := range calls {
		c.done <- struct{}{}
	}
}

func refuseAll(calls []*Call, err error) {
	for _, c := range calls {
		c.err = err
		c.done <- struct{}{}
	}
}
