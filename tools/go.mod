// The developers' tools, in a module of their own so that the server's go.mod
// lists only what the server is made of. Run one from the root with
// `go tool -modfile=tools/go.mod <name>`.
module github.com/urlite/urlite/tools

go 1.26.0

tool golang.org/x/perf/cmd/benchstat

require (
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	golang.org/x/perf v0.0.0-20260908200009-22c9c6c9d4da // indirect
)
