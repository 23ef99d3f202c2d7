//go:build !race

package server

import (
	"bufio"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/catalog"
)

// budgetsFile holds what a request of each kind may allocate.
const budgetsFile = "../profiles/budgets.txt"

// budgetRequests are the requests that have a budget, by its name.
var budgetRequests = map[string]string{
	"incr":         rawRequest("POST", prefix+"/kv/visits/incr?db=app", ""),
	"incr-no-past": rawRequest("POST", prefix+"/kv/visits/incr?db=app&history=false", ""),
	"get":          rawRequest("GET", prefix+"/kv/greeting?db=app", ""),
	"get-counter":  rawRequest("GET", prefix+"/kv/visits?db=app", ""),
	"get-missing":  rawRequest("GET", prefix+"/kv/nothing?db=app", ""),
	"head":         rawRequest("HEAD", prefix+"/kv/greeting?db=app", ""),
	"put":          rawRequest("PUT", prefix+"/kv/greeting?db=app", "hello", "Content-Type: text/plain"),
	"delete":       rawRequest("DELETE", prefix+"/kv/nothing?db=app", ""),
	"limit":        rawRequest("POST", prefix+"/kv/caller/limit?db=app&limit=1000000000&window=60", ""),
	"limit-429":    rawRequest("POST", prefix+"/kv/stranger/limit?db=app&limit=1&window=3600", ""),
	"push":         rawRequest("POST", prefix+"/kv/queue/push?db=app&max_length=10", `{"job":1}`, "Content-Type: application/json"),
	"patch":        rawRequest("PUT", prefix+"/kv/profile?db=app&path=prefs.theme", `"dark"`, "Content-Type: application/json"),
}

// Budgets are for a request that a warm server reads, does and answers, with its
// writer and its share of a commit, in heap objects. A lonely write pays for all of
// its commit, so there is a budget for one in a crowd as well.
func TestARequestKeepsToItsBudgetOfAllocations(t *testing.T) {
	s := newServer(t, testOptions{realTime: true, catalog: func(c *catalog.Config) {
		c.Store.Synchronous, _ = catalog.ParseSynchronous("normal") // the disk allocates nothing
	}})
	driver := newDriver(s)
	driver.do(t, budgetRequests["put"])
	driver.do(t, budgetRequests["incr"])
	spent := map[string]float64{}
	for name, raw := range budgetRequests {
		spent[name] = allocations(func() { driver.do(t, raw) })
	}
	for _, name := range []string{"incr", "put", "get", "limit"} {
		spent[name+"-in-a-crowd"] = crowdAllocations(t, s, budgetRequests[name])
	}

	budgets := readBudgets(t)
	for name, spent := range spent {
		budget, ok := budgets[name]
		if !ok {
			t.Errorf("%s has no line for %s", budgetsFile, name)
		} else if spent > budget {
			t.Errorf("%s allocates %.1f objects, its budget is %v: say why in profiles/notes, or spend less", name, spent, budget)
		}
		t.Logf("%-16s %4.1f of %v", name, spent, budget)
		delete(budgets, name)
	}
	for name := range budgets {
		t.Errorf("%s has a line for %s, which nobody measures", budgetsFile, name)
	}
}

// allocations counts the objects of one call of f, when it has been called often.
func allocations(f func()) float64 {
	for range 200 { // pools fill, statements are prepared
		f()
	}
	return testing.AllocsPerRun(1000, f)
}

// crowdAllocations counts the objects of one of many requests that are made at the
// same time.
func crowdAllocations(t *testing.T, s *testServer, raw string) float64 {
	const crowd = 128
	begin, done := make(chan struct{}), make(chan struct{})
	defer close(begin)
	for range crowd {
		go func() {
			driver := newDriver(s)
			for range begin {
				driver.do(t, raw)
				done <- struct{}{}
			}
		}()
	}
	return allocations(func() {
		for range crowd {
			begin <- struct{}{}
		}
		for range crowd {
			<-done
		}
	}) / crowd
}

func BenchmarkRequest(b *testing.B) {
	driver := newDriver(newServer(b, testOptions{realTime: true}))
	driver.do(b, budgetRequests["put"])
	for _, name := range []string{"incr", "get", "put"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				driver.do(b, budgetRequests[name])
			}
		})
	}
}

func readBudgets(t *testing.T) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(budgetsFile)
	if err != nil {
		t.Fatal(err)
	}
	budgets := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		most, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			t.Fatalf("%s: %q: %v", budgetsFile, line, err)
		}
		budgets[fields[0]] = most
	}
	return budgets
}

// driver feeds a server requests as fasthttp would, without a socket.
type driver struct {
	handler fasthttp.RequestHandler
	ctx     fasthttp.RequestCtx
	text    strings.Reader
	in      *bufio.Reader
	out     *bufio.Writer
}

func newDriver(s *testServer) *driver {
	d := &driver{handler: s.api.http.Handler, in: bufio.NewReader(nil), out: bufio.NewWriter(io.Discard)}
	d.ctx.Init2(nowhere{}, quiet{}, true)
	return d
}

// do is the life of a request on a kept connection.
func (d *driver) do(t testing.TB, raw string) {
	d.text.Reset(raw)
	d.in.Reset(&d.text)
	if err := d.ctx.Request.Header.Read(d.in); err != nil {
		t.Error(err)
	}
	if err := d.ctx.Request.ContinueReadBodyStream(d.in, 32<<20, false); err != nil {
		t.Error(err)
	}
	d.handler(&d.ctx)
	if status := d.ctx.Response.StatusCode(); status >= 500 {
		t.Errorf("%s: %d %s", raw, status, d.ctx.Response.Body())
	}
	d.ctx.Response.SkipBody = d.ctx.IsHead()
	if err := d.ctx.Response.Write(d.out); err != nil {
		t.Error(err)
	}
	d.ctx.Request.Reset()
	d.ctx.Response.Reset()
	d.ctx.ResetUserValues()
}

// nowhere is a connection of a client that is known by its address only.
type nowhere struct{ net.Conn }

var nowhereAddress = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

func (nowhere) RemoteAddr() net.Addr { return nowhereAddress }
func (nowhere) LocalAddr() net.Addr  { return nowhereAddress }
