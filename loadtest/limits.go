package main

import "time"

// Load is bounded in count and in time, whatever the flags say.
const (
	connectionsMax = 4_096 // two sockets each, and a shell's usual 20,000 open files
	keysMax        = 1_000_000
	durationMax    = 10 * time.Minute

	expiringMax      = 20_000 // keys that expire a second, and for how long: 1.2 million
	sweepSecondsMax  = 60
	documentsMax     = 60 // documents of a megabyte that are written in a turn: history keeps each
	documentBytesMin = 1 << 20

	batchItemsMax  = 100      // the API's own bound on a batch
	limitItemsMax  = 16       // its bound on the limits of one request
	pageItems      = 100      // of a list, its default
	pagesMax       = 16       // pages deep in the list that are asked for in turn
	answerBytesMax = 1 << 20  // far above any answer the harness asks for
	profileBytes   = 64 << 20 // a CPU profile of a minute is under one of them

	outputTailBytes = 4 << 10 // what is kept of a child's words, to be shown when it fails
)

const (
	readyWait  = 15 * time.Second       // a server that replays a large WAL takes its time
	stopWait   = 30 * time.Second       // a drain commits and checkpoints
	answerWait = 15 * time.Second       // beyond this an answer counts as an error
	warmUpMax  = 500 * time.Millisecond // caches fill and heaps find their size long before
	plantMax   = 3 * time.Minute        // for the keys of the scenario sweep to be written
)

const (
	writers      = 8    // connections that prepare what a scenario needs much of
	rounds       = 3    // slices a side gets: short enough that a noisy neighbour hits both
	syncsPerTurn = 100  // disk syncs measured between two slices
	syncBytes    = 4096 // a page: what the smallest commit appends
)
