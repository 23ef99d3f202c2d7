package past

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
)

// answers are all that a key's past can be asked.
type answers struct {
	moments map[int64]string
	numbers map[int64]string
	told    []string
}

func (w *world) answers(t rapid.TB, key string, moments []int64) answers {
	a := answers{moments: map[int64]string{}, numbers: map[int64]string{}}
	table, state := w.table(), State{}
	for _, until := range moments {
		if err := table.At(key, until, &state); err != nil {
			t.Fatalf("%v", err)
		}
		a.moments[until] = state.text()
	}
	for number := int64(1); number <= w.key(key).row.OpNumber; number++ {
		if err := table.After(key, number, &state); err != nil {
			t.Fatalf("%v", err)
		}
		a.numbers[number] = state.text()
	}
	if _, err := table.History(key, 0, HistoryMax, func(told *Told) error {
		a.told = append(a.told, told.text())
		return nil
	}); err != nil {
		t.Fatalf("%v", err)
	}
	return a
}

func folded(answer string) bool { return strings.HasPrefix(answer, "folded") }

// mustAgree expects of what is told after a fold to be what was told before it.
func mustAgree(t rapid.TB, before, after answers) {
	for until, was := range before.moments {
		if is := after.moments[until]; is != was && !folded(is) {
			t.Fatalf("before %d: %s, was %s", until-birth, is, was)
		}
	}
	for number, was := range before.numbers {
		if is := after.numbers[number]; is != was && !folded(is) {
			t.Fatalf("after entry %d: %s, was %s", number, is, was)
		}
	}
	if n := len(before.told) - len(after.told); n < 0 || !slices.EqualFunc(after.told, before.told[n:], sameTold) {
		t.Fatalf("%d entries are told, were %d:\n%s\nwere\n%s", len(after.told), len(before.told), strings.Join(after.told, "\n"), strings.Join(before.told, "\n"))
	}
}

// sameTold compares entries but for where the chain leads on.
func sameTold(a, b string) bool {
	unlinked := func(text string) string {
		before, rest, _ := strings.Cut(text, " prev ")
		_, after, _ := strings.Cut(rest, " ")
		return before + after
	}
	return unlinked(a) == unlinked(b)
}

// mustBeWhole expects a chain without holes, of which the oldest entry tells its state.
func (w *world) mustBeWhole(t rapid.TB, key string) {
	l := w.key(key)
	for i := range l.chain {
		e := &l.chain[i]
		switch {
		case i > 0 && (e.Prev != l.chain[i-1].ID || e.OpNumber != l.chain[i-1].OpNumber+1),
			i == 0 && e.Prev != 0,
			i == 0 && e.OpNumber > 1 && (!e.HasState || e.Delta.Kind != kv.Stored):
			t.Fatalf("%+v\n%s", e, w.story(key))
		}
	}
	if n := len(l.chain); n > 0 && (l.chain[n-1].ID != l.row.Head || l.chain[n-1].OpNumber != l.row.OpNumber) {
		t.Fatalf("the head is another\n%s", w.story(key))
	}
}

func TestWhatIsWithinKeepStaysExact(t *testing.T) {
	done := 0
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		key, keep := oneOf(t, "key", worldKeys...), anyKeep(t)
		l := w.key(key)
		var moments []int64
		for range 20 {
			moments = append(moments, w.moment(t))
		}
		cutoff := w.now - keep.Seconds*1000
		moments = append(moments, cutoff, cutoff+1)
		before := w.answers(t, key, moments)
		wanted := w.foldTarget(key, keep)
		for more := true; more; {
			f, err := w.table().Fold(key, keep, w.now)
			if err != nil {
				t.Fatal(err)
			}
			if f.Base.ID == 0 {
				break
			}
			if len(f.Gone) == 0 || len(f.Gone) > walkMax || f.Base.Prev != 0 || !f.Base.HasState {
				t.Fatalf("%+v", f)
			}
			done++
			more = f.More
			w.doFold(key, f)
			w.mustBeWhole(t, key)
			mustAgree(t, before, w.answers(t, key, moments))
		}
		if len(l.chain) == 0 {
			return
		}
		if base := l.chain[0].OpNumber; base != wanted {
			t.Fatalf("keep %+v: the base is %d, want %d\n%s", keep, base, wanted, w.story(key))
		}
		after := w.answers(t, key, moments)
		for until, was := range before.moments {
			if within := keep.Entries == 0 && until >= cutoff; within && after.moments[until] != was {
				t.Fatalf("before %d: %s, was %s", until-birth, after.moments[until], was)
			}
		}
		for number, was := range before.numbers {
			if within := keep.Seconds == 0 && number > l.row.OpNumber-keep.Entries; within && after.numbers[number] != was {
				t.Fatalf("after entry %d: %s, was %s", number, after.numbers[number], was)
			}
		}
		if f, err := w.table().Fold(key, keep, w.now); err != nil || f.Base.ID != 0 {
			t.Fatalf("there is still to fold: %+v, %v", f, err)
		}
	})
	if done == 0 {
		t.Error("nothing was folded")
	}
}

