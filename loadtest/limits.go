package main

import "time"

// Load is bounded in count and in time, whatever the flags say.
const (
	connectionsMax = 4_096 // two sockets each, and a shell's usual 20,000 open files
	keysMax        = 1_000_000
	durationMax    = 10 * time.Minute

	querySecondsMax  = 60     // that queries run for beside increments
	exportTurns      = 5      // exports a side is timed for: one takes about a second
	expiringMax      = 20_000 // keys that expire a second, and for how long: 1.2 million
	sweepSecondsMax  = 60
	documentsMax     = 60 // documents of a megabyte that are written in a turn: history keeps each
	documentBytesMin = 1 << 20

	entriesMin, entriesMax = 1_000, 2_000_000 // of one key
	tableKeysMin           = 1_000
	changedMax             = 1_000 // keys that change between two moments
	shortEntries           = 100   // of the key that the long past is held against
	arrayElements          = 1_000 // each of elementBytes: an array of 100 KB
	elementBytes           = 100
	elementKinds           = 256 // elements that are pushed, in any order
	treeDepthMax           = 20  // of a B-tree; four billion pages make no deeper one

	batchItemsMax     = 100      // the API's own bound on a batch
	batchRows         = 10_000   // that one statement inserts
	limitItemsMax     = 16       // its bound on the limits of one request
	pageItems         = 100      // of a list, its default
	pagesMax          = 16       // pages deep in the list that are asked for in turn
	answerBytesMax    = 1 << 20  // far above any answer the harness asks for
	exportBufferBytes = 64 << 10 // an export is read by: as much as a pipe holds
	profileBytes      = 64 << 20 // a CPU profile of a minute is under one of them

	outputTailBytes = 4 << 10 // what is kept of a child's words, to be shown when it fails
)

const (
	readyWait  = 15 * time.Second       // a server that replays a large WAL takes its time
	stopWait   = 30 * time.Second       // a drain commits and checkpoints
	answerWait = 15 * time.Second       // beyond this an answer counts as an error
	warmUpMax  = 500 * time.Millisecond // caches fill and heaps find their size long before
	plantMax   = 3 * time.Minute        // for the keys of the scenario sweep to be written

	fillMax      = 5 * time.Minute        // for a past to be written
	settleMax    = time.Minute            // for a log to be emptied when nobody writes
	rollbackWait = 2 * time.Minute        // for a table to be rolled back, and for whoever waits for it
	secondMargin = 20 * time.Millisecond  // by which a second has to be over
	memoryEvery  = 10 * time.Millisecond  // while a rollback runs
	undoRunUp    = 500 * time.Millisecond // the others are under way by then

	sqlWait      = 2 * time.Minute        // for a statement that makes a table of a million rows
	queryMargin  = 200 * time.Millisecond // before and after a turn in which queries run: all of them do in it
	logWait      = 3 * time.Second        // for the query history to be written
	queryWaitMax = 10 * time.Second       // for a query to end when its time is over
)

const (
	fillers   = 256 // connections that write the past of one key: they share commits
	pushers   = 8   // that push to one array
	others    = 4   // that increment while a table is rolled back
	inserters = 64  // that insert by SQL
	batchers  = 4   // that insert by large batches
	writers   = 8   // connections that prepare what a scenario needs much of
	rounds    = 3   // slices a side gets: short enough that a noisy neighbour hits both
	// historyRounds tell 2 % apart, which is less than one turn differs from the next.
	historyRounds = 10
	syncsPerTurn  = 100  // disk syncs measured between two slices
	syncBytes     = 4096 // a page: what the smallest commit appends
)
