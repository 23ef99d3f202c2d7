package past

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

func TestTheStateOfAKeyAtAMomentIsWhatItWasThen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		table, state := w.table(), &State{}
		for range 20 {
			key, until := oneOf(t, "key", append(worldKeys, "never")...), w.moment(t)
			if err := table.At(key, until, state); err != nil {
				t.Fatal(err)
			}
			if got, want := state.text(), w.was(key, until).text(); got != want {
				t.Fatalf("before %d: %s, want %s\n%s", until-birth, got, want, w.story(key))
			}
		}
	})
}

// Where entries were never written or were taken away, history tells what it has.
func TestHistoryNeverClaimsWhatNobodySaw(t *testing.T) {
	told := map[Fate]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for range 20 {
			key, until := oneOf(t, "key", worldKeys...), w.moment(t)
			l, state := w.key(key), State{}
			if l.blurred {
				continue
			}
			if err := w.table().At(key, until, &state); err != nil {
				t.Fatal(err)
			}
			told[state.Fate]++
			var truth kv.Row
			for i := range l.seen {
				if l.seen[i].at < until {
					truth = l.seen[i].row
				}
			}
			if !state.isKnown() {
				continue
			}
			if live := truth.Live(until - 1); live != (state.Fate == There) || (live && shown(&truth) != shown(&state.Row)) {
				t.Fatalf("before %d: %s, but there was %s\n%s", until-birth, state.text(), shown(&truth), w.story(key))
			}
		}
	})
	t.Log(told)
}

func TestTheStateAfterAnEntryIsWhatItLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		table, state := w.table(), &State{}
		for range 20 {
			key := oneOf(t, "key", append(worldKeys, "never")...)
			number := oneOf(t, "number", 0, 1, w.key(key).row.OpNumber, w.key(key).row.OpNumber+1, -1, maxInt64, -maxInt64-1)
			if n := w.key(key).row.OpNumber; n > 0 && !rapid.Bool().Draw(t, "at an end") {
				number = rapid.Int64Range(1, n).Draw(t, "any number")
			}
			err := table.After(key, number, state)
			want := w.wasAfter(key, number)
			if want == nil {
				if err != entryNotFound {
					t.Fatalf("entry %d: %v, want a refusal\n%s", number, err, w.story(key))
				}
				continue
			}
			if err != nil || state.text() != want.text() {
				t.Fatalf("after entry %d: %s (%v), want %s\n%s", number, state.text(), err, want.text(), w.story(key))
			}
		}
	})
}

// at expects of the only key of a world to be something before a moment.
func at(t *testing.T, w *world, until int64, want string) {
	t.Helper()
	var state State
	if err := w.table().At("k", until, &state); err != nil {
		t.Fatal(err)
	}
	got := state.Fate.String()
	if state.Fate == There {
		got = string(state.Row.Value.Append(nil))
	}
	if got != want {
		t.Errorf("before %d: %s, want %s\n%s", until-birth, got, want, w.story("k"))
	}
}

func set(value string) kv.Op {
	return kv.Op{Code: kv.Set, Key: "k", Value: kv.BytesValue([]byte(value), "text/plain"), ContentType: "text/plain"}
}

func TestAKeyIsThereFromItsFirstEntryOn(t *testing.T) {
	w := newWorld()
	at(t, w, birth, "absent")
	w.do(set("one"))
	at(t, w, birth, "absent")
	at(t, w, birth+1, "one")
	at(t, w, maxInt64, "one")
	w.now += 10
	w.do(set("two"))
	w.do(set("three")) // in the same moment
	at(t, w, birth+10, "one")
	at(t, w, birth+11, "three")
	w.now += 10
	w.do(kv.Op{Code: kv.Delete, Key: "k"})
	at(t, w, birth+20, "three")
	at(t, w, birth+21, "absent")
	w.horizon = birth + 1
	at(t, w, birth, "folded")
	at(t, w, birth+1, "one")
}

