package writer

import (
	"slices"

	"github.com/urlite/urlite/querylog"
)

// logFile is the query history of a fake's file.
type logFile struct {
	entries []querylog.Entry // oldest first
	last    int64            // the latest ID that was given
	absent  bool             // there is no table
	strange bool             // something of a client's has its name
}

func (l logFile) clone() logFile {
	l.entries = slices.Clone(l.entries)
	return l
}

func (f *fake) Log(entries []querylog.Entry, make bool) (last int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Log", true); err != nil {
		return 0, err
	}
	if len(entries) == 0 {
		f.t.Error("Log of nothing")
	}
	l := &f.is.log
	if l.absent && make {
		l.absent = false
	}
	if l.absent || l.strange {
		return 0, nil
	}
	further := max(l.last+1-entries[0].ID, 0)
	for _, e := range entries {
		e.ID += further
		l.entries, l.last = append(l.entries, e), e.ID
	}
	l.entries = l.entries[max(0, len(l.entries)-querylog.EntriesMax):]
	return l.last, nil
}

func (f *fake) ClearLog(last int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.is.log.entries, f.is.log.last = nil, max(f.is.log.last, last)
	return f.enter("ClearLog", true)
}

func (f *fake) Unlog(id int64) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Unlog", true); err != nil {
		return false, err
	}
	l := &f.is.log
	n := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, func(e querylog.Entry) bool { return e.ID == id })
	return len(l.entries) < n, nil
}
