package server

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What a thousand clients ask for at the same moment has to come out as if they had
// stood in a line: nothing is done twice, nothing is lost, and one of a kind is one.

const crowdSize = 1000

// crowd sends n requests at the same moment, each on a connection of its own. Every
// answer has to be one of the API.
func (s *testServer) crowd(t *testing.T, n int, raw func(i int) string) []*answer {
	t.Helper()
	answers, begin := make([]*answer, n), make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		c, request := s.connect(t), raw(i)
		method, _, _ := strings.Cut(request, " ")
		group.Go(func() {
			defer c.Close()
			<-begin
			if _, err := io.WriteString(c, request); err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			a, err := c.receive(method)
			if err != nil {
				t.Errorf("request %d: no answer: %v", i, err)
				return
			}
			checkAnswer(t, method, a)
			answers[i] = a
		})
	}
	close(begin)
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return answers
}

// statusesOf counts the answers of each status.
func statusesOf(answers []*answer) map[int]int {
	counts := map[int]int{}
	for _, a := range answers {
		counts[a.status]++
	}
	return counts
}

// wantStatuses fails the test unless the answers are of these statuses: pairs of a
// status and how many.
func wantStatuses(t *testing.T, answers []*answer, pairs ...int) {
	t.Helper()
	want := map[int]int{}
	for i := 0; i < len(pairs); i += 2 {
		want[pairs[i]] = pairs[i+1]
	}
	if got := statusesOf(answers); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the statuses are %v, want %v", got, want)
	}
}

// only answers the one answer of a status.
func only(t *testing.T, answers []*answer, status int) *answer {
	t.Helper()
	i := slices.IndexFunc(answers, func(a *answer) bool { return a.status == status })
	if i < 0 {
		t.Fatalf("no answer of status %d", status)
	}
	return answers[i]
}

// told reads a body of JSON.
func told[T any](t testing.TB, a *answer) (value T) {
	t.Helper()
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("%s: %v: %.200q", a.reason, err, a.body)
	}
	return value
}

// value is what GET answers of a key.
func (s *testServer) value(t testing.TB, path string) string {
	t.Helper()
	a := s.request(t, "GET", path, "")
	if a.status != 200 {
		t.Fatalf("%s is answered %s %s", path, a.reason, a.body)
	}
	return string(a.body)
}

func TestAThousandRequestsOfOneIdempotencyKeyAreDoneOnceAndAnsweredAlike(t *testing.T) {
	s := startServer(t, testOptions{})
	f := func(name, path, body, after, want string) {
		t.Helper()
		raw := rawRequest("POST", prefix+path, body, "Idempotency-Key: "+name)
		answers := s.crowd(t, crowdSize, func(int) string { return raw })
		wantStatuses(t, answers, 200, crowdSize)
		fresh := 0
		for _, a := range answers {
			if string(a.body) != string(answers[0].body) || a.header.Get("Etag") != answers[0].header.Get("Etag") {
				t.Fatalf("%s: answered %s and %s", name, a.body, answers[0].body)
			}
			if a.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		}
		if fresh != 1 {
			t.Errorf("%s: %d answers say that they are the first", name, fresh)
		}
		if got := s.value(t, after); !strings.Contains(got, want) {
			t.Errorf("%s: afterwards there is %q, want %q", name, got, want)
		}
	}
	f("count", "/kv/n/incr?db=app", "", "/query?db=app&sql=SELECT+value+AS+n+FROM+kv_store", `"n":1}`)
	f("push", "/kv/list/push?db=app", "7", "/kv/list?db=app", "[7]")
	f("batch", "/kv/batch/set?db=app", `{"items":[{"key":"b","value":"x","if_none_match":"*"}]}`, "/kv/b/entry?db=app", `"value":"x"`)
	f("limit", "/kv/quota/limit?db=app&limit=5&window=60&algorithm=fixed", "", "/kv/quota?db=app", " 1")
	s.request(t, "POST", "/db?db=app", `{"transaction":[{"statement":"CREATE TABLE t (n)"}]}`).wants(t, 200, "")
	f("sql", "/db?db=app", `{"transaction":[{"statement":"INSERT INTO t VALUES (1)"},{"query":"SELECT count(*) AS n FROM t"}]}`,
		"/query?db=app&sql=SELECT+count(*)+AS+n+FROM+t", `"n":1}`)
}

