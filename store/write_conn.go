package store

import (
	"fmt"
	"os"
	"time"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

const (
	// writeTablesMax bounds the KV tables whose statements are kept ready.
	writeTablesMax = 64
	// ownTimeMax bounds our own statements in a transaction. They take microseconds,
	// but may fire a client's trigger, which may take for ever.
	ownTimeMax = 5 * time.Second
	// arenaKeepBytes is what a group's memory may keep for the next group.
	arenaKeepBytes = 1 << 20
)

// WriteConn is the one connection of a database that writes. It belongs to one
// goroutine. Between Begin and Commit or Rollback it is in a transaction.
//
// Names of tables are lower-case, as SQLite compares them; keys, names and values
// that are passed in may be lent: SQLite copies them.
type WriteConn struct {
	conn   *sqlite.Conn
	begin  *sqlite.Stmt
	commit *sqlite.Stmt
	// temporary answers a row if there is anything temporary.
	temporary *sqlite.Stmt

	schema schemaWatch
	meta   meta
	actors actors
	// tables are the KV tables known to be there, by name; names are all that there
	// are, once they were listed.
	tables map[string]*writeTable
	names  []string
	listed bool
	rows   rowReader
	frames frameCounter
	path   string
	// busyWait is the wait for other processes' locks.
	busyWait time.Duration
	// arena holds the values loaded in this transaction.
	arena []byte
	// position is how far the file has come.
	position position
	foreign  *foreignSQL
	// inRequest says that a client's request has begun and not ended.
	inRequest bool
	marks     marks
	inserts   insertWatch
	numbers   numbers
	answers   answers
	log       queryLog
	expired   []expiredRow
	// ranSQL says that SQL of a client may have written entries of history in this
	// transaction, and doubted that it may have since a sequence beyond all entries was last
	// committed.
	ranSQL, doubted bool
	// foreignRan says that any SQL of a client has run in this transaction.
	foreignRan bool
	// reserved says that the sequence has moved in this transaction.
	reserved bool
	counts   counts
	// retentions are how far the past of each table is looked through.
	retentions map[string]*retention
	// retainFrom is the place in names of the table whose turn it is.
	retainFrom int
	// whole says that all KV tables have their triggers.
	whole bool
}

// OpenWriter opens the database file at path for writing, in write-ahead mode.
// A file without write permission is refused as DatabaseReadOnly, also to root.
func OpenWriter(path string, options Options) (*WriteConn, error) {
	if err := mayWrite(path); err != nil {
		return nil, err
	}
	conn, err := openConn(path, sqlite.SQLITE_OPEN_READWRITE, options)
	if err != nil {
		return nil, refuse(nil, err)
	}
	w := &WriteConn{
		conn:    conn,
		schema:  schemaWatch{conn: conn},
		meta:    meta{conn: conn},
		actors:  actors{conn: conn, known: map[string]int64{}},
		answers: answers{conn: conn},
		log:     queryLog{conn: conn},
		counts:  counts{others: otherWriters{conn: conn}, large: map[string]bool{}},

		retentions: map[string]*retention{},
		tables:     map[string]*writeTable{},
		path:       path,
		busyWait:   options.busyWait(),
	}
	if err := w.prepare(options); err != nil {
		err = refuse(conn, err)
		w.Close()
		return nil, err
	}
	return w, nil
}

// mayWrite refuses a file without write permission, which root would not notice.
func mayWrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fileFault(err)
	}
	if info.Mode().Perm()&0o222 == 0 {
		return refusal.New(refusal.DatabaseReadOnly, "the database file is read-only")
	}
	return nil
}

func (w *WriteConn) prepare(options Options) (err error) {
	mode, err := journalMode(w.conn)
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file stays in journal mode %q", mode)
	}
	// The server checkpoints by its own policy, between groups.
	if err := run(w.conn, "PRAGMA wal_autocheckpoint = 0", "PRAGMA synchronous = "+options.Synchronous.String(),
		cachePragma(writeCacheKiB)); err != nil {
		return err
	}
	w.frames = countFrames(w.conn) // after wal_autocheckpoint, which takes the hook away
	if w.begin, _, err = w.conn.PrepareTransient("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if w.commit, _, err = w.conn.PrepareTransient("COMMIT"); err != nil {
		return err
	}
	if w.temporary, _, err = w.conn.PrepareTransient("SELECT 1 FROM temp.sqlite_master LIMIT 1"); err != nil {
		return err
	}
	w.inserts = newInsertWatch(w.conn)
	options.Way = nil
	w.foreign = newForeignSQL(w.conn, writePolicy, options)
	return w.marks.prepare(w.conn)
}

