package writer

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// anyCall is a random call on the keys of one caller, and perhaps on the counter of all.
func anyCall(t *rapid.T, caller int) *Call {
	key := func() string { return fmt.Sprint(caller, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")) }
	if rapid.IntRange(0, 9).Draw(t, "sql") == 0 {
		// On keys of its own: what SQL writes has no history.
		items := []string{fmt.Sprintf("set t %dsql %d", caller, rapid.IntRange(0, 9).Draw(t, "n"))}
		if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
			items = append(items, rapid.SampledFrom([]string{"fail", "end"}).Draw(t, "how"))
		}
		return sqlCall(items...)
	}
	c := call()
	for range rapid.IntRange(1, 4).Draw(t, "ops") {
		op := incr(key())
		switch rapid.IntRange(0, 5).Draw(t, "op") {
		case 0:
			op = set(op.Key, fmt.Sprint(rapid.IntRange(-9, 9).Draw(t, "value")))
		case 1:
			op = del(op.Key)
		case 2:
			op = incr("shared")
		}
		op.Unrecorded = rapid.IntRange(0, 4).Draw(t, "recorded") == 0
		c.Ops = append(c.Ops, op)
	}
	return c
}

// Each caller has keys of its own, so that its part of the world is decidable
// whatever the others do; of the counter that all share only the sum is.
func TestManyCallersEachSeeTheirOwnWritesInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const callers = 4
		plans := make([][]*Call, callers)
		for i := range plans {
			for range rapid.IntRange(1, 25).Draw(rt, "calls") {
				plans[i] = append(plans[i], anyCall(rt, i))
			}
		}
		faults := map[int]bool{}
		for range rapid.IntRange(0, 5).Draw(rt, "faults") {
			faults[rapid.IntRange(0, 300).Draw(rt, "fault at")] = true
		}
		ops := rapid.IntRange(1, 20).Draw(rt, "group ops")

		f, c := newFake(t), newClock()
		w := startBusy(t, f, c, func(l *Limits) { l.GroupOpsMax, l.CheckpointFrames = ops, 3 })
		f.mu.Lock()
		f.fail = func(method string, k int) error {
			if faults[k] {
				return errDisk
			}
			return nil
		}
		f.mu.Unlock()
		models, shared := make([]world, callers), make([]int, callers)
		var group sync.WaitGroup
		for i := range plans {
			models[i] = world{}
			group.Go(func() {
				for _, c := range plans[i] {
					models[i], shared[i] = follow(t, w, c, models[i], shared[i])
				}
			})
		}
		group.Wait()
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		all, sum := world{}, 0
		for i, model := range models {
			for key, n := range model {
				all[key] = n
			}
			sum += shared[i]
		}
		if sum > 0 {
			all["shared"] = sum
		}
		all.check(t, f, "in the end")
		f.checkPast()
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

// follow does a call and answers the world of its caller after it.
func follow(t *testing.T, w *Writer, c *Call, model world, shared int) (world, int) {
	mine := model
	delete(mine, "shared")
	after, replies, ok := mine.do(c)
	touched := after["shared"]
	delete(after, "shared")
	switch err := w.Do(c); {
	case err != nil:
		if ok && err.Error() == kv.KeyNotFound.Text {
			t.Errorf("refused without need: %v", err)
		}
		return mine, shared
	case !ok:
		t.Errorf("%+v was to be refused", c.Ops)
	}
	for i, want := range replies {
		if c.Ops[i].Code == kv.Incr && c.Ops[i].Key != "shared" && c.Replies[i].Value != int64(want) {
			t.Errorf("%s answers %d, want %d", c.Ops[i].Key, c.Replies[i].Value, want)
		}
	}
	return after, shared + touched
}

// How calls meet in groups must not show in the file: not in a row, not in a line of
// history, not in a number.
func TestTheSameCallsInAnyGroupingLeaveTheSameFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var plan []*Call
		for range rapid.IntRange(1, 40).Draw(rt, "calls") {
			plan = append(plan, anyCall(rt, 0))
		}
		file := func(group func(rest int) int) string {
			f := newFake(t)
			w := still(f, newClock())
			for rest := plan; len(rest) > 0; {
				n := min(group(len(rest)), len(rest))
				n = w.commitNext(rest[:n])
				for _, c := range rest[:n] {
					await(c)
				}
				rest = rest[n:]
			}
			f.checkPast()
			return fmt.Sprint(f.was.sequence, f.was.lines, f.was.rows)
		}
		alone := file(func(int) int { return 1 })
		together := file(func(rest int) int { return rest })
		mixed := file(func(int) int { return rapid.IntRange(1, 8).Draw(rt, "group") })
		if alone != together || alone != mixed {
			rt.Fatalf("alone    %s\ntogether %s\nmixed    %s", alone, together, mixed)
		}
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}
