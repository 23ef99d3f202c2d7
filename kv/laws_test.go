package kv

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// anyNow is a moment at which some of the rows that anyRow makes have expired.
func anyNow(t *rapid.T) int64 { return birth + rapid.Int64Range(0, 2000).Draw(t, "now") }

// Law 1. Where the new values are made makes no difference either.
func TestTheSameArgumentsGiveTheSameOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now := anyOp(t, &row), anyNow(t)
		decide := func(scratch *Scratch) string {
			row, sequence := copyOf(row), int64(100)
			out := Outcome{Scratch: scratch, Changed: true, Reply: Reply{Length: 7}} // of an operation before
			if why := Decide(op, &row, now, &out); why != nil {
				return text(why) + text(out.Reply.Verdict)
			}
			log := out.Apply(op, &row, now, &sequence, nil)
			return text(out) + text(row) + text(log) + text(sequence)
		}
		first := decide(nil)
		for _, scratch := range []*Scratch{nil, {}, {chunk: make([]byte, 1, 30)}} {
			if again := decide(scratch); again != first {
				t.Fatalf("first %s\nthen  %s", first, again)
			}
		}
	})
}

// Law 2, and its other half: deciding alone changes nothing either.
func TestDecidingLeavesTheRowAndTheOperationAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now := anyOp(t, &row), anyNow(t)
		before := text(row) + text(op)
		out := Outcome{Scratch: &Scratch{}}
		Decide(op, &row, now, &out)
		if after := text(row) + text(op); after != before {
			t.Fatalf("before %s\nafter  %s", before, after)
		}
	})
}

// What a refused operation did to the row is nothing; what it did to the history of
// others in its group is nothing, too.
func TestARefusalLeavesTheLifeAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		for range rapid.IntRange(1, 20).Draw(t, "writes") {
			op := anyOp(t, &l.row)
			before := text(l.row) + l.history()
			if _, refused := l.do(op); refused && text(l.row)+l.history() != before {
				t.Fatalf("%s\nbefore %s\nafter  %s", text(op), before, text(l.row)+l.history())
			}
		}
		if changed := l.changed(); changed != "" {
			t.Fatal(changed)
		}
	})
}

// Law 3. Only the answer may not differ: the history of a key that expired goes on.
func TestAnExpiredRowBehavesAsAMissingOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expired := anyRow(t)
		expired.Exists, expired.ExpireAt = true, birth+1000
		op := anyOp(t, &expired)
		now := anyOf([]int64{birth + 1000, birth + 1001, birth + 1<<40}).Draw(t, "now")
		missing := Row{Head: expired.Head, OpNumber: expired.OpNumber, Version: expired.Version}

		var onExpired, onMissing Outcome
		whyExpired, whyMissing := Decide(op, &expired, now, &onExpired), Decide(op, &missing, now, &onMissing)
		if text(whyExpired) != text(whyMissing) {
			t.Fatalf("expired: %v; missing: %v", whyExpired, whyMissing)
		}
		if whyExpired == nil && text(onExpired) != text(onMissing) {
			t.Fatalf("expired: %s\nmissing: %s", text(onExpired), text(onMissing))
		}
	})
}

func TestARowIsThereUntilTheMomentItExpires(t *testing.T) {
	f := func(row Row, now int64, want bool) {
		t.Helper()
		if got := row.Live(now); got != want {
			t.Errorf("%+v is live at %d: %v", row, now, got)
		}
	}
	f(Row{}, 0, false)
	f(Row{ExpireAt: 10}, 5, false)
	f(Row{Exists: true}, math.MaxInt64, true)
	f(Row{Exists: true, ExpireAt: 10}, 9, true)
	f(Row{Exists: true, ExpireAt: 10}, 10, false)
	f(Row{Exists: true, ExpireAt: 10}, 11, false)
}