// journalMode asks for write-ahead logging and answers what the file is in.
func journalMode(conn *sqlite.Conn) (string, error) {
	return queryText(conn, "PRAGMA main.journal_mode = WAL")
}

// errMoved answers what would be written to a file that nobody finds any more.
var errMoved = refusal.New(refusal.Unavailable, "the database file was removed or replaced; the one in its place is opened with the next request")

// beginBrieflyMax outlasts a commit of another process, but not a long transaction.
const beginBrieflyMax = 100 * time.Millisecond

// BeginBriefly is Begin that waits for other processes no longer than a commit takes.
func (w *WriteConn) BeginBriefly() (sequence int64, err error) {
	w.conn.SetBusyTimeout(min(w.busyWait, beginBrieflyMax))
	defer w.conn.SetBusyTimeout(w.busyWait)
	return w.Begin()
}

// Begin starts a transaction and answers the write sequence number of the file.
// It waits for other processes up to the connection's BusyWait.
func (w *WriteConn) Begin() (sequence int64, err error) {
	if err := step(w.begin); err != nil {
		return 0, refuse(w.conn, err)
	}
	w.foreign.stopper.arm(ownTimeMax)
	w.log.begin()
	w.reserved = false
	if hasMoved(w.conn) {
		w.Rollback()
		return 0, errMoved
	}
	if err = w.noticeSchema(); err == nil {
		w.position, err = w.meta.position()
	}
	if err == nil && w.doubted {
		err = w.raiseSequence()
	}
	if err == nil {
		err = w.watchOthers()
	}
	if err != nil {
		err = refuse(w.conn, err)
		w.Rollback()
		return 0, err
	}
	return w.position.sequence, nil
}

// raiseSequence moves the sequence past every entry of history.
func (w *WriteConn) raiseSequence() error {
	beyond, err := beyondHistory(w.conn, w.position.sequence)
	if err != nil {
		return err
	}
	return w.Reserve(beyond, w.position.clock)
}

// Load reads the row of key in table into row; the bytes of its value are good
// until the transaction ends. A table that does not exist has no rows.
func (w *WriteConn) Load(table, key string, withValue bool, row *kv.Row) error {
	t, err := w.table(table, false)
	if err != nil {
		return refuse(w.conn, err)
	}
	if t == nil {
		*row = kv.Row{}
		return nil
	}
	w.arena, err = t.load(w, key, withValue, row)
	return refuse(w.conn, err)
}

// Save writes the row of key in table: was is what Load answered. It makes the
// table if there is none.
func (w *WriteConn) Save(table, key string, was, now *kv.Row) error {
	t, err := w.table(table, true)
	if err != nil {
		return refuse(w.conn, err)
	}
	return refuse(w.conn, t.save(w.conn, key, was, now))
}

// Record writes one line of history of key in table.
func (w *WriteConn) Record(table, key, actor string, entry *kv.Entry) error {
	t, err := w.table(table, true)
	if err != nil {
		return refuse(w.conn, err)
	}
	id, err := w.actors.id(actor)
	if err != nil {
		return refuse(w.conn, err)
	}
	return refuse(w.conn, t.record(w.conn, key, id, entry))
}

// Reserve moves the write sequence number to sequence: the numbers up to it belong to
// the rows that are saved next. A trigger that they fire takes its own from there on,
// and no time before clock (ms).
func (w *WriteConn) Reserve(sequence, clock int64) error {
	if sequence == w.position.sequence {
		return nil
	}
	w.reserved = true
	if err := w.meta.ensure(w.position.sequence); err != nil {
		return refuse(w.conn, err)
	}
	w.position = position{sequence: sequence, clock: max(clock, w.position.clock)}
	return refuse(w.conn, w.meta.moveTo(w.position))
}

// Sequence answers the write sequence number as it is now: triggers may have moved it
// since it was reserved.
func (w *WriteConn) Sequence() (sequence int64, err error) {
	w.position, err = w.meta.position()
	return w.position.sequence, refuse(w.conn, err)
}

// Clock is the latest time of an entry of history, in ms, as Begin or Sequence found it:
// none that follows may have an earlier one.
func (w *WriteConn) Clock() int64 { return w.position.clock }

// Commit makes the transaction durable. On an error the transaction is still to be
// rolled back.
func (w *WriteConn) Commit() error {
	if err := w.settleCounts(); err != nil {
		return refuse(w.conn, err)
	}
	if err := w.settleQuiet(); err != nil {
		return refuse(w.conn, err)
	}
	w.foreign.stopper.disarm()
	if err := step(w.commit); err != nil {
		return refuse(w.conn, err)
	}
	w.doubted = w.ranSQL || (w.doubted && !w.reserved)
	w.ranSQL, w.foreignRan, w.counts.doubted = false, false, false
	w.settleRetentions(true)
	w.actors.committed()
	w.resetArena()
	return nil
}

