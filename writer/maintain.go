package writer

import (
	"time"

	"github.com/urlite/urlite/store"
)

// maintainer is the part of a disk that works on the file as a whole.
type maintainer interface {
	// Maintain carries a task out within limit, outside of a transaction, and answers how
	// it went.
	Maintain(task store.Task, limit time.Duration) (result string, err error)
}

// doTask carries out what can't be part of a group. Those behind it wait; it does not wait
// for those before it, which have been committed.
func (w *Writer) doTask(c *Call) {
	w.moveClock()
	if c.Deadline != 0 && c.Deadline <= w.now {
		refuseAll([]*Call{c}, errLate)
		return
	}
	c.Found, c.err = w.disk.Maintain(c.Task, w.timeLeft(c))
	acknowledge([]*Call{c})
}
