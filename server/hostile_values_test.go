package server

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Documents, numbers and names that nobody writes by hand.

const asJSON = "Content-Type: application/json"

func nested(levels int) string {
	return strings.Repeat("[", levels) + strings.Repeat("]", levels)
}

// inTime fails the test if what it is called for has taken long: a hostile value must
// not hold up the writer.
func inTime(t *testing.T, what string, most time.Duration) func() {
	started := time.Now()
	return func() {
		t.Helper()
		if took := time.Since(started); took > most {
			t.Errorf("%s took %v", what, took)
		}
	}
}

// 10,000 levels is what encoding/json reads, so nothing deeper may come to be, by any
// operation, though each of its parts is within the bound.
func TestNoOperationMakesADocumentTooDeepToRead(t *testing.T) {
	defer inTime(t, "depth", answerWait)()
	s := startServer(t, testOptions{})
	f := func(method, path, body string, status int, text string) {
		t.Helper()
		s.request(t, method, path, body, asJSON).wants(t, status, text)
	}
	f("POST", "/kv/list/push?db=app", nested(9_999), 200, `"length":1`)
	f("POST", "/kv/list/push?db=app", nested(10_000), 400, "nest deeper")
	f("POST", "/kv/list/push?db=app", nested(10_001), 400, "INVALID_JSON_VALUE")
	f("POST", "/kv/list/push?db=app", `{"value":`+nested(9_999)+`}`, 200, `"length":2`)
	f("POST", "/kv/list/push?db=app", `{"value":`+nested(10_000)+`}`, 400, "INVALID_JSON_VALUE")
	f("POST", "/kv/doc/push?db=app&path=a.b", nested(9_997), 200, `"length":1`)
	f("POST", "/kv/doc/push?db=app&path=a.b", nested(9_998), 400, "INVALID_JSON_VALUE")
	f("PUT", "/kv/doc?db=app&path=c", nested(9_999), 200, "")
	f("PUT", "/kv/doc?db=app&path=c", nested(10_000), 400, "INVALID_JSON_VALUE")
	f("PUT", "/kv/doc?db=app&path=$", nested(10_000), 200, "")

	steps := "a" + strings.Repeat(".b", 127)
	f("PUT", "/kv/steps?db=app&path="+steps, nested(9_872), 200, "")
	f("PUT", "/kv/steps?db=app&path="+steps, nested(9_873), 400, "INVALID_JSON_VALUE")
	f("PUT", "/kv/steps?db=app&path=a"+strings.Repeat("[0]", 127), "1", 400, "path leads nowhere")
	f("PUT", "/kv/indexes?db=app&path=a"+strings.Repeat("[0]", 127), nested(9_872), 200, "")

	// What is there can be read, in part and in an envelope, which is a few levels more.
	for _, key := range []string{"list", "doc", "steps", "indexes"} {
		f("GET", "/kv/"+key+"?db=app", "", 200, "[[[[")
	}
	f("PUT", "/kv/fits?db=app&path=a", nested(9_990), 200, "")
	f("GET", "/kv/fits/entry?db=app", "", 200, `"value":{"a":[[[[`)
	f("POST", "/kv/batch/get?db=app", `{"keys":["fits"]}`, 200, `"value":{"a":[[[[`)
	f("GET", "/kv/steps?db=app&path="+steps, "", 200, "[[[[")
	f("GET", "/kv/list?db=app&path=[0]"+strings.Repeat("[0]", 127), "", 200, "[[[[")
	f("GET", "/kv/list?db=app&path="+strings.Repeat("[-1]", 16), "", 200, "[[[[")
	f("POST", "/kv/list/remove?db=app", `{"value":`+nested(9_998)+`}`, 404, "Element not found")
	f("POST", "/kv/list/remove?db=app", `{"value":`+nested(9_999)+`}`, 200, `"length":1`)
	f("POST", "/kv/list/pop?db=app", "", 200, `"length":0`)
	f("POST", "/kv/list/remove?db=app", `{"value":`+nested(1_000_000)+`}`, 400, "Invalid JSON body")
	f("POST", "/kv/list/push?db=app", strings.Repeat(`{"a":`, 1_000_000), 400, "INVALID_JSON_VALUE")
	f("POST", "/kv/list/limit?db=app", `{"limits":`+nested(9_000)+`}`, 400, "limits[0]: a limit must be an object")
	f("POST", "/kv/list/limit?db=app", `{"limits":`+nested(100_000)+`}`, 400, "Invalid JSON body")
	s.healthy(t)
}

