package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

// Swept is what a sweep did.
type Swept struct {
	Rows int
	// Answers is how many answers were forgotten.
	Answers int
	// More says that expired rows are left, perhaps because they can't be removed.
	More bool
	// Next is when the next row expires, in ms; 0 when none will.
	Next int64
}

// Sweep removes up to rowsMax rows that expired by now, inside the transaction, and
// as many answers that were given before answeredBefore. The chains of the rows stay.
// It must not run while rows are loaded and unsaved.
func (w *WriteConn) Sweep(now, answeredBefore int64, rowsMax int) (Swept, error) {
	var swept Swept
	answers, oldest, err := w.answers.sweep(answeredBefore, rowsMax)
	if err != nil {
		return swept, refuse(w.conn, err)
	}
	swept.Answers = answers
	if oldest != 0 {
		swept.soon(oldest + (now - answeredBefore) + 1)
		swept.More = oldest < answeredBefore
	}
	if err := w.list(); err != nil {
		return swept, refuse(w.conn, err)
	}
	for _, name := range w.names {
		t, err := w.table(name, false)
		if t == nil || noKeyValueTable(err) {
			continue
		}
		if err != nil {
			return swept, refuse(w.conn, err)
		}
		rows, err := w.sweepTable(t, now, rowsMax-swept.Rows)
		if err != nil {
			return swept, refuse(w.conn, err)
		}
		swept.Rows += rows
		next, err := t.nextExpiry(w.conn)
		if err != nil {
			return swept, refuse(w.conn, err)
		}
		swept.More = swept.More || (next != 0 && next <= now)
		swept.soon(next)
	}
	return swept, nil
}

// list finds the names of the KV tables, unless they are known.
func (w *WriteConn) list() (err error) {
	if !w.listed {
		w.names, err = keyValueTables(w.conn)
		w.listed = err == nil
	}
	return err
}

// soon notes when there is something to sweep, 0 for never.
func (s *Swept) soon(at int64) {
	if at != 0 && (s.Next == 0 || at < s.Next) {
		s.Next = at
	}
}

// expiredRow is a key to be swept, with its chain.
type expiredRow struct {
	key   string
	chain kv.Row
}

// sweepTable reads before it deletes: a cursor must not walk over what is removed
// under it.
func (w *WriteConn) sweepTable(t *writeTable, now int64, rowsMax int) (int, error) {
	if rowsMax == 0 {
		return 0, nil
	}
	w.expired = w.expired[:0]
	t.expired.BindInt64(1, now)
	t.expired.BindInt64(2, int64(rowsMax))
	for {
		row, err := t.expired.Step()
		if err != nil {
			return 0, err
		}
		if !row {
			break
		}
		w.expired = append(w.expired, expiredRow{
			key: t.expired.ColumnText(0),
			chain: kv.Row{
				Version:   t.expired.ColumnInt64(1),
				OpNumber:  t.expired.ColumnInt64(2),
				Head:      t.expired.ColumnInt64(3),
				UpdatedAt: t.expired.ColumnInt64(4), // when it ceased to be
			},
		})
	}
	if err := t.expired.Reset(); err != nil {
		return 0, err
	}
	removed := 0
	for i := range w.expired {
		gone, err := w.expire(t, &w.expired[i])
		if err != nil {
			return removed, err
		}
		if gone {
			removed++
		}
	}
	return removed, nil
}

// expire removes one row, unless a trigger keeps it.
func (w *WriteConn) expire(t *writeTable, row *expiredRow) (gone bool, err error) {
	chain, was := &row.chain, row.chain.Version
	if w.counts.triggered { // one that a row before has fired may have been at this one
		var now kv.Row
		if w.arena, err = w.rows.get(w.conn, t.row, row.key, false, &now, w.arena); err != nil || now.Version != was {
			return false, err
		}
	}
	if chain.Head != 0 && chain.Version != chain.Head {
		t.closeExpired.BindInt64(1, chain.Head)
		bindText(t.closeExpired, 2, row.key)
		if err := step(t.closeExpired); err != nil {
			return false, err
		}
		chain.Version = chain.Head
	}
	switch err := t.remove(w.conn, row.key, was, chain); err {
	case nil:
		return true, nil
	case errKept:
		return false, t.disinter(row.key)
	default:
		return false, err
	}
}

func (t *writeTable) nextExpiry(conn *sqlite.Conn) (int64, error) {
	return t.numbers.first(conn, t.expiry)
}
