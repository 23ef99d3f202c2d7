package writer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/store"
)

func task() *Call {
	c := NewCall()
	c.Task = store.Vacuum
	return c
}

func TestATaskStandsInLineAloneBetweenTwoGroups(t *testing.T) {
	f, c := newFake(t), newClock()
	w, first, release := blocked(t, f, c)
	calls := []*Call{submit(t, w, call(incr("n"))), submit(t, w, task()), submit(t, w, task()), submit(t, w, call(incr("n")))}
	release()
	for _, c := range append(calls, first) {
		if err := await(c); err != nil {
			t.Error(err)
		}
	}
	steps := slices.DeleteFunc(slices.Clone(f.steps), func(step string) bool {
		return step != "Commit" && step != "Maintain"
	})
	if got := strings.Join(steps, " "); !strings.HasSuffix(got, "Commit Commit Maintain Maintain Commit") {
		t.Errorf("it went %s", got)
	}
	if calls[1].Found != "ok" || f.value("n") != "2" {
		t.Errorf("found %q, n is %s", calls[1].Found, f.value("n"))
	}
	for _, c := range calls {
		c.Release()
	}
	if again := NewCall(); again.Task != store.NoTask || again.Found != "" {
		t.Error("a released call has a task")
	}
}

func TestATaskThatFailsOrIsLateIsRefusedAlone(t *testing.T) {
	f, c := newFake(t), newClock()
	w, first, release := blocked(t, f, c)
	f.fail = func(method string, _ int) error {
		if method == "Maintain" {
			return errDisk
		}
		return nil
	}
	late := task()
	late.Deadline = c.now()
	failing := submit(t, w, task())
	submit(t, w, late)
	after := submit(t, w, call(incr("n")))
	release()
	if err := await(failing); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	if err := await(late); refusal.Of(err).Kind != refusal.RequestTimeout {
		t.Error(err)
	}
	if err := errors.Join(await(first), await(after)); err != nil {
		t.Error(err)
	}
	if n := f.count("Maintain"); n != 1 {
		t.Errorf("%d tasks were begun", n)
	}
}
