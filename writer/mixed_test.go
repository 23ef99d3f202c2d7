package writer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// The parts of a mixed call: a string is SQL, a kv.Op an operation, provided a condition, many
// a batch, and may is a part that may fail.
type (
	provided string
	may      struct{ part any }
	many     struct {
		sql    string
		values []string
	}
)

func mixed(parts ...any) *Call {
	c := sqlCall()
	c.Actor = "tester"
	for _, part := range parts {
		item := c.SQL.AddItem()
		if m, ok := part.(may); ok {
			item.NoFail, part = true, m.part
		}
		switch part := part.(type) {
		case string:
			item.SQL = part
		case provided:
			item.Kind, item.SQL = sqltx.Condition, string(part)
		case kv.Op:
			item.Kind, item.Op, item.Table = sqltx.KeyValue, len(c.Ops), "t"
			c.Ops = append(c.Ops, part)
		case many:
			rows := &sqltx.PackedRows{Count: len(part.values)}
			for _, value := range part.values {
				rows.Rows = sqltx.AppendPacked(rows.Rows, []sqltx.Value{{Kind: sqltx.Text, Bytes: []byte(value)}})
			}
			item.SQL, item.Batch = part.sql, rows
		}
	}
	return c
}

// doItems applies a mixed call to a copy, or answers false if it is one that is refused.
func (m world) doItems(c *Call) (after world, replies []string, ok bool) {
	after = maps.Clone(m)
	for i := range c.SQL.Items {
		item := &c.SQL.Items[i]
		trial := maps.Clone(after)
		switch {
		case trial.doItem(c, item):
			after = trial
		case !item.NoFail || item.SQL == "end" || item.SQL == "slow":
			return m, nil, false
		}
	}
	return after, nil, true
}

func (m world) doItem(c *Call, item *sqltx.Item) bool {
	words := strings.Fields(item.SQL)
	switch {
	case item.Kind == sqltx.KeyValue:
		_, ok := m.one(&c.Ops[item.Op])
		return ok
	case item.Kind == sqltx.Condition:
		_, there := m[words[2]]
		return there
	case item.Batch != nil:
		rest := item.Batch.(*sqltx.PackedRows).Rows
		for len(rest) > 0 {
			var values []sqltx.Value
			values, _, rest = sqltx.NextPacked(rest, nil)
			m[words[2]] = string(values[0].Bytes)
		}
		return true
	case words[0] == "set":
		m[words[2]] = words[3]
		return true
	}
	return words[0] == "read"
}

// anyMixed is a random transaction on the keys of one caller.
func anyMixed(t *rapid.T, caller int) *Call {
	var parts []any
	if rapid.IntRange(0, 4).Draw(t, "when") == 0 {
		parts = append(parts, provided(fmt.Sprintf("holds t %da", caller)))
	}
	for range rapid.IntRange(1, 6).Draw(t, "parts") {
		key := fmt.Sprint(caller, rapid.SampledFrom([]string{"sql", "a", "b"}).Draw(t, "key"))
		var part any
		switch rapid.IntRange(0, 9).Draw(t, "part") {
		case 0, 1:
			part = fmt.Sprintf("set t %s %d", key, rapid.IntRange(0, 9).Draw(t, "n"))
		case 2:
			part = "read t " + key
		case 3:
			part = many{"set t " + key + " ?", []string{"7", fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "n"))}}
		case 4:
			part = rapid.SampledFrom([]string{"fail", "fail", "end"}).Draw(t, "how")
		default:
			part = anyOp(t, caller)
		}
		if rapid.IntRange(0, 2).Draw(t, "may") == 0 {
			part = may{part}
		}
		parts = append(parts, part)
	}
	return mixed(parts...)
}

// kvValue is the value that an item's operation answers.
func kvValue(t testing.TB, c *Call, item int) string {
	t.Helper()
	var answer struct {
		Results []struct {
			KV struct{ Value json.RawMessage }
		}
	}
	if err := json.Unmarshal(c.Results.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v", c.Results.Bytes(), err)
	}
	return string(answer.Results[item].KV.Value)
}