// randomLife lives for a while, with steps of time, sweeps, and the row going to
// the file and back between groups.
func randomLife(t *rapid.T, each func(l *life, op *Op)) *life {
	l := newLife()
	// Some keys hold one kind of thing all their life, and so get old.
	only := anyOf([][]Code{nil, nil, {Push, Push, Pop, Remove, Set, Expire}, {Incr, Decr, Persist, Expire}, {Limit, Limit, Limit, Set}}).Draw(t, "only")
	for range rapid.IntRange(1, 200).Draw(t, "writes") {
		switch fairly(t, 8, "meanwhile") {
		case 0:
			l.now += anyOf([]int64{1, 999, 1000, 2500}).Draw(t, "ms")
		case 1:
			l.sweep()
		case 2:
			l.reload()
		case 3, 4:
			if changed := l.commit(); changed != "" {
				t.Fatalf("changed within its group: %s", changed)
			}
		}
		code := anyCode.Draw(t, "op")
		if only != nil {
			code = anyOf(only).Draw(t, "one of them")
		}
		op := anyOpOf(t, code, &l.row)
		if _, refused := l.do(op); !refused {
			each(l, op)
		}
	}
	return l
}

// Law 4: value, kind, type, lifetime and existence.
func TestFoldingTheEntriesGivesTheRowAfterEveryRecordedWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		randomLife(t, func(l *life, op *Op) {
			if !leavesHistory(op) || len(l.chain) == 0 {
				return
			}
			row, known := l.fold(len(l.chain))
			if got, want := show(&row, l.now), show(&l.row, l.now); !l.row.GapOpen() && (!known || got != want) {
				t.Fatalf("after %s: folded %s (known %v), the row is %s\n%s", op.Code, got, known, want, l.history())
			}
		})
	})
}

// Law 4 for the past: at every moment between two writes, the entries until then
// tell what was there, or that nobody knows.
func TestFoldingTheEntriesUntilATimeGivesWhatWasThereThen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := randomLife(t, func(*life, *Op) {})
		for i, seen := range l.seen {
			next := l.now
			if i+1 < len(l.seen) {
				next = l.seen[i+1].at - 1
			}
			for _, at := range []int64{seen.at, (seen.at + next) / 2, next} {
				n := 0
				for n < len(l.chain) && l.chain[n].At <= at {
					n++
				}
				if at < seen.at || !l.toldAt(at) {
					continue
				}
				row, known := l.fold(n)
				if got, want := show(&row, at), show(&seen.row, at); !known || got != want {
					t.Fatalf("at %d: folded %s (known %v), there was %s\n%s", at-birth, got, known, want, l.history())
				}
			}
		}
	})
}

// A full state is what the entries before it come to, so it does not matter from which
// one a replay begins.
func TestAReplayFromAnyFullStateComesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := randomLife(t, func(*life, *Op) {})
		for range min(len(l.chain), 8) {
			n := rapid.IntRange(1, len(l.chain)).Draw(t, "entries")
			row, known := l.fold(n)
			from := rapid.IntRange(0, n-1).Draw(t, "from")
			if from > 0 && !l.chain[from].HasState {
				from = 0
			}
			at := l.chain[n-1].At
			other, knownToo := l.foldFrom(from, n)
			if got, want := show(&other, at), show(&row, at); known && (!knownToo || got != want) {
				t.Fatalf("entries %d to %d: %s, from the latest state %s\n%s", from+1, n, got, want, l.history())
			}
		}
	})
}

func TestARecordedWriteAfterUnrecordedOnesClosesTheGap(t *testing.T) {
	mayGoUnrecorded := anyOf([]Code{Set, Delete, Incr, Decr, Push, Pop, Remove, Limit})
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		first := Op{Code: Set, Value: IntegerValue(rapid.Int64Range(-9, 9).Draw(t, "start"))}
		if rapid.Bool().Draw(t, "document") {
			first.ContentType = contentTypeJSON
			first.Value = BytesValue([]byte(anyDocument(t)), first.ContentType)
		}
		l.do(&first)
		for range rapid.IntRange(1, 5).Draw(t, "unrecorded writes") {
			l.now += rapid.Int64Range(0, 5).Draw(t, "ms")
			op := anyOpOf(t, mayGoUnrecorded.Draw(t, "op"), &l.row)
			op.Unrecorded = true
			l.do(op)
		}
		opened, state, last := l.row.GapOpen(), show(&l.row, l.now), l.row.UpdatedAt
		if !opened {
			return // all of them were refused, or changed nothing
		}
		if n := len(l.chain); n != 2 || l.chain[1].Op != EntryUnrecorded || l.chain[1].HasState {
			t.Fatalf("an open gap is one entry without a state: %s", l.history())
		}
		if _, refused := l.do(&Op{Code: Set, Value: IntegerValue(1)}); refused || l.row.GapOpen() {
			t.Fatal("a set leaves no gap open")
		}
		row, known := l.fold(2)
		if got := show(&row, l.now); !known || got != state || l.chain[1].Arg != last {
			t.Fatalf("the gap ends with %s (known %v) at %d, want %s at %d", got, known, l.chain[1].Arg, state, last)
		}
	})
}

