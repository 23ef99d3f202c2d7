package writer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/testdb"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// sheet is a file of two tables: plain, and t with counters and one array of digits.
type sheet struct {
	plain map[int64]int64
	keys  map[string]string
}

func (s sheet) clone() sheet { return sheet{maps.Clone(s.plain), maps.Clone(s.keys)} }

// step is an item of a transaction, and what it does to the model: what is answered, or
// the code of a refusal.
type step struct {
	part any
	do   func(s sheet) (answer, code string)
	// ends says that a refusal ends the transaction.
	ends bool
}

func rowsUpdated(n int) (answer, code string) { return fmt.Sprint("rows ", n), "" }

// anyStep draws a step. Ids, keys and numbers are few, so that steps meet.
func anyStep(t *rapid.T) step {
	id, n := rapid.Int64Range(0, 3).Draw(t, "id"), rapid.Int64Range(0, 9).Draw(t, "n")
	key := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "key")
	draw := []func() step{
		func() step { return stepOnPlain(t, id, n) },
		func() step { return stepOnKeys(t, key, n) },
		func() step { return operation(t, key, n) },
		func() step { return operation(t, key, n) },
	}
	return draw[rapid.IntRange(0, len(draw)-1).Draw(t, "kind")]()
}

func stepOnPlain(t *rapid.T, id, n int64) step {
	switch rapid.IntRange(0, 7).Draw(t, "plain") {
	case 0:
		return step{part: fmt.Sprintf("DELETE FROM plain WHERE id = %d", id), do: func(s sheet) (string, string) {
			_, there := s.plain[id]
			delete(s.plain, id)
			return rowsUpdated(map[bool]int{true: 1}[there])
		}}
	case 1:
		return step{part: "UPDATE plain SET n = n + 1", do: func(s sheet) (string, string) {
			for id := range s.plain {
				s.plain[id]++
			}
			return rowsUpdated(len(s.plain))
		}}
	case 2:
		return step{part: "SELECT coalesce(group_concat(id || '=' || n), '') FROM (SELECT * FROM plain ORDER BY id)",
			do: func(s sheet) (string, string) { return "is " + s.show(), "" }}
	case 3:
		return step{part: "INSERT INTO nowhere VALUES (1)", do: func(sheet) (string, string) { return "", "SQL_ERROR" }}
	case 4:
		return step{ends: true, part: "INSERT OR ROLLBACK INTO plain SELECT * FROM plain LIMIT 1", do: func(s sheet) (string, string) {
			if len(s.plain) > 0 {
				return "", "SQL_CONSTRAINT"
			}
			return rowsUpdated(0)
		}}
	case 5: // half of it is done before it fails
		return step{part: fmt.Sprintf("INSERT OR REPLACE INTO plain VALUES (%d, %d); INSERT INTO plain VALUES (%d, 0)", id, n, id),
			do: func(sheet) (string, string) { return "", "SQL_CONSTRAINT" }}
	}
	return step{part: fmt.Sprintf("INSERT INTO plain VALUES (%d, %d)", id, n), do: func(s sheet) (string, string) {
		if _, there := s.plain[id]; there {
			return "", "SQL_CONSTRAINT"
		}
		s.plain[id] = n
		return rowsUpdated(1)
	}}
}

// stepOnKeys is SQL on the table of keys.
func stepOnKeys(t *rapid.T, key string, n int64) step {
	switch rapid.IntRange(0, 3).Draw(t, "keys") {
	case 0:
		return step{part: "UPDATE t SET value = value + 10 WHERE key = '" + key + "'", do: func(s sheet) (string, string) {
			was, there := s.keys[key]
			if there {
				number, _ := strconv.Atoi(was)
				s.keys[key] = fmt.Sprint(number + 10)
			}
			return rowsUpdated(map[bool]int{true: 1}[there])
		}}
	case 1:
		return step{part: "DELETE FROM t WHERE key = '" + key + "'", do: func(s sheet) (string, string) {
			_, there := s.keys[key]
			delete(s.keys, key)
			return rowsUpdated(map[bool]int{true: 1}[there])
		}}
	case 2:
		return step{part: fmt.Sprintf("INSERT OR REPLACE INTO t(key, value) VALUES ('%s', %d)", key, n), do: func(s sheet) (string, string) {
			s.keys[key] = fmt.Sprint(n)
			return rowsUpdated(1)
		}}
	}
	return step{part: "SELECT coalesce((SELECT value FROM t WHERE key = '" + key + "'), 'none')", do: func(s sheet) (string, string) {
		if value, there := s.keys[key]; there {
			return "is " + value, ""
		}
		return "is none", ""
	}}
}

