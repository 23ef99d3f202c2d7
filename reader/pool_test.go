package reader_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/reader"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

const longEnough = time.Minute

func open(t *testing.T, size int) *reader.Pool {
	t.Helper()
	path, _ := testdb.Open(t)
	p := reader.NewPool(path, size, store.Options{})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func borrow(t *testing.T, p *reader.Pool) *store.ReadConn {
	t.Helper()
	conn, err := p.Borrow(longEnough)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestTheConnectionUsedLastIsLentFirstAndNoneIsOpenedWithoutNeed(t *testing.T) {
	p := open(t, 4)
	first, second := borrow(t, p), borrow(t, p)
	p.Return(first)
	p.Return(second)
	if again := borrow(t, p); again != second {
		t.Error("a connection with a colder cache was lent")
	} else {
		p.Return(again)
	}
	if p.Open() != 2 || p.Lent() != 0 {
		t.Errorf("%d connections open, %d lent", p.Open(), p.Lent())
	}
}

func TestWhoWaitsTooLongIsRefusedAndTheConnectionIsNotLost(t *testing.T) {
	p := open(t, 1)
	conn := borrow(t, p)
	if _, err := p.Borrow(time.Millisecond); err == nil || refusal.Of(err).Kind != refusal.RequestTimeout {
		t.Fatalf("a second borrower of one connection got %v", err)
	}
	p.Return(conn)
	p.Return(borrow(t, p))
	if p.Lent() != 0 {
		t.Errorf("%d connections are still lent", p.Lent())
	}
}

func TestManyBorrowersNeverHoldMoreConnectionsThanThereAre(t *testing.T) {
	const size, borrowers, rounds = 3, 32, 50
	p := open(t, size)
	var held, most atomic.Int64
	var working sync.WaitGroup
	for range borrowers {
		working.Go(func() {
			for range rounds {
				conn, err := p.Borrow(longEnough)
				if err != nil {
					t.Error(err)
					return
				}
				if n := held.Add(1); n > most.Load() {
					most.Store(n)
				}
				if _, _, err := conn.Cursor(); err != nil {
					t.Error(err)
				}
				held.Add(-1)
				p.Return(conn)
			}
		})
	}
	working.Wait()
	if most.Load() > size || p.Open() > size || p.Lent() != 0 {
		t.Errorf("%d held at once, %d open, %d lent in the end", most.Load(), p.Open(), p.Lent())
	}
}

func TestCloseWaitsForTheLentAndRefusesTheNext(t *testing.T) {
	path, _ := testdb.Open(t)
	p := reader.NewPool(path, 2, store.Options{})
	conn := borrow(t, p)
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	for {
		extra, err := p.Borrow(0)
		if err != nil {
			if kind := refusal.Of(err).Kind; kind == refusal.Unavailable {
				break // closing
			}
			t.Fatal(err)
		}
		p.Return(extra)
	}
	select {
	case <-closed:
		t.Fatal("closed under a borrower")
	default:
	}
	p.Return(conn)
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// nowhere takes rows and keeps none.
type nowhere struct{}

func (nowhere) StartRows([]string) error { return nil }
func (nowhere) Row([]sqltx.Value) error  { return nil }

func TestAQueryThatIsOverdueTwiceIsInterrupted(t *testing.T) {
	p := open(t, 1)
	conn := borrow(t, p)
	defer p.Return(conn)
	done := make(chan error)
	go func() {
		item := &sqltx.Item{SQL: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c"}
		_, err := conn.Query(item, longEnough, 1, nowhere{})
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err == nil || refusal.Of(err).Kind != refusal.RequestTimeout {
				t.Fatalf("the query answers %v", err)
			}
			return
		case <-time.After(time.Millisecond):
			p.InterruptOverdue()
		}
	}
}

func TestAFileThatCannotBeOpenedCostsNoPlace(t *testing.T) {
	p := reader.NewPool(t.TempDir()+"/missing.db", 1, store.Options{})
	for range 3 {
		if _, err := p.Borrow(longEnough); err == nil {
			t.Fatal("a missing file was opened")
		}
	}
	if p.Lent() != 0 {
		t.Errorf("%d places are lost", p.Lent())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestLongAnswersLeaveConnectionsForShortOnes(t *testing.T) {
	p := open(t, 4)
	long := func() *store.ReadConn {
		conn, err := p.BorrowLong(longEnough)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	first, second := long(), long()
	if _, err := p.BorrowLong(time.Millisecond); err == nil || refusal.Of(err).Kind != refusal.RequestTimeout {
		t.Fatalf("a third long answer on four connections got %v", err)
	}
	p.Return(borrow(t, p))
	p.ReturnLong(first)
	p.ReturnLong(long())
	p.ReturnLong(second)
	if p.Lent() != 0 {
		t.Errorf("%d connections are lent", p.Lent())
	}
}
