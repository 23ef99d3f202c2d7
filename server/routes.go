package server

import (
	"slices"
	"strings"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// prefix begins the path of every route of the API.
const prefix = "/api/v1/sqlite"

// keyPrefix begins the path of every route of one key.
const keyPrefix = prefix + "/kv/"

// handler answers one request, or says why not.
type handler func(q *request) error

// The operations named by the last segment of a key's path, for each method that
// has any.
var (
	postOperations = map[string]handler{
		"incr":     writeKey(kv.Incr),
		"decr":     writeKey(kv.Decr),
		"push":     writeKey(kv.Push),
		"pop":      writeKey(kv.Pop),
		"remove":   writeKey(kv.Remove),
		"expire":   writeKey(kv.Expire),
		"persist":  writeKey(kv.Persist),
		"append":   writeKey(kv.Append),
		"limit":    limit,
		"rollback": rollbackKey,
	}
	getOperations = map[string]handler{"entry": entry, "history": history, "snapshot": snapshotOfKey}
)

// routes is every path of the server.
func (s *Server) routes() fasthttp.RequestHandler {
	r := router.New()
	// Keys may end in a slash, contain two, and differ in case: a path is what it is.
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.HandleOPTIONS = false
	r.SaveMatchedRoutePath = false

	on := func(method, path, name string, h handler) { r.Handle(method, path, s.answer(name, h)) }
	// Whatever can be read can be asked for without its body.
	onRead := func(path, name string, h handler) {
		on("GET", path, name, h)
		on("HEAD", path, name, h)
	}
	onRead(prefix+"/kv", "kv.list", orDirectory(list, listFiles))
	on("POST", prefix+"/kv/batch/get", "kv.batch.get", batchGet)
	on("POST", prefix+"/kv/batch/set", "kv.batch.set", batchSet)
	on("POST", prefix+"/kv/batch/delete", "kv.batch.delete", batchDelete)
	onRead(prefix+"/kv/diff", "kv.diff", diff)
	onRead(prefix+"/kv/snapshot", "kv.snapshot", snapshotOfTable)
	on("POST", prefix+"/kv/rollback", "kv.rollback", rollbackTable)
	onRead(prefix+"/kv-settings", "kv.settings", getSettings)
	on("PUT", prefix+"/kv-settings", "kv.settings.put", putSettings)

	getKey := orDirectory(get, getFile)
	key := keyPrefix + "{key:*}"
	r.GET(key, s.answerKey("kv.get", getKey, getOperations))
	r.HEAD(key, s.answerKey("kv.head", getKey, getOperations))
	r.PUT(key, s.answerKey("kv.put", orDirectory(writeKey(kv.Set), putFile), nil))
	r.DELETE(key, s.answerKey("kv.delete", orDirectory(writeKey(kv.Delete), deleteFile), nil))
	r.POST(key, s.answerKey("kv.post", onlyOperations, postOperations))

	on("POST", prefix+"/db", "db.transaction", transaction)
	on("POST", prefix+"/db/create", "db.create", createDatabase)
	on("DELETE", prefix+"/db", "db.delete", deleteDatabase)
	onRead(prefix+"/db/list", "db.list", listDatabases)
	onRead(prefix+"/db/backup", "db.backup", getBackup)
	on("PUT", prefix+"/db/backup", "db.backup.put", putBackup)
	on("POST", prefix+"/maintenance", "maintenance", maintenance)
	on("POST", prefix+"/db/import", "db.import", importRows)
	onRead(prefix+"/query", "query", query)
	onRead(prefix+"/history", "history", queryHistory)
	on("DELETE", prefix+"/history", "history.clear", clearHistory)
	on("DELETE", prefix+"/history/{id}", "history.delete", deleteHistory)
	onRead(prefix+"/history/stats", "history.stats", queryStats)
	onRead(prefix+"/db/export", "db.export", export)
	onRead(prefix+"/db/schema", "db.schema", schema)
	onRead(prefix+"/health", "health", health)
	onRead(prefix+"/health/cache", "health.cache", healthCacheSize)
	onRead(prefix+"/metrics", "metrics", writeMetrics)
	onRead("/metrics", "metrics", writeMetrics)

	r.NotFound = s.answer("not_found", notFound)
	r.HandleMethodNotAllowed = true
	r.MethodNotAllowed = s.answer("method_not_allowed", methodNotAllowed)
	return r.Handler
}

var (
	errNotFound         = refusal.New(refusal.NotFound, "no such path")
	errMethodNotAllowed = refusal.New(refusal.MethodNotAllowed, "this path does not take that method")
)

func notFound(*request) error { return errNotFound }

// methodNotAllowed keeps the Allow header that the router has set, but for OPTIONS,
// which the router always adds and no path takes.
func methodNotAllowed(q *request) error {
	if path := q.ctx.URI().PathOriginal(); string(path) == keyPrefix && (q.ctx.IsGet() || q.ctx.IsHead()) {
		return get(q) // the router takes the empty key for /kv with a slash too many
	}
	methods := strings.Split(string(q.ctx.Response.Header.Peek(fasthttp.HeaderAllow)), ", ")
	methods = slices.DeleteFunc(methods, func(method string) bool { return method == fasthttp.MethodOptions })
	q.allow = strings.Join(methods, ", ")
	return errMethodNotAllowed
}

// onlyOperations answers a POST to a key that names none.
func onlyOperations(q *request) error {
	q.allow = "GET, HEAD, PUT, DELETE"
	return errMethodNotAllowed
}
