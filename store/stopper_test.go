package store

import (
	"testing"
	"time"

	"crawshaw.io/sqlite"
)

// The time may be over before SQLite has begun; then there is nothing yet to interrupt.
func TestWhatBeginsTooLateIsStoppedAsWell(t *testing.T) {
	conn, err := sqlite.OpenConn(":memory:", sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_CREATE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := stopper{conn: conn}
	for range 3 {
		s.arm(0)
		for !s.late() { // it has fired, at nothing
			time.Sleep(time.Millisecond)
		}
		_, err := queryInt(conn, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
		if primary(err) != sqlite.SQLITE_INTERRUPT {
			t.Fatal(err)
		}
		s.disarm()
		if n, err := queryInt(conn, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT max(i) FROM n"); n != 1_000_000 {
			t.Fatal(n, err)
		}
	}
	for range 1000 { // at the same moment
		s.arm(50 * time.Microsecond)
		time.Sleep(50 * time.Microsecond)
		s.disarm()
	}
}