// foldTarget is the number of the entry that folding ends with: the newest that is beyond
// keep, or if its state is not to be told, the newest before it that tells its own.
func (w *world) foldTarget(key string, keep Keep) int64 {
	l := w.key(key)
	if len(l.chain) == 0 {
		return 0
	}
	target := 0
	for i := range l.chain {
		e := &l.chain[i]
		byCount := keep.Entries > 0 && e.OpNumber <= l.row.OpNumber-keep.Entries
		byAge := keep.Seconds > 0 && e.At < w.now-keep.Seconds*1000
		if byCount || byAge {
			target = i
		}
	}
	for target > 0 {
		e := &l.chain[target]
		open := e.ID == l.row.Head && l.row.GapOpen()
		if !open && (e.HasState || e.Op != kv.EntryUnrecorded) {
			break
		}
		for target--; target > 0 && !l.chain[target].HasState; target-- {
		}
	}
	return l.chain[target].OpNumber
}

func TestWhatWasFoldedIsToldToBe(t *testing.T) {
	w := newWorld()
	for range 10 {
		w.do(kv.Op{Code: kv.Incr, Key: "k", Delta: 1})
		w.now += 1000
	}
	f, err := w.table().Fold("k", Keep{Entries: 4}, w.now)
	if err != nil || f.Base.OpNumber != 6 || f.Base.Value.Int != 6 || len(f.Gone) != 5 || f.More {
		t.Fatalf("%+v, %v", f, err)
	}
	w.doFold("k", f)
	at(t, w, birth+5000, "folded")
	at(t, w, birth+5001, "6")
	at(t, w, birth+9001, "10")
	var state State
	for number, want := range map[int64]Fate{5: Folded, 6: There, 10: There} {
		if err := w.table().After("k", number, &state); err != nil || state.Fate != want {
			t.Errorf("after %d: %s, %v", number, state.text(), err)
		}
	}
	if err := w.table().After("k", 1, &state); err != nil || state.Oldest != birth+5000 {
		t.Errorf("%s, %v", state.text(), err)
	}
	if got := w.wasTold("k", 0, 100); len(got) != 4 {
		t.Errorf("%d entries are told", len(got))
	}
	if u, err := w.table().Undo("k", 100); err != nil || len(u.Gone) != 4 || u.To.OpNumber != 6 || u.Then.Row.Value.Int != 6 {
		t.Errorf("%+v, %v", u, err)
	} else {
		w.undo("k", u)
	}
	if _, err := w.table().Undo("k", 1); err != nothingToUndo {
		t.Errorf("the base can be undone: %v", err)
	}
}

