package kv

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

// Law 1.
func TestTheSameArgumentsGiveTheSameOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op, row := anyOp(t), anyRow(t)
		now := birth + rapid.Int64Range(0, 2000).Draw(t, "now")
		decide := func() (string, *refusal.Refusal) {
			row, sequence := copyOf(row), int64(100)
			var out Outcome
			why := Decide(op, &row, now, &out)
			if why != nil {
				return text(*why), why
			}
			log := out.Apply(op, &row, now, &sequence, nil)
			return text(out) + text(row) + text(log) + text(sequence), nil
		}
		first, _ := decide()
		for range 3 {
			if again, _ := decide(); again != first {
				t.Fatalf("first %s\nthen  %s", first, again)
			}
		}
	})
}

// Law 2, and its other half: deciding alone changes nothing either.
func TestDecidingLeavesTheRowAndTheOperationAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op, row := anyOp(t), anyRow(t)
		now := birth + rapid.Int64Range(0, 2000).Draw(t, "now")
		before := text(row) + text(*op)
		var out Outcome
		Decide(op, &row, now, &out)
		if after := text(row) + text(*op); after != before {
			t.Fatalf("before %s\nafter  %s", before, after)
		}
	})
}

// Law 3. Only the answer may not differ: the history of a key that expired goes on.
func TestAnExpiredRowBehavesAsAMissingOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op, expired := anyOp(t), anyRow(t)
		expired.Exists, expired.ExpireAt = true, birth+1000
		now := rapid.SampledFrom([]int64{birth + 1000, birth + 1001, birth + 1<<40}).Draw(t, "now")
		missing := Row{Head: expired.Head, OpNumber: expired.OpNumber, Version: expired.Version}

		var onExpired, onMissing Outcome
		whyExpired, whyMissing := Decide(op, &expired, now, &onExpired), Decide(op, &missing, now, &onMissing)
		if whyExpired != whyMissing {
			t.Fatalf("expired: %v; missing: %v", whyExpired, whyMissing)
		}
		if whyExpired == nil && text(onExpired) != text(onMissing) {
			t.Fatalf("expired: %+v\nmissing: %+v", onExpired, onMissing)
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
// the file and back between writes.
func randomLife(t *rapid.T, each func(l *life, op *Op)) *life {
	l := newLife()
	for range rapid.IntRange(1, 200).Draw(t, "writes") {
		switch rapid.IntRange(0, 5).Draw(t, "meanwhile") {
		case 0:
			l.now += rapid.SampledFrom([]int64{1, 999, 1000, 2500}).Draw(t, "ms")
		case 1:
			l.sweep()
		case 2:
			l.reload()
		}
		op := anyOp(t)
		if _, refused := l.do(op); !refused {
			each(l, op)
		}
	}
	return l
}

// Law 4: value, type, lifetime and existence.
func TestFoldingTheEntriesGivesTheRowAfterEveryRecordedWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		randomLife(t, func(l *life, op *Op) {
			if op.Unrecorded || len(l.chain) == 0 {
				return
			}
			row, known := l.fold(len(l.chain))
			if got, want := show(&row, l.now), show(&l.row, l.now); !l.row.gapOpen() && (!known || got != want) {
				t.Fatalf("after %s: folded %s (known %v), the row is %s\n%+v", op.Code, got, known, want, l.chain)
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
					t.Fatalf("at %d: folded %s (known %v), there was %s\n%+v", at-birth, got, known, want, l.chain)
				}
			}
		}
	})
}

func TestARecordedWriteAfterUnrecordedOnesClosesTheGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		l.do(&Op{Code: Set, Value: IntegerValue(rapid.Int64Range(-9, 9).Draw(t, "start"))})
		for range rapid.IntRange(1, 5).Draw(t, "unrecorded writes") {
			l.now += rapid.Int64Range(0, 5).Draw(t, "ms")
			op := anyOp(t)
			op.Unrecorded = true
			l.do(op)
		}
		opened, state, last := l.row.gapOpen(), show(&l.row, l.now), l.row.UpdatedAt
		if !opened {
			return // all of them were refused, or changed nothing
		}
		if n := len(l.chain); n != 2 || l.chain[1].Op != EntryUnrecorded || l.chain[1].HasState {
			t.Fatalf("an open gap is one entry without a state: %+v", l.chain)
		}
		if _, refused := l.do(&Op{Code: Set, Value: IntegerValue(1)}); refused || l.row.gapOpen() {
			t.Fatal("a set leaves no gap open")
		}
		row, known := l.fold(2)
		if got := show(&row, l.now); !known || got != state || l.chain[1].Arg != last {
			t.Fatalf("the gap ends with %s (known %v) at %d, want %s at %d", got, known, l.chain[1].Arg, state, last)
		}
	})
}

