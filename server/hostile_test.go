package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// offend sends raw bytes, ends its side of the connection and reads all answers.
// Each must be an answer of the API; a server that says nothing has closed.
func (s *testServer) offend(t *testing.T, raw string) (statuses []int, bodies string) {
	t.Helper()
	c := s.connect(t)
	defer c.Close()
	c.send(t, raw)
	c.Conn.(*net.TCPConn).CloseWrite()
	method, _, _ := strings.Cut(raw, " ")
	for {
		a, err := c.receive(method)
		if os.IsTimeout(err) {
			t.Fatalf("%.100q: neither an answer nor an end", raw)
		}
		if err != nil {
			return statuses, bodies
		}
		if a.status == http.StatusContinue {
			continue
		}
		checkAnswer(t, method, a)
		if a.status >= 400 && !strings.Contains(string(a.body), `"code":"`) && method != "HEAD" {
			t.Errorf("%.100q: %s", raw, a.body)
		}
		statuses, bodies = append(statuses, a.status), bodies+string(a.body)
	}
}

func TestBytesThatAreNoRequestAreRefusedAndHurtNobody(t *testing.T) {
	const bodyBytesMax = 1000
	s := startServer(t, testOptions{config: func(c *Config) { c.BodyBytesMax = bodyBytesMax }})
	long := func(n int) string { return strings.Repeat("x", n) }
	get, put := "GET "+prefix, "PUT "+prefix+"/kv/hurt?db=app HTTP/1.1\r\nHost: a\r\n"
	f := func(raw string, want ...int) {
		t.Helper()
		got, bodies := s.offend(t, raw)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%.150q is answered %v, want %v: %.300s", raw, got, want, bodies)
		}
		if len(bodies) > 2000 || strings.Contains(bodies, "Host: a") {
			t.Errorf("%.150q is sent back: %.300s", raw, bodies)
		}
		s.healthy(t)
	}

	// Nothing, and not much.
	f("")
	f("\r\n\r\n")
	f("\x00", 400)
	f("G", 400)

	// Request lines.
	f("GARBAGE\r\n\r\n", 400)
	f("GET\r\n\r\n", 400)
	f("GET /\r\n\r\n", 400)
	f("GET  "+prefix+"/health HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f(get+"/health FTP/1.1\r\nHost: a\r\n\r\n", 400)
	f("G@T "+prefix+"/health HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f("get "+prefix+"/health HTTP/1.1\r\nHost: a\r\n\r\n", 405)
	f("GET kv/a HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f(get+"/health\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f(get+"/kv/a\x01b?db=app HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f(get+"/kv/a b?db=app HTTP/1.1\r\nHost: a\r\n\r\n", 400)
	f("CONNECT example.com:80 HTTP/1.1\r\nHost: a\r\n\r\n", 404)
	f("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405)
	f("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405)
	f("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+long(64)+"\r\n\r\n", 400) // TLS

	// Headers.
	f(get+"/health HTTP/1.1\r\n\r\n", 400) // no Host
	f(get+"/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400)
	f(get+"/health HTTP/1.1\r\nHost: a\r\nNoColon\r\n\r\n", 400)
	f(get+"/health HTTP/1.1\r\nHost: a\r\n: nameless\r\n\r\n", 400)
	f(get+"/health HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400)
	f(get+"/health HTTP/1.1\nHost: a\n\n", 400)
	f(get+"/kv/a?db=app&"+long(headerBytesMax)+" HTTP/1.1\r\nHost: a\r\n\r\n", 413)
	f(get+"/health HTTP/1.1\r\nHost: a\r\nX: "+long(headerBytesMax)+"\r\n\r\n", 413)
	f(get+"/health HTTP/1.1\r\nHost: a\r\n"+strings.Repeat("X: y\r\n", headerBytesMax/6)+"\r\n", 413)
	f(get+"/health HTTP/1.1\r\nHost: a\r\nX: "+long(10*headerBytesMax)+"\r\n\r\n", 413)
	f(get+"/health HTTP/1.1\r\nHost: a\r\nX: "+long(headerBytesMax-1000)+"\r\n\r\n", 200)

	// Lengths.
	f(put+"Content-Length: -1\r\n\r\n", 400)
	f(put+"Content-Length: abc\r\n\r\nabc", 400)
	f(put+"Content-Length: +5\r\n\r\nhello", 400)
	f(put+"Content-Length: 5, 5\r\n\r\nhello", 400)
	f(put+"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400)
	f(put+"Content-Length: 99999999999999999999\r\n\r\nhello", 400)
	f(put+"Content-Length: 9223372036854775807\r\n\r\nhello", 413)
	f(put+"Content-Length: 1001\r\n\r\n"+long(bodyBytesMax+1), 413)
	f(put+"Content-Length: 1001\r\n\r\n", 413)
	f("HEAD "+prefix+"/kv/a?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413)

	// Chunks.
	f(put+"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400)
	f(put+"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400)
	f(put+"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello", 400)
	f(put+"Transfer-Encoding: chunked\r\n\r\n3e9\r\n"+long(bodyBytesMax+1)+"\r\n0\r\n\r\n", 413)
	f(put+"Transfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1\r\nx\r\n", bodyBytesMax+1)+"0\r\n\r\n", 413)
	f(put+"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 400)

	// Bodies that end before they should.
	f(put+"Content-Length: 10\r\n\r\nhello", 400)
	f(put+"Content-Length: 10\r\n", 400)
	f(put+"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 400)
	f(put+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 400)
	f("POST "+prefix+"/db?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"+
		`{"transaction":[{"statement":"CREATE TABLE t (x)"}]}`, 400)
	f("PUT "+prefix+"/kv/hurt?db=ap", 400)

	// None of it was half done.
	s.request(t, "GET", "/kv/hurt?db=app", "").wants(t, 400, "DATABASE_NOT_FOUND")
}

func TestWhatLooksOddAndIsARequestIsAnswered(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/a%2Fb?db=app", "value").wants(t, 200, `"key":"a/b"`)
	f := func(raw, want string, statuses ...int) {
		t.Helper()
		got, bodies := s.offend(t, raw)
		if fmt.Sprint(got) != fmt.Sprint(statuses) || !strings.Contains(bodies, want) {
			t.Errorf("%.150q is answered %v %q, want %v and %q", raw, got, bodies, statuses, want)
		}
	}
	get, put := "GET "+prefix, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\n"

	f(get+"/health HTTP/1.0\r\n\r\n", `"status":"ok"`, 200)
	f("GET http://elsewhere.example"+prefix+"/kv/a%2Fb?db=app HTTP/1.1\r\nHost: a\r\n\r\n", "value", 200)
	f(get+"/health#part HTTP/1.1\r\nHost: a\r\n\r\n", `"status":"ok"`, 200)
	f(get+"/health HTTP/1.1\r\nhOsT: a\r\ncOnTeNt-LeNgTh: 0\r\n\r\n", `"status":"ok"`, 200)
	f(get+"/kv/a%2Fb?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "value", 200)
	f(put+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", `"size":5`, 200)
	f(put+"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;why=not\r\nllo\r\n0\r\n\r\n", `"size":5`, 200)
	f(put+"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", `"size":5`, 200)
	// Without a length there is no body; what follows is the next request.
	f(put+"\r\n"+get+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\n\r\n", `"size":0`, 200, 200)

	// Pipelined: answered in order, and a refusal ends nothing.
	one := "POST " + prefix + "/kv/n/incr?db=app HTTP/1.1\r\nHost: a\r\n\r\n"
	f(one+get+"/nowhere HTTP/1.1\r\nHost: a\r\n\r\n"+one+one, `"value":3`, 200, 404, 200, 200)
	// A malformed one does, as nobody knows where it ends.
	f(one+"GARBAGE\r\n\r\n"+one, `"value":4`, 200, 400)
	s.request(t, "GET", "/kv/n?db=app", "").wants(t, 200, "4")
}

func TestAnHTTP10ConnectionEndsAfterItsAnswer(t *testing.T) {
	s := startServer(t, testOptions{})
	c := s.connect(t)
	a := c.exchange(t, "GET", "GET "+prefix+"/health HTTP/1.0\r\n\r\n")
	if !a.closes || !c.closed() {
		t.Errorf("the connection stays open: %v", a.header)
	}
	c = s.connect(t)
	for range 2 {
		c.exchange(t, "GET", "GET "+prefix+"/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").wants(t, 200, "ok")
	}
	c.exchange(t, "GET", "GET "+prefix+"/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !c.closed() {
		t.Error("the connection stays open, and the client asked to close it")
	}
}

// The client reads its answer only after it has sent everything, as most do.
func TestABodyPastTheLimitIsAnsweredToClientsThatSendAllOfIt(t *testing.T) {
	s := startServer(t, testOptions{})
	body := strings.NewReader(strings.Repeat("x", 33<<20))
	f := func(name string, body io.Reader) {
		t.Helper()
		request, err := http.NewRequest("PUT", "http://"+s.address+prefix+"/kv/big?db=app", body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer response.Body.Close()
		told, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 413 || !strings.Contains(string(told), "PAYLOAD_TOO_LARGE") {
			t.Errorf("%s: %s %s %v", name, response.Status, told, err)
		}
		s.healthy(t)
	}
	f("with a length", body)
	body.Seek(0, io.SeekStart)
	f("in chunks", io.MultiReader(body)) // of an unknown length
	s.request(t, "GET", "/kv/big?db=app", "").wants(t, 400, "DATABASE_NOT_FOUND")
}

func TestASlowClientIsHeardOutBeforeItsBodyIsRefused(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.BodyBytesMax = 1000 }})
	c := s.connect(t)
	c.send(t, "PUT "+prefix+"/kv/k?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
	for range 20 { // in all, several times as long as it may be silent
		c.send(t, strings.Repeat("x", 100))
		time.Sleep(swallowSilence / 4)
	}
	a, err := c.receive("PUT")
	if err != nil {
		t.Fatal(err)
	}
	a.wants(t, 413, "PAYLOAD_TOO_LARGE")
	if !c.closed() {
		t.Error("the connection stays open")
	}
}

func TestTheLargestBodyIsTaken(t *testing.T) {
	s := startServer(t, testOptions{})
	c := s.connect(t)
	value := strings.Repeat("x", 16<<20)
	c.exchange(t, "PUT", rawRequest("PUT", prefix+"/kv/big?db=app", value, "Content-Type: text/plain")).wants(t, 200, `"size":16777216`)
	if a := c.exchange(t, "GET", rawRequest("GET", prefix+"/kv/big?db=app", "")); string(a.body) != value {
		t.Errorf("the value came back as %d bytes", len(a.body))
	}
	c.exchange(t, "PUT", rawRequest("PUT", prefix+"/kv/big?db=app", value+"x")).wants(t, 413, "PAYLOAD_TOO_LARGE")
	s.request(t, "HEAD", "/kv/big?db=app", "").wants(t, 200, "")
}

func TestASlowRequestIsRefusedAndOthersAreNot(t *testing.T) {
	s := startServer(t, testOptions{beforeServing: func(s *Server) {
		s.http.ReadTimeout, s.http.IdleTimeout = 300*time.Millisecond, 300*time.Millisecond
	}})
	for _, begun := range []string{
		"GET " + prefix + "/hea",
		"PUT " + prefix + "/kv/slow?db=app HTTP/1.1\r\nHost: a\r\n",
		"PUT " + prefix + "/kv/slow?db=app HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
		"PUT " + prefix + "/kv/slow?db=app HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
	} {
		c := s.connect(t)
		c.send(t, begun)
		s.healthy(t)
		a, err := c.receive("PUT")
		if err != nil {
			t.Errorf("%.80q: no answer: %v", begun, err)
			continue
		}
		checkAnswer(t, "PUT", a)
		a.wants(t, 503, "REQUEST_TIMEOUT")
		if !c.closed() {
			t.Errorf("%.80q: the connection stays open", begun)
		}
	}
	// Who has nothing to say is let go without a word.
	c := s.connect(t)
	c.exchange(t, "GET", rawRequest("GET", prefix+"/health", ""))
	if !c.closed() {
		t.Error("an idle connection stays open")
	}
	s.request(t, "GET", "/kv/slow?db=app", "").wants(t, 400, "DATABASE_NOT_FOUND")
}

func TestAClientThatGoesAwayLeavesNothingHalfDone(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/k?db=app", "before").wants(t, 200, "")
	whole := rawRequest("PUT", prefix+"/kv/k?db=app", strings.Repeat("after", 2000), "Content-Type: text/plain")
	for _, sent := range []int{1, 10, len(whole) / 2, len(whole) - 1} {
		c := s.connect(t)
		c.send(t, whole[:sent])
		c.Conn.(*net.TCPConn).SetLinger(0) // reset, not even goodbye
		c.Close()
	}
	s.healthy(t)
	s.request(t, "GET", "/kv/k?db=app", "").wants(t, 200, "before")
	// One that has sent all of it may not get its answer; its write counts.
	c := s.connect(t)
	c.send(t, whole)
	c.Close()
	s.soon(t, "the write is done", func() bool {
		return strings.HasPrefix(string(s.request(t, "GET", "/kv/k?db=app", "").body), "after")
	})
}

// soon waits until it is so.
func (s *testServer) soon(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(answerWait); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so in time: %s", what)
		}
	}
}

func TestDeepDocuments(t *testing.T) {
	s := startServer(t, testOptions{})
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	json := "Content-Type: application/json"
	// 10,000 levels is what encoding/json reads.
	s.request(t, "PUT", "/kv/deep?db=app", nested(10_000), json).wants(t, 200, `"size":20000`)
	s.request(t, "PUT", "/kv/deep?db=app", nested(10_001), json).wants(t, 400, "INVALID_JSON_VALUE")
	s.request(t, "PUT", "/kv/deep?db=app", nested(1_000_000), json).wants(t, 400, "INVALID_JSON_VALUE")
	s.request(t, "PUT", "/kv/deep?db=app", strings.Repeat("[", 1_000_000), json).wants(t, 400, "INVALID_JSON_VALUE")
	s.request(t, "PUT", "/kv/deep?db=app", strings.Repeat(`{"a":`, 1_000_000), json).wants(t, 400, "INVALID_JSON_VALUE")
	s.request(t, "PUT", "/kv/deep?db=app", nested(9_990), json).wants(t, 200, `"size":19980`)
	s.request(t, "POST", "/kv/batch/get?db=app", `{"keys":["deep"]}`).wants(t, 200, `"value":[[[[`)
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"d","value":`+nested(9_990)+`}]}`).wants(t, 200, "")
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":`+nested(100_000)+`}`).wants(t, 400, "Invalid JSON body")
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":`+nested(9_000)+`}`).wants(t, 400, "items[0]: must be an object")
	s.request(t, "POST", "/kv/batch/get?db=app", `{"extra":`+nested(9_000)+`,"keys":["a"]}`).wants(t, 200, "")
	s.request(t, "POST", "/db?db=app", `{"transaction":`+nested(9_000)+`}`).wants(t, 400, `"reqIdx":0`)
	s.request(t, "POST", "/db?db=app", `{"transaction":`+nested(100_000)+`}`).wants(t, 400, "Invalid JSON body")
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT ?","values":`+nested(9_000)+`}]}`).wants(t, 400, "SQL_BIND_ERROR")
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELECT `+strings.Repeat("(", 5_000)+`"}]}`).wants(t, 400, "SQL_ERROR")
	s.healthy(t)
}

func TestNamesThatOccurTwice(t *testing.T) {
	s := startServer(t, testOptions{})
	// The last one counts, as in JavaScript.
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[],"items":[{"key":"a","key":"b","value":1,"value":2}]}`).wants(t, 200, `"key":"b"`)
	s.request(t, "GET", "/kv/b?db=app", "").wants(t, 200, "2")
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"query":"SELEC"}],"transaction":[{"query":"SELECT 1 AS one","query":"SELECT 2 AS two"}]}`).wants(t, 200, `"two":2`)
	// A document that is stored stays as it is.
	s.request(t, "PUT", "/kv/doc?db=app", `{"a":1,"a":2}`, "Content-Type: application/json").wants(t, 200, "")
	s.request(t, "GET", "/kv/doc?db=app", "").wants(t, 200, `{"a":1,"a":2}`)
}

func TestTextThatIsNotUTF8(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/a%FFb?db=app", "x").wants(t, 400, "not valid UTF-8")
	s.request(t, "PUT", "/kv/a\xffb?db=app", "x").wants(t, 400, "not valid UTF-8")
	s.request(t, "PUT", "/kv/%C0%AF?db=app", "x").wants(t, 400, "not valid UTF-8") // an overlong slash
	s.request(t, "PUT", "/kv/%ED%A0%80?db=app", "x").wants(t, 400, "not valid UTF-8")
	s.request(t, "PUT", "/kv/k?db=%FF", "x").wants(t, 400, "INVALID_DB_PATH")
	s.request(t, "PUT", "/kv/k?db=app&table=%FF", "x").wants(t, 400, "invalid table name")
	s.request(t, "PUT", "/kv/k?db=app&ttl=%FF", "x").wants(t, 400, "ttl must be an integer")
	s.request(t, "PUT", "/kv/k?db=app&history=%FF", "x").wants(t, 400, "history must be")
	s.request(t, "POST", "/kv/batch/set?db=app", "{\"items\":[{\"key\":\"a\xff\"}]}").wants(t, 400, "Invalid JSON body")
	s.request(t, "POST", "/db?db=app", "{\"transaction\":[{\"query\":\"SELECT '\xff'\"}]}").wants(t, 400, "Invalid JSON body")
	s.request(t, "GET", "/query?db=app&sql=SELECT%20'%FF'", "").wants(t, 400, "SQL is not valid UTF-8")
	s.request(t, "GET", "/kv?db=app&prefix=%FF", "").wants(t, 400, "DATABASE_NOT_FOUND")
	s.request(t, "PUT", "/kv/k?db=app", "x").wants(t, 200, "")
	s.request(t, "GET", "/kv?db=app&prefix=%FF", "").wants(t, 200, `"items":null`)
	s.request(t, "GET", "/kv?db=app&after=_w", "").wants(t, 200, `"items":null`) // "\xff"
	// A lone surrogate is JSON, but no text: it could not be given back.
	for _, field := range []string{`"key":"lone","value":"a\ud800b"`, `"key":"lo\udc00ne"`, `"key":"lone","content_type":"\ud800\ud800"`} {
		s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{`+field+`}]}`).wants(t, 400, "half of a surrogate pair")
	}
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"lone","value":["a\ud800b"]}]}`).wants(t, 200, "")
	s.request(t, "GET", "/kv/lone?db=app", "").wants(t, 200, `["a\ud800b"]`)
}

// A fault of ours in a handler is one request's, whatever it had in hand.
func TestAPanicIsAnsweredAndTheConnectionGoesOn(t *testing.T) {
	panics := func(q *request) error {
		q.begin()
		call, err := q.newCall()
		if err != nil {
			return err
		}
		defer call.Release()
		db, err := q.database(true)
		if err != nil {
			return err
		}
		reader, err := db.Borrow(time.Second)
		if err != nil {
			return err
		}
		defer db.Return(reader)
		panic(errors.New("deep inside"))
	}
	s := startServer(t, testOptions{beforeServing: func(s *Server) {
		routed, faulty := s.http.Handler, s.answer("faulty", panics)
		s.http.Handler = func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/faulty" {
				faulty(ctx)
				return
			}
			routed(ctx)
		}
	}})
	c := s.connect(t)
	for range 20 { // more than there are readers
		a := c.exchange(t, "POST", rawRequest("POST", "/faulty?db=app", "body", "X-Request-Id: culprit"))
		if string(a.body) != `{"error":"internal error","code":"INTERNAL_ERROR"}` || a.status != 500 || a.closes {
			t.Fatalf("a panic is answered %s %s %v", a.reason, a.body, a.header)
		}
	}
	c.exchange(t, "POST", rawRequest("POST", prefix+"/kv/k/incr?db=app", "")).wants(t, 200, `"value":1`)
	c.exchange(t, "HEAD", rawRequest("HEAD", "/faulty?db=app", "")).wants(t, 500, "")
	if n := s.api.inFlight.Load(); n != 0 {
		t.Errorf("%d requests are still counted as in flight", n)
	}
	if log := s.log.String(); !strings.Contains(log, "deep inside") || !strings.Contains(log, "culprit") || !strings.Contains(log, "hostile_test.go") {
		t.Errorf("the log does not tell where: %s", log)
	}
	s.healthy(t)
}
