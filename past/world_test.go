package past

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// world is a table that lives: operations are decided and applied by kv, as the writer
// does it, and a witness looks at every row after them.
type world struct {
	memory
	now, sequence int64
}

const birth = 1_700_000_000_000

func newWorld() *world {
	return &world{memory: memory{keys: map[string]*life{}}, now: birth}
}

// table is the past of the world as it is now.
func (w *world) table() *Table { return Of(&w.memory) }

// key is the life of a key, which begins with being asked for.
func (w *world) key(key string) *life {
	if w.keys[key] == nil {
		w.keys[key] = &life{}
	}
	return w.keys[key]
}

// do lets an operation happen, and answers whether it was refused.
func (w *world) do(op kv.Op) (refused bool) {
	limits := kv.DefaultLimits()
	if kv.Check(&op, &limits) != nil {
		return true
	}
	l := w.key(op.Key)
	row, before := l.row, ownRow(&l.row)
	var out kv.Outcome
	if kv.Decide(&op, &row, w.now, &out) != nil {
		return true
	}
	entries := out.Apply(&op, &row, w.now, &w.sequence, nil)
	w.write(l, &before, &row, entries)
	return false
}

// write keeps what a write has left: of a row that was before.
func (w *world) write(l *life, before, row *kv.Row, entries []kv.Entry) {
	l.row = ownRow(row)
	for _, e := range entries {
		w.record(l, before, e)
	}
	l.forgetChainless()
	l.blurred = l.blurred || l.row.Head == 0
	l.see(w.now)
}

// record writes an entry as the file would. What a gap ends with is what was before.
func (w *world) record(l *life, before *kv.Row, e kv.Entry) {
	e.Value, e.Delta = own(e.Value), own(e.Delta)
	if e.Closes {
		old := l.find(e.ID)
		e.At, e.Prev, e.Closes = old.At, old.Prev, false
		*old = Entry{Entry: e, Actor: old.Actor}
		l.after[slices.IndexFunc(l.chain, func(e Entry) bool { return e.ID == old.ID })] = before
		return
	}
	var after *kv.Row
	switch {
	case e.Op != kv.EntryUnrecorded:
		row := ownRow(&l.row)
		after = &row
	case e.HasState:
		after = before
	}
	l.chain = append(l.chain, Entry{Entry: e, Actor: fmt.Sprint("actor ", e.ID)})
	l.after = append(l.after, after)
}

// forgetChainless leaves nothing of a key that is gone without a chain.
func (l *life) forgetChainless() {
	if !l.row.Exists && l.row.Head == 0 {
		l.row = kv.Row{}
	}
}

func (l *life) see(now int64) { l.seen = append(l.seen, sighting{now, ownRow(&l.row)}) }

// sweep removes the row if it has expired, as the store does it.
func (w *world) sweep(key string) {
	l := w.key(key)
	if !l.row.Exists || l.row.Live(w.now) {
		return
	}
	before := ownRow(&l.row)
	for _, e := range l.row.ExpireNow(nil) {
		w.record(l, &before, e)
	}
	l.forgetChainless()
	l.blurred = l.blurred || l.row.Head == 0
}

// rewrite is plain SQL that changes the row, or deletes it, with its triggers.
func (w *world) rewrite(key string, remove bool) {
	l := w.key(key)
	if !l.row.Exists {
		return
	}
	before := ownRow(&l.row)
	if l.row.Head != 0 && !l.row.GapOpen() {
		w.sequence++
		e := kv.Entry{ID: w.sequence, OpNumber: l.row.OpNumber + 1, Op: kv.EntryUnrecorded, At: w.now, Prev: l.row.Head}
		w.record(l, &before, e)
		l.row.Head, l.row.OpNumber = e.ID, e.OpNumber
	}
	w.sequence++
	row := l.row
	row.Version, row.Undone = w.sequence, false
	row.Value = kv.Value{Kind: kv.Text, Bytes: fmt.Appendf(nil, "%d", w.sequence)}
	if remove {
		row = kv.Row{Head: row.Head, OpNumber: row.OpNumber, Version: row.Version, UpdatedAt: w.now}
	}
	w.write(l, &before, &row, nil)
}

// undo takes back entries as the writer does.
func (w *world) undo(key string, u *Undo) {
	l := w.key(key)
	row := ownRow(&u.Row)
	kv.UndoTo(&row, &u.Then.Row, &u.To, w.now, &w.sequence)
	l.chain = slices.DeleteFunc(l.chain, func(e Entry) bool { return slices.Contains(u.Gone, e.ID) })
	l.after = l.after[:len(l.chain)]
	if row.Exists && u.To.Op == kv.EntryUnrecorded { // its gap goes on
		last := &l.chain[len(l.chain)-1]
		last.HasState, last.Absent, last.Value, last.ContentType, last.ExpireAt, last.Arg = false, false, kv.Value{}, "", 0, 0
		l.after[len(l.chain)-1] = nil
	}
	l.row = ownRow(&row)
	l.forgetChainless()
	l.blurred = true
	l.see(w.now)
}

