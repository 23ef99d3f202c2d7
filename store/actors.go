package store

import "crawshaw.io/sqlite"

// actorsKnownMax bounds the names held in memory; past it they are looked up
// again. A name is a token's or a client's address: a few dozen bytes.
const actorsKnownMax = 4096

// actors gives every writer's name a small number, so that an entry of history
// carries two bytes instead of an address.
type actors struct {
	conn  *sqlite.Conn
	known map[string]int64
	// added are the names of this transaction: a rollback takes them back.
	added []string
	find  *sqlite.Stmt
	add   *sqlite.Stmt
}

// id is the number of name, 0 for no name. The table exists (meta.ensure).
func (a *actors) id(name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	if id, ok := a.known[name]; ok {
		return id, nil
	}
	if err := a.prepare(); err != nil {
		return 0, err
	}
	id, err := a.lookUp(name)
	if err != nil {
		return 0, err
	}
	if len(a.known) >= actorsKnownMax {
		clear(a.known)
	}
	own := string([]byte(name)) // the caller's name is lent
	a.known[own] = id
	a.added = append(a.added, own)
	return id, nil
}

func (a *actors) lookUp(name string) (int64, error) {
	bindText(a.find, 1, name)
	row, err := a.find.Step()
	if err != nil {
		return 0, err
	}
	if row {
		id := a.find.ColumnInt64(0)
		return id, a.find.Reset()
	}
	if err := a.find.Reset(); err != nil {
		return 0, err
	}
	bindText(a.add, 1, name)
	if _, err := a.add.Step(); err != nil {
		return 0, err
	}
	return a.conn.LastInsertRowID(), a.add.Reset()
}

func (a *actors) prepare() (err error) {
	if a.find != nil {
		return nil
	}
	find, _, err := a.conn.PrepareTransient("SELECT id FROM main._urlite_actors WHERE name = ?1")
	if err != nil {
		return err
	}
	add, _, err := a.conn.PrepareTransient("INSERT INTO main._urlite_actors(name) VALUES (?1)")
	if err != nil {
		find.Finalize()
		return err
	}
	a.find, a.add = find, add
	return nil
}

func (a *actors) committed() { a.added = a.added[:0] }

func (a *actors) rolledBack() {
	for _, name := range a.added {
		delete(a.known, name)
	}
	a.added = a.added[:0]
	a.close()
}

// forget drops the numbers too: the table may be another one.
func (a *actors) forget() {
	clear(a.known)
	a.added = a.added[:0]
	a.close()
}

func (a *actors) close() {
	if a.find != nil {
		a.find.Finalize()
		a.add.Finalize()
		a.find, a.add = nil, nil
	}
}
