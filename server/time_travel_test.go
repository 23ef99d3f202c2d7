package server

import (
	"testing"

	"pgregory.net/rapid"
)

const actionsPerStep = 3

// steps has a run do any of actions a few times, and then asks all questions at all
// moments that differ.
func (r *timeRun) steps(actions ...func()) {
	r.t.Repeat(map[string]func(*rapid.T){"step": func(t *rapid.T) {
		r.t = t
		for range actionsPerStep {
			anyOf(actions).Draw(t, "action")()
		}
	}})
	r.agree(r.look())
	r.end()
}

func TestTimeIsToldAsAModelTellsIt(t *testing.T) {
	h := newTimeHouse(t)
	rapid.Check(t, func(t *rapid.T) {
		r := h.run(t)
		r.steps(r.anyWrite, r.anyWrite, r.anyWrite, r.anyWrite, r.anyBatch, r.move, r.move, r.anyUndo, r.anySQL, r.anyRollback, r.anyQuestions, r.anyQuestions)
	})
}