func TestAKeyExpiresAtItsMomentSweptOrNot(t *testing.T) {
	w := newWorld()
	op := set("one")
	op.TTLSeconds, op.TTLSent = 1, true
	w.do(op)
	w.now += 5000
	look := func() {
		t.Helper()
		at(t, w, birth+1000, "one")
		at(t, w, birth+1001, "expired")
		at(t, w, birth+9000, "expired")
	}
	look()
	w.sweep("k")
	look()
	w.do(set("two"))
	look2 := func() {
		t.Helper()
		at(t, w, birth+1000, "one")
		at(t, w, birth+1001, "expired")
		at(t, w, birth+5000, "expired")
		at(t, w, birth+5001, "two")
	}
	look2()
}

func TestWhatHappenedInAGapIsUnknown(t *testing.T) {
	unrecorded := set("secret")
	unrecorded.Unrecorded = true
	w := newWorld()
	w.do(set("one"))
	w.now += 10
	w.do(unrecorded)
	at(t, w, birth+10, "one")
	at(t, w, birth+11, "unknown")
	at(t, w, birth+90, "unknown")
	w.now += 10
	w.do(set("two"))
	at(t, w, birth+10, "one")
	at(t, w, birth+20, "unknown")
	at(t, w, birth+21, "two")
	w.now += 10
	w.rewrite("k", true)
	at(t, w, birth+30, "two")
	at(t, w, birth+31, "absent") // it went with the gap's first write
	w.now += 10
	w.do(unrecorded)
	at(t, w, birth+30, "two")
	at(t, w, birth+31, "unknown")
	at(t, w, birth+41, "unknown")
	w.now += 10
	w.rewrite("k", true)
	at(t, w, birth+50, "unknown")
	at(t, w, birth+51, "absent")
}

func TestOfARowWithoutHistoryNothingIsKnown(t *testing.T) {
	w := newWorld()
	op := set("secret")
	op.Unrecorded = true
	w.do(op)
	at(t, w, birth, "unknown")
	at(t, w, birth+1, "unknown")
	w.now += 10
	w.do(set("one"))
	at(t, w, birth, "unknown")
	at(t, w, birth+10, "unknown")
	at(t, w, birth+11, "one")
}

// holed is a key with 200 entries of which one is missing.
func holed(missing int) *world {
	w := newWorld()
	for range 200 {
		w.now++
		w.do(kv.Op{Code: kv.Incr, Key: "k", Delta: 1})
	}
	l := w.key("k")
	l.chain = append(l.chain[:missing:missing], l.chain[missing+1:]...)
	l.after = append(l.after[:missing:missing], l.after[missing+1:]...)
	return w
}

func TestBeyondAHoleInTheChainNothingIsClaimed(t *testing.T) {
	for _, missing := range []int{0, 1, 62, 63, 64, 100, 127, 128, 190, 198, 199} {
		w := holed(missing)
		for number := int64(1); number <= 200; number++ {
			var state State
			if err := w.table().After("k", number, &state); err != nil {
				t.Fatalf("without entry %d, after %d: %v", missing+1, number, err)
			}
			right := state.Fate == There && state.Row.Value.Int == number
			if state.Fate != Unknown && !right {
				t.Errorf("without entry %d, after %d: %s", missing+1, number, state.text())
			}
			if state.Fate == Unknown && int64(missing) >= number+70 && missing != 199 { // the head leads to all others
				t.Errorf("without entry %d, nothing is known after %d", missing+1, number)
			}
			if err := w.table().At("k", birth+number+1, &state); err != nil {
				t.Fatalf("without entry %d, at %d: %v", missing+1, number, err)
			}
			right = state.Fate == There && state.Row.Value.Int == number
			if state.Fate != Unknown && !right {
				t.Errorf("without entry %d, at %d: %s", missing+1, number, state.text())
			}
		}
	}
}

