package store

import (
	"errors"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// Retained is what a step of retention did.
type Retained struct {
	// Entries is how many entries of history were taken away, Keys how many keys that
	// were gone with all their past.
	Entries, Keys int
	// More says that there is more to do at once.
	More bool
	// Limited says that some table's past is not kept for ever.
	Limited bool
}

// retention is how far the past of one table is looked through.
type retention struct {
	known bool
	keep  Keep
	// aged is the id of the latest entry that was old enough when it was looked at; seen
	// that of the latest of those that were there before anybody counted, up to end.
	aged, seen, end int64
	// committed are both as the file knows them: what was done since may be rolled back.
	committed struct{ aged, seen int64 }
	// counting says that keys are due when they have one more keyframe.
	counting bool
	// due are keys with an entry that may be one too many; taken are those that were due
	// in this transaction.
	due, taken []string
}

const (
	// dueMax bounds the keys that wait to be looked at; one that is left out comes again
	// with its next keyframe.
	dueMax = 4096
	// foldsMax bounds the keys that one step looks at: most have one entry too many.
	foldsMax = 128
	// chainMax is how long the past of a key that is gone may be to be taken away at
	// once; a longer one is folded first.
	chainMax = 2 * kv.KeyframeEvery
)

// watch has a key looked at when it has a keyframe more.
func (r *retention) watch(key string, e *kv.Entry) {
	if r.counting && e.OpNumber%kv.KeyframeEvery == 0 && len(r.due) < dueMax {
		r.due = append(r.due, string([]byte(key)))
	}
}

// retention is that of a table. It outlives the table's statements.
func (w *WriteConn) retention(table string) *retention {
	r := w.retentions[table]
	if r == nil {
		r = &retention{}
		w.retentions[string([]byte(table))] = r
	}
	return r
}

// settleRetentions notes that the transaction was committed, or was not.
func (w *WriteConn) settleRetentions(committed bool) {
	for _, r := range w.retentions {
		if committed {
			r.committed.aged, r.committed.seen = r.aged, r.seen
		} else {
			r.aged, r.seen = r.committed.aged, r.committed.seen
			r.due = append(r.taken, r.due...)
			r.known = false // what was settled may have been rolled back, too
		}
		r.taken = nil
	}
}

// Retain takes away up to about entriesMax entries of history that are beyond what is kept at
// now (ms), usual for tables that don't say, inside the transaction. It must not run while rows
// are loaded and unsaved.
func (w *WriteConn) Retain(usual past.Keep, now int64, entriesMax int) (done Retained, err error) {
	done.Limited = usual != (past.Keep{}) // also of tables to come
	if err := w.list(); err != nil {
		return done, refuse(w.conn, err)
	}
	folds := foldsMax
	for i := range w.names { // where the step before ended: one table must not keep others from their turn
		turn := (w.retainFrom + i) % len(w.names)
		name := w.names[turn]
		state := w.retention(name)
		if !state.known {
			if state.keep, err = keepOf(w.conn, name); err != nil {
				return done, refuse(w.conn, err)
			}
			state.known = true
		}
		keep := state.keep.Or(usual)
		state.count(keep.Entries > 0, w.position.sequence)
		if keep == (past.Keep{}) {
			state.due = nil
			continue
		}
		done.Limited = true
		if done.Entries >= entriesMax || folds <= 0 {
			done.More = true
			w.retainFrom = turn
			break
		}
		t, err := w.table(name, false)
		if t == nil || noKeyValueTable(err) {
			continue
		}
		if err != nil {
			return done, refuse(w.conn, err)
		}
		r := &retaining{w: w, t: t, retention: state, name: name, keep: keep, now: now, most: entriesMax, folds: &folds, done: &done}
		if err := r.step(); err != nil {
			return done, refuse(w.conn, err)
		}
	}
	return done, nil
}

// count begins to count entries of keys, or ends it. What was written before has to be
// looked through.
func (r *retention) count(on bool, sequence int64) {
	if on && !r.counting {
		r.seen, r.end = 0, sequence
	}
	r.counting = on
}

// retaining is a step of retention in one table.
type retaining struct {
	*retention
	w       *WriteConn
	t       *writeTable
	name    string
	source  past.Source
	past    *past.Table
	keep    past.Keep
	now     int64
	most    int
	folds   *int
	horizon int64
	done    *Retained
}

// step looks at more entries, folds keys that are due, and takes those away that are gone.
func (r *retaining) step() (err error) {
	if r.source, err = r.w.Past(r.name, ownTimeMax); err != nil {
		return err
	}
	defer r.w.EndPast()
	r.past = past.Of(r.source)
	if r.keep.Entries > 0 {
		if err := r.look(&r.seen, func(id, _ int64) bool { return id <= r.end }); err != nil {
			return err
		}
	}
	if beyond := r.beyond(); beyond > 0 {
		if err := r.look(&r.aged, func(_, at int64) bool { return at < beyond }); err != nil {
			return err
		}
		if err := r.dropGone(beyond); err != nil {
			return err
		}
	}
	for len(r.due) > 0 && !r.enough() {
		key := r.due[0]
		r.due, r.taken = r.due[1:], append(r.taken, key)
		if err := r.fold(key); err != nil {
			return err
		}
	}
	r.done.More = r.done.More || len(r.due) > 0
	return r.settle()
}

func (r *retaining) enough() bool { return r.done.Entries >= r.most || *r.folds <= 0 }

// beyond is the moment before which nothing is kept, 0 for none.
func (r *retaining) beyond() int64 {
	if r.keep.Seconds == 0 || r.keep.Seconds > r.now/1000 {
		return 0
	}
	return r.now - r.keep.Seconds*1000
}

// look has the keys of the entries after cursor be due, as far as they are wanted.
func (r *retaining) look(cursor *int64, wanted func(id, at int64) bool) error {
	stmt := r.t.aged
	stmt.BindInt64(1, *cursor)
	stmt.BindInt64(2, int64(max(0, min(r.most, dueMax-len(r.due)))))
	n := 0
	for ; ; n++ {
		found, err := stmt.Step()
		if err != nil {
			return err
		}
		id := stmt.ColumnInt64(0)
		if !found || !wanted(id, stmt.ColumnInt64(2)) {
			break
		}
		*cursor = id
		if key := stmt.ColumnText(1); len(r.due) == 0 || r.due[len(r.due)-1] != key {
			r.due = append(r.due, key)
		}
	}
	r.done.More = r.done.More || n == r.most
	return stmt.Reset()
}

// fold takes away what is beyond keep of one key, or the oldest part of it.
func (r *retaining) fold(key string) error {
	*r.folds--
	f, err := r.past.Fold(key, r.keep, r.now)
	if errors.Is(err, errStateMissing) || errors.Is(err, errStateDamaged) {
		return nil // what is damaged stays as it is; who asks for it is told
	}
	if err != nil || f.Base.ID == 0 {
		return err
	}
	if err := r.t.rebase(f); err != nil {
		return err
	}
	if err := r.t.forgetEntries(key, f.Gone, f.Base.OpNumber); err != nil {
		return err
	}
	if err := r.t.chunks.dropUnused(key, f.Base.OpNumber); err != nil {
		return err
	}
	bindText(r.t.forgetAside, 1, key)
	if err := step(r.t.forgetAside); err != nil {
		return err
	}
	r.done.Entries += len(f.Gone)
	if f.Base.At < r.beyond() { // not only for their number
		r.horizon = max(r.horizon, f.Base.At)
	}
	if f.More && len(r.due) < dueMax {
		r.due = append(r.due, key)
	}
	return nil
}

// goneKey is a key that ceased to be, at at, with the chain that it left.
type goneKey struct {
	key      string
	head, at int64
}

// dropGone takes away keys that ceased to be before what is kept, with all their past.
func (r *retaining) dropGone(beyond int64) error {
	gone, err := r.listGone(beyond)
	if err != nil {
		return err
	}
	for i := range gone {
		if r.enough() {
			r.done.More = true
			break
		}
		if err := r.drop(&gone[i], beyond); err != nil {
			return err
		}
	}
	return nil
}

func (r *retaining) listGone(beyond int64) (gone []goneKey, err error) {
	stmt := r.t.gone
	stmt.BindInt64(1, beyond)
	stmt.BindInt64(2, int64(r.most))
	for {
		found, err := stmt.Step()
		if err != nil {
			return nil, err
		}
		if !found {
			return gone, stmt.Reset()
		}
		gone = append(gone, goneKey{stmt.ColumnText(0), stmt.ColumnInt64(1), stmt.ColumnInt64(2)})
	}
}

// drop takes a key away that is gone, or, if its past is long, the oldest part of that.
func (r *retaining) drop(k *goneKey, beyond int64) error {
	ids, newest, err := r.chain(k.key, k.head)
	switch {
	case err != nil:
		return err
	case newest >= beyond:
		return nil // somebody has written since to what was over
	case len(ids) > chainMax:
		before := r.done.Entries
		err := r.fold(k.key)
		r.done.More = r.done.More || r.done.Entries > before
		return err
	}
	*r.folds--
	if err := r.t.forgetEntries(k.key, ids, 0); err != nil {
		return err
	}
	if err := r.t.disinter(k.key); err != nil {
		return err
	}
	r.done.Entries += len(ids)
	r.done.Keys++
	r.horizon = max(r.horizon, k.at)
	return nil
}

// chain is the ids of a key's entries, newest first, one more than chainMax at the most,
// and when the newest was written.
func (r *retaining) chain(key string, head int64) (ids []int64, newest int64, err error) {
	for id := head; id != 0 && len(ids) <= chainMax; {
		link, err := r.source.Link(key, id)
		if err == past.ErrMissing {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		newest = max(newest, link.At)
		ids = append(ids, id)
		id = link.Prev
	}
	return ids, newest, nil
}

// settle remembers what can't be told any more.
func (r *retaining) settle() error {
	if r.horizon == 0 {
		return nil
	}
	stmt, _, err := r.w.conn.PrepareTransient(raiseHorizon)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, r.name)
	stmt.BindInt64(2, r.horizon)
	_, err = stmt.Step()
	return err
}