// doReturn carries out the plan of a return.
func (w *world) doReturn(until int64) (Counts, error) {
	wish := Return{Until: until, Now: w.now}
	return w.table().Plan(&wish, func(step *Step) error {
		w.carryOut(step)
		return nil
	}, func(string) {})
}

func (w *world) carryOut(step *Step) {
	l, row := w.key(step.Key), *step.Row
	before := ownRow(&l.row)
	w.write(l, &before, &row, kv.ReturnTo(&row, step.Then, w.now, w.now/1000, &w.sequence, nil))
}

// doFold carries out one fold.
func (w *world) doFold(key string, f *Fold) {
	l := w.key(key)
	l.chain = slices.DeleteFunc(l.chain, func(e Entry) bool { return slices.Contains(f.Gone, e.ID) })
	l.after = l.after[len(l.after)-len(l.chain):]
	base := f.Base
	base.Value, base.Delta = own(base.Value), own(base.Delta)
	l.chain[0].Entry = base
}

// own shares no memory with v.
func own(v kv.Value) kv.Value {
	v.Bytes = bytes.Clone(v.Bytes)
	return v
}

func ownRow(row *kv.Row) kv.Row {
	c := *row
	c.Value = own(c.Value)
	return c
}

// shown is what a reader sees of a row that is there.
func shown(row *kv.Row) string {
	if !row.Exists {
		return "nothing"
	}
	return fmt.Sprintf("%s (kind %d, type %q, expires %d)", row.Value.Append(nil), row.Value.Kind, row.ContentType, row.ExpireAt)
}

func (f Fate) String() string {
	return [...]string{"no fate", "there", "absent", "expired", "unknown", "folded"}[f]
}

// text is all that a state says.
func (s *State) text() string {
	text := fmt.Sprintf("%v by %d at %d", s.Fate, s.OpNumber, s.At)
	switch s.Fate {
	case There, Expired:
		text += ": " + shown(&s.Row)
	case Folded:
		text += fmt.Sprintf(", oldest %d", s.Oldest)
	}
	return text
}

// was is what At has to answer, told from what the witness saw.
func (w *world) was(key string, until int64) *State {
	l := w.keys[key]
	if l == nil {
		l = &life{}
	}
	never := &State{Fate: Absent}
	if until <= w.horizon {
		never = &State{Fate: Folded, Oldest: w.horizon}
	}
	// A lifetime that was over is over, whether or not anybody swept.
	over := l.row.Exists && l.row.ExpireAt != 0 && l.row.ExpireAt < until
	if len(l.chain) == 0 {
		if l.row.Exists && !over {
			return &State{Fate: Unknown}
		}
		return never
	}
	i := len(l.chain) - 1
	for i >= 0 && l.chain[i].At >= until {
		i--
	}
	if i < 0 {
		switch first := &l.chain[0]; {
		case first.OpNumber > 1:
			return &State{Fate: Folded, Oldest: first.At}
		case first.Op == kv.EntryUnrecorded:
			return &State{Fate: Unknown}
		}
		return never
	}
	e := &l.chain[i]
	s := &State{Fate: Absent, OpNumber: e.OpNumber, At: e.At}
	switch after := l.after[i]; {
	case e.Op == kv.EntryUnrecorded:
		if i < len(l.chain)-1 || (l.row.Exists && !over) || (!l.row.Exists && l.row.UpdatedAt >= until) {
			return &State{Fate: Unknown}
		}
	case after.Live(until - 1):
		s.Fate, s.Row = There, *after
	case after.Exists:
		s.Fate, s.Row = Expired, *after
	}
	return s
}

// wasAfter is what After has to answer, nil for a refusal.
func (w *world) wasAfter(key string, number int64) *State {
	l := w.keys[key]
	if l == nil || len(l.chain) == 0 || number < 1 || number > l.row.OpNumber {
		return nil
	}
	for i := range l.chain {
		e := &l.chain[i]
		switch {
		case e.OpNumber > number:
			return &State{Fate: Folded, Oldest: e.At}
		case e.OpNumber == number && e.Op == kv.EntryUnrecorded:
			return &State{Fate: Unknown}
		case e.OpNumber == number:
			s := &State{Fate: Absent, OpNumber: e.OpNumber, At: e.At}
			if l.after[i].Exists {
				s.Fate, s.Row = There, *l.after[i]
			}
			return s
		}
	}
	panic("a chain without its head")
}