func TestTwoRequestsThatFightForOneIdempotencyKeyHaveOneWinner(t *testing.T) {
	s := startServer(t, testOptions{})
	answers := s.crowd(t, crowdSize, func(i int) string {
		return rawRequest("POST", fmt.Sprintf("%s/kv/n/incr?db=app&delta=%d", prefix, 1+i%2), "", "Idempotency-Key: one")
	})
	wantStatuses(t, answers, 200, crowdSize/2, 422, crowdSize/2)
	won := string(only(t, answers, 200).body)
	for i, a := range answers {
		if a.status == 200 && string(a.body) != won {
			t.Fatalf("request %d is answered %s, others %s", i, a.body, won)
		}
	}
	if got := s.value(t, "/kv/n?db=app"); !strings.Contains(won, `"value":`+got+",") {
		t.Errorf("the counter is %s, those who won were told %s", got, won)
	}
}

func TestAThousandPushesLeaveAThousandElements(t *testing.T) {
	s := startServer(t, testOptions{})
	for _, path := range []string{"", "&path=a.list"} {
		key := fmt.Sprintf("/kv/list%d", len(path))
		answers := s.crowd(t, crowdSize, func(i int) string {
			return rawRequest("POST", prefix+key+"/push?db=app"+path, fmt.Sprint(i))
		})
		wantStatuses(t, answers, 200, crowdSize)
		elements := told[[]int](t, s.request(t, "GET", key+"?db=app"+path, ""))
		etags := map[string]bool{}
		var lengths []int
		for i, a := range answers {
			answer := told[struct {
				Length int
				Etag   string
			}](t, a)
			lengths = append(lengths, answer.Length)
			etags[answer.Etag] = true
			if elements[answer.Length-1] != i {
				t.Errorf("push %d was told that it is number %d, where %d is", i, answer.Length, elements[answer.Length-1])
			}
		}
		slices.Sort(lengths)
		slices.Sort(elements)
		for i := range crowdSize {
			if lengths[i] != i+1 || elements[i] != i {
				t.Fatalf("at %d: length %d, element %d", i, lengths[i], elements[i])
			}
		}
		if len(elements) != crowdSize || len(etags) != crowdSize {
			t.Errorf("%d elements, %d ETags", len(elements), len(etags))
		}
	}
}

func TestEachElementIsPoppedOnce(t *testing.T) {
	s := startServer(t, testOptions{})
	const elements = crowdSize - 100
	list := strings.TrimSuffix(strings.Repeat("0,", elements), ",")
	s.request(t, "PUT", "/kv/list?db=app", "["+list+"]", "Content-Type: application/json").wants(t, 200, "")
	answers := s.crowd(t, crowdSize, func(i int) string {
		if i%2 == 0 {
			return rawRequest("POST", prefix+"/kv/list/pop?db=app", "")
		}
		return rawRequest("POST", prefix+"/kv/list/remove?db=app&index=0", "")
	})
	wantStatuses(t, answers, 200, elements, 404, crowdSize-elements)
	var lengths []int
	for _, a := range answers {
		if a.status == 200 {
			lengths = append(lengths, told[struct{ Length int }](t, a).Length)
		}
	}
	slices.Sort(lengths)
	if len(slices.Compact(lengths)) != elements {
		t.Error("two were told that they left the same length")
	}
	if got := s.value(t, "/kv/list?db=app"); got != "[]" {
		t.Errorf("left is %s", got)
	}
}

func TestOfAThousandThatCompareAndSetExactlyOneWins(t *testing.T) {
	s := startServer(t, testOptions{})
	f := func(key, query string, headers ...string) {
		t.Helper()
		put := s.request(t, "PUT", "/kv/"+key+"?db=app", "before", "Content-Type: text/plain")
		put.wants(t, 200, "")
		for i, header := range headers {
			headers[i] = strings.ReplaceAll(header, "CURRENT", put.header.Get("Etag"))
		}
		headers = append(headers, "Content-Type: text/plain")
		answers := s.crowd(t, crowdSize, func(i int) string {
			return rawRequest("PUT", prefix+"/kv/"+key+"?db=app"+query, fmt.Sprint("client ", i), headers...)
		})
		s.checkWinner(t, "/kv/"+key+"?db=app", answers, "")
	}
	f("etag", "", `If-Match: CURRENT`)
	f("list", "", `If-Match: "0", CURRENT, W/"9"`)
	f("bytes", "&if_match=before")
	f("both", "&if_match=before", `If-Match: CURRENT`)
}

