// Package server is the HTTP edge: routes, parameters, answers, and which status a
// refusal has. It has never heard of SQLite.
package server

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/directory"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// Config is what a server is made with.
type Config struct {
	// Version, Built, SQLiteVersion, Synchronous and Warnings are shown in /health.
	Version, Built, SQLiteVersion, Synchronous string
	Warnings                                   []string
	// SQLMemoryBytes and SQLFilesBytes are what the SQL of one request may take, for /health.
	SQLMemoryBytes, SQLFilesBytes int64
	// CreateMissing lets a write to a new name make the database, where the request
	// does not say.
	CreateMissing bool
	Limits        kv.Limits
	SQL           sqltx.Limits
	// KeepEntries and KeepSeconds are how much of the past is kept of tables that have no
	// settings of their own; 0 is for ever.
	KeepEntries, KeepSeconds int64
	// UploadBytesMax bounds an uploaded database, after it was unpacked.
	UploadBytesMax int64
	// BodyBytesMax bounds a request's body, and BodiesBytesMax the memory of all bodies at
	// the same time; 0 is BodiesBytesDefault. It is never less than one of them needs.
	BodyBytesMax   int
	BodiesBytesMax int
	// ImportBytesMax bounds the file of an import; 0 is ImportBytesDefault.
	ImportBytesMax int64
	// Now answers the time in Unix ms.
	Now func() int64
	// Log receives what a client is not told: the causes of 5xx answers.
	Log *slog.Logger
}

// Server answers the API for the databases of a catalog.
type Server struct {
	config  Config
	catalog *catalog.Catalog
	files   *directory.Cache
	http    *fasthttp.Server
	log     *slog.Logger
	metrics *serverMetrics
	bodies  byteBudget
	imports atomic.Int64 // running
	started time.Time

	idPrefix string
	lastID   atomic.Uint64
	inFlight atomic.Int64
	// filesSent are files that are being sent.
	filesSent atomic.Int64
	draining  atomic.Bool
	listener  atomic.Pointer[coarseListener]
}

const (
	// headerBytesMax bounds the request line and the headers together: a key of
	// 1,024 escaped bytes, or a query of several kilobytes in the URL. It is kept
	// for each connection.
	headerBytesMax = 16 << 10
	// BodiesBytesDefault is room for sixteen of the largest bodies, or two thousand of the
	// usual large ones.
	BodiesBytesDefault = 512 << 20
	// readMax is for a whole request to arrive; the largest body has time on a slow
	// line. It also ends connections that never send anything.
	readMax = 5 * time.Minute
	// writeMax is for an answer to be taken: a client that asks and does not read must
	// not hold it for ever.
	writeMax = 5 * time.Minute
	// idleMax ends connections that send no further request.
	idleMax = 5 * time.Minute
)

// New makes a server. It does not listen yet.
func New(config Config, databases *catalog.Catalog) *Server {
	s := &Server{
		config:  config,
		catalog: databases,
		files:   directory.NewCache(directoryFilesMax),
		log:     config.Log,
		started: time.UnixMilli(config.Now()),
	}
	s.bodies.max = int64(max(cmp.Or(config.BodiesBytesMax, BodiesBytesDefault), 2*config.BodyBytesMax+bodyStepBytes))
	s.config.ImportBytesMax = cmp.Or(config.ImportBytesMax, ImportBytesDefault)
	var id [4]byte
	rand.Read(id[:]) // never fails, since Go 1.24
	s.idPrefix = hex.EncodeToString(id[:]) + "-"
	s.metrics = newServerMetrics(s)
	s.http = &fasthttp.Server{
		Handler:                      s.routes(),
		ErrorHandler:                 s.malformed(),
		HeaderReceived:               s.headerReceived,
		ExpectHandler:                s.expect(),
		StreamRequestBody:            true,
		Name:                         "urlite",
		MaxRequestBodySize:           config.BodyBytesMax,
		ReadBufferSize:               headerBytesMax,
		ReadTimeout:                  readMax,
		WriteTimeout:                 writeMax,
		IdleTimeout:                  idleMax,
		DisablePreParseMultipartForm: true,
		NoDefaultContentType:         true,
		Logger:                       quiet{},
		CloseOnShutdown:              true,
	}
	return s
}

