package writer

import (
	"strings"
	"time"

	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

func (f *fake) BeginSQL(limit time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("BeginSQL", true); err != nil {
		return err
	}
	if limit <= 0 || f.inSQL || len(f.marks) > 0 {
		f.t.Errorf("BeginSQL with the limit %v, in another one: %v, with %d marks", limit, f.inSQL, len(f.marks))
	}
	f.inSQL, f.marks = true, []contents{f.is.clone()}
	return nil
}

func (f *fake) EndSQL(back bool) (*refusal.Refusal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("EndSQL", true); err != nil {
		return nil, err
	}
	if !f.inSQL || len(f.marks) != 1 {
		f.t.Errorf("EndSQL with %d marks, begun: %v; after %v", len(f.marks), f.inSQL, f.steps)
	}
	f.inSQL = false
	f.unmark(back)
	return nil, nil
}

func (f *fake) Mark() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Mark", true); err != nil {
		return err
	}
	f.marks = append(f.marks, f.is.clone())
	return nil
}

func (f *fake) Unmark(back bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Unmark", true); err != nil {
		return err
	}
	f.unmark(back)
	return nil
}

func (f *fake) unmark(back bool) {
	last := len(f.marks) - 1
	if back {
		f.is = f.marks[last]
	}
	f.marks = f.marks[:last]
}

// RunItem understands "set <table> <key> <value>", "read <table> <key>", which a condition
// may ask as well, "fail", after it has done something, "end" (of the transaction) and
// "slow" (stopped by its limit, as a write is: the transaction is gone). A batch is run
// with each value in the place of the word ?.
func (f *fake) RunItem(item *sqltx.Item, rowsMax int, out store.Results) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("RunItem", true); err != nil {
		return err
	}
	if !f.inSQL {
		f.t.Errorf("RunItem without BeginSQL; after %v", f.steps)
	}
	words := strings.Fields(item.SQL)
	switch {
	case item.Batch != nil:
		return f.runBatch(item, words, out)
	case item.Kind == sqltx.Condition:
		if row := f.is.rows[place{words[1], words[2]}]; !row.Exists {
			return refusal.New(refusal.PreconditionFailed, "no row")
		}
		return out.Passed()
	}
	switch words[0] {
	case "set":
		f.is.setBySQL(place{words[1], words[2]}, words[3], f.sqlTime)
		return out.Updated(1, 0)
	case "read":
		row := f.is.rows[place{words[1], words[2]}]
		out.StartRows([]string{"value"})
		if err := out.Row([]sqltx.Value{{Kind: sqltx.Text, Bytes: row.Value.Append(nil)}}); err != nil {
			return err
		}
		out.EndRows(false)
		return nil
	case "fail":
		f.is.rows[place{"t", "half done"}] = kv.Row{Exists: true, Value: kv.IntegerValue(1)}
		return refusal.New(refusal.SQLError, "fail")
	}
	f.ended, f.broken = true, true
	return refusal.New(refusal.SQLConstraint, words[0])
}

func (f *fake) runBatch(item *sqltx.Item, words []string, out store.Results) error {
	if err := item.Batch.Rewind(); err != nil {
		return err
	}
	var changed []int64
	for {
		block, count, err := item.Batch.Next()
		if err != nil {
			return err
		}
		if count == 0 {
			return out.UpdatedBatch(changed, nil, 0)
		}
		for range count {
			var values []sqltx.Value
			values, _, block = sqltx.NextPacked(block, nil)
			f.is.setBySQL(place{words[1], words[2]}, string(values[0].Bytes), f.sqlTime)
			changed = append(changed, 1)
		}
	}
}
