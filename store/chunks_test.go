package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"crawshaw.io/sqlite"
	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/chunks"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// chunkFile is a file with the tables of chunks, in a transaction without an end.
type chunkFile struct {
	conn *sqlite.Conn
	w    *chunkWriter
	r    *chunkReader
}

func newChunkFile(t *testing.T) *chunkFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := Create(path, "", nil); err != nil {
		t.Fatal(err)
	}
	conn, err := openConn(path, sqlite.SQLITE_OPEN_READWRITE, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &chunkFile{conn: conn, w: newChunkWriter(conn, "kv"), r: newChunkReader(conn, "kv")}
	t.Cleanup(func() {
		f.w.finalize()
		f.r.finalize()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	f.run(t, "BEGIN IMMEDIATE")
	for _, schema := range chunkSchemas {
		f.run(t, forTable(schema, "kv"))
	}
	return f
}

// chunkTest is a test, or a property's run of one.
type chunkTest interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func (f *chunkFile) run(t chunkTest, statements ...string) {
	t.Helper()
	if err := run(f.conn, statements...); err != nil {
		t.Fatal(err)
	}
}

func (f *chunkFile) number(t chunkTest, query string) int64 {
	t.Helper()
	n, err := queryInt(f.conn, query)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *chunkFile) chunks(t chunkTest) int64 {
	t.Helper()
	return f.number(t, "SELECT count(*) FROM _urlite_kv_chunks")
}

func (f *chunkFile) states(t chunkTest) int64 {
	t.Helper()
	return f.number(t, "SELECT count(*) FROM _urlite_kv_states")
}

func (f *chunkFile) put(t chunkTest, entryID int64, key string, opNumber int64, value []byte) {
	t.Helper()
	if err := f.w.put(entryID, key, opNumber, &kv.Value{Kind: kv.Blob, Bytes: value}); err != nil {
		t.Fatal(err)
	}
}

// fold drops the entries before the base, undo those after the number to.
func (f *chunkFile) fold(t chunkTest, key string, base int64, entryIDs ...int64) {
	t.Helper()
	f.undo(t, key, base, entryIDs...)
	if err := f.w.dropUnused(key, base); err != nil {
		t.Fatal(err)
	}
}

func (f *chunkFile) undo(t chunkTest, key string, to int64, entryIDs ...int64) {
	t.Helper()
	if err := f.w.drop(entryIDs, key, to); err != nil {
		t.Fatal(err)
	}
}

func (f *chunkFile) wantState(t chunkTest, entryID int64, want []byte) {
	t.Helper()
	value, arena, err := f.r.get(entryID, []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if value.Kind != kv.Blob || !bytes.Equal(value.Bytes, want) || !bytes.Equal(arena[len("before"):], want) || string(arena[:len("before")]) != "before" {
		t.Fatalf("the state of entry %d is another: %d bytes, want %d", entryID, len(value.Bytes), len(want))
	}
}

func (f *chunkFile) wantError(t chunkTest, entryID int64, want error) {
	t.Helper()
	value, arena, err := f.r.get(entryID, []byte("before"))
	if !errors.Is(err, want) || value.Bytes != nil || string(arena) != "before" {
		t.Fatalf("entry %d: %d bytes, %v; want %v", entryID, len(value.Bytes), err, want)
	}
	if refusal.Of(refuse(f.conn, err)).Kind != refusal.DatabaseError {
		t.Fatalf("%v is refused as %v", err, refuse(f.conn, err))
	}
}

// randomBytes are n bytes of a source.
func randomBytes(source *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(source.Uint32())
	}
	return data
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func TestLargeStatesOfOperationsThatReplayAreChunked(t *testing.T) {
	large := kv.Value{Kind: kv.Text, Bytes: make([]byte, chunkedBytesMin)}
	f := func(e kv.Entry, want bool) {
		t.Helper()
		if isChunked(&e) != want {
			t.Errorf("%s: %v", e.Op, !want)
		}
	}
	f(kv.Entry{Op: kv.EntryPush, HasState: true, Value: large}, true)
	f(kv.Entry{Op: kv.EntryExpireSet, HasState: true, Value: large}, true)
	f(kv.Entry{Op: kv.EntryPush, HasState: true, Value: kv.Value{Kind: kv.Text, Bytes: large.Bytes[1:]}}, false)
	f(kv.Entry{Op: kv.EntryPush, HasState: true, Absent: true}, false)
	f(kv.Entry{Op: kv.EntryPush, Delta: large}, false)
	f(kv.Entry{Op: kv.EntryIncr, HasState: true, Value: kv.IntegerValue(7)}, false)
	f(kv.Entry{Op: kv.EntrySet, HasState: true, Value: large}, false)
	f(kv.Entry{Op: kv.EntryRollback, HasState: true, Value: large}, false)
	f(kv.Entry{Op: kv.EntryUnrecorded, HasState: true, Value: large}, false)
}

func TestAStateComesBackAsItWas(t *testing.T) {
	file := newChunkFile(t)
	id := int64(0)
	f := func(value kv.Value) {
		t.Helper()
		id++
		if err := file.w.put(id, "k", id*64, &value); err != nil {
			t.Fatal(err)
		}
		got, _, err := file.r.get(id, nil)
		if err != nil || got.Kind != value.Kind || got.Document != value.Document || !bytes.Equal(got.Bytes, value.Bytes) {
			t.Errorf("%d bytes of kind %d: got %d of %d, %v", len(value.Bytes), value.Kind, len(got.Bytes), got.Kind, err)
		}
	}
	source := seeded(1)
	f(kv.Value{Kind: kv.Text, Bytes: []byte("short")})
	f(kv.Value{Kind: kv.Text, Bytes: bytes.Repeat([]byte("ключ "), 1000)})
	f(kv.Value{Kind: kv.Text, Document: true, Bytes: append(bytes.Repeat([]byte(" "), 9000), '1')})
	f(kv.Value{Kind: kv.Blob, Bytes: randomBytes(source, 100_000)})
	f(kv.Value{Kind: kv.Blob, Document: true, Bytes: []byte("{}")})
	f(kv.Value{Kind: kv.Blob, Bytes: make([]byte, 1<<20)})
	f(kv.Value{Kind: kv.Blob, Bytes: randomBytes(source, 16<<20)})
	f(kv.Value{Kind: kv.Blob, Bytes: []byte{}})

	for _, value := range []kv.Value{kv.IntegerValue(1), {}} {
		if err := file.w.put(100, "k", 64, &value); err == nil {
			t.Errorf("kind %d was kept", value.Kind)
		}
	}
	file.wantError(t, 100, errStateMissing)
	file.wantError(t, 0, errStateMissing)
}

func TestStatesShareTheirChunks(t *testing.T) {
	file, value := newChunkFile(t), randomBytes(seeded(2), 50_000)
	file.put(t, 1, "k", 64, value)
	before := file.chunks(t)
	file.put(t, 2, "k", 128, value)
	if n := file.chunks(t); n != before {
		t.Errorf("%d chunks became %d", before, n)
	}
	file.put(t, 3, "another key", 64, value)
	if n := file.chunks(t); n != 2*before {
		t.Errorf("%d chunks of two keys, %d of one", n, before)
	}
	// The state of an entry that is there already gives way.
	file.put(t, 3, "k", 192, value[:10_000])
	file.wantState(t, 3, value[:10_000])
}

// Files keep states: if this fails, it is the code that is wrong.
func TestTheFormatOfStatesNeverChanges(t *testing.T) {
	file := newChunkFile(t)
	f := func(id int64, want string) {
		t.Helper()
		refs, err := readRefs(file.w.state, id, nil)
		if got := hex.EncodeToString(refs); err != nil || got != want {
			t.Errorf("entry %d: %s, %v; want %s", id, got, err, want)
		}
	}
	value := kv.Value{Kind: kv.Text, Document: true, Bytes: bytes.Repeat([]byte("0123456789"), 2000)}
	for id, opNumber := range []int64{64, 1024, math.MaxInt64} {
		if err := file.w.put(int64(id+1), "k", opNumber, &value); err != nil {
			t.Fatal(err)
		}
		value = kv.Value{Kind: kv.Blob, Bytes: append([]byte("new"), value.Bytes...)}
	}
	f(1, "0540a09c0101ef1e8265c44ec1ae0205")
	f(2, "028008a39c0106471e2072a1d4ed650c05")
	f(3, "02ffffffffffffffff7fa69c010bbd7634264d1bbf3f160113031201")
	if n := file.number(t, "SELECT hash FROM _urlite_kv_chunks ORDER BY id LIMIT 1"); n != -7025737462347553463 {
		t.Errorf("the first hash is %d", n)
	}
	for id, want := range map[int]int64{6: 2047, 11: math.MaxInt64} {
		if n := file.number(t, fmt.Sprint("SELECT used FROM _urlite_kv_chunks WHERE id = ", id)); n != want {
			t.Errorf("chunk %d is used till %d, want %d", id, n, want)
		}
	}
}

func TestWhatIsNoStateIsNotRead(t *testing.T) {
	head := stateHead{kind: storedText, opNumber: 64, size: 9000, own: 3, check: 1 << 63}
	good := appendRuns(head.append(nil), []int64{5, 6, 7, 7, 2, 1 << 40})
	got, runs, ok := readHead(good)
	ids, whole := readRuns(runs, nil)
	if !ok || !whole || got != head || !slices.Equal(ids, []int64{5, 6, 7, 7, 2, 1 << 40}) {
		t.Fatalf("%+v %v %v %v", got, ids, ok, whole)
	}
	for n := range len(head.append(nil)) {
		if _, _, ok := readHead(good[:n]); ok {
			t.Errorf("a head of %d bytes passed", n)
		}
	}
	f := func(change func(h *stateHead)) {
		t.Helper()
		bad := head
		change(&bad)
		if _, _, ok := readHead(bad.append(nil)); ok {
			t.Errorf("%+v passed", bad)
		}
	}
	f(func(h *stateHead) { h.kind = 0 })
	f(func(h *stateHead) { h.kind = storedDocument })
	f(func(h *stateHead) { h.kind = storedText | storedBlob })
	f(func(h *stateHead) { h.kind = storedText | 8 })
	f(func(h *stateHead) { h.size = lengthMax + 1 })
	f(func(h *stateHead) { h.size = -1 })
	f(func(h *stateHead) { h.opNumber = -1 })
	f(func(h *stateHead) { h.own = math.MinInt64 })

	for _, bad := range [][]int64{{0}, {-1}, {5, 3, -9}, {math.MinInt64}, {math.MaxInt64, math.MinInt64}} {
		if _, ok := readRuns(appendRuns(nil, bad), nil); ok {
			t.Errorf("%v passed", bad)
		}
	}
	if _, ok := readRuns(appendRuns(nil, make([]int64, chunksMax+1)), nil); ok {
		t.Error("too many chunks passed")
	}
}

func FuzzAnythingMayStandForAState(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendRuns((&stateHead{kind: storedBlob, size: 5, own: 1}).append(nil), []int64{1, 2, 9}))
	f.Fuzz(func(t *testing.T, refs []byte) {
		head, runs, ok := readHead(refs)
		if !ok {
			return
		}
		ids, ok := readRuns(runs, nil)
		if len(ids) > chunksMax {
			t.Fatalf("%d chunks", len(ids))
		}
		if !ok {
			return
		}
		again, rest, ok := readHead(appendRuns(head.append(nil), ids))
		same, whole := readRuns(rest, nil)
		if !ok || !whole || again != head || !slices.Equal(same, ids) {
			t.Fatalf("%+v %v became %+v %v", head, ids, again, same)
		}
	})
}

// What SQL makes of numbers must not make a state that can't be read.
func TestNumbersThatAreNoneOfOursDoNoHarm(t *testing.T) {
	file, value := newChunkFile(t), randomBytes(seeded(14), 9000)
	file.put(t, 1, "k", 64, value)
	file.run(t, "UPDATE _urlite_kv_chunks SET id = -id WHERE id < 4")
	for i, opNumber := range []int64{math.MinInt64, -1, 0, math.MaxInt64} {
		id := int64(i + 2)
		file.put(t, id, "k", opNumber, value)
		file.wantState(t, id, value)
	}
	file.put(t, math.MinInt64, "k", 64, value)
	file.wantState(t, math.MinInt64, value)
}

func TestChunksWithTheSameHashAreNotMistaken(t *testing.T) {
	file, value := newChunkFile(t), randomBytes(seeded(3), 20_000)
	var first []byte
	for first = range chunks.Split(value) {
		break
	}
	file.run(t, fmt.Sprintf("INSERT INTO _urlite_kv_chunks(key, hash, used, bytes) VALUES ('k', %d, 1023, x'00'), ('k', %[1]d, 1023, zeroblob(%d))",
		hashOf(first), len(first)))
	file.put(t, 1, "k", 64, value)
	before := file.chunks(t)
	file.put(t, 2, "k", 128, value)
	file.wantState(t, 1, value)
	file.wantState(t, 2, value)
	if n := file.chunks(t); n != before {
		t.Errorf("%d chunks became %d", before, n)
	}
}

func TestADamagedStateIsAnErrorAndNeverOtherBytes(t *testing.T) {
	value := randomBytes(seeded(4), 20_000)
	f := func(want error, statements ...string) {
		t.Helper()
		file := newChunkFile(t)
		file.put(t, 1, "k", 64, value)
		file.put(t, 2, "k", 128, randomBytes(seeded(5), 9000))
		file.run(t, statements...)
		file.wantError(t, 1, want)
		file.fold(t, "k", 200, 1, 2) // and it can be forgotten
		if n := file.states(t); n != 0 {
			t.Errorf("%d states", n)
		}
	}
	f(errStateMissing, "DELETE FROM _urlite_kv_states WHERE id = 1")
	f(errStateDamaged, "UPDATE _urlite_kv_states SET refs = (SELECT refs FROM _urlite_kv_states WHERE id = 2) || x'0201' WHERE id = 1")
	f(errStateDamaged, "UPDATE _urlite_kv_states SET refs = x'' WHERE id = 1")
	f(errStateDamaged, "UPDATE _urlite_kv_states SET refs = 7 WHERE id = 1")
	f(errStateDamaged, "UPDATE _urlite_kv_states SET refs = substr(refs, 1, length(refs) - 1) WHERE id = 1")
	f(errStateDamaged, "DELETE FROM _urlite_kv_chunks WHERE id = 1")
	f(errStateDamaged, "DELETE FROM _urlite_kv_chunks WHERE id = (SELECT max(id) FROM _urlite_kv_chunks WHERE key = 'k' AND id < 15)")
	f(errStateDamaged, "UPDATE _urlite_kv_chunks SET bytes = x'' WHERE id = 1")
	f(errStateDamaged, "UPDATE _urlite_kv_chunks SET bytes = zeroblob(length(bytes)) WHERE id = 2")
	f(errStateDamaged, "UPDATE _urlite_kv_chunks SET bytes = bytes || x'00' WHERE id = 3")
	f(errStateDamaged, "UPDATE _urlite_kv_chunks SET id = 1000 WHERE id = 1", "UPDATE _urlite_kv_chunks SET id = 1 WHERE id = 2", "UPDATE _urlite_kv_chunks SET id = 2 WHERE id = 1000")
}

func TestATriggerThatKeepsChunksFromBeingWrittenRefusesTheState(t *testing.T) {
	value := kv.Value{Kind: kv.Blob, Bytes: randomBytes(seeded(6), 9000)}
	for _, on := range []string{"INSERT ON _urlite_kv_chunks", "UPDATE ON _urlite_kv_chunks", "INSERT ON _urlite_kv_states"} {
		file := newChunkFile(t)
		file.put(t, 1, "k", 64, value.Bytes)
		file.run(t, "CREATE TRIGGER kept BEFORE "+on+" BEGIN SELECT RAISE(IGNORE); END")
		other := value
		if on != "UPDATE ON _urlite_kv_chunks" {
			other.Bytes = append([]byte("new"), value.Bytes...)
		}
		if err := file.w.put(2, "k", 2048, &other); !errors.Is(err, errKept) {
			t.Errorf("%s: %v", on, err)
		}
	}
}

func TestDroppingTheOldestKeepsWhatIsStillUsed(t *testing.T) {
	file, source := newChunkFile(t), seeded(7)
	stays := randomBytes(source, 20_000)
	file.put(t, 1, "k", 64, append(randomBytes(source, 20_000), stays...))
	second, third := append(randomBytes(source, 20_000), stays...), append(randomBytes(source, 20_000), stays...)
	file.put(t, 2, "k", 1024, second)
	file.put(t, 3, "k", 2048, third)
	all := file.chunks(t)

	file.fold(t, "k", 1000, 1)
	if n := file.chunks(t); n != all {
		t.Errorf("%d of %d chunks within the block of the base", n, all)
	}
	file.fold(t, "k", 1024)
	if n := file.chunks(t); n >= all {
		t.Errorf("still %d chunks", n)
	}
	file.wantError(t, 1, errStateMissing)
	file.wantState(t, 2, second)
	all = file.chunks(t)
	file.fold(t, "k", 2048, 2)
	if n := file.chunks(t); n >= all {
		t.Errorf("still %d chunks", n)
	}
	file.wantState(t, 3, third)
	file.fold(t, "k", 4000, 3)
	if n := file.chunks(t); n != 0 {
		t.Errorf("still %d chunks", n)
	}
}

func TestTheBaseKeepsItsState(t *testing.T) {
	for _, opNumber := range []int64{1, 64, chunkBlock - 1, chunkBlock, chunkBlock + 1} {
		file, value := newChunkFile(t), randomBytes(seeded(15), 9000)
		file.put(t, 1, "k", opNumber, value)
		file.fold(t, "k", opNumber)
		file.fold(t, "k", opNumber, 2, 3)
		file.wantState(t, 1, value)
	}
}

func TestDroppingTheNewestTakesNothingFromTheOldest(t *testing.T) {
	file, value := newChunkFile(t), randomBytes(seeded(16), 9000)
	file.put(t, 1, "k", 64, value)
	file.put(t, 2, "k", 5000, append([]byte("new"), value...))
	file.undo(t, "k", 4990, 2)
	file.wantState(t, 1, value)
}

func TestDroppingTheNewestLeavesNothingOfThem(t *testing.T) {
	file, source := newChunkFile(t), seeded(8)
	value := randomBytes(source, 20_000)
	file.put(t, 1, "k", 64, value)
	before := file.chunks(t)
	for id := int64(2); id < 50; id += 2 { // undone and done again, for ever
		changed := append(randomBytes(source, 20_000), value...)
		file.put(t, id, "k", 128, changed)
		file.put(t, id+1, "k", 192, changed)
		file.undo(t, "k", 64, id+1, id)
	}
	if n := file.chunks(t); n != before {
		t.Errorf("%d chunks became %d", before, n)
	}
	file.wantState(t, 1, value)
	file.undo(t, "k", 0, 1)
	if n := file.chunks(t) + file.states(t); n != 0 {
		t.Errorf("%d rows of a key that never was", n)
	}
}

func TestAFoldRemovesSoManyChunksAndTheNextTheRest(t *testing.T) {
	file := newChunkFile(t)
	file.put(t, 1, "k", 64, randomBytes(seeded(9), 16<<20))
	file.put(t, 2, "k", 128, randomBytes(seeded(10), 7<<20))
	file.put(t, 3, "k", 1024, randomBytes(seeded(11), 10_000))
	const unused = "SELECT count(*) FROM _urlite_kv_chunks WHERE used < 1024"
	before := file.number(t, unused)
	if before <= unusedChunksMax {
		t.Fatalf("only %d chunks", before)
	}
	file.fold(t, "k", 1024, 1, 2)
	if n := file.number(t, unused); n != before-unusedChunksMax {
		t.Errorf("%d of %d chunks", n, before)
	}
	file.fold(t, "k", 1025)
	if n := file.number(t, unused); n != 0 {
		t.Errorf("still %d chunks", n)
	}
	file.wantState(t, 3, randomBytes(seeded(11), 10_000))
}

func TestAKeyWithoutChunksTakesNothingOfOthersAlong(t *testing.T) {
	file := newChunkFile(t)
	file.fold(t, "k", 5, 1, 2, 3)
	file.put(t, 1, "k", 64, make([]byte, 9000))
	file.fold(t, "other", 2000, 2, 3)
	file.undo(t, "", 0)
	file.wantState(t, 1, make([]byte, 9000))
	if err := file.w.dropAll("other"); err != nil || file.chunks(t) == 0 {
		t.Errorf("%v", err)
	}
	if err := file.w.dropAll("k"); err != nil || file.chunks(t) != 0 {
		t.Errorf("%v", err)
	}
}

func TestTablesWithoutChunksAreAnErrorOfTheFile(t *testing.T) {
	file := newChunkFile(t)
	file.run(t, "DROP TABLE _urlite_kv_states")
	for range 2 {
		if err := file.w.put(1, "k", 64, &kv.Value{Kind: kv.Blob, Bytes: make([]byte, 9000)}); primary(err) != sqlite.SQLITE_ERROR {
			t.Errorf("put: %v", err)
		}
		if _, _, err := file.r.get(1, nil); primary(err) != sqlite.SQLITE_ERROR {
			t.Errorf("get: %v", err)
		}
	}
	file.run(t, forTable(chunkRefsSchema, "kv"))
	file.put(t, 1, "k", 64, make([]byte, 9000))
	file.wantState(t, 1, make([]byte, 9000))
}

func TestAKeyThatIsGoneLeavesNothing(t *testing.T) {
	file := newChunkFile(t)
	file.put(t, 1, "k", 64, make([]byte, 9000))
	file.put(t, 2, "k", 4096, randomBytes(seeded(13), 9000))
	file.fold(t, "k", math.MaxInt64, 2)
	file.fold(t, "k", math.MaxInt64, 1)
	if n := file.chunks(t) + file.states(t); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// chain is what a key's states are, as plain copies.
type chain struct {
	key      string
	opNumber int64
	base     int64 // op_number of the oldest entry
	states   []plainState
	value    []byte
}

type plainState struct {
	id, opNumber int64
	value        []byte
}

// edit changes a few bytes of the value somewhere, or all.
func (c *chain) edit(t *rapid.T, source *rand.Rand) {
	if len(c.value) == 0 || rapid.IntRange(0, 9).Draw(t, "anew") == 9 {
		c.value = randomBytes(source, rapid.SampledFrom([]int{1, 1000, 8000, 8000, 30_000}).Draw(t, "bytes"))
		return
	}
	at := rapid.IntRange(0, len(c.value)).Draw(t, "at")
	gone := rapid.IntRange(0, min(3000, len(c.value)-at)).Draw(t, "gone")
	c.value = slices.Concat(c.value[:at], randomBytes(source, rapid.IntRange(1, 3000).Draw(t, "put")), c.value[at+gone:])
}

// dropOldest drops the states before a base that moves on, dropNewest those after the
// number that the chain goes back to.
func (c *chain) dropOldest(t *rapid.T, file *chunkFile) {
	c.base = rapid.Int64Range(c.base, c.opNumber).Draw(t, "base")
	file.fold(t, c.key, c.base, c.take(func(s plainState) bool { return s.opNumber < c.base })...)
}

func (c *chain) dropNewest(t *rapid.T, file *chunkFile) {
	c.opNumber = rapid.Int64Range(c.base, c.opNumber).Draw(t, "back to")
	file.undo(t, c.key, c.opNumber, c.take(func(s plainState) bool { return s.opNumber > c.opNumber })...)
	c.value = nil
	if n := len(c.states); n > 0 {
		c.value = c.states[n-1].value
	}
}

// take takes states out, and answers their ids and some of entries without a state.
func (c *chain) take(gone func(plainState) bool) (ids []int64) {
	for _, s := range c.states {
		if gone(s) {
			ids = append(ids, s.id, s.id+1_000_000)
		}
	}
	c.states = slices.DeleteFunc(c.states, gone)
	return ids
}

func TestStatesAreWhatTheirPlainCopiesAre(t *testing.T) {
	file := newChunkFile(t)
	rapid.Check(t, func(t *rapid.T) {
		file.run(t, "DELETE FROM _urlite_kv_chunks", "DELETE FROM _urlite_kv_states")
		source := seeded(rapid.Uint64().Draw(t, "seed"))
		chains := []*chain{{key: "a", base: 1, opNumber: 1}, {key: "b", base: 1, opNumber: 1}, {key: "ключ", base: 900, opNumber: 1000}}
		id := int64(0)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			c := rapid.SampledFrom(chains).Draw(t, "key")
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				c.dropOldest(t, file)
			case 1:
				c.dropNewest(t, file)
			default:
				id++
				c.opNumber += rapid.SampledFrom([]int64{1, 63, 64, 500, 1024}).Draw(t, "operations")
				c.edit(t, source)
				file.put(t, id, c.key, c.opNumber, c.value)
				c.states = append(c.states, plainState{id, c.opNumber, c.value})
			}
			wantChains(t, file, chains)
		}
		for _, c := range chains {
			file.undo(t, c.key, 0, c.take(func(plainState) bool { return true })...)
			if err := file.w.dropAll(c.key); err != nil {
				t.Fatal(err)
			}
		}
		if n := file.chunks(t) + file.states(t); n != 0 {
			t.Fatalf("%d rows are left", n)
		}
	})
}

func wantChains(t *rapid.T, file *chunkFile, chains []*chain) {
	states := 0
	for _, c := range chains {
		for _, s := range c.states {
			file.wantState(t, s.id, s.value)
		}
		if n := file.number(t, fmt.Sprintf("SELECT count(*) FROM _urlite_kv_chunks WHERE key = '%s' AND used < %d", c.key, c.base)); n != 0 {
			t.Fatalf("%d chunks of %s are from before its base %d", n, c.key, c.base)
		}
		states += len(c.states)
	}
	if n := file.states(t); n != int64(states) {
		t.Fatalf("%d states, want %d", n, states)
	}
}

// An array that gets elements of 100 bytes keeps a state every 64 pushes. What that costs
// in the file is first of all the 6,400 bytes that are new: 100 a push. The chunk that they
// begin in and, where elements are dropped, the one at the front are written again: of
// chunks of 1 KiB, 36 bytes a push. What pages of 2 KiB are not filled with is 30, and
// keys, numbers and indexes are 15. An array that grows beyond 1 MiB has all its
// chunks written anew there, and larger ones since.
func TestAStateOfAnArrayCostsLittleMoreThanItsNewElements(t *testing.T) {
	const elementBytes = 100
	f := func(pushes, elementsMax int, bytesMax int64) {
		t.Helper()
		file, source := newChunkFile(t), seeded(12)
		before := usedBytes(t, file)
		var elements [][]byte
		for push := 1; push <= pushes; push++ {
			element := fmt.Appendf(nil, `"%x"`, randomBytes(source, elementBytes/2-1))
			elements = append(elements, element)
			elements = elements[max(len(elements)-elementsMax, 0):]
			if push%kv.KeyframeEvery != 0 {
				continue
			}
			value := kv.Value{Kind: kv.Text, Document: true, Bytes: slices.Concat([]byte("["), bytes.Join(elements, []byte(",")), []byte("]"))}
			if !isChunked(&kv.Entry{Op: kv.EntryPush, HasState: true, Value: value}) {
				continue
			}
			if err := file.w.put(int64(push), "queue:of:events", int64(push), &value); err != nil {
				t.Fatal(err)
			}
		}
		perPush := (usedBytes(t, file) - before) / int64(pushes)
		t.Logf("at most %d elements: %d bytes a push, %d chunks", elementsMax, perPush, file.chunks(t))
		if perPush > bytesMax {
			t.Errorf("at most %d elements: %d bytes a push, want %d", elementsMax, perPush, bytesMax)
		}
	}
	f(20_000, 1000, 200)
	f(12_000, 12_000, 260)
}

// usedBytes are those of all pages that hold something.
func usedBytes(t *testing.T, file *chunkFile) int64 {
	t.Helper()
	return pageBytes * (file.number(t, "PRAGMA page_count") - file.number(t, "PRAGMA freelist_count"))
}
