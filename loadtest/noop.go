package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"
)

// noopCommand is the hidden first argument that makes this program the server
// to measure against: same HTTP library, same router and settings, same size of
// answers, and nothing behind them. Both a scenario and its no-op run beside
// the same generator on the same cores, so their ratio is what urlite itself
// costs, whatever the machine.
const noopCommand = "noop"

const (
	noopSelect    = `{"results":[{"success":true,"resultHeaders":["id","name","price"],"resultSet":[{"id":1000000,"name":"the name of 1000000","price":1000000.5}]}]}`
	noopIncrement = `{"success":true,"key":"key-000000","value":1234567,"etag":"\"1234567\""}`
	noopPut       = `{"success":true,"key":"put-000000","size":16,"etag":"\"1234567\""}`
	noopValue     = `1234567`
)

// runNoop serves until it is ended by a signal and returns the exit code.
func runNoop(arguments []string) int {
	flags := flag.NewFlagSet(noopCommand, flag.ContinueOnError)
	listen := flags.String("listen", "", "address to serve on")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	server := fasthttp.Server{Handler: noopHandler(), Name: "urlite"}
	if err := server.ListenAndServe(*listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func noopHandler() fasthttp.RequestHandler {
	routes := router.New()
	routes.RedirectTrailingSlash = false
	routes.RedirectFixedPath = false
	routes.HandleOPTIONS = false

	answer := func(body string) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			header := &ctx.Response.Header
			header.SetContentType("application/json")
			header.Set("X-Request-Id", "0123456789abcdef")
			header.Set("ETag", `"1234567"`)
			ctx.SetBodyString(body)
		}
	}
	get := func(ctx *fasthttp.RequestCtx) {
		header := &ctx.Response.Header
		header.SetContentType("text/plain")
		header.Set("X-Request-Id", "0123456789abcdef")
		header.Set("ETag", `"1234567"`)
		header.Set("X-Created-At", "1700000000")
		header.Set("X-Updated-At", "1700000000")
		ctx.SetBodyString(noopValue)
	}

	// A request of SQL is read to its end, and what it asks for is not looked at.
	rows := func(ctx *fasthttp.RequestCtx) {
		header := &ctx.Response.Header
		header.SetContentType("application/json")
		header.Set("X-Request-Id", "0123456789abcdef")
		ctx.SetBodyString(noopSelect)
	}

	const key = apiPrefix + "/kv/{key:*}"
	routes.GET(apiPrefix+"/health", answer(`{"status":"ok"}`))
	routes.POST(apiPrefix+"/db", rows)
	routes.GET(key, get)
	routes.HEAD(key, get)
	routes.PUT(key, answer(noopPut))
	routes.POST(key, answer(noopIncrement))
	routes.DELETE(key, answer(`{"success":true,"deleted":true}`))
	return routes.Handler
}