// story is a life for a failure's message.
func (w *world) story(key string) string {
	l := w.key(key)
	lines := []string{fmt.Sprintf("%q now (%d): %s; %+v", key, w.now-birth, shown(&l.row), l.row)}
	for i, e := range l.chain {
		after := "?"
		if l.after[i] != nil {
			after = shown(l.after[i])
		}
		lines = append(lines, fmt.Sprintf("%d. %v id %d prev %d at %d: %s, state %v", e.OpNumber, e.Op, e.ID, e.Prev, e.At-birth, after, e.HasState))
	}
	return strings.Join(lines, "\n")
}

// fairly is one of n numbers from 0, each about as often: rapid's coins are fair, its
// integers are not.
func fairly(t *rapid.T, n int, what string) (number int) {
	for room := 1; room < 4*n; room *= 2 {
		number *= 2
		if rapid.Bool().Draw(t, what) {
			number++
		}
	}
	return number % n
}

func oneOf[T any](t *rapid.T, what string, choices ...T) T {
	return choices[fairly(t, len(choices), what)]
}

// worldKeys have different habits: the first counts, the second is a list, others are
// anything, and one begins without history.
var worldKeys = []string{"a", "ab", "b", "b/1", "c", "ž"}

func anyOp(t *rapid.T, key string) kv.Op {
	op := kv.Op{Key: key, Unrecorded: fairly(t, 6, "unrecorded") == 0}
	kinds := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	switch key {
	case "a":
		kinds = []int{2, 2, 2, 2, 7, 8, 9, 10}
	case "ab":
		kinds = []int{3, 3, 3, 4, 5, 8, 9}
	}
	switch oneOf(t, "operation", kinds...) {
	case 0:
		op.Code, op.ContentType = kv.Set, oneOf(t, "type", "text/plain", "application/octet-stream", "application/json")
		op.Value = kv.BytesValue([]byte(oneOf(t, "body", "1", "[]", `{"n":1,"l":[1,2]}`, `"text"`, `["`+strings.Repeat("x", 100)+`"]`)), op.ContentType)
		if fairly(t, 4, "ttl") == 0 {
			op.TTLSeconds, op.TTLSent = 1, true
		}
	case 1:
		op.Code, op.Path, op.ContentType = kv.Set, oneOf(t, "path", "n", "l", "l[0]", "new.deep", "$"), "application/json"
		op.Value, _ = kv.BodyOf(&op, "application/json", []byte(oneOf(t, "leaf", "7", "[]", `{"n":2,"l":[3]}`)))
	case 2:
		op.Code, op.Delta, op.Path = oneOf(t, "up", kv.Incr, kv.Incr, kv.Decr), 1+int64(fairly(t, 9, "delta")), oneOf(t, "path", "", "", "n")
		if fairly(t, 4, "ttl") == 0 {
			op.TTLSeconds, op.TTLSent, op.TTLAlways = 1, true, rapid.Bool().Draw(t, "always")
		}
	case 3:
		op.Code, op.Path, op.Value = kv.Push, oneOf(t, "path", "", "", "l"), kv.ElementOf([]byte(oneOf(t, "element", "1", `"two"`, `{"three":3}`)))
		op.LengthMax = oneOf(t, "longest", int64(0), 3)
	case 4:
		op.Code = kv.Pop
	case 5:
		op.Code, op.HasIndex = kv.Remove, true
	case 6:
		op.Code, op.ContentType = kv.Append, "text/plain"
		op.Value = kv.BytesValue([]byte("more"), "text/plain")
	case 7:
		op.Code, op.MissingOK = kv.Delete, true
	case 8:
		op.Code, op.TTLSeconds, op.TTLSent = kv.Expire, 1+int64(fairly(t, 3, "ttl")), true
	case 9:
		op.Code = kv.Persist
	case 10:
		op.Code, op.Path, op.ContentType = kv.Set, "", "text/plain"
		op.Value = kv.BytesValue([]byte("7"), "text/plain")
	}
	return op
}

// pass lets time pass, or not.
func (w *world) pass(t *rapid.T) {
	w.now += oneOf(t, "ms", int64(0), 0, 0, 1, 1, 10, 999, 1000, 2500)
}

