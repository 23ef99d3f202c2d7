//go:build !race

package server

import (
	"fmt"
	"testing"

	"github.com/urlite/urlite/catalog"
)

// BenchmarkNoted is what the query history costs a request: the difference of the two.
func BenchmarkNoted(b *testing.B) {
	for _, name := range []string{"get", "get-missing"} {
		for _, noted := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/%v", name, noted), func(b *testing.B) {
				driver := newDriver(newServer(b, testOptions{realTime: true, catalog: func(c *catalog.Config) { c.QueryHistory = noted }}))
				driver.do(b, budgetRequests["put"])
				b.ReportAllocs()
				for b.Loop() {
					driver.do(b, budgetRequests[name])
				}
			})
		}
	}
}

// BenchmarkNote is the noting alone.
func BenchmarkNote(b *testing.B) {
	s := newServer(b, testOptions{realTime: true})
	driver := newDriver(s)
	driver.do(b, budgetRequests["put"])
	route := s.api.metrics.route("kv.incr")
	q := newRequest(s.api, &driver.ctx)
	defer q.release()
	if _, err := q.acquire("app", false); err != nil {
		b.Fatal(err)
	}
	q.key = "visits"
	b.ReportAllocs()
	for b.Loop() {
		q.actorBytes = q.actorBytes[:0] // as of a request that did not need it
		q.noteIn(route, 16_000)
	}
}