func TestNumbersOfAnySizeAreKeptAsTheyWereWritten(t *testing.T) {
	defer inTime(t, "numbers", answerWait)()
	s := startServer(t, testOptions{})
	digits := strings.Repeat("9", 30_000)
	for i, number := range []string{
		"123456789012345678901234567890", "-0", "0.1000", "1E5", "1e+5", "1.0e-0", "-1.50E-400", "1e999999999", "9007199254740993",
		"1e" + digits, digits, "-" + digits + "." + digits + "e-" + digits, "0." + strings.Repeat("0", 30_000) + "1",
	} {
		key := fmt.Sprintf("/kv/n%d", i)
		f := func(method, path, body string, want string) {
			t.Helper()
			a := s.request(t, method, path, body, asJSON)
			if a.status != 200 || !strings.Contains(string(a.body), want) {
				t.Errorf("%s %s of %.40s: %s %.200q", method, path, number, a.reason, a.body)
			}
		}
		f("PUT", key+"?db=app", number, `"success"`)
		f("GET", key+"?db=app", "", number)
		f("GET", key+"?db=app&path=$", "", number)
		f("GET", key+"/entry?db=app", "", `"value":`+number+"}")
		f("PUT", key+"/doc?db=app", `{"n":`+number+`, "m":1}`, `"success"`)
		f("POST", key+"/doc/incr?db=app&path=m", "", `"value":2`)
		f("PUT", key+"/doc?db=app&path=k.n", number, `"success"`)
		f("GET", key+"/doc?db=app", "", `{"n":`+number+`, "m":2,"k":{"n":`+number+`}}`)
		f("GET", key+"/doc?db=app&path=k.n", "", number)
		f("POST", key+"/list/push?db=app", number, `"length":1`)
		f("POST", key+"/list/push?db=app", "1", `"length":2`)
		f("POST", key+"/list/remove?db=app", `{"value":`+number+`}`, `"removed":`+number+",")
		f("POST", "/kv/batch/set?db=app", `{"items":[{"key":"x","value":`+number+`}]}`, `"count":1`)
		f("GET", "/kv/x?db=app", "", number)
	}
	// Equal by value, however they are written; different by the last of many digits.
	f := func(element, wanted string, status int) {
		t.Helper()
		s.request(t, "PUT", "/kv/list?db=app", "["+element+"]", asJSON).wants(t, 200, "")
		s.request(t, "POST", "/kv/list/remove?db=app", `{"value":`+wanted+`}`).wants(t, status, "")
	}
	f("1e999999999", "10e999999998", 200)
	f("1e999999999", "1e999999998", 404)
	f("1e-99999999999999999999", "0.1e-99999999999999999998", 200)
	f(digits+"0", digits+"e1", 200)
	f(digits+"1", digits+"2", 404)
	f("-0", "0e99", 200)
	// None of them is a counter.
	for _, number := range []string{digits, "1e5", "1.0", "9223372036854775808", "-9223372036854775809", "1e999999999"} {
		s.request(t, "PUT", "/kv/count?db=app", `{"n":`+number+`}`, asJSON).wants(t, 200, "")
		s.request(t, "POST", "/kv/count/incr?db=app&path=n", "").wants(t, 400, "is not an integer")
		s.request(t, "PUT", "/kv/count?db=app", number, asJSON).wants(t, 200, "")
		s.request(t, "POST", "/kv/count/decr?db=app", "").wants(t, 400, "is not an integer")
	}
}