func TestARowWithoutHistoryBeginsItsChainWithTheStateItHad(t *testing.T) {
	row := Row{Exists: true, Value: IntegerValue(5), ContentType: "text/plain", CreatedAt: birth, UpdatedAt: birth + 7}
	l := &life{row: row, now: birth + 100, sequence: 9}
	if _, refused := l.do(&Op{Code: Incr, Delta: 2}); refused {
		t.Fatal("refused")
	}
	if len(l.chain) != 2 || l.chain[0].Op != EntryUnrecorded || l.chain[0].At != birth+7 || l.chain[0].Arg != birth+7 {
		t.Fatalf("%+v", l.chain)
	}
	before, known := l.fold(1)
	if got, want := show(&before, l.now), show(&row, l.now); !known || got != want {
		t.Fatalf("before: %s, want %s", got, want)
	}
}

func TestTheChainIsUnbrokenAndItsFullStatesAreNeverFarApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		for range rapid.IntRange(1, 400).Draw(t, "writes") {
			op := &Op{Code: Incr, Delta: 1}
			switch rapid.IntRange(0, 40).Draw(t, "kind") {
			case 0:
				op = anyOp(t)
			case 1:
				op.Unrecorded = true
			}
			l.do(op)
		}
		previous, replayed := Entry{}, 0
		for i, e := range l.chain {
			if e.OpNumber != int64(i+1) || e.Prev != previous.ID || e.ID <= previous.ID || e.ID > l.sequence {
				t.Fatalf("after %+v comes %+v; the sequence is at %d", previous, e, l.sequence)
			}
			open := i == len(l.chain)-1 && l.row.gapOpen()
			if e.OpNumber%KeyframeEvery == 0 && !e.HasState && !open {
				t.Fatalf("no full state at op_number %d: %+v", e.OpNumber, e)
			}
			if replayed++; e.HasState {
				replayed = 0
			}
			if replayed >= KeyframeEvery {
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
			out, refused := l.do(anyOp(t))
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

// Law 6.
func TestIncrementsInAnyGroupingAndOrderGiveTheSameSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		deltas := rapid.SliceOfN(rapid.Int64Range(-1_000_000, 1_000_000), 1, 100).Draw(t, "deltas")
		sum := func(deltas []int64, regroup bool) (total int64, l *life) {
			l = newLife()
			for _, delta := range deltas {
				op := &Op{Code: Incr, Delta: delta}
				if delta < 0 {
					op = &Op{Code: Decr, Delta: -delta}
				}
				if regroup && rapid.Bool().Draw(t, "new group") {
					l.now += 3
					l.row = copyOf(l.row)
					l.row.Value = BytesValue(l.row.Value.Append(nil), "text/plain")
				}
				if delta != 0 {
					l.do(op)
				}
			}
			total, _ = l.row.Value.integer()
			return total, l
		}
		want, _ := sum(deltas, false)
		got, _ := sum(rapid.Permutation(deltas).Draw(t, "order"), true)
		if got != want {
			t.Fatalf("%d, then %d", want, got)
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

// A row that expired leaves the same history whether or not the sweep came first.
func TestWhatFollowsAnExpiryDoesNotDependOnTheSweep(t *testing.T) {
	const late = birth + 10_000
	f := func(about string, unswept, swept Row, closing []Entry, unrecorded bool) {
		t.Helper()
		work := func(row Row, log []Entry) (Row, []Entry) {
			var out Outcome
			op, sequence := &Op{Code: Incr, Key: "k", Delta: 1, Unrecorded: unrecorded}, int64(100)
			if why := Decide(op, &row, late, &out); why != nil {
				t.Fatal(why)
			}
			return row, out.Apply(op, &row, late, &sequence, log)
		}
		_, got := work(unswept, nil)
		_, want := work(swept, closing)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s, unrecorded %v:\nunswept %+v\nswept   %+v", about, unrecorded, got, want)
		}
	}
	for _, unrecorded := range []bool{false, true} {
		value := Row{Exists: true, Value: IntegerValue(7), ContentType: "text/plain", CreatedAt: birth, UpdatedAt: birth, ExpireAt: late - 1}

		never := value
		never.Version = 3
		f("a row without history", never, Row{}, nil, unrecorded)

		recorded := value
		recorded.Version, recorded.Head, recorded.OpNumber = 3, 3, 1
		f("a recorded row", recorded, Row{UpdatedAt: birth, Version: 3, Head: 3, OpNumber: 1}, nil, unrecorded)

		open := value
		open.Version, open.Head, open.OpNumber = 5, 4, 2
		closing := Entry{ID: 4, OpNumber: 2, Op: EntryUnrecorded, Closes: true, Arg: birth,
			HasState: true, Value: IntegerValue(7), ContentType: "text/plain", ExpireAt: late - 1}
		f("a row with an open gap", open, Row{UpdatedAt: birth, Version: 4, Head: 4, OpNumber: 2}, []Entry{closing}, unrecorded)
	}
}
