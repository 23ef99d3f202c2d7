package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/internal/chunks"
	"github.com/urlite/urlite/kv"
)

// A large state of a key is kept as chunks that its states share: the state after
// another 64 pushes has few of its own. A chunk belongs to one key, so that the chunks of
// a key can go with its past.

const (
	// used is the op_number of the latest state with the chunk, or one a little later
	// (chunkBlock). A chunk may go when all states up to that have gone.
	chunksSchema = `CREATE TABLE IF NOT EXISTS main."_urlite_$table_chunks"(
	id INTEGER PRIMARY KEY,
	key TEXT NOT NULL,
	hash INTEGER NOT NULL,
	used INTEGER NOT NULL,
	bytes BLOB NOT NULL
)`
	chunkHashesSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_chunk_hashes"
	ON "_urlite_$table_chunks"(key, hash)`
	chunkUsesSchema = `CREATE INDEX IF NOT EXISTS main."_urlite_$table_chunk_uses"
	ON "_urlite_$table_chunks"(key, used)`
	// id is that of the entry with the state.
	chunkRefsSchema = `CREATE TABLE IF NOT EXISTS main."_urlite_$table_states"(
	id INTEGER PRIMARY KEY,
	refs BLOB NOT NULL
)`
)

// chunkSchemas make all that this file needs of a KV table.
var chunkSchemas = []string{chunksSchema, chunkHashesSchema, chunkUsesSchema, chunkRefsSchema}

// The statements of chunks.
const (
	findChunk    = `SELECT id, used, bytes FROM main."_urlite_$table_chunks" WHERE key = ?1 AND hash = ?2 AND id > 0`
	insertChunk  = `INSERT INTO main."_urlite_$table_chunks"(key, hash, used, bytes) VALUES (?1, ?2, ?3, ?4)`
	useChunk     = `UPDATE main."_urlite_$table_chunks" SET used = ?2 WHERE id = ?1`
	deleteChunk  = `DELETE FROM main."_urlite_$table_chunks" WHERE id = ?1 AND key = ?2`
	deleteUnused = `DELETE FROM main."_urlite_$table_chunks" WHERE id IN
		(SELECT id FROM main."_urlite_$table_chunks" WHERE key = ?1 AND used < ?2 ORDER BY used LIMIT ?3)`
	deleteChunks = `DELETE FROM main."_urlite_$table_chunks" WHERE key = ?1`
	selectChunk  = `SELECT bytes FROM main."_urlite_$table_chunks" WHERE id = ?1`

	anyState    = `SELECT 1 FROM main."_urlite_$table_states" LIMIT 1`
	selectState = `SELECT refs FROM main."_urlite_$table_states" WHERE id = ?1`
	// The sequence may have been set back by strangers. A state of old must not be in
	// the way of a write.
	insertState = `INSERT OR REPLACE INTO main."_urlite_$table_states"(id, refs) VALUES (?1, ?2)`
	deleteState = `DELETE FROM main."_urlite_$table_states" WHERE id = ?1`
)

const (
	// chunkedBytesMin is the smallest state that is kept as chunks: below it, rows of
	// their own cost more than they share.
	chunkedBytesMin = 4 << 10
	// chunkBlock is how many op_numbers share one used, so that a chunk that stays is
	// written over once in as many operations. A power of two; files rely on it only in
	// that used is never too small.
	chunkBlock = 1024
	// unusedChunksMax bounds what one dropUnused removes.
	unusedChunksMax = 2048
)

var (
	errStateMissing = errors.New("store: an entry's state is missing")
	errStateDamaged = errors.New("store: an entry's state is damaged")
	errNoChunks     = errors.New("store: only text and bytes are kept as chunks")
)

// isChunked tells whether the state of an entry is kept as chunks: it is large, and the
// entry itself can be replayed, so that most of the state was there before.
func isChunked(e *kv.Entry) bool {
	return e.Op.Replays() && e.HasState && !e.Absent && len(e.Value.Bytes) >= chunkedBytesMin
}

// hashOf is the number by which a chunk is looked up. Two chunks may share one.
func hashOf(chunk []byte) int64 {
	sum := sha256.Sum256(chunk)
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// chunkWriter keeps the large states of one KV table. Its statements are prepared when
// they are first needed, in most tables never. They run inside a transaction.
type chunkWriter struct {
	conn     *sqlite.Conn
	table    string
	prepared bool

	find, insert, use, delete, some, unused, all *sqlite.Stmt
	state, insertState, deleteState              *sqlite.Stmt

	// The memory of a state that is being put.
	ids          []int64
	hashes, refs []byte
}

func newChunkWriter(conn *sqlite.Conn, table string) *chunkWriter {
	return &chunkWriter{conn: conn, table: string([]byte(table))} // the caller's name is lent
}

func (c *chunkWriter) statements() []lazyStatement {
	return []lazyStatement{
		{&c.find, findChunk}, {&c.insert, insertChunk}, {&c.use, useChunk}, {&c.delete, deleteChunk},
		{&c.some, anyState}, {&c.unused, deleteUnused}, {&c.all, deleteChunks},
		{&c.state, selectState}, {&c.insertState, insertState}, {&c.deleteState, deleteState},
	}
}

func (c *chunkWriter) prepare() (err error) {
	if !c.prepared {
		err = prepareLazy(c.conn, c.table, c.statements())
		c.prepared = err == nil
	}
	return err
}

func (c *chunkWriter) finalize() {
	finalizeLazy(c.statements())
	c.prepared = false
}

// put keeps the state after the entry entryID of key, which has the number opNumber.
func (c *chunkWriter) put(entryID int64, key string, opNumber int64, value *kv.Value) error {
	if value.Kind != kv.Text && value.Kind != kv.Blob {
		return errNoChunks
	}
	if err := c.prepare(); err != nil {
		return err
	}
	head := stateHead{opNumber: max(opNumber, 0), size: int64(len(value.Bytes)), kind: storedKindOf(value)}
	c.ids, c.hashes = c.ids[:0], c.hashes[:0]
	for chunk := range chunks.Split(value.Bytes) {
		hash := hashOf(chunk)
		id, isNew, err := c.keep(key, hash, blockEnd(opNumber), chunk)
		if err != nil {
			return err
		}
		if isNew && head.own == 0 {
			head.own = id
		}
		c.ids = append(c.ids, id)
		c.hashes = binary.BigEndian.AppendUint64(c.hashes, uint64(hash))
	}
	head.check = uint64(hashOf(c.hashes))
	c.refs = appendRuns(head.append(c.refs[:0]), c.ids)
	c.insertState.BindInt64(1, entryID)
	bindBlob(c.insertState, 2, c.refs)
	return oneChanged(c.conn, step(c.insertState))
}

// blockEnd is the last number of the block of opNumber.
func blockEnd(opNumber int64) int64 { return opNumber | (chunkBlock - 1) }

// keep answers the id of a chunk of key, which is made if it is new, and used till then
// at least.
func (c *chunkWriter) keep(key string, hash, till int64, chunk []byte) (id int64, isNew bool, err error) {
	id, used, err := c.findSame(key, hash, chunk)
	switch {
	case err != nil:
		return 0, false, err
	case id == 0:
		bindText(c.insert, 1, key)
		c.insert.BindInt64(2, hash)
		c.insert.BindInt64(3, till)
		bindBlob(c.insert, 4, chunk)
		if err := oneChanged(c.conn, step(c.insert)); err != nil {
			return 0, false, err
		}
		return c.conn.LastInsertRowID(), true, nil
	case used < till:
		c.use.BindInt64(1, id)
		c.use.BindInt64(2, till)
		return id, false, oneChanged(c.conn, step(c.use))
	}
	return id, false, nil
}

// findSame looks for a chunk of key with these bytes; an id of 0 says that there is none.
func (c *chunkWriter) findSame(key string, hash int64, chunk []byte) (id, used int64, err error) {
	bindText(c.find, 1, key)
	c.find.BindInt64(2, hash)
	for {
		found, err := c.find.Step()
		if err != nil {
			return 0, 0, err
		}
		if !found {
			return 0, 0, c.find.Reset()
		}
		if bytes.Equal(columnBytes(c.find, 2), chunk) {
			id, used = c.find.ColumnInt64(0), c.find.ColumnInt64(1)
			return id, used, c.find.Reset()
		}
	}
}

// drop forgets the states of entries of key that are taken away: all those that are older
// than the entry with the number next, or all that are newer, 0 for all there are. What one
// of the newer ones brought new has no other user then, and goes along. Chunks of older
// ones are for dropUnused. Entries that have no state here may be among them.
func (c *chunkWriter) drop(entryIDs []int64, key string, next int64) error {
	if err := c.prepare(); err != nil {
		return err
	}
	found, err := c.some.Step()
	if err == nil {
		err = c.some.Reset()
	}
	if err != nil || !found {
		return err // most tables keep no state here
	}
	for _, id := range entryIDs {
		if err := c.dropState(id, key, next); err != nil {
			return err
		}
	}
	return nil
}

// dropUnused removes chunks of key that nobody needs, now that its oldest entry has the
// number base. It removes a bounded number; the rest is the next one's.
func (c *chunkWriter) dropUnused(key string, base int64) error {
	if err := c.prepare(); err != nil {
		return err
	}
	bindText(c.unused, 1, key)
	c.unused.BindInt64(2, base)
	c.unused.BindInt64(3, unusedChunksMax)
	return step(c.unused)
}

// dropState forgets the state of one entry, if it has one. Of a damaged one nothing is
// known; its chunks are unused in the end.
func (c *chunkWriter) dropState(entryID int64, key string, next int64) error {
	refs, err := readRefs(c.state, entryID, c.refs[:0])
	if errors.Is(err, errStateMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	c.refs = refs
	if head, runs, ok := readHead(refs); ok && head.own != 0 && head.opNumber > next {
		if err := c.dropOwn(runs, head.own, key); err != nil {
			return err
		}
	}
	c.deleteState.BindInt64(1, entryID)
	return step(c.deleteState)
}

// dropOwn removes the chunks that a state brought new: ids grow, so they are those from
// own on.
func (c *chunkWriter) dropOwn(runs []byte, own int64, key string) error {
	c.ids, _ = readRuns(runs, c.ids[:0])
	for _, id := range c.ids {
		if id < own {
			continue
		}
		c.delete.BindInt64(1, id)
		bindText(c.delete, 2, key)
		if err := step(c.delete); err != nil {
			return err
		}
	}
	return nil
}

// dropAll removes the chunks of a key that has no past any more, after its entries went
// through drop.
func (c *chunkWriter) dropAll(key string) error {
	if err := c.prepare(); err != nil {
		return err
	}
	bindText(c.all, 1, key)
	return step(c.all)
}

// chunkReader reads the large states of one KV table. Its statements are prepared when
// they are first needed.
type chunkReader struct {
	conn         *sqlite.Conn
	table        string
	prepared     bool
	state, chunk *sqlite.Stmt
	// The memory of a state that is being read.
	ids          []int64
	hashes, refs []byte
}

func newChunkReader(conn *sqlite.Conn, table string) *chunkReader {
	return &chunkReader{conn: conn, table: string([]byte(table))} // the caller's name is lent
}

func (c *chunkReader) statements() []lazyStatement {
	return []lazyStatement{{&c.state, selectState}, {&c.chunk, selectChunk}}
}

func (c *chunkReader) finalize() {
	finalizeLazy(c.statements())
	c.prepared = false
}

// get reads the state after an entry. It is appended to arena, which is returned. A state
// that is not there whole, as it was put, is an error.
func (c *chunkReader) get(entryID int64, arena []byte) (kv.Value, []byte, error) {
	if !c.prepared {
		if err := prepareLazy(c.conn, c.table, c.statements()); err != nil {
			return kv.Value{}, arena, err
		}
		c.prepared = true
	}
	refs, err := readRefs(c.state, entryID, c.refs[:0])
	if err != nil {
		return kv.Value{}, arena, err
	}
	c.refs = refs
	head, runs, ok := readHead(refs)
	if !ok {
		return kv.Value{}, arena, damaged(entryID)
	}
	whole, err := c.join(entryID, &head, runs, slices.Grow(arena, int(head.size)))
	if err != nil {
		return kv.Value{}, arena, err
	}
	value := head.kind.value()
	value.Bytes = whole[len(arena):len(whole):len(whole)]
	return value, whole, nil
}

// join appends the chunks of a state to arena.
func (c *chunkReader) join(entryID int64, head *stateHead, runs, arena []byte) ([]byte, error) {
	ids, ok := readRuns(runs, c.ids[:0])
	c.ids, c.hashes = ids, c.hashes[:0]
	if !ok {
		return nil, damaged(entryID)
	}
	missing := int(head.size)
	for _, id := range ids {
		before := len(arena)
		var err error
		if arena, err = c.appendChunk(id, missing, arena); err != nil {
			return nil, err
		}
		chunk := arena[before:]
		missing -= len(chunk)
		c.hashes = binary.BigEndian.AppendUint64(c.hashes, uint64(hashOf(chunk)))
	}
	if missing != 0 || uint64(hashOf(c.hashes)) != head.check {
		return nil, damaged(entryID)
	}
	return arena, nil
}

// appendChunk appends a chunk to arena, unless it is missing or has more than bytesMax.
func (c *chunkReader) appendChunk(id int64, bytesMax int, arena []byte) ([]byte, error) {
	c.chunk.BindInt64(1, id)
	found, err := c.chunk.Step()
	if err != nil {
		return arena, err
	}
	if found {
		if chunk := columnBytes(c.chunk, 0); len(chunk) <= bytesMax {
			arena = append(arena, chunk...)
		}
	}
	return arena, c.chunk.Reset()
}

func damaged(entryID int64) error {
	return fmt.Errorf("%w: that of entry %d", errStateDamaged, entryID)
}

// readRefs reads what a state is made of with a statement of selectState; it is appended
// to buffer.
func readRefs(stmt *sqlite.Stmt, entryID int64, buffer []byte) ([]byte, error) {
	stmt.BindInt64(1, entryID)
	found, err := stmt.Step()
	if err != nil {
		return buffer, err
	}
	if found {
		buffer = append(buffer, columnBytes(stmt, 0)...)
	}
	if err = stmt.Reset(); err == nil && !found {
		err = errStateMissing
	}
	return buffer, err
}

// lazyStatement is a statement of a table that is prepared when it is needed.
type lazyStatement struct {
	stmt **sqlite.Stmt
	sql  string
}

func prepareLazy(conn *sqlite.Conn, table string, statements []lazyStatement) error {
	for _, s := range statements {
		stmt, _, err := conn.PrepareTransient(forTable(s.sql, table))
		if err != nil {
			finalizeLazy(statements)
			return err
		}
		*s.stmt = stmt
	}
	return nil
}

func finalizeLazy(statements []lazyStatement) {
	for _, s := range statements {
		if *s.stmt != nil {
			(*s.stmt).Finalize()
			*s.stmt = nil
		}
	}
}
