# urlite's errands. `make` alone lists them.
#
# SQLite comes as one object file, sqlite3.o, compiled once from the amalgamation
# that a pinned Go module carries. Every Go command below links it (by the tag
# linksqlite3), so nothing here runs on the engine of 2020 that the Go binding bundles.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build test check race bench load profile clean

TAGS    := -tags linksqlite3
ARGS    ?=
BASE    ?= HEAD
BENCH   ?= .
COUNT   ?= 6
# Far more than the tests need: it ends one that hangs, with every stack in the output.
TIMEOUT ?= 10m

# The Go command can't see that sqlite3.o changed, and would keep a program linked
# with the old one. A checksum among the linker's flags makes it see.
LINK = -ldflags "-X main.sqliteObject=$$(cksum <sqlite3.o | cut -d' ' -f1)"
# A committed profile guides the compiler; without one, nothing is lost but speed.
PGO  = $(if $(wildcard profiles/serve.pgo),-pgo=profiles/serve.pgo)

# The rooms whose tests are about goroutines meeting.
CONCURRENT := ./catalog/... ./directory/... ./writer/... ./reader/... ./store/... ./server/...

SQLITE_MODULE := github.com/mattn/go-sqlite3
# The upper part is what the Go binding's own C code is compiled with and relies
# on. The lower is ours: FULL because an answered write is on disk, DQS=1 for
# double-quoted strings in DML as in the sqlite3 shell (but not in a schema), and
# NULL_TRIM because most lines of history end in columns that they don't need.
SQLITE_CFLAGS := -O2 -std=gnu99 \
	-DSQLITE_THREADSAFE=2 -DSQLITE_ENABLE_UNLOCK_NOTIFY -DSQLITE_ENABLE_FTS5 \
	-DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_GEOPOLY -DSQLITE_LIKE_DOESNT_MATCH_BLOBS \
	-DSQLITE_OMIT_DEPRECATED -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_SNAPSHOT \
	-DSQLITE_ENABLE_PREUPDATE_HOOK -DSQLITE_USE_ALLOCA -DSQLITE_ENABLE_COLUMN_METADATA \
	-DHAVE_USLEEP=1 -DHAVE_FDATASYNC=1 \
	-DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_STAT4 -DSQLITE_DEFAULT_MEMSTATUS=0 \
	-DSQLITE_DEFAULT_WAL_SYNCHRONOUS=2 -DSQLITE_DQS=1 -DSQLITE_ENABLE_NULL_TRIM

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9.]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build ## build and serve the folder ./data (ARGS="--flag ..." passes more)
	mkdir -p data
	exec ./bin/urlite serve --dir ./data $(ARGS)

build: sqlite3.o ## build bin/urlite
	go build $(TAGS) $(LINK) $(PGO) -o bin/urlite ./cmd/urlite

# The race detector allocates, so what a request may allocate is tested without it.
test: sqlite3.o ## all tests, with the race detector
	go vet $(TAGS) ./...
	go test $(TAGS) $(LINK) -race -timeout $(TIMEOUT) ./...
	go test $(TAGS) $(LINK) -count=1 -run 'Alloc|Budget' -timeout $(TIMEOUT) ./...

check: sqlite3.o ## what needs no running: format, vet, modules, the laws of the house
	@unformatted="$$(gofmt -l .)"; if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:" $$unformatted >&2; exit 1; fi
	go vet $(TAGS) ./...
	go mod verify
	go mod tidy -diff
	go test -count=1 ./internal/tidy

race: sqlite3.o ## the tests about goroutines, three times, with the race detector
	go test $(TAGS) $(LINK) -race -count=3 -timeout $(TIMEOUT) $(CONCURRENT)

# The two sides take turns, so that a machine that slows down slows both.
bench: sqlite3.o have-git ## compare benchmarks with another commit (BASE=<ref> BENCH=<regexp> COUNT=6)
	@base="$$(mktemp -d)"; trap 'git worktree remove --force "$$base" || rmdir "$$base"' EXIT; \
	git worktree add --quiet --detach "$$base" $(BASE); \
	cp -p sqlite3.o sqlite3.stamp "$$base"; $(MAKE) --no-print-directory -C "$$base" sqlite3.o; \
	mkdir -p bin; rm -f bin/bench-base.txt bin/bench-here.txt; here="$$PWD"; \
	for turn in $$(seq $(COUNT)); do \
		echo "turn $$turn of $(COUNT)"; \
		for side in base here; do \
			cd "$${!side}"; go test $(TAGS) $(LINK) -run '^$$' -bench '$(BENCH)' -benchmem ./... >>"$$here/bin/bench-$$side.txt"; \
		done; \
	done; \
	cd "$$here"; go tool -modfile=tools/go.mod benchstat base=bin/bench-base.txt here=bin/bench-here.txt

load: build ## run the load harness against bin/urlite (ARGS="-flag ...")
	go run $(TAGS) $(LINK) ./loadtest $(ARGS)

profile: have-go ## record a CPU profile under load for the compiler: profiles/serve.pgo
	$(MAKE) load ARGS="-profile profiles/serve.pgo $(ARGS)"

sqlite3.o: have-go have-gcc ## compile SQLite, once per version and flags (half a minute)
	@recipe="$$(go list -m -f '{{.Path}} {{.Version}}' $(SQLITE_MODULE)) gcc $$(gcc -dumpfullversion) $(SQLITE_CFLAGS)"; \
	if [ -f $@ ] && [ "$$(cat sqlite3.stamp 2>/dev/null || true)" = "$$recipe" ]; then exit 0; fi; \
	go mod download $(SQLITE_MODULE); \
	source="$$(go list -m -f '{{.Dir}}' $(SQLITE_MODULE))/sqlite3-binding.c"; \
	echo "compiling $$source, half a minute"; \
	mkdir -p bin; part="bin/sqlite3.part$$$$.o"; trap 'rm -f "$$part"' EXIT; \
	gcc -c $(SQLITE_CFLAGS) -o "$$part" "$$source"; \
	mv "$$part" $@; \
	echo "$$recipe" >sqlite3.stamp

clean: ## remove what was built (never ./data)
	rm -rf bin sqlite3.o sqlite3.stamp

# have-gcc stops a target that needs gcc where there is none, and says what to do.
have-%:
	@if command -v $* >/dev/null; then exit 0; fi; \
	case $* in \
	go)  how="apt-get install -y golang-go (1.21 or later fetches the version it needs), or https://go.dev/dl" ;; \
	gcc) how="apt-get install -y gcc libc6-dev" ;; \
	*)   how="apt-get install -y $*" ;; \
	esac; \
	echo "make: $* is needed and not installed: $$how" >&2; exit 1