// Rollback undoes the transaction, and forgets all that was believed of the file.
func (w *WriteConn) Rollback() error {
	w.foreign.stopper.disarm()
	w.leaveRequest()
	w.marks.open = w.marks.open[:0]
	w.ranSQL, w.foreignRan, w.whole, w.counts.doubted = false, false, false, true
	w.settleRetentions(false)
	w.actors.rolledBack()
	w.meta.forget()
	w.answers.close()
	w.log.close()
	w.forgetTables()
	w.resetArena()
	if w.conn.GetAutocommit() {
		return nil // SQLite has rolled back already
	}
	return refuse(w.conn, run(w.conn, "ROLLBACK"))
}

func (w *WriteConn) resetArena() {
	if cap(w.arena) > arenaKeepBytes {
		w.arena = nil
	}
	w.arena = w.arena[:0]
}

// table answers the KV table's statements, nil for a missing table unless it is
// to be made.
func (w *WriteConn) table(name string, make bool) (*writeTable, error) {
	if t, ok := w.tables[name]; ok {
		return t, nil
	}
	state, err := inspectTable(w.conn, name)
	if err != nil || (state == tableMissing && !make) {
		return nil, err
	}
	if err := w.meta.ensure(w.position.sequence); err != nil {
		return nil, err
	}
	if state != tableReady {
		if err := w.createTable(name, state); err != nil {
			return nil, err
		}
	}
	t, err := prepareWriteTable(w.conn, name)
	if err != nil {
		return nil, err
	}
	t.retention = w.retention(name)
	if len(w.tables) >= writeTablesMax {
		if err := w.settleCounts(); err != nil {
			return nil, err
		}
		w.forgetTables()
	}
	// The caller's name is lent.
	w.tables[string([]byte(name))] = t
	return t, nil
}

// createTable makes what is missing of a table. It may have to read all of it, which
// takes its time; no statement of a client runs meanwhile. Within a request it is the
// client's time.
func (w *WriteConn) createTable(name string, state tableState) error {
	if !w.inRequest {
		w.foreign.stopper.disarm()
		defer w.foreign.stopper.arm(ownTimeMax)
	}
	w.listed = false
	return createTable(w.conn, name, state)
}

// makeWhole sees to it that SQL of a client meets no KV table without our triggers, and
// none of that name anywhere else.
func (w *WriteConn) makeWhole() error {
	if w.whole {
		return nil
	}
	tables, err := keyValueTables(w.conn)
	if err == nil {
		err = dropStrayTriggers(w.conn)
	}
	if err != nil {
		return err
	}
	for _, name := range tables {
		state, err := inspectTable(w.conn, name)
		if err == nil && state != tableReady {
			if err = w.meta.ensure(w.position.sequence); err == nil {
				err = w.createTable(name, state)
			}
		}
		if err != nil && !noKeyValueTable(err) {
			return err
		}
	}
	w.whole = true
	return nil
}

// noticeSchema forgets what was believed of the tables if anybody has made, changed
// or dropped one since it was last called.
func (w *WriteConn) noticeSchema() error {
	changed, err := w.schema.changed()
	if err != nil || !changed {
		return err
	}
	if err := w.settleCounts(); err != nil {
		return err
	}
	found, err := queryInt(w.conn, clientsTriggers)
	if err != nil {
		return err
	}
	w.counts.triggered = found != 0
	w.whole = false
	clear(w.retentions) // the tables may be others
	clear(w.counts.large)
	w.forgetTables()
	w.meta.forget()
	w.actors.forget()
	w.answers.close()
	w.log.close()
	return nil
}

func (w *WriteConn) forgetTables() {
	for _, t := range w.tables {
		t.finalize()
	}
	clear(w.tables)
	w.listed = false
}

// Close closes the connection. It does not checkpoint.
func (w *WriteConn) Close() error {
	w.forgetTables()
	w.meta.forget()
	w.actors.close()
	w.answers.close()
	w.log.close()
	w.counts.others.close()
	w.schema.close()
	for _, stmt := range []*sqlite.Stmt{w.begin, w.commit, w.temporary} {
		if stmt != nil {
			stmt.Finalize()
		}
	}
	w.marks.finalize()
	if w.foreign != nil {
		w.foreign.close()
	}
	err := w.conn.Close()
	if w.foreign != nil {
		w.foreign.free()
	}
	w.frames.free()
	w.inserts.free()
	return refuse(w.conn, err)
}
