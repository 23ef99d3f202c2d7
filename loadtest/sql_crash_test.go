package main

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	sqlCrashDatabase = "sqlcrash"
	rowsOfTag        = 3
	tagsOfBatch      = 100
)

// A row tells which transaction it is of, and how many rows that has in all. Nothing is
// unique, so that rows that were inserted twice would be there twice.
const sqlCrashTable = "CREATE TABLE marks(caller INTEGER, turn INTEGER, rows INTEGER, tag INTEGER, part INTEGER)"

// sqlWriter is one caller and what it knows of its transactions: it sends one after the
// other, each with the number of its turn.
type sqlWriter struct {
	number int
	turns  atomic.Int64 // begun
	// acknowledged are the rows of the turns that were, unknown those of the turns that
	// got no answer.
	acknowledged, unknown map[int64]int
}

// sqlWriters insert in loops until their server is gone.
type sqlWriters struct {
	client  *apiClient
	writers []*sqlWriter
	seed    uint64
	working sync.WaitGroup
	// unexpected is the first answer that nobody should have got.
	unexpected atomic.Pointer[unexpected]
}

type unexpected struct {
	kind int
	err  error
}

func newSQLWriters(t *testing.T, count int) *sqlWriters {
	s := &sqlWriters{client: newAPIClient(t, count), seed: uint64(time.Now().UnixNano())}
	t.Logf("seed %d", s.seed)
	for number := range count {
		s.writers = append(s.writers, &sqlWriter{
			number: number, acknowledged: map[int64]int{}, unknown: map[int64]int{},
		})
	}
	return s
}

func (s *sqlWriters) start(server *process, round int) {
	for _, w := range s.writers {
		random := rand.New(rand.NewPCG(s.seed, uint64(round*len(s.writers)+w.number)))
		s.working.Go(func() {
			for s.insert(server.address, w, random) {
			}
		})
	}
}

// insert sends the next transaction and tells whether it was answered.
func (s *sqlWriters) insert(address string, w *sqlWriter, random *rand.Rand) bool {
	turn := w.turns.Add(1)
	kind := random.IntN(kinds)
	items, rows := w.transaction(turn, kind)
	err := s.client.transact(address, sqlCrashDatabase, items, &struct{}{})
	var answered *statusError
	switch {
	case errors.As(err, &answered) && answered.code == "SQL_ERROR" && kind == refused:
		return true
	case answered != nil, err == nil && kind == refused:
		s.unexpected.CompareAndSwap(nil, &unexpected{kind, err})
		return false
	case err == nil:
		w.acknowledged[turn] = rows
		return true
	}
	w.unknown[turn] = rows
	return false
}

// The ways that transactions insert rows in.
const (
	atOnce  = iota // one statement of three rows
	inSteps        // three statements
	batch          // of a hundred tags
	refused        // three statements and one that can't be
	kinds
)

// transaction is rows in one of the ways that clients send them.
func (w *sqlWriter) transaction(turn int64, kind int) (items []sqlItem, rows int) {
	if kind == atOnce {
		return []sqlItem{{
			Statement: "INSERT INTO marks VALUES(?1, ?2, ?3, 0, 0), (?1, ?2, ?3, 0, 1), (?1, ?2, ?3, 0, 2)",
			Values:    []any{w.number, turn, rowsOfTag},
		}}, rowsOfTag
	}
	tags := 1
	if kind == batch {
		tags = tagsOfBatch
	}
	rows = rowsOfTag * tags
	for tag := range tags {
		for part := range rowsOfTag {
			items = append(items, sqlItem{
				Statement: "INSERT INTO marks VALUES(?, ?, ?, ?, ?)",
				Values:    []any{w.number, turn, rows, tag, part},
			})
		}
	}
	if kind == refused {
		items = append(items, sqlItem{Statement: "INSERT INTO nowhere VALUES(1)"})
	}
	return items, rows
}

func (s *sqlWriters) begun() (turns int64) {
	for _, w := range s.writers {
		turns += w.turns.Load()
	}
	return turns
}

// waitForProgress returns once so many more transactions were begun.
func (s *sqlWriters) waitForProgress(t *testing.T, more int64) {
	t.Helper()
	goal := s.begun() + more
	for deadline := time.Now().Add(readyWait); s.begun() < goal; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d transactions within %v", s.begun(), goal, readyWait)
		}
	}
}