func TestOperationsAndSQLOfOneTransactionSeeEachOther(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	commits := f.count("Commit")
	before := submit(t, w, call(incr("n")))
	c := submit(t, w, mixed(provided("holds t n"), incr("n"), "read t n", "set t n 40", incr("n"), incr("m"), many{"set t x ?", []string{"1", "2"}}, incr("x")))
	after := submit(t, w, call(incr("n")))
	release()
	for _, c := range []*Call{first, before, c, after} {
		if err := await(c); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(c.Results.Bytes()); !strings.Contains(got, `[{"value":"2"}]`) || !strings.Contains(got, `"rowsUpdatedBatch":[1,1]`) {
		t.Errorf("SQL answers %s", got)
	}
	if got := kvValue(t, c, 1) + kvValue(t, c, 4) + kvValue(t, c, 5) + kvValue(t, c, 7); got != "24113" || after.Replies[0].Value != 42 {
		t.Errorf("the operations answer %s, then %d", got, after.Replies[0].Value)
	}
	if n := f.count("Commit") - commits; n != 1 {
		t.Errorf("%d commits", n)
	}
}

func TestARefusedTransactionLeavesNothingAndNamesItsItem(t *testing.T) {
	refused := func(item int, kind refusal.Kind, parts ...any) {
		t.Helper()
		f := newFake(t)
		w, first, release := blocked(t, f, newClock())
		before := submit(t, w, call(incr("n")))
		c := submit(t, w, mixed(parts...))
		after := submit(t, w, call(incr("n")))
		release()
		await(first)
		var why *sqltx.ItemError
		if err := await(c); !errors.As(err, &why) || why.Index != item || why.Refusal.Kind != kind {
			t.Errorf("%v: %v", parts, err)
		}
		if err := errors.Join(await(before), await(after)); err != nil {
			t.Fatal(err)
		}
		if f.value("n") != "2" || f.living() != 2 || len(f.committed().lines) != 3 || f.committed().sequence != 3 {
			t.Errorf("%v: n = %s, %d rows, %d lines, sequence %d", parts, f.value("n"), f.living(), len(f.committed().lines), f.committed().sequence)
		}
	}
	refused(1, refusal.KeyNotFound, incr("x"), del("nobody"), incr("y"))
	refused(2, refusal.SQLError, incr("x"), "set t x 1", "fail")
	refused(0, refusal.PreconditionFailed, provided("holds t nobody"), incr("x"))
	refused(3, refusal.RateLimited, incr("x"), limit("l", 1, 1), "read t l", limit("l", 1, 1))
	refused(2, refusal.SQLConstraint, incr("x"), may{incr("y")}, may{"end"})
	refused(3, refusal.KeyNotFound, incr("x"), may{del("nobody")}, may{"fail"}, del("nobody"))
}

func TestWhatMayFailIsAnsweredAndTheRestIsDone(t *testing.T) {
	f := newFake(t)
	w := start(t, f, newClock())
	c := do(t, w, mixed(incr("n"), may{del("nobody")}, may{"fail"}, may{incr("m")}, may{"set t x 1"}, may{limit("l", 1, 1)}, may{limit("l", 1, 1)}, incr("n")))
	got := string(c.Results.Bytes())
	for _, want := range []string{`"code":"KEY_NOT_FOUND"}`, `"code":"SQL_ERROR"}`, `"code":"RATE_LIMITED","allowed":false,"limit":1,"remaining":0`} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if f.value("n")+f.value("m")+f.value("x") != "211" || f.living() != 4 {
		t.Errorf("the file holds %+v", f.committed().rows)
	}
}

// The deadline is that of all items together: operations look at it as well.
func TestOperationsAfterTheDeadlineAreNotDone(t *testing.T) {
	f, c := newFake(t), newClock()
	w := start(t, f, c)
	f.mu.Lock()
	f.fail = func(method string, _ int) error {
		if method == "RunItem" {
			c.advance(2000)
		}
		return nil
	}
	f.mu.Unlock()
	slow := mixed(incr("n"), "set t x 1", incr("n"))
	slow.Deadline = birth + 1000
	var why *sqltx.ItemError
	if err := w.Do(slow); !errors.As(err, &why) || why.Index != 2 || why.Refusal.Kind != refusal.RequestTimeout {
		t.Fatal(err)
	}
	if f.living() != 0 {
		t.Errorf("%d rows", f.living())
	}
}

func TestATransactionWithOperationsIsDoneOnce(t *testing.T) {
	f := newFake(t)
	w, first, release := blocked(t, f, newClock())
	request := func() *Call {
		return once("k", "mixed", mixed(incr("n"), many{"set t x ?", []string{"1", "2"}}, may{del("nobody")}))
	}
	one, two := submit(t, w, request()), submit(t, w, request())
	release()
	await(first)
	if err := errors.Join(await(one), await(two)); err != nil {
		t.Fatal(err)
	}
	wantReplay(t, two, one)
	wantReplay(t, do(t, w, request()), one)
	if one.Answer.Version != 0 || f.value("n") != "1" {
		t.Errorf("answered with the version %d, n = %s", one.Answer.Version, f.value("n"))
	}
	large := make([]any, 20_000)
	for i := range large {
		large[i] = incr("n")
	}
	if err := w.Do(once("large", "", mixed(large...))); refusal.Of(err).Kind != refusal.IdempotentResponseTooLarge || f.value("n") != "1" {
		t.Errorf("%v, n = %s", err, f.value("n"))
	}
}
