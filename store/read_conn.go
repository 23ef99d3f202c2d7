package store

import (
	"strings"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

// readTablesMax bounds the KV tables whose statements a reader keeps ready.
const readTablesMax = 16

// ReadConn is a connection that can only read. It belongs to one goroutine at a
// time.
type ReadConn struct {
	conn    *sqlite.Conn
	begin   *sqlite.Stmt
	end     *sqlite.Stmt
	tables  map[string]*readTable // by their lower-case name
	rows    rowReader
	foreign *foreignSQL
	// bytesOf is the SQL function that tells a value's size in bytes.
	bytesOf string
	// versions is nil where nobody tells states of the file apart; quiet and schema serve it.
	versions *Versions
	quiet    *sqlite.Stmt
	schema   schemaWatch
}

// readTable is a KV table that the reader has found, with its statements.
type readTable struct {
	row, list, reverse, count *sqlite.Stmt
	chunks                    *chunkReader
	past                      pastTable
}

// OpenReader opens the database file at path for reading.
func OpenReader(path string, options Options) (*ReadConn, error) {
	conn, err := openConn(path, sqlite.SQLITE_OPEN_READONLY, options)
	if err != nil {
		return nil, refuse(nil, err)
	}
	r := &ReadConn{conn: conn, tables: map[string]*readTable{}, versions: options.Versions, schema: schemaWatch{conn: conn}}
	if err := r.prepare(options); err != nil {
		err = refuse(conn, err)
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *ReadConn) prepare(options Options) (err error) {
	if err := run(r.conn, "PRAGMA query_only = 1", cachePragma(readCacheKiB)); err != nil {
		return err
	}
	// Reading the schema now shows a file that is not a database now.
	if _, err := queryInt(r.conn, "SELECT count(*) FROM main.sqlite_master"); err != nil {
		return err
	}
	if r.begin, _, err = r.conn.PrepareTransient("BEGIN"); err != nil {
		return err
	}
	if r.end, _, err = r.conn.PrepareTransient("COMMIT"); err != nil {
		return err
	}
	if r.bytesOf, err = bytesFunction(r.conn); err != nil {
		return err
	}
	r.foreign = newForeignSQL(r.conn, readPolicy, options)
	return nil
}

// bytesFunction prefers octet_length, which does not read the value (3.43).
func bytesFunction(conn *sqlite.Conn) (string, error) {
	found, err := queryInt(conn, "SELECT count(*) FROM pragma_function_list WHERE name = 'octet_length'")
	if err == nil && found > 0 {
		return "octet_length(value)", nil
	}
	return "length(CAST(value AS BLOB))", nil
}

// Snapshot runs read on one state of the database.
func (r *ReadConn) Snapshot(read func() error) (err error) {
	if err := step(r.begin); err != nil {
		return refuse(r.conn, err)
	}
	defer func() { // also when read panics: the connection is used again
		if ending := step(r.end); err == nil {
			err = refuse(r.conn, ending)
		}
	}()
	return read()
}

// Get reads the row of key in table into row, live or not; row.Exists tells whether
// there is one. The value's bytes are appended to arena, which is returned.
func (r *ReadConn) Get(table, key string, row *kv.Row, arena []byte) ([]byte, error) {
	*row = kv.Row{}
	t, known, err := r.table(table)
	if err != nil || t == nil {
		return arena, refuse(r.conn, err)
	}
	read, err := r.rows.get(r.conn, t.row, key, true, row, arena)
	if err == nil {
		return read, nil
	}
	r.forget(table)
	if known && noKeyValueTable(err) {
		return r.Get(table, key, row, arena) // it is another table since, or none
	}
	return arena, refuse(r.conn, err)
}

// table answers the statements of a KV table, nil for a missing one. known says
// that they are not new.
func (r *ReadConn) table(name string) (t *readTable, known bool, err error) {
	if t, ok := r.tables[name]; ok {
		return t, true, nil
	}
	state, err := inspectTable(r.conn, name)
	if err != nil || state == tableMissing {
		return nil, false, err
	}
	t = &readTable{chunks: newChunkReader(r.conn, name), past: pastTable{name: string([]byte(name))}}
	for _, s := range []struct {
		stmt **sqlite.Stmt
		sql  string
	}{{&t.row, selectRowAll}, {&t.list, selectList}, {&t.reverse, reverseList}, {&t.count, countList}} {
		sql := strings.ReplaceAll(forTable(s.sql, name), "$bytes", r.bytesOf)
		if *s.stmt, _, err = r.conn.PrepareTransient(sql); err != nil {
			t.finalize()
			return nil, false, err
		}
	}
	if len(r.tables) >= readTablesMax {
		for name := range r.tables {
			r.forget(name)
		}
	}
	r.tables[string([]byte(name))] = t // the caller's name is lent
	return t, false, nil
}

func (t *readTable) finalize() {
	t.chunks.finalize()
	t.past.finalize()
	for _, stmt := range []*sqlite.Stmt{t.row, t.list, t.reverse, t.count} {
		if stmt != nil {
			stmt.Finalize()
		}
	}
}

// forget drops a table's statements: it may have been dropped from the file.
func (r *ReadConn) forget(name string) {
	if t, ok := r.tables[name]; ok {
		t.finalize()
		delete(r.tables, name)
	}
}

// InterruptOverdue stops the SQL of a client that was running already when it was
// last called. It may be called from any goroutine while the connection is open.
func (r *ReadConn) InterruptOverdue() { r.foreign.stopper.interruptOverdue() }

// Close closes the connection.
func (r *ReadConn) Close() error {
	for name := range r.tables {
		r.forget(name)
	}
	for _, stmt := range []*sqlite.Stmt{r.begin, r.end, r.quiet} {
		if stmt != nil {
			stmt.Finalize()
		}
	}
	r.schema.close()
	if r.foreign != nil {
		r.foreign.close()
	}
	err := r.conn.Close()
	if r.foreign != nil {
		r.foreign.free()
	}
	return refuse(nil, err)
}