// operation is a key-value operation.
func operation(t *rapid.T, key string, n int64) step {
	code := rapid.SampledFrom([]kv.Code{kv.Incr, kv.Incr, kv.Delete, kv.Get, kv.Set, kv.Push, kv.Pop}).Draw(t, "op")
	op := kv.Op{Code: code, Key: key}
	switch code {
	case kv.Incr:
		op = incr(key)
	case kv.Set: // only what is not there
		op = set(key, fmt.Sprint(n))
		op.If = &kv.Conditions{Absent: true}
	case kv.Push:
		op = kv.Op{Code: code, Key: "list", Value: kv.ElementOf([]byte("7"))}
	case kv.Pop:
		op.Key = "list"
	}
	op.Unrecorded = rapid.IntRange(0, 4).Draw(t, "unrecorded") == 0
	limits := kv.DefaultLimits()
	if why := kv.Check(&op, &limits); why != nil {
		t.Fatal(why)
	}
	return step{part: op, do: func(s sheet) (string, string) { return s.operate(code, op.Key, n) }}
}

func (s sheet) operate(code kv.Code, key string, n int64) (answer, code2 string) {
	value, there := s.keys[key]
	number, _ := strconv.Atoi(value)
	switch code {
	case kv.Incr:
		s.keys[key] = fmt.Sprint(number + 1)
		return "kv " + s.keys[key], ""
	case kv.Push:
		s.keys[key] = strings.Replace("["+strings.TrimPrefix(value, "[")+"]", "]]", ",7]", 1)
		if !there || value == "[]" {
			s.keys[key] = "[7]"
		}
		return "kv", ""
	case kv.Set:
		if there {
			return "", "PRECONDITION_FAILED"
		}
		s.keys[key] = fmt.Sprint(n)
		return "kv", ""
	}
	if !there || (code == kv.Pop && value == "[]") {
		return "", "KEY_NOT_FOUND"
	}
	switch code {
	case kv.Get:
		return "kv " + value, ""
	case kv.Pop:
		s.keys[key] = strings.Replace(strings.TrimSuffix(value, "7]")+"]", ",]", "]", 1)
		return "kv 7", ""
	}
	delete(s.keys, key)
	return "kv", ""
}

func (s sheet) show() string {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(s.plain)) {
		all = append(all, fmt.Sprint(id, "=", s.plain[id]))
	}
	return strings.Join(all, ",")
}

// transact applies a transaction to the model: the answers, or where it is refused and why.
func (s *sheet) transact(steps []step, mayFail []bool) (answers []string, item int, code string) {
	after := s.clone()
	for i := range steps {
		trial := after.clone()
		answer, code := steps[i].do(trial)
		switch {
		case code == "":
			after, answers = trial, append(answers, answer)
		case mayFail[i] && !steps[i].ends:
			answers = append(answers, "failed "+code)
		default:
			return nil, i, code
		}
	}
	*s = after
	return answers, 0, ""
}

// answered is what a call was answered, in the words of the model.
func answered(t *rapid.T, c *Call) (answers []string) {
	var got struct {
		Results []struct {
			Success     bool
			Code        string
			RowsUpdated *int
			ResultSet   []map[string]any
			KV          *struct{ Value json.RawMessage }
		}
	}
	if err := json.Unmarshal(c.Results.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v", c.Results.Bytes(), err)
	}
	for i, r := range got.Results {
		switch {
		case !r.Success:
			answers = append(answers, "failed "+r.Code)
		case r.RowsUpdated != nil:
			answers = append(answers, fmt.Sprint("rows ", *r.RowsUpdated))
		case r.KV != nil && c.Ops[c.SQL.Items[i].Op].Code == kv.Set, r.KV != nil && len(r.KV.Value) == 0:
			answers = append(answers, "kv")
		case r.KV != nil:
			answers = append(answers, "kv "+strings.Trim(string(r.KV.Value), `"`))
		default:
			for _, value := range r.ResultSet[0] {
				answers = append(answers, fmt.Sprint("is ", value))
			}
		}
	}
	return answers
}