// checkWinner holds the answers to one winner, whose write is what is there, and whose
// ETag the others are told.
func (s *testServer) checkWinner(t *testing.T, path string, answers []*answer, envelope string) {
	t.Helper()
	wantStatuses(t, answers, 200, 1, 412, len(answers)-1)
	winner := slices.IndexFunc(answers, func(a *answer) bool { return a.status == 200 })
	now := s.request(t, "GET", path, "")
	if got := string(now.body); got != fmt.Sprint("client ", winner) {
		t.Errorf("client %d won, and there is %q", winner, got)
	}
	etag, err := json.Marshal(now.header.Get("Etag"))
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if i != winner && !strings.Contains(string(a.body), envelope+`"current_etag":`+string(etag)) {
			t.Fatalf("a loser is told %s, the ETag is %s", a.body, etag)
		}
	}
}

// Even the database is made by one of them.
func TestOfAThousandThatCreateExactlyOneWins(t *testing.T) {
	s := startServer(t, testOptions{})
	answers := s.crowd(t, crowdSize, func(i int) string {
		return rawRequest("PUT", prefix+"/kv/lock?db=fresh&table=locks", fmt.Sprint("client ", i), "If-None-Match: *", "Content-Type: text/plain")
	})
	s.checkWinner(t, "/kv/lock?db=fresh&table=locks", answers, "")
	answers = s.crowd(t, crowdSize, func(i int) string {
		return rawRequest("POST", prefix+"/kv/batch/set?db=fresh",
			fmt.Sprintf(`{"items":[{"key":"mine/%d","value":"x"},{"key":"lock","value":"client %d","if_none_match":"*"}]}`, i, i))
	})
	s.checkWinner(t, "/kv/lock?db=fresh", answers, `"failed":[{"key":"lock",`)
	s.request(t, "GET", "/kv?db=fresh&prefix=mine/&keys_only", "").wants(t, 200, `"count":1,`)
}

// The loop that a client writes who has no operation for what it wants.
func TestReadAndSwapLosesNoUpdate(t *testing.T) {
	s := startServer(t, testOptions{})
	s.request(t, "PUT", "/kv/sum?db=app", "0", "Content-Type: text/plain").wants(t, 200, "")
	const clients, each = 16, 12
	var group sync.WaitGroup
	for range clients {
		c := s.connect(t)
		group.Go(func() {
			ask := func(raw string) *answer {
				if _, err := io.WriteString(c, raw); err != nil {
					t.Error(err)
					return nil
				}
				method, _, _ := strings.Cut(raw, " ")
				a, err := c.receive(method)
				if err != nil {
					t.Error(err)
				}
				return a
			}
			for done := 0; done < each; {
				read := ask(rawRequest("GET", prefix+"/kv/sum?db=app", ""))
				if read == nil {
					return
				}
				n := 0
				fmt.Sscan(string(read.body), &n)
				swap := ask(rawRequest("PUT", prefix+"/kv/sum?db=app", fmt.Sprint(n+1), "If-Match: "+read.header.Get("Etag"), "Content-Type: text/plain"))
				if swap == nil || (swap.status != 200 && swap.status != 412) {
					t.Errorf("answered %+v", swap)
					return
				}
				if swap.status == 200 {
					done++
				}
			}
		})
	}
	group.Wait()
	if got := s.value(t, "/kv/sum?db=app"); got != fmt.Sprint(clients*each) {
		t.Errorf("the sum is %s, want %d", got, clients*each)
	}
}

func TestARateLimitGrantsExactlyItsLimitToACrowd(t *testing.T) {
	s := startServer(t, testOptions{})
	const limit = 137
	for _, algorithm := range []string{"fixed", "sliding", "gcra"} {
		query := fmt.Sprintf("?db=app&limit=%d&window=3600&algorithm=%s", limit, algorithm)
		answers := s.crowd(t, crowdSize, func(int) string { return rawRequest("POST", prefix+"/kv/"+algorithm+"/limit"+query, "") })
		wantStatuses(t, answers, 200, limit, 429, crowdSize-limit)
		var remaining []int
		for _, a := range answers {
			verdict := told[struct {
				Allowed   bool
				Remaining int
			}](t, a)
			if verdict.Allowed != (a.status == 200) || (!verdict.Allowed && verdict.Remaining != 0) {
				t.Errorf("%s: %s %s", algorithm, a.reason, a.body)
			}
			if verdict.Allowed {
				remaining = append(remaining, verdict.Remaining)
			}
		}
		slices.Sort(remaining)
		for i := range limit {
			if remaining[i] != i {
				t.Fatalf("%s: the remainders that were told are %v", algorithm, remaining)
			}
		}
	}
}