// quiet drops fasthttp's own messages, which are about clients that went away.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Serve answers the connections of listener until Drain.
func (s *Server) Serve(listener net.Listener) error {
	coarse := &coarseListener{Listener: listener}
	s.listener.Store(coarse)
	return s.http.Serve(coarse)
}

const (
	// drainNotice is for clients between two requests to learn, by the answer to
	// the next one, that the connection closes.
	drainNotice = 300 * time.Millisecond
	// drainMax is longer than any request may take (timeoutMax).
	drainMax = (timeoutMax + 10) * time.Second
	// drainSilent is for the last answers to leave, and for connections that never
	// sent a request.
	drainSilent = 3 * time.Second
)

// Drain answers what has been asked, lets clients go and stops listening.
func (s *Server) Drain() {
	s.draining.Store(true)
	time.Sleep(drainNotice)
	if listener := s.listener.Load(); listener != nil {
		listener.Close() // a client that is told to go must not come back by another connection
	}
	for end := time.Now().Add(drainMax); s.inFlight.Load() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	shutdown(s.http, drainSilent)
}

// answer makes a route of a handler.
func (s *Server) answer(name string, h handler) fasthttp.RequestHandler {
	numbers := s.metrics.route(name)
	return func(ctx *fasthttp.RequestCtx) { s.serve(ctx, ctx.Time(), numbers, h, nil) }
}

// answerKey makes a route for the paths below /kv/, whose last segment may name an
// operation. Those have metrics of their own.
func (s *Server) answerKey(name string, plain handler, operations map[string]handler) fasthttp.RequestHandler {
	numbers := s.metrics.route(name)
	named := map[string]*routeMetrics{}
	for operation := range operations {
		named[operation] = s.metrics.route("kv." + operation)
	}
	return func(ctx *fasthttp.RequestCtx) {
		raw := ctx.URI().PathOriginal()[len(keyPrefix):]
		key, operation := splitOperation(raw)
		if h, ok := operations[operation]; ok {
			s.serve(ctx, ctx.Time(), named[operation], h, key)
			return
		}
		s.serve(ctx, ctx.Time(), numbers, plain, raw)
	}
}

// serve is the life of a request: it is named, answered, counted and timed, and
// what went wrong becomes an answer. rawKey is the path's key, nil on routes
// without one.
func (s *Server) serve(ctx *fasthttp.RequestCtx, started time.Time, numbers *routeMetrics, h handler, rawKey []byte) {
	s.inFlight.Add(1)
	q := newRequest(s, ctx)
	defer func() {
		if fault := recover(); fault != nil {
			q.fail(fmt.Errorf("panic: %v\n%s", fault, debug.Stack()))
		}
		q.endBody()
		took := time.Since(started)
		q.noteIn(numbers, took)
		q.release()
		numbers.count(ctx.Response.StatusCode(), took)
		s.metrics.requests.Inc()
		s.inFlight.Add(-1)
	}()
	q.nameRequest()
	if s.draining.Load() {
		ctx.SetConnectionClose()
	}
	err := q.admit()
	if err == nil {
		err = q.bindKey(rawKey)
	}
	if err == nil {
		err = h(q)
	}
	if err != nil {
		q.fail(err)
	}
}

// malformed answers what fasthttp could not read.
func (s *Server) malformed() func(ctx *fasthttp.RequestCtx, err error) {
	numbers := s.metrics.route("malformed")
	return func(ctx *fasthttp.RequestCtx, err error) {
		if tooLarge(err) {
			swallow(ctx.Conn(), 2*s.config.BodyBytesMax)
		}
		s.serve(ctx, time.Now(), numbers, func(*request) error { return s.readFault(err) }, nil)
	}
}

func tooLarge(err error) bool {
	var small *fasthttp.ErrSmallBuffer
	return errors.Is(err, fasthttp.ErrBodyTooLarge) || errors.As(err, &small)
}

func (s *Server) readFault(err error) error {
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return bodyTooLarge(int64(s.config.BodyBytesMax))
	case tooLarge(err):
		return refusal.Newf(refusal.PayloadTooLarge, "the request line and headers exceed the limit of %d bytes", headerBytesMax)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return refusal.New(refusal.RequestTimeout, "the request did not arrive in time")
	}
	// What fasthttp says about it holds all that was sent, tokens included.
	return refusal.Wrap(refusal.InvalidParameters, "malformed HTTP request", err)
}