func TestARowWithoutHistoryBeginsItsChainWithTheStateItHad(t *testing.T) {
	f := func(op *Op, unrecorded bool) {
		t.Helper()
		op.Key, op.Unrecorded = "k", unrecorded
		row := Row{Exists: true, Value: IntegerValue(5), ContentType: "text/plain", CreatedAt: birth, UpdatedAt: birth + 7, ExpireAt: birth + 9999}
		l := &life{row: row, now: birth + 100, sequence: 9}
		if _, refused := l.do(op); refused {
			t.Fatal("refused")
		}
		if len(l.chain) != 2 || l.chain[0].Op != EntryUnrecorded || l.chain[0].At != l.now || l.chain[0].Arg != birth+7 {
			t.Fatalf("%s: %s", op.Code, l.history())
		}
		before, known := l.fold(1)
		if got, want := show(&before, l.now), show(&row, l.now); !known || got != want {
			t.Fatalf("before: %s, want %s", got, want)
		}
	}
	f(&Op{Code: Incr, Delta: 2}, false)
	f(&Op{Code: Delete}, false)
	f(&Op{Code: Expire, TTLSeconds: 4}, false)
	f(&Op{Code: Expire, TTLSeconds: 4}, true)
	f(&Op{Code: Persist}, true)
}

func TestTheChainIsUnbrokenAndItsFullStatesAreNeverFarApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		usual := anyOf([]Op{{Code: Incr, Delta: 1}, {Code: Incr, Delta: 1, Path: "n"}, {Code: Push, Value: ElementOf([]byte("7")), LengthMax: 3}, {Code: Expire, TTLSeconds: 9}}).Draw(t, "usual")
		limits := DefaultLimits()
		for range rapid.IntRange(1, 400).Draw(t, "writes") {
			op := usual
			op.Key = "key"
			if seldom(t, 4, "another") {
				switch fairly(t, 3, "which") {
				case 0:
					op = *anyOp(t, &l.row)
				case 1:
					op.Unrecorded = true
				case 2:
					op = Op{Code: Delete, Key: "key", MissingOK: true}
				}
			}
			if why := Check(&op, &limits); why != nil {
				t.Fatal(why)
			}
			l.do(&op)
		}
		previous, replayed := Entry{}, 0
		for i, e := range l.chain {
			if e.OpNumber != int64(i+1) || e.Prev != previous.ID || e.ID <= previous.ID || e.ID > l.sequence {
				t.Fatalf("after %+v comes %+v; the sequence is at %d", previous, e, l.sequence)
			}
			open := i == len(l.chain)-1 && l.row.GapOpen()
			if e.OpNumber%KeyframeEvery == 0 && !e.HasState && !open {
				t.Fatalf("no full state at op_number %d: %+v", e.OpNumber, e)
			}
			if e.HasState && ((e.Value.Kind == Stored) != e.Absent || e.Delta.Bytes != nil) {
				t.Fatalf("a full state without its value, or with more: %+v", e)
			}
			if replayed++; e.HasState {
				replayed = 0
			}
			if replayed >= KeyframeEvery && !open {
				t.Fatalf("%d entries without a full state up to op_number %d", replayed, e.OpNumber)
			}
			previous = e
		}
		if previous.ID != l.row.Head || previous.OpNumber != l.row.OpNumber {
			t.Fatalf("the row says %d at %d, the newest entry is %+v", l.row.OpNumber, l.row.Head, previous)
		}
	})
}

