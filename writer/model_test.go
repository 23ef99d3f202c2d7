package writer

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// anyCall is a random call on the keys of one caller, and perhaps on the counter of all.
func anyCall(t *rapid.T, caller int) *Call {
	if rapid.IntRange(0, 9).Draw(t, "sql") == 0 {
		// On keys of its own: what SQL writes has no history.
		items := []string{fmt.Sprintf("set t %dsql %d", caller, rapid.IntRange(0, 9).Draw(t, "n"))}
		if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
			items = append(items, rapid.SampledFrom([]string{"fail", "end"}).Draw(t, "how"))
		}
		return sqlCall(items...)
	}
	if rapid.IntRange(0, 4).Draw(t, "mixed") == 0 {
		return anyMixed(t, caller)
	}
	c := call()
	for range rapid.IntRange(1, 4).Draw(t, "ops") {
		c.Ops = append(c.Ops, anyOp(t, caller))
	}
	if len(c.Ops) > 1 && rapid.Bool().Draw(t, "list") {
		c.Shape = kv.Items
	}
	return c
}

func anyOp(t *rapid.T, caller int) kv.Op {
	key := func(of ...string) string { return fmt.Sprint(caller, rapid.SampledFrom(of).Draw(t, "key")) }
	digit := func() []byte { return fmt.Append(nil, rapid.IntRange(0, 9).Draw(t, "digit")) }
	op := incr(key("a", "b", "c"))
	switch rapid.IntRange(0, 10).Draw(t, "op") {
	case 0:
		op = set(op.Key, string(digit()))
	case 1:
		op = del(key("a", "b", "c", "array", "object"))
	case 2:
		op = incr("shared")
	case 3, 4:
		op = kv.Op{Code: kv.Push, Key: key("array", "array", "a"), Value: kv.ElementOf(digit())}
	case 5:
		op = kv.Op{Code: kv.Pop, Key: key("array", "array", "a")}
	case 6:
		op = kv.Op{Code: kv.Set, Key: key("object", "object", "array"), Path: "n", ContentType: "application/json", Value: kv.ElementOf(digit())}
	case 7:
		op = limit(key("limit"), limitOfModel, 1)
	}
	if op.Key != "shared" && op.Code != kv.Limit {
		op.Unrecorded = rapid.IntRange(0, 4).Draw(t, "recorded") == 0
		op.If = anyCondition(t)
	}
	limits := kv.DefaultLimits()
	if why := kv.Check(&op, &limits); why != nil {
		t.Fatal(why)
	}
	return op
}

func anyCondition(t *rapid.T) *kv.Conditions {
	switch rapid.IntRange(0, 9).Draw(t, "if") {
	case 0:
		return &kv.Conditions{Exists: true}
	case 1:
		return &kv.Conditions{Absent: true}
	case 2:
		return &kv.Conditions{HasBytes: true, Bytes: fmt.Append(nil, rapid.IntRange(0, 2).Draw(t, "bytes"))}
	}
	return nil
}

// Each caller has keys of its own, so that its part of the world is decidable
// whatever the others do; of the counter that all share only the sum is.
func TestManyCallersEachSeeTheirOwnWritesInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const callers = 4
		plans := make([][]*Call, callers)
		for i := range plans {
			for n := range rapid.IntRange(1, 25).Draw(rt, "calls") {
				c := anyCall(rt, i)
				if rapid.IntRange(0, 3).Draw(rt, "once") == 0 {
					once(fmt.Sprint(i, " ", n), "", c)
				}
				plans[i] = append(plans[i], c)
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
		followers := make([]follower, callers)
		var group sync.WaitGroup
		for i := range plans {
			followers[i] = follower{t: t, w: w, world: world{}}
			group.Go(func() {
				for _, c := range plans[i] {
					followers[i].follow(c)
				}
			})
		}
		group.Wait()
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		all, sum := world{}, 0
		for i := range followers {
			maps.Copy(all, followers[i].world)
			sum += followers[i].shared
		}
		if sum > 0 {
			all["shared"] = fmt.Sprint(sum)
		}
		all.check(t, f, "in the end")
		f.checkPast()
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

// follower is one caller with its world, of which the shared counter is no part.
type follower struct {
	t      *testing.T
	w      *Writer
	world  world
	shared int
}

// follow does a call. One with a key for Once is done until it succeeds or is refused,
// and once more.
func (f *follower) follow(c *Call) {
	after, replies, ok := f.world.do(c)
	touched, _ := strconv.Atoi(after["shared"])
	delete(after, "shared")
	err := f.w.Do(c)
	for tries := 0; errors.Is(err, errDisk) && c.Once.Key != "" && tries < 10; tries++ {
		err = f.w.Do(c)
	}
	switch {
	case errors.Is(err, errDisk):
		return
	case err == nil && !ok:
		f.t.Errorf("%+v was to be refused", c.Ops)
		return
	case err != nil && ok:
		f.t.Errorf("%+v was refused without need: %v", c.Ops, err)
		return
	case err != nil:
		return
	case c.Once.Key != "":
		f.again(c)
	default:
		for i, want := range replies {
			if got := replied(&c.Ops[i], &c.Replies[i]); c.Ops[i].Key != "shared" && got != want {
				f.t.Errorf("%s of %s answers %s, want %s", c.Ops[i].Code, c.Ops[i].Key, got, want)
			}
		}
	}
	f.world, f.shared = after, f.shared+touched
}

// again sends what was done once more: the answer is the first one's.
func (f *follower) again(c *Call) {
	body, version := string(c.Answer.Body), c.Answer.Version
	err := f.w.Do(c)
	if errors.Is(err, errDisk) {
		return
	}
	if err != nil || !c.Answer.Replayed || string(c.Answer.Body) != body || c.Answer.Version != version {
		f.t.Errorf("%d %s, asked again: %d %s (replayed %v) %v", version, body, c.Answer.Version, c.Answer.Body, c.Answer.Replayed, err)
	}
}

// How calls meet in groups must not show in the file: not in a row, not in a line of
// history, not in a number.
func TestTheSameCallsInAnyGroupingLeaveTheSameFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var plan []*Call
		for range rapid.IntRange(1, 40).Draw(rt, "calls") {
			c := anyCall(rt, 0)
			if rapid.IntRange(0, 3).Draw(rt, "once") == 0 { // some of them with the key of another
				once(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "once key"), rapid.SampledFrom([]string{"r", "s"}).Draw(rt, "request"), c)
			}
			plan = append(plan, c)
		}
		file := func(group func(rest int) int) string {
			f := newFake(t)
			w := still(f, newClock())
			var told []string
			for rest := plan; len(rest) > 0; {
				n := min(group(len(rest)), len(rest))
				n = w.commitNext(rest[:n])
				for _, c := range rest[:n] {
					told = append(told, fmt.Sprint(await(c), c.Answer.Replayed, string(c.Answer.Body)))
				}
				rest = rest[n:]
			}
			f.checkPast()
			return fmt.Sprint(told, f.was)
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
