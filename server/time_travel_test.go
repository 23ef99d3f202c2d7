package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// actionsPerStep has chains grow longer than the steps of a run are many.
const actionsPerStep = 2

// checkSome checks a property that takes its time: in one of two to the power of halvings
// of the runs that rapid asks for, since it asks for a hundred.
func checkSome(t *testing.T, halvings int, property func(r *timeRun)) {
	h := newTimeHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		if (&timeRun{t: t}).sometimes(halvings) {
			r := h.run(t)
			property(r)
			r.end()
		}
	})
}

// steps has a run do any of actions, many times.
func (r *timeRun) steps(actions ...func()) {
	r.t.Repeat(map[string]func(*rapid.T){"step": func(t *rapid.T) {
		r.t = t
		for range actionsPerStep {
			anyOf(actions).Draw(t, "action")()
		}
	}})
}

func TestThePastIsToldAsAModelTellsIt(t *testing.T) {
	checkSome(t, 1, func(r *timeRun) {
		r.steps(r.anyWrite, r.anyWrite, r.anyWrite, r.anyWrite, r.anyBatch, r.move, r.move, r.anyUndo, r.anySQL, r.anyRollback, r.anyQuestions, r.anyQuestions)
	})
}

// Long chains have keyframes, are found by them, and replayed from them.
func TestLongPastsAreToldAsAModelTellsThem(t *testing.T) {
	checkSome(t, 3, func(r *timeRun) {
		r.burst()
		for range rapid.IntRange(1, 8).Draw(r.t, "steps") {
			anyOf([]func(){r.burst, r.anyWrite, r.anyQuestions, r.anyQuestions, r.anyQuestions, r.anyUndo, r.anyRollback, r.move, r.restart}).Draw(r.t, "action")()
		}
	})
}

// What was folded away is refused, what is to be kept is told as it was.
func TestWhatIsKeptOfThePastIsToldAsBefore(t *testing.T) {
	checkSome(t, 2, func(r *timeRun) {
		if r.sometimes(2) {
			r.burst()
		}
		r.steps(r.anyWrite, r.anyWrite, r.anyBatch, r.move, r.move, r.anyUndo, r.anySQL, r.anyRollback, r.anyQuestions, r.anyQuestions, r.anyKeep)
	})
}

func TestARestartTellsTheSamePast(t *testing.T) {
	checkSome(t, 4, func(r *timeRun) {
		for range rapid.IntRange(1, 3).Draw(r.t, "lives") {
			for range 8 {
				anyOf([]func(){r.anyWrite, r.anyWrite, r.anyBatch, r.move, r.move, r.anyUndo, r.anySQL, r.anyRollback}).Draw(r.t, "action")()
			}
			r.settle()
			table := r.anyTable()
			before := r.everything(table)
			r.restart()
			for question, answer := range r.everything(table) {
				if was, asked := before[question]; asked && was != answer {
					r.t.Fatalf("%s is answered\n%s\nand was, before the restart,\n%s", question, answer, was)
				}
			}
			r.anyQuestions()
		}
	})
}

// everything asks all about the past of a table at all moments at which something
// happened; the answers are by question.
func (r *timeRun) everything(t *timeTable) map[string]string {
	answers := map[string]string{}
	ask := func(path string) { answers[path] = string(r.ask("GET", path, "").body) }
	moments := r.moments(t)
	for i, second := range moments {
		if second == r.h.clock.Load()/1000 && second > 1 {
			continue // it is not over
		}
		ask(r.path("/kv/snapshot", t.name, fmt.Sprintf("timestamp=%d&limit=0", second)))
		if i > 0 {
			ask(r.path("/kv/diff", t.name, fmt.Sprintf("from=%d&to=%d", moments[i/2], second)))
		}
	}
	for _, key := range timeKeys {
		ask(r.keyPath(t, key, "/history", "limit=0"))
	}
	return answers
}

// toldValue is a value of a snapshot, of a difference or of now.
type toldValue struct{ contentType, value string }

// snapshotOf asks what a table was, and which keys can't be told.
func (r *timeRun) snapshotOf(t *timeTable, second int64) (values map[string]toldValue, gaps []string) {
	var told struct {
		Keys []struct {
			Key         string
			ContentType string `json:"content_type"`
			Value       json.RawMessage
			Base64      string `json:"value_base64"`
		}
		GapKeys []string `json:"gap_keys"`
	}
	a := r.want("GET", r.path("/kv/snapshot", t.name, fmt.Sprintf("timestamp=%d&limit=0", second)), "", 200)
	if err := json.Unmarshal(a.body, &told); err != nil {
		r.t.Fatal(err)
	}
	values = map[string]toldValue{}
	for _, k := range told.Keys {
		values[k.Key] = toldValue{k.ContentType, string(k.Value) + k.Base64}
	}
	return values, told.GapKeys
}