func TestEveryWriteChangesTheVersionAndNothingElseDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, versions := newLife(), map[int64]bool{0: true}
		for range rapid.IntRange(1, 50).Draw(t, "writes") {
			before := l.row.Version
			out, refused := l.do(anyOp(t, &l.row))
			switch {
			case refused || !out.Changed:
				if l.row.Version != before {
					t.Fatalf("version %d became %d without a change", before, l.row.Version)
				}
			case !l.row.Exists && out.Reply.Version != 0:
				t.Fatalf("a deletion answered the version %d", out.Reply.Version)
			case versions[l.row.Version] || (l.row.Exists && l.row.Version != out.Reply.Version):
				t.Fatalf("version %d, answered %d, after %v", l.row.Version, out.Reply.Version, versions)
			}
			versions[l.row.Version] = true
		}
	})
}

// A success that changes nothing answers the version that the row has.
func TestASuccessAnswersTheVersionOfTheRowThatItLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now, sequence := anyOp(t, &row), anyNow(t), int64(100)
		var out Outcome
		if Decide(op, &row, now, &out) != nil {
			return
		}
		out.Apply(op, &row, now, &sequence, nil)
		want := int64(0)
		if row.Live(now) {
			want = row.Version
		}
		if out.Reply.Version != want {
			t.Fatalf("answered %d, the row has %d", out.Reply.Version, want)
		}
	})
}

// What moves which time: the contract's 2 and 2.1.
func TestOnlyExpireAndPersistKeepTheTimeOfTheLastUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now, sequence := anyOp(t, &row), anyNow(t), int64(100)
		before, out := row, Outcome{}
		if Decide(op, &row, now, &out) != nil || !out.Changed {
			return
		}
		out.Apply(op, &row, now, &sequence, nil)
		updated, created := now, now
		if op.Code == Expire || op.Code == Persist {
			updated = before.UpdatedAt
		}
		if before.Live(now) {
			created = before.CreatedAt
		}
		if row.UpdatedAt != updated || (row.Exists && row.CreatedAt != created) {
			t.Fatalf("%s: %+v\nbecame %+v", op.Code, before, row)
		}
	})
}

func TestWhatIsRecordedIsWhatWasAskedButForLifetimesAndRateLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := anyRow(t)
		op, now, sequence := anyOp(t, &row), anyNow(t), int64(100)
		var out Outcome
		if Decide(op, &row, now, &out) != nil {
			return
		}
		recorded := false
		for _, entry := range out.Apply(op, &row, now, &sequence, nil) {
			recorded = recorded || entry.Op != EntryUnrecorded
		}
		if want := out.Changed && leavesHistory(op); recorded != want {
			t.Fatalf("%s recorded %v, want %v", text(op), recorded, want)
		}
	})
}

// Law 6, of counters that are the whole value and of those inside of a document.
func TestIncrementsInAnyGroupingAndOrderGiveTheSameSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		deltas := rapid.SliceOfN(rapid.Int64Range(-1_000_000, 1_000_000), 1, 100).Draw(t, "deltas")
		path := anyOf([]string{"", "n", "a.b[0]"}).Draw(t, "counter")
		limits := DefaultLimits()
		sum := func(deltas []int64, regroup bool) string {
			l := newLife()
			for _, delta := range deltas {
				op := &Op{Code: Incr, Key: "key", Delta: delta, Path: path}
				if delta < 0 {
					op.Code, op.Delta = Decr, -delta
				}
				if regroup && rapid.Bool().Draw(t, "new group") {
					l.now += 3
					l.commit()
					if path == "" {
						l.row.Value = BytesValue(l.row.Value.Append(nil), "text/plain")
					}
				}
				if delta == 0 {
					continue
				}
				if why := Check(op, &limits); why != nil {
					t.Fatal(why)
				}
				l.do(op)
			}
			return string(l.row.Value.Append(nil))
		}
		want := sum(deltas, false)
		if got := sum(rapid.Permutation(deltas).Draw(t, "order"), true); got != want {
			t.Fatalf("%s, then %s", want, got)
		}
	})
}

func TestWhatIsLentIsNotCopiedAndNotChanged(t *testing.T) {
	body := []byte("lent")
	var out Outcome
	row, sequence := Row{}, int64(0)
	op := &Op{Code: Set, Key: "k", Value: BytesValue(body, "text/plain"), ContentType: "text/plain"}
	if why := Decide(op, &row, birth, &out); why != nil {
		t.Fatal(why)
	}
	log := out.Apply(op, &row, birth, &sequence, nil)
	if &row.Value.Bytes[0] != &body[0] || &log[0].Value.Bytes[0] != &body[0] || !bytes.Equal(body, []byte("lent")) {
		t.Fatal("the value was copied or changed")
	}
}