// check reads back what every caller has written. What got no answer may be there, and if
// so, whole; from then on it has to stay.
func (s *sqlWriters) check(t *testing.T, address string) {
	t.Helper()
	half := s.client.queryRow(t, address, sqlCrashDatabase,
		`SELECT count(*) AS n FROM (SELECT 1 FROM marks GROUP BY caller, turn, tag
			HAVING count(*) <> 3 OR count(DISTINCT part) <> 3)`)
	if half["n"] != float64(0) {
		t.Fatalf("%v tags have not the rows that they were sent with", half["n"])
	}
	for _, w := range s.writers {
		stored := s.client.turns(t, address, w.number)
		for turn, rows := range w.acknowledged {
			if stored[turn] != rows {
				t.Fatalf("caller %d, turn %d: %d rows are there, %d were acknowledged", w.number, turn, stored[turn], rows)
			}
			delete(stored, turn)
		}
		for turn, rows := range w.unknown {
			if got, there := stored[turn]; there && got != rows {
				t.Fatalf("caller %d, turn %d: %d rows of %d are there", w.number, turn, got, rows)
			} else if there {
				w.acknowledged[turn] = rows
			}
			delete(stored, turn)
		}
		clear(w.unknown) // what was not committed then never will be
		if len(stored) > 0 {
			t.Fatalf("caller %d: turns %v were never sent, or not committed when the server was killed", w.number, stored)
		}
	}
}

// turns counts the rows of each turn of a caller.
func (c *apiClient) turns(t *testing.T, address string, caller int) map[int64]int {
	t.Helper()
	all := map[int64]int{}
	const page = 1_000
	for after := int64(0); ; {
		sql := "SELECT turn, count(*) AS n FROM marks WHERE caller = ? AND turn > ? GROUP BY turn ORDER BY turn LIMIT ?"
		var answer struct {
			Results [1]struct {
				Rows []struct {
					Turn int64
					N    int
				} `json:"resultSet"`
			}
		}
		item := sqlItem{Query: sql, Values: []any{caller, after, page}}
		if err := c.transact(address, sqlCrashDatabase, []sqlItem{item}, &answer); err != nil {
			t.Fatal(err)
		}
		rows := answer.Results[0].Rows
		for _, row := range rows {
			all[row.Turn], after = row.N, row.Turn
		}
		if len(rows) < page {
			return all
		}
	}
}

// A killed server may have committed transactions that it could not acknowledge any more,
// but none by half, and it has lost none that it had acknowledged.
func TestNoAcknowledgedTransactionIsLostOrHalvedWhenTheServerIsKilled(t *testing.T) {
	const killings, callerCount = 5, 16
	folder, writers := t.TempDir(), newSQLWriters(t, callerCount)
	server := serve(t, folder)
	create := []sqlItem{{Statement: sqlCrashTable}, {Statement: "CREATE INDEX marks_turns ON marks(caller, turn)"}}
	if err := writers.client.transact(server.address, sqlCrashDatabase, create, &struct{}{}); err != nil {
		t.Fatal(err)
	}
	for round := range killings {
		writers.start(server, round)
		writers.waitForProgress(t, 200)
		time.Sleep(time.Duration(50+40*round) * time.Millisecond) // somewhere else in the work each time
		server.kill()
		writers.working.Wait()
		if u := writers.unexpected.Load(); u != nil {
			t.Fatalf("a transaction of kind %d was answered with: %v", u.kind, u.err)
		}

		server = serve(t, folder)
		writers.check(t, server.address)
		fileIsSound(t, writers.client, server.address, sqlCrashDatabase)
	}
	known := 0
	for _, w := range writers.writers {
		known += len(w.acknowledged)
	}
	all := writers.client.queryRow(t, server.address, sqlCrashDatabase, "SELECT count(*) AS n FROM (SELECT 1 FROM marks GROUP BY caller, turn)")
	if all["n"] != float64(known) || known == 0 {
		t.Errorf("%v transactions are there, and %d should", all["n"], known)
	}
	t.Logf("%d transactions", known)
	stopCleanly(t, server)
}