func TestADifferenceLeadsFromOneSnapshotToTheOther(t *testing.T) {
	checkSome(t, 3, func(r *timeRun) {
		for range 12 {
			anyOf([]func(){r.anyWrite, r.anyWrite, r.anyBatch, r.move, r.move, r.anyUndo, r.anySQL, r.anyRollback}).Draw(r.t, "action")()
		}
		r.settle()
		table := r.m.tables[0]
		moments := r.moments(table)
		for i, from := range moments[:len(moments)-1] {
			r.differs(table, from, anyOf(moments[i+1:]).Draw(r.t, "to"))
		}
	})
}

// differs applies the difference of two moments to the first.
func (r *timeRun) differs(t *timeTable, from, to int64) {
	values, gaps := r.snapshotOf(t, from)
	want, gapsThen := r.snapshotOf(t, to)
	var told struct {
		Changes []struct {
			Key         string
			ChangeType  string          `json:"change_type"`
			ContentType string          `json:"to_content_type"`
			Value       json.RawMessage `json:"to_value"`
			Base64      string          `json:"to_value_base64"`
		}
	}
	a := r.want("GET", r.path("/kv/diff", t.name, fmt.Sprintf("from=%d&to=%d", from, to)), "", 200)
	if err := json.Unmarshal(a.body, &told); err != nil {
		r.t.Fatal(err)
	}
	for _, c := range told.Changes {
		if c.ChangeType == "deleted" {
			delete(values, c.Key)
		} else {
			values[c.Key] = toldValue{c.ContentType, string(c.Value) + c.Base64}
		}
	}
	for _, key := range append(gaps, gapsThen...) {
		delete(values, key)
		delete(want, key)
	}
	if !maps.Equal(values, want) {
		r.t.Fatalf("from %d to %d the difference is %s, which makes %v of the first; the other is %v", from, to, a.body, values, want)
	}
}

func TestAWrongRollbackCanBeRolledBack(t *testing.T) {
	checkSome(t, 3, func(r *timeRun) {
		for range 12 {
			anyOf([]func(){r.anyWrite, r.anyWrite, r.anyBatch, r.move, r.move, r.anyUndo, r.anySQL}).Draw(r.t, "action")()
		}
		r.h.clock.Store(max(r.clockNow(), r.m.clock)) // history may be ahead of a clock that was set back
		r.settle()
		table := r.m.tables[0]
		second := r.h.clock.Load() / 1000
		to := r.anyMoment(table)
		was, _ := r.snapshotOf(table, to)
		before := r.rows(table)
		r.h.clock.Add(1000)
		r.settle()
		if r.rollBack(table, &timeReturn{second: to}, "") {
			r.isAgain(table, was, "the moment that it went back to")
			r.h.clock.Add(1000)
			r.settle()
			if r.rollBack(table, &timeReturn{second: second}, "{}") {
				r.isAgain(table, before, "what it was before the wrong rollback")
			}
		}
	})
}

// rows are the live keys of the table with their values.
func (r *timeRun) rows(t *timeTable) map[string]toldValue {
	values := map[string]toldValue{}
	for _, key := range timeKeys {
		a := r.ask("GET", r.keyPath(t, key, "/entry"), "")
		if a.status != 200 {
			continue
		}
		var told struct {
			ContentType string `json:"content_type"`
			Value       json.RawMessage
			Base64      string `json:"value_base64"`
		}
		if err := json.Unmarshal(a.body, &told); err != nil {
			r.t.Fatal(err)
		}
		values[key] = toldValue{told.ContentType, string(told.Value) + told.Base64}
	}
	return values
}

// isAgain holds the table to what it was, but for keys without a past, which nothing can
// bring back, and for those whose lifetime has ended since.
func (r *timeRun) isAgain(t *timeTable, was map[string]toldValue, what string) {
	is := r.rows(t)
	for _, key := range timeKeys {
		_, wasThere := was[key]
		_, isThere := is[key]
		ended := wasThere && !isThere && r.mayHaveEnded(t.key(key))
		if is[key] != was[key] && !t.key(key).isBare() && !ended {
			r.t.Fatalf("%q is %v, and %s is %v", key, is[key], what, was[key])
		}
	}
}

// mayHaveEnded tells whether the key had a lifetime that is over.
func (r *timeRun) mayHaveEnded(k *timeline) bool {
	for i := range k.entries {
		if e := &k.entries[i]; e.after.there && !e.after.live(r.m.now) {
			return true
		}
	}
	return len(k.entries) == 0 // it never had a past
}
