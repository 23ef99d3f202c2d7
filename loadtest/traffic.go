package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/valyala/fasthttp"
)

const (
	database = "load"
	hotKey   = "hot"

	keyDigits = 6 // as many as the last of keysMax keys needs, so that all are of one length
)

// shape is one kind of request: a method on one key, the same one every time or
// a random one of many.
type shape struct {
	method string
	prefix string // the key, or what stands before its number
	keys   int    // random keys prefix+000000 and up; 0: prefix is the key
	suffix string // what follows the key in the path: an operation, or nothing
	body   string
	counts bool // every 200 has moved a counter by one
}

func (s shape) path() string {
	number := ""
	if s.keys > 0 {
		number = fmt.Sprintf("%0*d", keyDigits, 0)
	}
	return apiPrefix + "/kv/" + s.prefix + number + s.suffix + "?db=" + database
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

// script is the endless sequence of requests of one connection. It is fully
// told by the traffic and its two seeds, and making a request allocates nothing.
type script struct {
	random   *rand.Rand
	requests []prepared
}

// prepared is a request whose address waits for the number of its key.
type prepared struct {
	request *fasthttp.Request
	address []byte
	digits  []byte // the place of the number within address
	keys    int
	counts  bool
}

func newScript(host string, traffic []shape, seed, connection uint64) *script {
	s := &script{random: rand.New(rand.NewPCG(seed, connection))}
	for _, shape := range traffic {
		request := &fasthttp.Request{}
		request.Header.SetMethod(shape.method)
		request.Header.SetHost(host)
		request.Header.SetNoDefaultContentType(true)
		if shape.body != "" {
			request.Header.SetContentType("text/plain")
			request.SetBodyString(shape.body)
		}
		p := prepared{request: request, address: []byte(shape.path()), keys: shape.keys, counts: shape.counts}
		if shape.keys > 0 {
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
	if len(s.requests) > 1 {
		p = &s.requests[s.random.IntN(len(s.requests))]
	}
	if p.keys > 0 {
		putNumber(p.digits, s.random.IntN(p.keys))
		p.request.Header.SetRequestURIBytes(p.address)
	}
	return p
}

// putNumber fills all of place with the number's last digits.
func putNumber(place []byte, number int) {
	for i := len(place) - 1; i >= 0; i-- {
		place[i] = byte('0' + number%10)
		number /= 10
	}
}
