package writer

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// world is what the file should hold by the calls that were acknowledged, as clients see
// it: a model so plain that it can't be wrong.
type world map[string]string

// do applies a call to a copy and answers it with what each operation replies, or false
// if the call is one that is refused.
func (m world) do(c *Call) (after world, replies []string, ok bool) {
	if c.SQL != nil {
		return m.doItems(c)
	}
	after = maps.Clone(m)
	for i := range c.Ops {
		// Of a list, conditions hold before anything is done and when it is their turn.
		if !m.may(&c.Ops[i]) {
			return m, nil, false
		}
	}
	for i := range c.Ops {
		reply, ok := after.one(&c.Ops[i])
		if !ok {
			return m, nil, false
		}
		replies = append(replies, reply)
	}
	return after, replies, true
}

// limitOfModel is how often the limits of the tests grant.
const limitOfModel = 5

// one applies an operation. Values are integers, arrays of digits and {"n":digits};
// limits are known by how often they were granted.
func (m world) one(op *kv.Op) (reply string, ok bool) {
	if !m.may(op) {
		return "", false
	}
	was, there := m[op.Key]
	number, err := strconv.Atoi(was)
	isNumber := err == nil || !there
	isArray, isObject := !there || strings.HasPrefix(was, "["), !there || strings.HasPrefix(was, "{")
	elements := strings.FieldsFunc(was, func(r rune) bool { return strings.ContainsRune("[,]", r) })
	switch op.Code {
	case kv.Set:
		if m[op.Key] = string(op.Value.Bytes); op.Path != "" {
			m[op.Key] = `{"n":` + string(op.Value.Bytes) + `}`
			return "", isObject
		}
		return "", true
	case kv.Incr:
		m[op.Key] = fmt.Sprint(number + 1)
		return m[op.Key], isNumber
	case kv.Delete:
		delete(m, op.Key)
		return "", there
	case kv.Push:
		elements = append(elements, string(op.Value.Bytes))
		m[op.Key] = "[" + strings.Join(elements, ",") + "]"
		return fmt.Sprint(len(elements)), isArray
	case kv.Pop:
		if len(elements) == 0 || !there || !isArray {
			return "", false
		}
		m[op.Key] = "[" + strings.Join(elements[:len(elements)-1], ",") + "]"
		return elements[len(elements)-1], true
	case kv.Limit:
		granted := len(was) - len("limit ")
		if !there {
			granted, was = 0, "limit "
		}
		m[op.Key] = was + "|"
		return fmt.Sprint(limitOfModel - 1 - granted), granted < limitOfModel
	}
	panic(op.Code.String())
}

// may tells whether an operation's conditions hold.
func (m world) may(op *kv.Op) bool {
	was, there := m[op.Key]
	switch {
	case op.If == nil:
		return true
	case op.If.Absent:
		return !there
	case op.If.Exists:
		return there
	}
	return there && was == string(op.If.Bytes)
}

// replied is what an operation answered, in the words of the model.
func replied(op *kv.Op, r *kv.Reply) string {
	switch op.Code {
	case kv.Incr:
		return fmt.Sprint(r.Value)
	case kv.Push:
		return fmt.Sprint(r.Length)
	case kv.Pop:
		return string(r.Element)
	case kv.Limit:
		return fmt.Sprint(r.Verdict.Remaining)
	}
	return ""
}

// check holds the file against the model.
func (m world) check(t testing.TB, f *fake, how string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	there := 0
	for at, row := range f.was.rows {
		if !row.Exists {
			continue
		}
		there++
		if got, want := string(row.Value.Append(nil)), m[at.key]; got != want && !strings.HasPrefix(want, "limit ") {
			t.Fatalf("%s: %s = %s, want %s", how, at.key, got, want)
		}
	}
	if there != len(m) {
		t.Fatalf("%s: %d rows, want %v", how, there, m)
	}
}

// scenario is three rounds of calls that gather, with all that can go on in a group.
func scenario() [][]*Call {
	expiring := set("expiring", "1")
	expiring.TTLSeconds = 1
	quiet := incr("q")
	quiet.Unrecorded = true
	return [][]*Call{
		{call(set("a", "1")), call(expiring), call(set("b", "1"), incr("n"), del("nobody")), sqlCall("set t s 3"),
			call(incr("n"), set("a", "2")), sqlCall("set t x 1", "fail"), call(quiet), call(del("a"))},
		{call(incr("n"))},
		{call(quiet), call(incr("q"), incr("n")), sqlCall("set t s2 4"), sqlCall("end"), call(incr("n")), call(set("b", "5"))},
		{call(incr("n")), mixed(provided("holds t n"), incr("n"), may{"fail"}, "set t n 7", may{incr("m")}, many{"set t s ?", []string{"1", "2"}}, incr("n")),
			mixed(incr("n"), "set t x 1", incr("x"), del("nobody")), call(incr("n"))},
	}
}