func TestLimitsTogetherGrantACrowdWhatTheTightestHas(t *testing.T) {
	s := startServer(t, testOptions{})
	answers := s.crowd(t, crowdSize, func(i int) string {
		return rawRequest("POST", prefix+"/kv/all/limit?db=app", fmt.Sprintf(
			`{"limits":[{"limit":400,"window":3600,"algorithm":"fixed","cost":2},{"key":"user/%d","limit":30,"window":3600},{"limit":500,"window":60,"algorithm":"gcra"}]}`, i%10))
	})
	wantStatuses(t, answers, 200, 200, 429, crowdSize-200)
	// Nothing was taken from the others by those who were refused.
	granted := 0
	for i := range 10 {
		a := s.request(t, "POST", fmt.Sprintf("/kv/user/%d/limit?db=app&limit=30&window=3600&peek", i), "")
		granted += 30 - told[struct{ Remaining int }](t, a).Remaining
	}
	a := s.request(t, "POST", "/kv/all/limit?db=app&limit=500&window=60&algorithm=gcra&peek", "")
	if left := told[struct{ Remaining int }](t, a).Remaining; granted != 200 || left != 300 {
		t.Errorf("the users were granted %d, the third limit has %d left", granted, left)
	}
}

func TestABoundIsNeverCrossedByACrowd(t *testing.T) {
	s := startServer(t, testOptions{})
	f := func(key, query string, wanted int, final string) {
		t.Helper()
		answers := s.crowd(t, crowdSize, func(int) string { return rawRequest("POST", prefix+"/kv/"+key+"/incr?db=app"+query, "") })
		if got := statusesOf(answers)[200]; got != wanted {
			t.Errorf("%s: %d were granted, want %d", query, got, wanted)
		}
		if got := s.value(t, "/kv/"+key+"?db=app"); got != final {
			t.Errorf("%s: %s, want %s", query, got, final)
		}
	}
	f("reject", "&max=600", 600, "600")
	f("clamp", "&max=600&on_limit=clamp", crowdSize, "600")
	f("path", "&max=600&path=a.n", 600, `{"a":{"n":600}}`)
}

func TestAThousandPatchesOfOneDocumentAllStay(t *testing.T) {
	s := startServer(t, testOptions{})
	answers := s.crowd(t, crowdSize, func(i int) string {
		return rawRequest("PUT", fmt.Sprintf("%s/kv/doc?db=app&path=part%d.k%d", prefix, i%7, i), fmt.Sprint(i), "Content-Type: application/json")
	})
	wantStatuses(t, answers, 200, crowdSize)
	document := told[map[string]map[string]int](t, s.request(t, "GET", "/kv/doc?db=app", ""))
	for i := range crowdSize {
		if document[fmt.Sprint("part", i%7)][fmt.Sprint("k", i)] != i {
			t.Fatalf("part%d.k%d is lost", i%7, i)
		}
	}
}

// Batches of pairs, half of them refused at their second item, while others read: the
// two of a pair are never of different batches.
func TestNobodySeesHalfABatch(t *testing.T) {
	s := startServer(t, testOptions{})
	pair := func(value string) string {
		return `{"items":[{"key":"left","value":"` + value + `"},{"key":"right","value":"` + value + `"}]}`
	}
	s.request(t, "POST", "/kv/batch/set?db=app", pair("start")).wants(t, 200, "")
	answers := s.crowd(t, crowdSize, func(i int) string {
		switch i % 4 {
		case 0:
			return rawRequest("POST", prefix+"/kv/batch/set?db=app", pair(fmt.Sprint("batch ", i)))
		case 1:
			return rawRequest("POST", prefix+"/kv/batch/set?db=app", fmt.Sprintf(
				`{"items":[{"key":"left","value":"refused %d"},{"key":"right","value":"refused %d","if_none_match":"*"}]}`, i, i))
		case 2:
			return rawRequest("POST", prefix+"/kv/batch/set?db=app", fmt.Sprintf(
				`{"items":[{"key":"left","value":"refused %d","if_match":"\"999999\""},{"key":"right","value":"refused %d"}]}`, i, i))
		}
		return rawRequest("POST", prefix+"/kv/batch/get?db=app", `{"keys":["left","right"]}`)
	})
	wantStatuses(t, answers, 200, crowdSize/2, 412, crowdSize/2)
	for i := 3; i < crowdSize; i += 4 {
		read := told[struct {
			Results map[string]struct{ Value string }
		}](t, answers[i]).Results
		if left, right := read["left"].Value, read["right"].Value; left != right || strings.HasPrefix(left, "refused") {
			t.Errorf("a reader saw %q and %q", left, right)
		}
	}
}
