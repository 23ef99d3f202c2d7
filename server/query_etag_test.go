package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Whoever has written, and asks with the ETag of before, is not told that nothing changed;
// and whoever is told so has what it would get.
func TestNobodyIsToldThatItsOwnWriteChangedNothing(t *testing.T) {
	s := startServer(t, testOptions{})
	s.sql(t, "CREATE TABLE t(client INT, round INT)")
	const clients, rounds = 4, 25
	formats := []string{"json", "list", "csv", "ndjson"}
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			path := "/query?db=app&sql=SELECT+max(round)+AS+round+FROM+t+WHERE+client=" + fmt.Sprint(client) + "&format=" + formats[client]
			before := s.request(t, "GET", path, "")
			for round := range rounds {
				etag := "If-None-Match: " + before.header.Get("Etag")
				if again := s.request(t, "GET", path, "", etag); again.status != 200 && again.status != 304 || again.status == 200 && string(again.body) != string(before.body) {
					t.Errorf("client %d: %s %q, before it was %q", client, again.reason, again.body, before.body)
				}
				s.sql(t, fmt.Sprintf("INSERT INTO t VALUES (%d, %d)", client, round))
				after := s.request(t, "GET", path, "", etag)
				if after.status != 200 || !strings.Contains(string(after.body), fmt.Sprint(round)) {
					t.Errorf("client %d round %d: %s %q", client, round, after.reason, after.body)
				}
				before = after
			}
		})
	}
	all.Wait()
	path := "/query?db=app&sql=SELECT+count(*)+FROM+t"
	a := s.request(t, "GET", path, "")
	s.request(t, "GET", path, "", "If-None-Match: "+a.header.Get("Etag")).wants(t, 304, "")
}
