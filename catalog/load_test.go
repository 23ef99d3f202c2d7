package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/refusal"
)

func TestCloseWaitsForThoseInAndKeepsAllThatWasAcknowledged(t *testing.T) {
	s := newShelf(t)
	const callers = 50
	acknowledged := make([]int, callers)
	begun := make(chan struct{}, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := 1; ; n++ {
				db, err := s.Acquire(fmt.Sprint("app", i%3), true)
				if err != nil {
					if !errors.Is(err, errShut) {
						t.Error(err)
					}
					return
				}
				err = put(db, fmt.Sprint(i), fmt.Sprint(n))
				db.Release()
				switch {
				case err == nil:
					acknowledged[i] = n
				case refusal.Of(err).Kind != refusal.Unavailable:
					t.Error(err)
				}
				if n == 3 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range callers {
		<-begun
	}
	s.Close()
	group.Wait()
	if s.Open() != 0 {
		t.Errorf("%d databases are open", s.Open())
	}
	if left, _ := filepath.Glob(s.path("*-wal")); len(left) != 0 {
		t.Errorf("logs are left: %v", left)
	}
	for i, n := range acknowledged {
		path := s.path(fmt.Sprint("app", i%3, ".db"))
		rows := testdb.Query(t, path, fmt.Sprintf("SELECT value FROM kv_store WHERE key = '%d'", i))
		if got := testdb.Text(rows); got != fmt.Sprintf("%q", fmt.Sprint(n)) {
			t.Errorf("caller %d was told of %d, the file holds %s", i, n, got)
		}
	}
}

// Everything at once: opening, closing for room, for idleness, for replacement. What
// was acknowledged on a file that stayed in its place is there.
func TestDatabasesComeAndGoUnderLoadWithoutLosingAWrite(t *testing.T) {
	s := newShelf(t, func(c *Config) { c.OpenMax, c.IdleAfter = 4, time.Millisecond })
	var group sync.WaitGroup
	acknowledged := make([]int, 6)
	for i := range acknowledged {
		group.Go(func() {
			name := fmt.Sprint("app", i)
			for n := 1; n <= 40; n++ {
				s.now.Add(300)
				db, err := s.Acquire(name, true)
				if err != nil {
					wantKind(t, err, refusal.Unavailable)
					continue
				}
				if err := put(db, "n", fmt.Sprint(n)); err != nil {
					t.Error(err)
				} else {
					acknowledged[i] = n
				}
				if got := read(t, db, "n"); got != fmt.Sprint(n) {
					t.Errorf("%s: wrote %d, read %s", name, n, got)
				}
				db.Release()
			}
		})
	}
	group.Go(func() {
		for range 40 {
			if db, err := s.Acquire("victim", true); err == nil {
				put(db, "k", "v")
				db.Release()
			}
			os.Remove(s.path("victim.db"))
			s.now.Add(checkMillis)
		}
	})
	group.Wait()
	s.Close()
	for i, n := range acknowledged {
		if n == 0 {
			continue
		}
		path := s.path(fmt.Sprint("app", i, ".db"))
		if got := testdb.Text(testdb.Query(t, path, "SELECT value FROM kv_store")); got != fmt.Sprintf("%q", fmt.Sprint(n)) {
			t.Errorf("%d was acknowledged, the file holds %s", n, got)
		}
	}
}

func TestMetricsNameTheOpenDatabasesAndNoOthers(t *testing.T) {
	s := newShelf(t)
	db := s.acquire("app")
	noError(t, put(db, "k", "v"))
	text := func() string {
		var out bytes.Buffer
		s.WriteMetrics(&out)
		return out.String()
	}
	if got := text(); !strings.Contains(got, `urlite_writer_group_calls_count{db="app.db"} 1`) {
		t.Errorf("metrics: %s", got)
	}
	db.Release()
	s.Close()
	if got := text(); got != "" {
		t.Errorf("metrics of closed databases: %s", got)
	}
}