// Random transactions of SQL and operations, gathering in groups on a real file, leave what
// a model in plain Go holds, and are answered as it answers.
func TestMixedTransactionsDoWhatAModelDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path := testdb.Create(t)
		w := openAlone(t, path, newClock())
		closed := false
		defer func() {
			if !closed {
				w.Close()
			}
		}()
		model := sheet{plain: map[int64]int64{}, keys: map[string]string{"x": "1"}}
		if err := w.Do(mixed("CREATE TABLE plain(id INTEGER PRIMARY KEY, n)", set("x", "1"))); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			var plans [][]step
			var mays [][]bool
			var calls []*Call
			for range rapid.IntRange(1, 4).Draw(rt, "calls") {
				var steps []step
				var mayFail []bool
				var parts []any
				for range rapid.IntRange(1, 6).Draw(rt, "items") {
					s := anyStep(rt)
					steps, mayFail = append(steps, s), append(mayFail, rapid.Bool().Draw(rt, "may fail"))
					if mayFail[len(mayFail)-1] {
						parts = append(parts, may{s.part})
					} else {
						parts = append(parts, s.part)
					}
				}
				plans, mays = append(plans, steps), append(mays, mayFail)
				calls = append(calls, submit(t, w, mixed(parts...)))
			}
			for i, c := range calls {
				err := await(c)
				want, item, code := model.transact(plans[i], mays[i])
				var why *sqltx.ItemError
				switch {
				case code == "" && err != nil, code != "" && (!errors.As(err, &why) || why.Index != item || refusal.Of(err).Kind.Code() != code):
					rt.Fatalf("%v, want %q of item %d", err, code, item)
				case code == "" && !slices.Equal(answered(rt, c), want):
					rt.Fatalf("answered %q, want %q", answered(rt, c), want)
				}
			}
			model.check(rt, path)
		}
		closed = true
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func (s sheet) check(t *rapid.T, path string) {
	got := sheet{map[int64]int64{}, map[string]string{}}
	for _, row := range testdb.Query(t, path, "SELECT id, n FROM plain") {
		got.plain[row[0].Int] = row[1].Int
	}
	for _, row := range testdb.Query(t, path, "SELECT key, CAST(value AS TEXT) FROM t") {
		got.keys[string(row[0].Bytes)] = string(row[1].Bytes)
	}
	if !maps.Equal(got.plain, s.plain) || !maps.Equal(got.keys, s.keys) {
		t.Fatalf("the file holds %v, want %v", got, s)
	}
}

// What a refused transaction has made is gone, and whoever comes next makes it anew: the
// table of keys, the server's own tables, the name of who did it.
func TestWhatARefusedTransactionHasMadeIsMadeAgain(t *testing.T) {
	for _, together := range []bool{false, true} {
		path, w := real(t, newClock())
		calls := []*Call{
			mixed(set("a", "1"), "INSERT INTO nowhere VALUES (1)"),
			mixed(set("a", "2"), may{set("b", "1")}, may{"CREATE TABLE made(x); INSERT INTO nowhere VALUES (1)"}),
			mixed(del("a"), incr("c"), incr("d"), "INSERT INTO nowhere VALUES (1)"),
			mixed("DROP TABLE t", set("a", "lost"), "INSERT INTO nowhere VALUES (1)"),
			call(incr("a"), incr("c")),
		}
		told := func(i int) {
			refused := i == 0 || i == 2 || i == 3
			err := await(calls[i])
			if (err != nil) != refused || (refused && refusal.Of(err).Kind != refusal.SQLError) {
				t.Fatalf("call %d: %v", i, err)
			}
		}
		for i, c := range calls {
			if submit(t, w, c); !together {
				told(i)
			}
		}
		for i := range calls {
			if together {
				told(i)
			}
		}
		rows := testdb.Text(testdb.Query(t, path, "SELECT key, value, version FROM t"))
		actors := testdb.Text(testdb.Query(t, path, "SELECT DISTINCT (SELECT name FROM _urlite_actors WHERE id = actor) FROM t_history"))
		count := testdb.Query(t, path, "SELECT rows FROM _urlite_tables WHERE name = 't'")[0][0]
		if rows != `"a" 3 3 | "b" "1" 2 | "c" 1 4` || actors != `"tester"` || (count.Kind != sqltx.Null && count.Int != 3) {
			t.Errorf("together %v: %s by %s, %v rows", together, rows, actors, count)
		}
	}
}

func TestTheNameOfWhoWasRefusedIsWrittenWhenHeIsNot(t *testing.T) {
	path, w := real(t, newClock())
	by := func(actor string, c *Call) *Call { c.Actor = actor; return c }
	do(t, w, by("first", call(incr("n"))))
	if err := w.Do(by("refused", mixed(incr("n"), "INSERT INTO nowhere VALUES (1)"))); err == nil {
		t.Fatal("it was done")
	}
	do(t, w, by("next", mixed(incr("n"), may{"INSERT INTO nowhere VALUES (1)"})))
	do(t, w, by("refused", call(incr("n"))))
	got := testdb.Text(testdb.Query(t, path, "SELECT (SELECT name FROM _urlite_actors WHERE id = actor) FROM t_history ORDER BY id"))
	if got != `"first" | "next" | "refused"` {
		t.Errorf("the history is by %s", got)
	}
}
