package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/fasthttp/router"
	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"
)

// referenceCommand is the hidden first argument that makes this program the server that
// SQL writes are measured against: the same HTTP library, router, JSON and SQLite, and the
// obvious way to serve a file with them. A request takes the mutex of the database, begins,
// runs its statements, commits to disk, lets go and answers.
//
// It is meant to be good at that: statements stay prepared, memory is used again, and
// what can be done before the mutex is taken or after it is released is.
const referenceCommand = "reference"

// runReference serves until it is ended by a signal and returns the exit code.
func runReference(arguments []string) int {
	flags := flag.NewFlagSet(referenceCommand, flag.ContinueOnError)
	listen := flags.String("listen", "", "address to serve on")
	path := flags.String("file", "", "database")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	database, err := openReference(*path)
	if err == nil {
		defer database.close()
		server := fasthttp.Server{Handler: referenceHandler(database), Name: "reference"}
		err = server.ListenAndServe(*listen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startReference runs this very program as the reference, on a file in a folder of its
// own beside the server's, with the table that rows go to.
func startReference(t *trial) (*process, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(t.folder, referenceCommand)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	p, err := startProcess(address, binary, referenceCommand, "-listen", address, "-file", filepath.Join(folder, "load.db"))
	if err != nil {
		return nil, err
	}
	if err := execute(p.address, insertTableSQL); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// referenceRequest is a transaction as it was sent, with memory that is used again.
type referenceRequest struct {
	Transaction []referenceItem `json:"transaction"`

	answer []byte
}

type referenceItem struct {
	Query     string `json:"query"`
	Statement string `json:"statement"`
	Values    []any  `json:"values"`
}

var referenceRequests = sync.Pool{New: func() any { return &referenceRequest{} }}

func (r *referenceRequest) release() {
	clear(r.Transaction)
	r.Transaction = r.Transaction[:0]
	referenceRequests.Put(r)
}

func referenceHandler(database *referenceDatabase) fasthttp.RequestHandler {
	routes := router.New()
	routes.RedirectTrailingSlash = false
	routes.RedirectFixedPath = false
	routes.HandleOPTIONS = false
	routes.GET(apiPrefix+"/health", func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(`{"status":"ok"}`) })
	routes.POST(apiPrefix+dbPath, func(ctx *fasthttp.RequestCtx) { serveReference(ctx, database) })
	return routes.Handler
}

func serveReference(ctx *fasthttp.RequestCtx, database *referenceDatabase) {
	ctx.SetContentType(jsonType)
	request := referenceRequests.Get().(*referenceRequest)
	defer request.release()
	item, err := -1, json.Unmarshal(ctx.PostBody(), request)
	if err == nil {
		item, err = database.transact(request)
	}
	if err != nil {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		ctx.SetBodyString(`{"reqIdx":` + strconv.Itoa(item) + `,"error":` + strconv.Quote(err.Error()) + `}`)
		return
	}
	ctx.SetBody(request.answer)
}
