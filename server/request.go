package server

import (
	"net"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/kv"
)

// request is what a handler works with: the request bound so far, and the memory
// that it needs, taken from a pool.
type request struct {
	ctx    *fasthttp.RequestCtx
	server *Server

	// db is the database of the request, which serve releases.
	db *catalog.DB
	// notedIn is the same database, also when it was taken: its query history notes the
	// request by its note.
	notedIn *catalog.DB
	note    note
	// key is the path's key, decoded.
	key string
	// allow is the Allow header of a 405.
	allow string

	bodyRead bodyState
	bodyIn   bodyReader
	bodyStep *[bodyStepBytes]byte

	// Memory kept from request to request.
	bodyBytes  []byte
	keyBytes   []byte
	tableBytes []byte
	actorBytes []byte
	nameBytes  []byte
	idBytes    []byte
	jsonBody          // the answer's body while it is built
	arena      []byte // values read from the file
	row        kv.Row
}

// keptBytesMax is how large a buffer may be that is kept for the next request.
const keptBytesMax = 64 << 10

var requests = sync.Pool{New: func() any { return &request{} }}

func newRequest(s *Server, ctx *fasthttp.RequestCtx) *request {
	q := requests.Get().(*request)
	q.ctx, q.server = ctx, s
	return q
}

func (q *request) release() {
	q.letGo()
	q.releaseBody()
	q.bodyIn = bodyReader{}
	q.ctx, q.server, q.notedIn = nil, nil, nil
	q.note.reset()
	q.key, q.allow = "", ""
	q.row = kv.Row{}
	for _, buffer := range []*[]byte{&q.keyBytes, &q.tableBytes, &q.actorBytes, &q.nameBytes, &q.idBytes, &q.out, &q.arena, &q.bodyBytes} {
		*buffer = (*buffer)[:0]
		if cap(*buffer) > keptBytesMax {
			*buffer = nil
		}
	}
	requests.Put(q)
}

// newCall binds what every write has: table, actor, deadline. The caller releases
// it, after it has used the replies.
func (q *request) newCall() (*catalog.Call, error) {
	table, err := q.table()
	if err != nil {
		return nil, err
	}
	call := catalog.NewCall()
	call.Table = table
	call.Actor = q.actor()
	call.Deadline = q.server.config.Now() + q.timeout().Milliseconds()
	return call, nil
}

// commit has the call committed in the request's database, which it makes if the
// request lets it, and only once if the request says so.
func (q *request) commit(call *catalog.Call) error {
	if err := q.bindOnce(call); err != nil {
		return err
	}
	create, err := q.create()
	if err != nil {
		return err
	}
	db, err := q.database(create)
	if err != nil {
		return err
	}
	return db.Do(call)
}

// read lends a reader of the request's database to do, which must not keep it.
func (q *request) read(do func(reader *catalog.Reader) error) error {
	db, err := q.database(false)
	if err != nil {
		return err
	}
	reader, err := db.Borrow(q.timeout())
	if err != nil {
		return err
	}
	defer db.Return(reader)
	return do(reader)
}

// appendActor appends who makes the request: the client's address.
func (q *request) appendActor(dst []byte) []byte {
	if tcp, ok := q.ctx.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().AppendTo(dst)
	}
	return append(dst, q.ctx.RemoteAddr().String()...)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