func TestAGapMayBeTheBaseAndStaysAGap(t *testing.T) {
	unrecorded := set("secret")
	unrecorded.Unrecorded = true
	w := newWorld()
	for _, op := range []kv.Op{set("one"), unrecorded, set("two"), set("three")} {
		w.do(op)
		w.now += 10
	}
	f, err := w.table().Fold("k", Keep{Entries: 2}, w.now)
	if err != nil || f.Base.OpNumber != 2 || f.Base.Op != kv.EntryUnrecorded || string(f.Base.Value.Bytes) != "secret" {
		t.Fatalf("%+v, %v", f, err)
	}
	w.doFold("k", f)
	at(t, w, birth+10, "folded")
	at(t, w, birth+11, "unknown")
	at(t, w, birth+20, "unknown")
	at(t, w, birth+21, "two")
	if u, err := w.table().Undo("k", 9); err != nil || string(u.Then.Row.Value.Bytes) != "secret" || len(u.Gone) != 2 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestALargeStateIsNotWrittenAgainToFold(t *testing.T) {
	w := newWorld()
	body := strings.Repeat("x", foldBytesMax)
	add := kv.Op{Code: kv.Append, Key: "k", Value: kv.BytesValue([]byte("y"), "text/plain"), ContentType: "text/plain"}
	w.do(set("small"))
	w.do(set(body))
	for range 100 {
		w.do(add)
	}
	fold := func(entries, base int64, more bool) {
		t.Helper()
		f, err := w.table().Fold("k", Keep{Entries: entries}, w.now)
		if err != nil || f.Base.OpNumber != base || f.More != more {
			t.Fatalf("base %d, more %v, %v", f.Base.OpNumber, f.More, err)
		}
		if base != 0 {
			w.doFold("k", f)
			w.mustBeWhole(t, "k")
		}
	}
	fold(92, 2, false) // entry 10 does not tell its state
	fold(60, 0, false)
	fold(10, 64, true)
	fold(10, 0, false)
}

func TestALongPastIsFoldedInSmallSteps(t *testing.T) {
	w := newWorld()
	for range 1000 {
		w.do(kv.Op{Code: kv.Incr, Key: "k", Delta: 1})
		w.now++
	}
	steps := 0
	for more := true; more; steps++ {
		f, err := w.table().Fold("k", Keep{Entries: 3}, w.now)
		if err != nil || f.Base.ID == 0 || len(f.Gone) > walkMax {
			t.Fatalf("%+v, %v", f, err)
		}
		more = f.More
		w.doFold("k", f)
		w.mustBeWhole(t, "k")
	}
	if base := w.key("k").chain[0].OpNumber; base != 997 || steps != 16 {
		t.Errorf("base %d after %d steps", base, steps)
	}
	at(t, w, birth+1000, "1000")
	at(t, w, birth+997, "997")
	at(t, w, birth+996, "folded")
}

func TestAKeyframeThatIsTheTargetIsTheLastStep(t *testing.T) {
	w := newWorld()
	for range 200 {
		w.do(kv.Op{Code: kv.Incr, Key: "k", Delta: 1})
	}
	for _, want := range []int64{64, 128} {
		f, err := w.table().Fold("k", Keep{Entries: 72}, w.now)
		if err != nil || f.Base.OpNumber != want || f.More != (want == 64) {
			t.Fatalf("%+v, %v, want %d", f, err, want)
		}
		w.doFold("k", f)
	}
}

// The state that an entry was given at the end of a gap says nothing once the gap goes on.
func TestTheStateOfAGapThatGoesOnIsNotToldAndIsNoBase(t *testing.T) {
	unrecorded := set("secret")
	unrecorded.Unrecorded = true
	w := newWorld()
	for _, op := range []kv.Op{set("one"), set("two"), unrecorded} {
		w.do(op)
		w.now += 1000
	}
	l := w.key("k")
	l.chain[2].HasState, l.chain[2].ContentType, l.chain[2].Value = true, "text/plain", kv.IntegerValue(1)
	w.now += 60_000
	f, err := w.table().Fold("k", Keep{Seconds: 1}, w.now)
	if err != nil || f.Base.OpNumber != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = w.table().History("k", 0, 1, func(told *Told) error {
		if told.After.Fate != Unknown || seenAs(told.Before) != `there two (kind 2, type "text/plain", expires 0)` {
			t.Errorf("%s", told.text())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWithoutALimitNothingIsFolded(t *testing.T) {
	w := newWorld()
	for range 100 {
		w.do(kv.Op{Code: kv.Incr, Key: "k", Delta: 1})
		w.now += 1000
	}
	for _, keep := range []Keep{{}, {Entries: 100}, {Entries: maxInt64}, {Seconds: 101}, {Seconds: maxInt64}, {Entries: -1, Seconds: -1}} {
		if f, err := w.table().Fold("k", keep, w.now); err != nil || f.Base.ID != 0 || f.More {
			t.Errorf("%+v: %+v, %v", keep, f, err)
		}
	}
}

func TestAChainWithAHoleIsNotFoldedIntoALie(t *testing.T) {
	for _, missing := range []int{0, 1, 62, 63, 64, 100, 127, 128, 190, 198, 199} {
		w := holed(missing)
		for more := true; more; {
			f, err := w.table().Fold("k", Keep{Entries: 5}, w.now)
			if err != nil {
				t.Fatal(err)
			}
			if f.Base.ID == 0 {
				break
			}
			if f.Base.Value.Int != f.Base.OpNumber {
				t.Errorf("without entry %d: %+v", missing+1, f.Base)
			}
			more = f.More
			w.doFold("k", f)
		}
	}
}