// A group touches several keys, and all that it decided lies in the same memory until
// it is committed: rows, entries and elements, keyframes among them.
func TestNothingThatAGroupDecidedIsChangedByWhatFollowsInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scratch := &Scratch{chunk: make([]byte, 0, rapid.IntRange(0, 300).Draw(t, "room"))}
		lives, copies := make([]*life, 3), make([]*life, 3) // the copies have memory of their own
		for i := range lives {
			lives[i], copies[i] = newLife(), newLife()
			lives[i].scratch, copies[i].scratch = scratch, nil
			// The next entries are near a keyframe.
			head := anyOf([]int64{0, KeyframeEvery - 4}).Draw(t, "head")
			for _, l := range []*life{lives[i], copies[i]} {
				l.row.Head, l.row.OpNumber, l.row.Version, l.sequence = head, head, head, head
			}
		}
		for range rapid.IntRange(1, 4).Draw(t, "groups") {
			for range rapid.IntRange(1, 40).Draw(t, "operations") {
				i := fairly(t, 3, "key")
				op := anyOp(t, &lives[i].row)
				if op.Code == Push && seldom(t, 5, "large") {
					op.Value = ElementOf(fmt.Appendf(nil, "%q", bytes.Repeat([]byte("x"), scratchChunk/3)))
				}
				lives[i].do(op)
				copies[i].do(op)
			}
			for i := range lives {
				copies[i].settle()
				if changed := lives[i].settle(); changed != "" {
					t.Fatal(changed)
				}
			}
			spoil(scratch)
			for i := range lives {
				if got, want := lives[i].history()+show(&lives[i].row, birth), copies[i].history()+show(&copies[i].row, birth); got != want {
					t.Fatalf("%s\nwith memory of its own\n%s", got, want)
				}
			}
		}
	})
}

// A row that expired leaves the same history whether or not the sweep came first.
func TestWhatFollowsAnExpiryDoesNotDependOnTheSweep(t *testing.T) {
	const late = birth + 10_000
	f := func(about string, unswept, swept Row, closing []Entry, op *Op) {
		t.Helper()
		work := func(row Row, log []Entry) (Row, []Entry) {
			out, sequence := Outcome{}, int64(100)
			if why := Decide(op, &row, late, &out); why != nil {
				t.Fatal(why)
			}
			return row, out.Apply(op, &row, late, &sequence, log)
		}
		_, got := work(unswept, nil)
		_, want := work(swept, closing)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s, %s:\nunswept %+v\nswept   %+v", about, text(op), got, want)
		}
	}
	for _, op := range []*Op{
		{Code: Incr, Key: "k", Delta: 1},
		{Code: Incr, Key: "k", Delta: 1, Unrecorded: true},
		{Code: Push, Key: "k", Value: ElementOf([]byte("1"))},
		{Code: Push, Key: "k", Value: ElementOf([]byte("1")), Unrecorded: true},
		{Code: Limit, Key: "k", Limit: perMinute(3)},
	} {
		value := Row{Exists: true, Value: IntegerValue(7), ContentType: "text/plain", CreatedAt: birth, UpdatedAt: birth, ExpireAt: late - 1}

		never := value
		never.Version = 3
		f("a row without history", never, Row{}, nil, op)

		recorded := value
		recorded.Version, recorded.Head, recorded.OpNumber = 3, 3, 1
		f("a recorded row", recorded, Row{UpdatedAt: birth, Version: 3, Head: 3, OpNumber: 1}, nil, op)

		open := value
		open.Version, open.Head, open.OpNumber = 5, 4, 2
		closing := Entry{ID: 4, OpNumber: 2, Op: EntryUnrecorded, Closes: true, Arg: birth,
			HasState: true, Value: IntegerValue(7), ContentType: "text/plain", ExpireAt: late - 1}
		f("a row with an open gap", open, Row{UpdatedAt: birth, Version: 4, Head: 4, OpNumber: 2}, []Entry{closing}, op)
	}
}