// play runs the scenario on a file whose failures fail chooses, and checks that every
// call is answered once and that the file holds exactly what was acknowledged.
func play(t *testing.T, how string, fail func(method string, k int) error) (failed int) {
	t.Helper()
	f, c := newFake(t), newClock()
	w := start(t, f, c, func(l *Limits) { l.CheckpointFrames = 2 })
	f.mu.Lock()
	f.fail, f.calls = fail, 0
	f.mu.Unlock()
	model := world{}
	for _, round := range scenario() {
		gate := f.hold()
		first := submit(t, w, call(incr("first")))
		held := false
		select {
		case <-f.entered:
			held = true
		case <-first.done: // it failed before it could commit
			first.done <- struct{}{}
		}
		for _, c := range round {
			submit(t, w, c)
		}
		close(gate)
		for i, c := range append([]*Call{first}, round...) {
			err := await(c)
			after, replies, ok := model.do(c)
			switch {
			case err == nil && !ok:
				t.Fatalf("%s: call %d was to be refused", how, i)
			case err == nil:
				model = after
				for n, want := range replies {
					if got := replied(&c.Ops[n], &c.Replies[n]); got != want {
						t.Fatalf("%s: call %d answers %s, want %s", how, i, got, want)
					}
				}
			case ok:
				failed++
				if !errors.Is(err, errDisk) {
					t.Fatalf("%s: call %d: %v", how, i, err)
				}
			}
			if len(c.done) != 0 {
				t.Fatalf("%s: call %d was answered twice", how, i)
			}
		}
		if !held {
			f.mu.Lock()
			f.gate = nil
			f.mu.Unlock()
		}
		c.advance(1500)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if row := f.was.rows[place{"t", "expiring"}]; !row.Exists {
		delete(model, "expiring")
	}
	model.check(t, f, how)
	f.checkPast()
	return failed
}

func TestWhicheverDiskCallFailsTheFileHoldsWhatWasAcknowledged(t *testing.T) {
	for k := 0; ; k++ {
		failedAt := ""
		failed := play(t, fmt.Sprintf("call %d failed once", k), func(method string, n int) error {
			if n == k {
				failedAt = method
				return errDisk
			}
			return nil
		})
		if failedAt == "" {
			t.Logf("%d disk calls", k)
			if failed != 0 {
				t.Fatalf("%d calls failed without a fault", failed)
			}
			return
		}
		// Nobody is refused for what nobody asked for.
		if (failedAt == "Sweep" || failedAt == "Passive" || failedAt == "Truncate") && failed != 0 {
			t.Errorf("%d calls failed because %s did (call %d)", failed, failedAt, k)
		}
		if failedAt != "Begin" && failed > 1 {
			t.Errorf("%d calls failed because %s did once (call %d)", failed, failedAt, k)
		}
	}
}

func TestWhenTheDiskFailsForGoodEveryCallIsStillAnswered(t *testing.T) {
	for k := 0; ; k++ {
		broken := false
		play(t, fmt.Sprintf("all from call %d on failed", k), func(method string, n int) error {
			broken = broken || n >= k
			if broken {
				return errDisk
			}
			return nil
		})
		if !broken {
			return
		}
	}
}

func TestARollbackThatSaysItFailedIsReportedAndNothingIsKept(t *testing.T) {
	for k := 0; ; k++ {
		failed := false
		play(t, fmt.Sprintf("call %d and the rollbacks failed", k), func(method string, n int) error {
			if n == k {
				failed = true
				return errDisk
			}
			if method == "Rollback" && failed {
				return errDisk
			}
			return nil
		})
		if !failed {
			return
		}
	}
}

func TestARefusalOfTheDiskIsTheAnswer(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	full := refusal.New(refusal.Unavailable, "the disk is full")
	f.mu.Lock()
	f.fail = func(method string, _ int) error {
		if method == "Commit" {
			return full
		}
		return nil
	}
	f.mu.Unlock()
	if err := w.Do(call(incr("n"))); err != full {
		t.Fatal(err)
	}
}

// persistent is a caller who asks with the same key until it is told that it was done.
func persistent(t testing.TB, w *Writer, request func() *Call) (c *Call) {
	t.Helper()
	for range 5 {
		c = request()
		if err := w.Do(c); err == nil {
			return c
		} else if !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	}
	t.Fatal("it was never done")
	return nil
}

// playOnce has callers ask until they are told, on a file whose failures fail chooses,
// and checks that each was counted once.
func playOnce(t *testing.T, how string, fail func(method string, k int) error) {
	t.Helper()
	f, c := newFake(t), newClock()
	w := start(t, f, c, func(l *Limits) { l.CheckpointFrames = 2 })
	f.mu.Lock()
	f.fail, f.calls = fail, 0
	f.mu.Unlock()
	requests := []func() *Call{
		func() *Call { return once("one", "", call(incr("n"))) },
		func() *Call { return once("batch", "", call(incr("n"), incr("m"), set("a", "1"))) },
		func() *Call { return once("sql", "", sqlCall("set t sql 1", "read t n")) },
		func() *Call {
			return once("mixed", "", mixed(may{del("nobody")}, incr("m"), many{"set t sql ?", []string{"3", "1"}}, incr("m")))
		},
		func() *Call { return once("delete", "", call(del("a"))) },
		func() *Call { return once("one more", "", call(incr("n"))) },
	}
	var first []*Call
	for _, request := range requests {
		first = append(first, persistent(t, w, request))
	}
	for i, request := range requests {
		wantReplay(t, persistent(t, w, request), &Call{Answer: Answer{Body: first[i].Answer.Body, Version: first[i].Answer.Version}})
	}
	if got := f.value("n") + f.value("m") + f.value("a") + f.value("sql"); got != "331" || len(f.was.answers) != len(requests) {
		t.Fatalf("%s: the file holds %s and %d answers", how, got, len(f.was.answers))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.checkPast()
}

func TestWhicheverDiskCallsFailWhoAsksAgainIsCountedOnce(t *testing.T) {
	for failures := 1; failures <= 4; failures++ { // in a row: the second may meet the retry, the third the next
		for k := 0; ; k++ {
			failed := map[string]bool{}
			playOnce(t, fmt.Sprintf("%d calls from %d on failed", failures, k), func(method string, n int) error {
				if n >= k && n < k+failures {
					failed[method] = true
					return errDisk
				}
				return nil
			})
			if len(failed) == 0 {
				break
			}
		}
	}
}
