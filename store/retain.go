package store

import (
	"slices"

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
	// cursor is the id of the latest entry that was looked at; those up to end were there
	// before anybody watched.
	cursor, end int64
	// counting says that keys are due when they have one more keyframe.
	counting bool
	// due are keys with an entry that may be one too many.
	due []string
}

const (
	// dueMax bounds the keys that wait to be looked at; one that is left out comes again
	// with its next keyframe.
	dueMax = 4096
	// chainMax is how long the past of a key that is gone may be to be taken away at
	// once; a longer one is folded first.
	chainMax = 2 * kv.KeyframeEvery
)

// Retain takes away up to about entriesMax entries of history that are beyond what is kept at
// now (ms), usual for tables that don't say, inside the transaction. It must not run while rows
// are loaded and unsaved.
func (w *WriteConn) Retain(usual past.Keep, now int64, entriesMax int) (done Retained, err error) {
	if err := w.list(); err != nil {
		return done, refuse(w.conn, err)
	}
	for _, name := range w.names {
		t, err := w.table(name, false)
		if t == nil || noKeyValueTable(err) {
			continue
		}
		if err != nil {
			return done, refuse(w.conn, err)
		}
		if !t.retention.known {
			if t.retention.keep, err = keepOf(w.conn, name); err != nil {
				return done, refuse(w.conn, err)
			}
			t.retention.known, t.retention.end = true, w.position.sequence
		}
		keep := t.retention.keep.Or(usual)
		t.retention.counting = keep.Entries > 0
		if keep == (past.Keep{}) {
			t.retention.due = nil
			continue
		}
		done.Limited = true
		if err := w.retain(name, t, keep, now, entriesMax, &done); err != nil {
			return done, refuse(w.conn, err)
		}
	}
	return done, nil
}

// retain is a step for one table.
func (w *WriteConn) retain(name string, t *writeTable, keep past.Keep, now int64, entriesMax int, done *Retained) error {
	source, err := w.Past(name, ownTimeMax)
	if err != nil {
		return err
	}
	defer w.EndPast()
	r := &retaining{w: w, t: t, name: name, past: past.Of(source), source: source, keep: keep, now: now, most: entriesMax, done: done}
	for len(t.retention.due) > 0 && !r.enough() {
		key := t.retention.due[0]
		t.retention.due = t.retention.due[1:]
		if err := r.fold(key); err != nil {
			return err
		}
	}
	if err := r.look(); err != nil {
		return err
	}
	if keep.Seconds > 0 {
		if err := r.dropGone(); err != nil {
			return err
		}
	}
	done.More = done.More || len(t.retention.due) > 0
	return r.settle()
}

// retaining is a step of retention in one table.
type retaining struct {
	w       *WriteConn
	t       *writeTable
	name    string
	past    *past.Table
	source  past.Source
	keep    past.Keep
	now     int64
	most    int
	horizon int64
	done    *Retained
}

func (r *retaining) enough() bool { return r.done.Entries >= r.most }

// beyond is the moment before which nothing is kept.
func (r *retaining) beyond() int64 {
	if r.keep.Seconds == 0 {
		return 0
	}
	return r.now - r.keep.Seconds*1000
}

// fold takes away what is beyond keep of one key, or the oldest part of it.
func (r *retaining) fold(key string) error {
	f, err := r.past.Fold(key, r.keep, r.now)
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
	r.done.Entries += len(f.Gone)
	if f.Base.At < r.beyond() {
		r.horizon = max(r.horizon, f.Base.At)
	}
	if f.More {
		r.t.retention.due = append(r.t.retention.due, key)
	}
	return nil
}

// watch has a key looked at when it has a keyframe more.
func (r *retention) watch(key string, e *kv.Entry) {
	if r.counting && e.OpNumber%kv.KeyframeEvery == 0 && len(r.due) < dueMax {
		r.due = append(r.due, string([]byte(key)))
	}
}

// look folds the keys of the entries that have become old enough since the last time. Where
// a number of entries is kept, it also looks, once, at all that were there before.
func (r *retaining) look() error {
	stmt := r.t.aged
	stmt.BindInt64(1, r.t.retention.cursor)
	stmt.BindInt64(2, int64(r.most))
	var keys []string
	n := 0
	for ; ; n++ {
		found, err := stmt.Step()
		if err != nil {
			return err
		}
		if !found {
			break
		}
		id := stmt.ColumnInt64(0)
		if stmt.ColumnInt64(2) >= r.beyond() && (r.keep.Entries == 0 || id > r.t.retention.end) {
			if err := stmt.Reset(); err != nil {
				return err
			}
			break
		}
		r.t.retention.cursor = id
		if key := stmt.ColumnText(1); len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
	}
	r.done.More = r.done.More || n == r.most
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if err := r.fold(key); err != nil {
			return err
		}
	}
	return nil
}

// dropGone takes away keys that ceased to be before what is kept, with all their past.
func (r *retaining) dropGone() error {
	stmt := r.t.gone
	stmt.BindInt64(1, r.beyond())
	stmt.BindInt64(2, int64(max(r.most-r.done.Entries, 1)))
	type goneKey struct {
		key      string
		head, at int64
	}
	var gone []goneKey
	for {
		found, err := stmt.Step()
		if err != nil {
			return err
		}
		if !found {
			break
		}
		gone = append(gone, goneKey{stmt.ColumnText(0), stmt.ColumnInt64(1), stmt.ColumnInt64(2)})
	}
	for i, k := range gone {
		if i > 0 && r.enough() {
			r.done.More = true
			break
		}
		ids, whole, err := r.chain(k.key, k.head)
		if err != nil {
			return err
		}
		if !whole {
			r.t.retention.due = append(r.t.retention.due, k.key)
			r.done.More = true
			continue
		}
		if err := r.t.forgetEntries(k.key, ids, 0); err != nil {
			return err
		}
		if err := r.t.disinter(k.key); err != nil {
			return err
		}
		r.done.Entries += len(ids)
		r.done.Keys++
		r.horizon = max(r.horizon, k.at)
	}
	return nil
}

// chain is the ids of a key's entries, newest first, as far as they are few.
func (r *retaining) chain(key string, head int64) (ids []int64, whole bool, err error) {
	for id := head; id != 0; {
		if len(ids) == chainMax {
			return nil, false, nil
		}
		link, err := r.source.Link(key, id)
		if err == past.ErrMissing {
			break
		}
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, id)
		id = link.Prev
	}
	return ids, true, nil
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
