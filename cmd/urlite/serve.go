package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/server"
)

// serve reads the settings, opens the folder, serves until ctx ends, and drains.
func serve(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	s, err := readSettings(args, environ, stdout)
	if errors.Is(err, errHelp) {
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "urlite serve: %v\n\"urlite serve -h\" explains the flags\n", err)
		return exitUsage
	}
	if err := s.serve(ctx, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "urlite serve: %v\n", err)
		return exitFault
	}
	return exitDone
}

func (s *settings) serve(ctx context.Context, stdout, stderr io.Writer) error {
	spareProcessors()
	engine, err := catalog.EngineVersion()
	if err != nil {
		return err
	}
	databases, err := s.catalog()
	if err != nil {
		return err
	}
	defer databases.Close()
	databases.RemoveLeftovers()
	log := slog.New(slog.NewTextHandler(stderr, nil))
	api := server.New(s.server(engine, log), databases)

	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	profiles, err := s.serveProfiles()
	if err != nil {
		listener.Close()
		return err
	}
	defer profiles.Close()
	greet(stdout, stderr, listener.Addr(), databases.Dir(), engine)

	served := make(chan error, 1)
	go func() { served <- api.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("draining: waiting writes are committed, then the server stops")
	api.Drain()
	return <-served
}

// spareProcessors gives Go's scheduler more processors than there are cores. A
// writer that waits for the disk in a C call keeps one to itself until the runtime's
// monitor takes it away, which costs it a twentieth of a core in polling; with some to
// spare it need not (profiles/notes/0002-spare-processors.md).
func spareProcessors() {
	const spare = 3
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.NumCPU() + spare)
	}
}

// way is what long queries give way by, nil if they don't.
func (s *settings) way() *catalog.Way {
	if !s.queriesGiveWay {
		return nil
	}
	return catalog.NewWay(runtime.NumCPU())
}

// catalog opens the folder.
func (s *settings) catalog() (*catalog.Catalog, error) {
	rules, err := catalog.NewRules(s.dir, s.anyPath)
	if err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	synchronous, err := catalog.ParseSynchronous(s.synchronous)
	if err != nil {
		return nil, err
	}
	return catalog.New(catalog.Config{
		Rules: rules,
		Store: catalog.StoreOptions{
			Synchronous: synchronous, BusyWait: s.busyWait,
			SQLMemoryBytes: s.sqlMemory, SQLFilesBytes: s.sqlFiles,
			Way: s.way(),
		},
		Writer:       s.writer,
		Keep:         s.keep,
		QueryHistory: s.queryHistory,
		Readers:      s.readers,
		OpenMax:      s.openMax,
		IdleAfter:    s.idleAfter,
		Now:          now,
	}), nil
}

func (s *settings) server(engine string, log *slog.Logger) server.Config {
	config := server.Config{
		Version:       version,
		Built:         built,
		SQLiteVersion: engine,
		Synchronous:   s.synchronous,
		CreateMissing: s.createMissing,
		Limits:        s.limits,
		SQL:           s.sqlLimits,
		BodyBytesMax:  s.bodyBytesMax,
		KeepEntries:   s.keep.Entries,
		KeepSeconds:   s.keep.Seconds,
		Now:           now,
		Log:           log,

		SQLMemoryBytes: s.sqlMemory,
		SQLFilesBytes:  s.sqlFiles,
		BodiesBytesMax: s.bodiesMax,
		ImportBytesMax: s.importMax,
		UploadBytesMax: s.uploadBytesMax,
	}
	if catalog.EngineBundled {
		config.Warnings = append(config.Warnings, bundledWarning)
	}
	return config
}

func now() int64 { return time.Now().UnixMilli() }

const bundledWarning = "built with the SQLite of 2020 that the Go binding bundles; \"make build\" links a current one"

// greet tells where the server is and what to try.
func greet(stdout, stderr io.Writer, address net.Addr, dir, engine string) {
	if catalog.EngineBundled {
		fmt.Fprintf(stderr, "warning: %s\n", bundledWarning)
	}
	url := "http://" + reachable(address) + "/api/v1/sqlite"
	fmt.Fprintf(stdout, `urlite %s serves the databases of %s on %s (SQLite %s)

Try:
  curl -X POST '%s/kv/visits/incr?db=demo'
  curl -X PUT --data-binary 'hello' '%s/kv/greeting?db=demo'
  curl '%s/kv/greeting?db=demo'

`, version, dir, address, engine, url, url, url)
}

// reachable is the address as a client on this machine can use it.
func reachable(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// serveProfiles serves the program's profiles, if asked to, on a listener of their
// own: they are not for the API's clients.
func (s *settings) serveProfiles() (io.Closer, error) {
	if s.pprof == "" {
		return io.NopCloser(strings.NewReader("")), nil
	}
	listener, err := net.Listen("tcp", s.pprof)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	profiles := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go profiles.Serve(listener)
	return profiles, nil
}