// live lets a random thing happen.
func (w *world) live(t *rapid.T) {
	w.pass(t)
	key := oneOf(t, "key", worldKeys...)
	if key == "c" && len(w.key("c").chain) == 0 && rapid.Bool().Draw(t, "not yet") {
		key = "a"
	}
	switch fairly(t, 16, "what") {
	case 0:
		w.sweep(key)
	case 1:
		w.rewrite(key, rapid.Bool().Draw(t, "remove"))
	case 2:
		for range fairly(t, 100, "many") { // of one kind, so that keyframes come
			w.do(oneOf(t, "of", kv.Op{Key: key, Code: kv.Incr, Delta: 1}, kv.Op{Key: key, Code: kv.Incr, Delta: 1}, kv.Op{Key: key, Code: kv.Incr, Delta: 1, Path: "n"},
				kv.Op{Key: key, Code: kv.Push, Value: kv.ElementOf([]byte("1")), LengthMax: 5}))
			w.now += int64(fairly(t, 2, "ms"))
		}
	case 3:
		if u, err := w.table().Undo(key, int64(1+fairly(t, 4, "steps"))); err == nil && rapid.Bool().Draw(t, "undo") {
			w.undo(key, u)
		}
	case 4:
		if fairly(t, 4, "return") == 0 {
			// A plan that is refused half way would have been taken back.
			if wish := (Return{Until: w.moment(t), Now: w.now}); w.planned(&wish) == nil {
				w.doReturn(wish.Until)
			}
		}
	case 5:
		if fairly(t, 8, "fold") == 0 {
			w.foldOnce(t, key)
		}
	default:
		w.do(anyOp(t, key))
	}
}

func (w *world) planned(wish *Return) error {
	_, err := w.table().Plan(wish, func(*Step) error { return nil }, func(string) {})
	return err
}

func (w *world) foldOnce(t *rapid.T, key string) {
	f, err := w.table().Fold(key, anyKeep(t), w.now)
	if err != nil {
		t.Fatal(err)
	}
	if f.Base.ID != 0 {
		w.doFold(key, f)
	}
}

func anyKeep(t *rapid.T) Keep {
	return Keep{Entries: oneOf(t, "entries", int64(0), 1, 10, 70, 150), Seconds: oneOf(t, "seconds", int64(0), 0, 1, 5, 30)}
}

// anyWorld has lived for a while.
func anyWorld(t *rapid.T) *world {
	w := newWorld()
	for range 1 + fairly(t, 200, "events") {
		w.live(t)
	}
	if fairly(t, 4, "horizon") == 0 {
		w.horizon = birth + int64(fairly(t, 3000, "horizon at"))
	}
	return w
}

// moment is one near to when something happened, most often.
func (w *world) moment(t *rapid.T) int64 {
	var times []int64
	for _, key := range worldKeys {
		if l := w.keys[key]; l != nil {
			for i := range l.chain {
				times = append(times, l.chain[i].At)
			}
			times = append(times, l.row.ExpireAt, l.row.UpdatedAt)
		}
	}
	if len(times) == 0 || fairly(t, 8, "any moment") == 0 {
		return oneOf(t, "moment", 0, 1, birth, w.now, w.now+1, w.now+100_000, maxInt64)
	}
	i := rapid.IntRange(0, len(times)-1).Draw(t, "near to")
	return times[i] + int64(fairly(t, 3, "by ms")) - 1
}

// mustClose fails if a walk was left open.
func (w *world) mustClose(t interface{ Fatalf(string, ...any) }) {
	if w.open != 0 {
		t.Fatalf("%d walks were left open", w.open)
	}
}

// What is drawn must be varied, or the laws are proved of little. How soon is chance: a
// long chain is drawn in some of the worlds.
func TestTheWorldReachesEveryFate(t *testing.T) {
	reached, ops := map[Fate]int{}, map[kv.EntryOp]int{}
	longest := 0
	const rounds = 20
	for round := 0; round < rounds && (longest < 2*kv.KeyframeEvery || len(reached) < int(Folded) || len(ops) < int(kv.EntryAppend)); round++ {
		rapid.Check(t, func(t *rapid.T) {
			w := anyWorld(t)
			for _, key := range worldKeys {
				reached[w.was(key, w.moment(t)).Fate]++
				l := w.key(key)
				longest = max(longest, len(l.chain))
				for i := range l.chain {
					ops[l.chain[i].Op]++
				}
			}
		})
	}
	for fate := There; fate <= Folded; fate++ {
		if reached[fate] == 0 {
			t.Errorf("never %v", fate)
		}
	}
	for op := kv.EntrySet; op <= kv.EntryAppend; op++ {
		if ops[op] == 0 {
			t.Errorf("never %v", op)
		}
	}
	if longest < 2*kv.KeyframeEvery {
		t.Errorf("the longest chain has %d entries", longest)
	}
	t.Log(reached, ops, longest)
}
