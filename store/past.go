package store

import (
	"errors"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// actorsToldMax bounds the names of writers that are held in memory for one question.
const actorsToldMax = 1024

// Past is the past of one KV table, as past.Source wants it, in the state of the
// database that its connection sees. It belongs to the connection's goroutine. A table
// that is not there has neither rows nor a past.
type Past struct {
	conn    *sqlite.Conn
	stopper *stopper
	rows    *rowReader
	// table is nil if there is none.
	table *pastTable
	// chunks reads the states that are kept apart; nil without a table.
	chunks  *chunkReader
	entries entryReader
	numbers numbers
	actors  map[int64]string
	// bytesOf is the SQL function that tells a value's size, once it is known.
	bytesOf string
	// settles says that the file settles anything for its tables.
	settles bool
}

var _ past.Source = (*Past)(nil)

// SnapshotFor is Snapshot for a read that may take long: when limit is over it is stopped
// and answers RequestTimeout. Walks that read left open are ended.
func (r *ReadConn) SnapshotFor(limit time.Duration, read func() error) error {
	return r.Snapshot(func() error {
		r.foreign.stopper.arm(limit)
		defer func() { // also when read panics
			r.foreign.stopper.disarm()
			resetBusy(r.conn)
		}()
		return read()
	})
}

// Past is the past of a KV table, within a snapshot.
func (r *ReadConn) Past(table string) (*Past, error) {
	p := &Past{conn: r.conn, stopper: &r.foreign.stopper, rows: &r.rows, bytesOf: r.bytesOf}
	found, known, err := r.table(table)
	if err != nil || found == nil {
		return p, refuse(r.conn, err)
	}
	p.table, p.chunks = &found.past, found.chunks
	err = p.try()
	if err == nil {
		return p, nil
	}
	if known && noKeyValueTable(err) {
		r.forget(table)
		return r.Past(table) // it is another table since, or none
	}
	return nil, refuse(r.conn, err)
}

// Past is the past of a KV table in the transaction, with all that was written in it so
// far. What reads it may take limit, and what is written meanwhile, until EndPast.
func (w *WriteConn) Past(table string, limit time.Duration) (past.Source, error) {
	p := &Past{conn: w.conn, stopper: &w.foreign.stopper, rows: &w.rows}
	found, err := w.table(table, false)
	if err == nil && found != nil {
		p.table, p.chunks = &found.past, found.chunksRead
		err = p.try()
	}
	if err != nil {
		return nil, refuse(w.conn, err)
	}
	w.foreign.stopper.arm(limit)
	return p, nil
}

// EndPast ends what Past began, and the walks that were left open.
func (w *WriteConn) EndPast() {
	w.foreign.stopper.arm(ownTimeMax)
	resetBusy(w.conn)
}

// try finds out whether the table is still what it was, and whether it has a past.
func (p *Past) try() error {
	if err := p.run(tryRows); err != nil {
		return err
	}
	err := p.run(tryPast)
	bare := noKeyValueTable(err)
	if bare != p.table.bare { // all that was prepared is for another table
		*p.table = pastTable{name: p.table.finalize(), bare: bare}
	}
	if bare {
		return nil
	}
	return err
}

func (p *Past) run(query pastQuery) error {
	stmt, err := p.table.prepared(p.conn, query)
	if err != nil {
		return err
	}
	return step(stmt)
}

// ready is the statement of a query, unless time is up: an interrupt between two
// statements stops neither.
func (p *Past) ready(query pastQuery) (*sqlite.Stmt, error) {
	if err := p.late(); err != nil {
		return nil, err
	}
	return p.table.prepared(p.conn, query)
}

func (p *Past) late() error {
	if p.stopper.armed && p.stopper.late() {
		return sqlite.Error{Code: sqlite.SQLITE_INTERRUPT}
	}
	return nil
}

// fail is what the caller is told of an error.
func (p *Past) fail(err error) error {
	if errors.Is(err, past.ErrMissing) {
		return err
	}
	return refuse(p.conn, err)
}

// Row implements past.Source.
func (p *Past) Row(key string, row *kv.Row, arena []byte) ([]byte, error) {
	*row = kv.Row{}
	if p.table == nil {
		return arena, nil
	}
	stmt, err := p.ready(pastRow)
	if err != nil {
		return arena, p.fail(err)
	}
	read, err := p.rows.get(p.conn, stmt, key, true, row, arena)
	if err != nil {
		return arena, p.fail(err)
	}
	if row.Exists {
		row.Head = max(row.Head, 0)
		return read, p.fail(p.findUndone(key, row))
	}
	return read, p.fail(p.gone(key, row))
}

// findUndone tells a row with unrecorded writes from one that is undone, or that SQL has
// given a version.
func (p *Past) findUndone(key string, row *kv.Row) error {
	if row.Head == 0 || row.Version == row.Head {
		return nil
	}
	stmt, err := p.ready(pastMarks)
	if err != nil {
		return err
	}
	return p.numbers.mark(p.conn, stmt, key, row)
}

// gone reads the chain that is left of a key without a row.
func (p *Past) gone(key string, row *kv.Row) error {
	stmt, err := p.ready(pastGone)
	if err != nil {
		return err
	}
	found, err := p.numbers.ask(p.conn, stmt, key, 0, 4)
	if err != nil || !found {
		return err
	}
	row.UpdatedAt, row.Version, row.OpNumber, row.Head = p.numbers[0], p.numbers[1], p.numbers[2], p.numbers[3]
	if row.Version == asideWithoutGap {
		row.Version = row.Head
	}
	return nil
}

// Entry implements past.Source.
func (p *Past) Entry(key string, id int64, into *past.Entry, arena []byte) ([]byte, error) {
	*into = past.Entry{}
	if p.table == nil {
		return arena, past.ErrMissing
	}
	stmt, err := p.ready(pastEntry)
	if err != nil {
		return arena, p.fail(err)
	}
	read, found, elsewhere, err := p.entries.get(p.conn, stmt, &p.rows.types, key, id, &into.Entry, arena)
	if err == nil && !found {
		err = past.ErrMissing
	}
	if err == nil && elsewhere {
		into.Value, read, err = p.chunks.get(id, read)
	}
	if err == nil {
		into.Actor, err = p.actor(p.entries.actor())
	}
	if err != nil {
		return arena, p.fail(err)
	}
	return read, nil
}

// actor is the name of who has the number, empty if nobody has.
func (p *Past) actor(id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	if name, ok := p.actors[id]; ok {
		return name, nil
	}
	stmt, err := p.ready(pastActor)
	if noKeyValueTable(err) {
		return "", nil // a file that knows no names
	}
	if err != nil {
		return "", err
	}
	stmt.BindInt64(1, id)
	found, err := stmt.Step()
	if err != nil {
		return "", err
	}
	name := ""
	if found {
		name = stmt.ColumnText(0)
	}
	if p.actors == nil || len(p.actors) >= actorsToldMax {
		p.actors = map[int64]string{}
	}
	p.actors[id] = name
	return name, stmt.Reset()
}

// Link implements past.Source.
func (p *Past) Link(key string, id int64) (past.Link, error) {
	if p.table == nil {
		return past.Link{}, past.ErrMissing
	}
	link, err := p.link(key, id)
	return link, p.fail(err)
}

func (p *Past) link(key string, id int64) (past.Link, error) {
	stmt, err := p.ready(pastLink)
	if err != nil {
		return past.Link{}, err
	}
	p.numbers[0] = id
	found, err := p.numbers.ask(p.conn, stmt, key, 1, linkNumbers)
	if err == nil && !found {
		err = past.ErrMissing
	}
	if err != nil {
		return past.Link{}, err
	}
	return p.numbers.link(), nil
}

// linkNumbers is how many numbers are a link.
const linkNumbers = 6

func (n *numbers) link() past.Link {
	return past.Link{ID: n[0], OpNumber: n[1], Prev: n[2], At: n[3], Op: entryOp(n[4]), HasState: n[5] != 0}
}
