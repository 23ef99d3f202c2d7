package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

const (
	database = "load"
	jsonType = "application/json"

	hotKey       = "hot"
	hotLimitKey  = "hot-limit"
	fullLimitKey = "full-limit"
	limitPrefix  = "limit-"
	documentKey  = "document"

	// limitWindow is a minute, in seconds: what people limit by.
	limitWindow = 60
	// A limit that grants whatever the harness asks of it within a minute, and one
	// that grants next to nothing.
	limitWide, limitNarrow = 1_000_000_000, 1

	keyDigits = 6 // as many as the last of keysMax keys needs, so that all are of one length
	// numberPlace is where a body has its random number, of keyDigits digits. JSON knows no
	// leading zeros, so a digit of the body's own stands before it.
	numberPlace = "######"
)

// shape is one kind of request: a method on one key, the same one every time or
// a random one of many, on the list of all keys, or on another path of the API.
type shape struct {
	method      string
	endpoint    string // path that is about no key; empty: the keys
	prefix      string // the key, or what stands before its number; empty: the list
	keys        int    // random keys prefix+000000 and up, or random numbers in the body; 0: none
	suffix      string // what follows the key in the path: an operation, or nothing
	query       string // further parameters, each behind its &
	body        string // a random number takes the place of numberPlace
	contentType string // of the body; empty: plain text
	counts      bool   // every 200 has moved a counter by one, or stored what is counted later
	mayRefuse   bool   // a 429 is as good an answer as a 200
}

func (s shape) path() string {
	if s.endpoint != "" {
		return pathOf(s.endpoint, s.query)
	}
	key, number := "", ""
	if s.keys > 0 {
		number = fmt.Sprintf("%0*d", keyDigits, 0)
	}
	if s.prefix != "" {
		key = "/" + s.prefix + number + s.suffix
	}
	return pathOf("/kv"+key, s.query)
}

func incrementHot() shape {
	return shape{method: fasthttp.MethodPost, prefix: hotKey, suffix: "/incr", counts: true}
}

func incrementRandom(keys int) shape {
	return shape{method: fasthttp.MethodPost, prefix: counterPrefix, keys: keys, suffix: "/incr", counts: true}
}

func getRandom(keys int) shape {
	return shape{method: fasthttp.MethodGet, prefix: counterPrefix, keys: keys}
}

func putRandom(keys int) shape {
	return shape{method: fasthttp.MethodPut, prefix: "put-", keys: keys, body: "a value that fits"}
}

// limitHot asks one rate limit of so many a minute.
func limitHot(key string, limit int) shape {
	return shape{method: fasthttp.MethodPost, prefix: key, suffix: "/limit", query: limitQuery(limit)}
}

// limitRandom asks rate limits of so many a minute, one for each key.
func limitRandom(keys, limit int) shape {
	return shape{method: fasthttp.MethodPost, prefix: limitPrefix, keys: keys, suffix: "/limit", query: limitQuery(limit)}
}

// refusable takes a 429 for an answer.
func refusable(s shape) shape {
	s.mayRefuse = true
	return s
}

func limitQuery(limit int) string { return fmt.Sprintf("&limit=%d&window=%d", limit, limitWindow) }

func putDocument(document string) shape {
	return shape{method: fasthttp.MethodPut, prefix: documentKey, body: document, contentType: jsonType}
}

// patchDocument writes one leaf of the document.
func patchDocument(path string) shape {
	return shape{
		method: fasthttp.MethodPut, prefix: documentKey, query: "&path=" + path,
		body: `"a leaf written anew"`, contentType: jsonType,
	}
}

// listPage asks for the page after a cursor, or for the first.
func listPage(cursor string) shape {
	s := shape{method: fasthttp.MethodGet, query: fmt.Sprintf("&limit=%d", pageItems)}
	if cursor != "" {
		s.query += "&after=" + url.QueryEscape(cursor)
	}
	return s
}

// uncounted is the same traffic where it moves no counter.
func uncounted(traffic []shape) []shape {
	traffic = slices.Clone(traffic)
	for i := range traffic {
		traffic[i].counts = false
	}
	return traffic
}

// script is the endless sequence of requests of one connection. It is fully
// told by the traffic and its two seeds, and making a request allocates nothing.
type script struct {
	random   *rand.Rand
	requests []prepared
	// inTurn says that the requests follow each other, and are not chosen at random.
	inTurn bool
	turn   int // the next of them
}

// prepared is a request whose address or body waits for its number.
type prepared struct {
	shape
	request *fasthttp.Request
	address []byte
	digits  []byte // the place of the number within address or body
}

func newScript(host string, traffic []shape, seed, connection uint64) *script {
	s := &script{random: rand.New(rand.NewPCG(seed, connection))}
	for _, shape := range traffic {
		request := &fasthttp.Request{}
		request.Header.SetMethod(shape.method)
		request.Header.SetHost(host)
		request.Header.SetNoDefaultContentType(true)
		body := []byte(shape.body)
		if len(body) > 0 {
			request.Header.SetContentType(cmp.Or(shape.contentType, "text/plain"))
			request.SetBodyRaw(body)
		}
		p := prepared{shape: shape, request: request, address: []byte(shape.path())}
		switch {
		case shape.keys > 0 && shape.endpoint != "":
			start := strings.Index(shape.body, numberPlace)
			p.digits = body[start : start+keyDigits]
		case shape.keys > 0:
			start := len(apiPrefix + "/kv/" + shape.prefix)
			p.digits = p.address[start : start+keyDigits]
		}
		request.Header.SetRequestURIBytes(p.address)
		s.requests = append(s.requests, p)
	}
	return s
}

// next returns the next request, valid until next is called again.
func (s *script) next() *prepared {
	p := &s.requests[0]
	switch {
	case s.inTurn:
		p = &s.requests[s.turn]
		s.turn = (s.turn + 1) % len(s.requests)
	case len(s.requests) > 1:
		p = &s.requests[s.random.IntN(len(s.requests))]
	}
	if p.keys > 0 {
		putNumber(p.digits, s.random.IntN(p.keys))
		p.request.Header.SetRequestURIBytes(p.address)
	}
	return p
}

// turned tells whether the last request ended what is one thing.
func (s *script) turned() bool { return !s.inTurn || s.turn == 0 }

// putNumber fills all of place with the number's last digits.
func putNumber(place []byte, number int) {
	for i := len(place) - 1; i >= 0; i-- {
		place[i] = byte('0' + number%10)
		number /= 10
	}
}
