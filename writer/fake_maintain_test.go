package writer

import (
	"time"

	"github.com/urlite/urlite/store"
)

// Maintain tells what was asked for. Like the real one it works outside of a transaction.
func (f *fake) Maintain(task store.Task, _ time.Duration) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Maintain", false); err != nil {
		return "", err
	}
	if task == store.NoTask {
		f.t.Error("maintained for nothing")
	}
	return "ok", nil
}