// Somebody may have taken an entry out and led around its place.
func TestAChainThatPassesOverAnEntryIsAHole(t *testing.T) {
	w := holed(100)
	l := w.key("k")
	l.chain[100].Prev = l.chain[99].ID
	var state State
	for number, want := range map[int64]Fate{64: There, 100: Unknown, 102: Unknown, 127: Unknown, 128: There} {
		if err := w.table().After("k", number, &state); err != nil || state.Fate != want {
			t.Errorf("after %d: %s, %v", number, state.text(), err)
		}
	}
}

func TestAMissingEntryMakesNothingElseWrong(t *testing.T) {
	unknown := 0
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		key := oneOf(t, "key", worldKeys...)
		l := w.key(key)
		if len(l.chain) == 0 {
			return
		}
		var moments []int64
		for range 20 {
			moments = append(moments, w.moment(t))
		}
		before := w.answers(t, key, moments)
		told := map[string]bool{}
		for _, entry := range before.told {
			told[entry] = true
		}
		missing := rapid.IntRange(0, len(l.chain)-1).Draw(t, "missing")
		story := w.story(key)
		l.chain = append(l.chain[:missing:missing], l.chain[missing+1:]...)
		after := w.answers(t, key, moments)
		for until, was := range before.moments {
			if is := after.moments[until]; is != was && !strings.HasPrefix(is, "unknown") {
				t.Fatalf("without entry %d, before %d: %s, was %s\n%s", missing, until-birth, is, was, story)
			}
		}
		for number, was := range before.numbers {
			if is := after.numbers[number]; is != was && !strings.HasPrefix(is, "unknown") {
				t.Fatalf("without entry %d, after entry %d: %s, was %s\n%s", missing, number, is, was, story)
			}
		}
		for _, entry := range after.told {
			if !told[entry] && !strings.Contains(entry, "unknown") {
				t.Fatalf("without entry %d: %s\n%s", missing, entry, story)
			}
		}
		// What else there is to ask must come to an end, one way or the other.
		w.horizon = 0
		w.snapshot(t, w.moment(t), &Page{Limit: -1, Counted: true})
		w.diff(t, birth, w.moment(t), nil)
		w.plan(t, &Return{Until: w.moment(t), Now: w.now}, func(*Step) {})
		if u, err := w.table().Undo(key, 3); err == nil && u.To.ID != 0 && l.find(u.To.ID) == nil {
			t.Fatalf("undone to an entry that is not there")
		}
		unknown += len(after.told)
	})
	t.Log(unknown)
}

func TestALargeValueIsToldWhole(t *testing.T) {
	w := newWorld()
	body := strings.Repeat("0123456789abcdef", 1<<20)
	op := set(body[1:])
	w.do(op)
	for range 3 {
		w.now += 10
		w.do(kv.Op{Code: kv.Expire, Key: "k", TTLSeconds: 100, TTLSent: true})
	}
	w.now += 10
	w.do(kv.Op{Code: kv.Append, Key: "k", Value: kv.BytesValue([]byte("x"), "text/plain"), ContentType: "text/plain"})
	w.now += 10
	w.do(set("small"))
	at(t, w, birth+30, body[1:])
	at(t, w, birth+41, body[1:]+"x")
	at(t, w, birth+51, "small")
}

func TestBeyondTellsTheOldestMomentInWholeSeconds(t *testing.T) {
	f := func(millis int64, text, facts string) {
		t.Helper()
		r := Beyond(millis)
		if r.Kind != refusal.TimeTravelChainGap || r.Text != text || r.Facts != facts {
			t.Errorf("%d: %q, %q", millis, r.Text, r.Facts)
		}
	}
	f(1_700_000_000_999, "the past before 2023-11-14T22:13:20Z is no longer kept", `,"oldest_timestamp":1700000000`)
	f(0, "the past before 1970-01-01T00:00:00Z is no longer kept", `,"oldest_timestamp":0`)
	f(-1, "the past before 1969-12-31T23:59:59Z is no longer kept", `,"oldest_timestamp":-1`)
}