func TestOfFieldsWithOneNameTheLastOneCounts(t *testing.T) {
	s := startServer(t, testOptions{})
	put := func(document string) {
		t.Helper()
		s.request(t, "PUT", "/kv/doc?db=app", document, asJSON).wants(t, 200, "")
	}
	is := func(want string) {
		t.Helper()
		if got := s.value(t, "/kv/doc?db=app"); got != want {
			t.Errorf("the document is %s, want %s", got, want)
		}
	}
	put(`{"a":1,"b":{"c":1},"a":2,"b":{"c":2},"\u0061":3}`)
	if got := s.value(t, "/kv/doc?db=app&path=a"); got != "3" {
		t.Errorf("a is %s", got)
	}
	s.request(t, "POST", "/kv/doc/incr?db=app&path=a", "").wants(t, 200, `"value":4`)
	s.request(t, "PUT", "/kv/doc?db=app&path=b.c", "9", asJSON).wants(t, 200, "")
	s.request(t, "PUT", "/kv/doc?db=app&path=b.d", "8", asJSON).wants(t, 200, "")
	is(`{"a":1,"b":{"c":1},"a":2,"b":{"c":9,"d":8},"\u0061":4}`)

	put(`{"l":[1],"l":5}`) // the first is an array, the last is not
	s.request(t, "POST", "/kv/doc/push?db=app&path=l", "2").wants(t, 400, "is not an array")
	s.request(t, "POST", "/kv/doc/pop?db=app&path=l", "").wants(t, 400, "is not an array")
	put(`{"l":5,"l":[1]}`)
	s.request(t, "POST", "/kv/doc/push?db=app&path=l", "2").wants(t, 200, "")
	s.request(t, "POST", "/kv/doc/remove?db=app&path=l&index=0", "").wants(t, 200, `"removed":1`)
	is(`{"l":5,"l":[2]}`)

	// In what a request says of itself as well.
	s.request(t, "POST", "/kv/doc/remove?db=app&path=l", `{"value":7,"value":2}`).wants(t, 200, `"removed":2`)
	s.request(t, "POST", "/kv/batch/delete?db=app", `{"keys":["doc"],"keys":["other"]}`).wants(t, 200, `"deleted":0`)
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"k","if_none_match":"\"x\"","if_none_match":"*","ttl":-1,"ttl":0}]}`).wants(t, 400, "items[0]")
	s.request(t, "POST", "/kv/q/limit?db=app", `{"limits":[{"limit":0,"limit":1,"window":9,"window":60}]}`).wants(t, 200, `"window":60`)
	is(`{"l":5,"l":[]}`)
}

func TestABodyThatIsNotUTF8IsNoJSON(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/doc?db=app", `{"l":[1]}`, asJSON).wants(t, 200, "")
	for _, wrong := range []string{"\"\xff\"", "\"a\xc0\xafb\"", "\"\xed\xa0\x80\"", "{\"\xfe\":1}", "[\"\xf5\x80\x80\x80\"]", "\"\xc3\"", "\xef\xbb\xbf1"} {
		f := func(method, path, body string) {
			t.Helper()
			s.request(t, method, path, body, asJSON).wants(t, 400, "")
		}
		f("PUT", "/kv/doc?db=app", wrong)
		f("PUT", "/kv/doc?db=app&path=a", wrong)
		f("POST", "/kv/doc/push?db=app&path=l", wrong)
		f("POST", "/kv/doc/push?db=app&path=l", `{"value":`+wrong+`}`)
		f("POST", "/kv/doc/remove?db=app&path=l", `{"value":`+wrong+`}`)
		f("POST", "/kv/batch/set?db=app", `{"items":[{"key":"k","value":`+wrong+`}]}`)
		f("POST", "/kv/batch/get?db=app", `{"keys":["doc"],"x":`+wrong+`}`)
		f("POST", "/kv/batch/delete?db=app", `{"keys":["doc"],"x":`+wrong+`}`)
		f("POST", "/kv/q/limit?db=app", `{"limits":[{"limit":1,"window":1}],"x":`+wrong+`}`)
		f("POST", "/db?db=app", `{"transaction":[{"query":"SELECT 1"}],"x":`+wrong+`}`)
	}
	// As a text it is no more than bytes, and as such it can be a leaf of nothing.
	s.request(t, "PUT", "/kv/bytes?db=app", "\xff", "Content-Type: text/plain").wants(t, 200, "")
	s.request(t, "PUT", "/kv/doc?db=app&path=a", "\xff").wants(t, 400, "INVALID_JSON_VALUE")
	if got := s.value(t, "/kv/doc?db=app"); got != `{"l":[1]}` {
		t.Errorf("the document is %s", got)
	}
}

// Half of a surrogate pair is JSON, but no text: it stays where it is, and no path and
// no key can name it.
func TestSurrogatesAndEscapesInPaths(t *testing.T) {
	s := startServer(t, testOptions{})
	const document = `{"\ud800":1,"\ud83d\ude00":2,"a\ud800b":[3],"\u0000":4,"é":5}`
	s.request(t, "PUT", "/kv/doc?db=app", document, asJSON).wants(t, 200, "")
	f := func(path string, status int, text string) {
		t.Helper()
		s.request(t, "GET", "/kv/doc?db=app&path="+url.QueryEscape(path), "").wants(t, status, text)
	}
	f(`["\ud83d\ude00"]`, 200, "2")
	f("😀", 200, "2")
	f(`["\u00e9"]`, 200, "5")
	f("é", 200, "5")
	f("e\u0301", 404, "Path not found") // composed differently, so another name
	f(`["\u0000"]`, 200, "4")
	f("\x00", 400, "NUL")
	f(`["\ud800"]`, 400, "half of a surrogate pair")
	f(`["\ude00\ud83d"]`, 400, "half of a surrogate pair")
	f("\xed\xa0\x80", 400, "not valid UTF-8")
	f("\xff", 400, "not valid UTF-8")
	f("\ufffd", 404, "Path not found") // not what stands for a half, either
	s.request(t, "GET", "/kv/doc?db=app&path=%ED%A0%80", "").wants(t, 400, "not valid UTF-8")
	s.request(t, "GET", "/kv/%ED%A0%80?db=app&path=a", "").wants(t, 400, "not valid UTF-8")
	s.request(t, "PUT", "/kv/doc?db=app&path=%5B%22%5Cud800%22%5D", "9", asJSON).wants(t, 400, "half of a surrogate pair")

	s.request(t, "PUT", "/kv/doc?db=app&path=new", `"\udc00"`, asJSON).wants(t, 200, "")
	s.request(t, "POST", "/kv/list/push?db=app", `"\udc00"`).wants(t, 200, "")
	s.request(t, "POST", "/kv/list/remove?db=app", `{"value":"\ufffd"}`).wants(t, 404, "")
	s.request(t, "POST", "/kv/list/remove?db=app", `{"value":"\udc00"}`).wants(t, 200, `"removed":"\udc00"`)
	if got, want := s.value(t, "/kv/doc?db=app"), strings.TrimSuffix(document, "}")+`,"new":"\udc00"}`; got != want {
		t.Errorf("the document is %s, want %s", got, want)
	}
	s.request(t, "GET", "/kv/doc/entry?db=app", "").wants(t, 200, `"\udc00"`)
}

// A header of an answer is the client's own text here; a client gives up an answer whose
// headers have control characters.
func TestAPathIsToldInAHeaderThatClientsCanRead(t *testing.T) {
	s := startServer(t, testOptions{})
	var document strings.Builder
	for c := range 128 {
		fmt.Fprintf(&document, `,"a\u%04xb":%d`, c, c)
	}
	s.request(t, "PUT", "/kv/doc?db=app", "{"+document.String()[1:]+"}", asJSON).wants(t, 200, "")
	for c := range 128 {
		path := "a" + string(rune(c)) + "b"
		if strings.ContainsRune(".[]\x00", rune(c)) {
			path = fmt.Sprintf(`["a\u%04xb"]`, c)
		}
		a := s.request(t, "GET", "/kv/doc?db=app&path="+url.QueryEscape(path), "")
		a.wants(t, 200, fmt.Sprint(c))
		if shown := a.header.Get("X-JSON-Path"); len(shown) != len(path) || len(a.header) > 9 {
			t.Errorf("%q is told as %q, with %d headers", path, shown, len(a.header))
		}
	}
}

// Values that grow by operations stay below the cap, and a step beyond it changes
// nothing.
func TestNoOperationMakesAValueLargerThanTheCap(t *testing.T) {
	s := startServer(t, testOptions{config: func(c *Config) { c.Limits.ValueBytesMax = 100 }})
	f := func(key, body string, grow func(i int) (method, path, body string)) {
		t.Helper()
		s.request(t, "PUT", "/kv/"+key+"?db=app", body, asJSON).wants(t, 200, "")
		for i := 0; ; i++ {
			before := s.request(t, "GET", "/kv/"+key+"?db=app", "")
			method, path, body := grow(i)
			a := s.request(t, method, path, body, asJSON)
			if a.status == 200 && i < 100 {
				continue
			}
			a.wants(t, 413, "PAYLOAD_TOO_LARGE")
			after := s.request(t, "GET", "/kv/"+key+"?db=app", "")
			if string(after.body) != string(before.body) || after.header.Get("Etag") != before.header.Get("Etag") || len(after.body) > 100 || i < 2 {
				t.Errorf("%s: after %d steps there is %s, before the last there was %s", key, i, after.body, before.body)
			}
			return
		}
	}
	f("list", "[]", func(i int) (string, string, string) {
		return "POST", "/kv/list/push?db=app", `"` + strings.Repeat("x", 8) + `"`
	})
	f("doc", "{}", func(i int) (string, string, string) {
		return "PUT", fmt.Sprintf("/kv/doc?db=app&path=a%d.b", i), `"long"`
	})
	f("counters", "{}", func(i int) (string, string, string) {
		return "POST", fmt.Sprintf("/kv/counters/incr?db=app&delta=1000000000&path=n%d", i), ""
	})
	// A list that drops its oldest never gets there.
	s.request(t, "PUT", "/kv/recent?db=app", "[]", asJSON).wants(t, 200, "")
	for range 50 {
		s.request(t, "POST", "/kv/recent/push?db=app&max_length=5", `"12345678"`).wants(t, 200, "")
	}
	s.request(t, "POST", "/kv/batch/set?db=app", `{"items":[{"key":"a","value":"x"},{"key":"b","value":"`+strings.Repeat("x", 101)+`"}]}`).wants(t, 413, "items[1]")
	s.request(t, "GET", "/kv/a?db=app", "").wants(t, 404, "")
}

// Random bodies at random places of one document: whatever was refused or done, it is
// one document still.
func TestRandomBodiesNeverBreakADocument(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/doc?db=app", `{"a":[1,{"b":null}],"c":"x"}`, asJSON).wants(t, 200, "")
	pieces := []string{`{`, `}`, `[`, `]`, `"`, `:`, `,`, `\`, `a`, `1`, `-`, `e`, `.`, ` `, "\n", "\x00", "\xff", `null`, `true`, `"a"`, `{"value":`, `\ud800`, `é`}
	paths := []string{"a", "a[0]", "a[1].b", "c", "c.d", "$", "a[-1]", "d.e.f", "a.0", "", "[", "a[9]", `["a"]`}
	c := s.connect(t)
	for range 2000 {
		var body strings.Builder
		for range random.IntN(6) {
			body.WriteString(pieces[random.IntN(len(pieces))])
		}
		path := "path=" + url.QueryEscape(paths[random.IntN(len(paths))])
		operation := []string{"PUT ", "POST /push", "POST /pop", "POST /remove", "POST /incr"}[random.IntN(5)]
		method, operation, _ := strings.Cut(operation, " ")
		if method == "PUT" && path == "path=" {
			continue // that would be another document
		}
		a := c.exchange(t, method, rawRequest(method, prefix+"/kv/doc"+operation+"?db=app&history=false&"+path, body.String(), asJSON))
		if a.status >= 500 {
			t.Fatalf("%s%s %s %q is answered %s %s", method, operation, path, body.String(), a.reason, a.body)
		}
	}
	s.request(t, "GET", "/kv/doc/entry?db=app", "").wants(t, 200, `"value":`) // not value_base64
}
